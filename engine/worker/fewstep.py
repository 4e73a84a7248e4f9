"""The LoRA of the fast mode: a file on the engine's machine, read, checked and hashed once and not for every painting."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.files.lora import LoraFile
from engine.worker.slots import Table, table_of


class Stamp(NamedTuple):
    """Changes when the file does."""

    path: str
    size: int
    changed_ns: int


def few_step_of(base: LoadedBase, path: str) -> LoraFile:
    """The file at `path` for this base. BadInput where it cannot be read, or is none for this base."""
    try:
        found = Path(path).stat()
        stamp = Stamp(path, found.st_size, found.st_mtime_ns)
        known = _KNOWN.get(table_of(base))
        if known is not None and known[0] == stamp:
            return known[1]
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(
            "The LoRA of the fast mode cannot be read. Paint without the fast mode, and tell the owner of this machine."
        ) from error
    file = lora.read(data, lora.target_of(base))
    _KNOWN[table_of(base)] = stamp, file
    return file


_KNOWN: WeakKeyDictionary[Table, tuple[Stamp, LoraFile]] = WeakKeyDictionary()
"""One for each base that is loaded: a machine has one such file."""
