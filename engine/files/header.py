"""The header of a .safetensors file, checked before a single weight is touched. No torch here.

The format is a length of eight bytes, a JSON object, and the tensors one behind the other. A file comes from anybody, so
everything in it is a claim: nothing is allocated, looked up or built by it until all claims fit each other.
"""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine.errors import BadInput

MAX_HEADER = 16 * 2**20
MAX_TENSORS = 20_000
MAX_NAME = 256
MAX_DIMENSIONS = 8
MAX_SIDE = 2**40
WIDTHS = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4,
    "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
"""Bytes per value, by the format's own names of types."""
ABSURD = re.compile(r"[\x00-\x1f\x7f/\\]|\.\.")
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
BROKE_OFF = "it is no .safetensors file, or it broke off. Download or export it again."
BROKEN = "its header is broken. Download or export it again."


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor, as a checked header tells it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Bytes from the beginning of the file."""
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    entries: tuple[Entry, ...]
    """In the order they lie in the file, without overlap or hole."""
    metadata: dict[str, str]
    start: int
    """Where the weights begin."""
    total: int
    """Bytes of the whole file."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.entries)


def of_bytes(data: bytes, what: str, most: int) -> Header:
    """The header of a file in memory; BadInput beginning with "This `what` cannot be used"."""
    return read(io.BytesIO(data), len(data), what, most)


def of_path(path: Path, what: str, most: int) -> Header:
    """The header of a file on disk; only the header is read."""
    with path.open("rb") as stream:
        return read(stream, path.stat().st_size, what, most)


def read(stream: BinaryIO, total: int, what: str, most: int) -> Header:
    """The checked header of a stream of `total` bytes, at most `most`; BadInput with one sentence."""

    def bad(why: str) -> BadInput:
        return BadInput(f"This {what} cannot be used: {why}")

    if total > most:
        raise bad(f"it is larger than {most // 2**20} MiB, and none of that size is read.")
    first = stream.read(8)
    if first.startswith(PICKLES):
        raise bad("it is a pickled file, which can run code when opened. Convert it to .safetensors.")
    if len(first) < 8:
        raise bad(BROKE_OFF)
    (size,) = struct.unpack("<Q", first)
    if size > total - 8 or size < 2:
        raise bad(BROKE_OFF)
    if size > MAX_HEADER:
        raise bad(f"its header claims more than {MAX_HEADER // 2**20} MiB, which no honest file needs.")
    raw = _json(stream.read(size))
    if raw is None:
        raise bad(BROKE_OFF)
    metadata = raw.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in cast(dict[str, Any], metadata).values()
    ):
        raise bad("its metadata is no list of texts. Save it again without metadata.")
    if len(raw) > MAX_TENSORS:
        raise bad(f"it holds {len(raw)} tensors, and more than {MAX_TENSORS} are not read.")
    if any(len(name) > MAX_NAME or ABSURD.search(name) or not name for name in raw):
        raise bad("one of its tensors is named like a path or not like a tensor at all. Export it again.")
    entries = _entries(raw, 8 + size, total)
    if entries is None:
        raise bad(BROKEN)
    return Header(entries, cast(dict[str, str], metadata), 8 + size, total)


def encode(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """The length and the JSON, padded so that the weights behind them are aligned. Metadata is sorted, tensors are not."""
    whole = {"__metadata__": dict(sorted(metadata.items())), **tensors} if metadata else dict(tensors)
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def with_metadata(data: bytes, changes: Mapping[str, str]) -> bytes:
    """A sound file with these texts in its metadata and the same weights."""
    head = of_bytes(data, "file", len(data))
    described = {
        entry.name: {
            "dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [entry.begin - head.start, entry.end - head.start]
        }
        for entry in head.entries
    }  # fmt: skip
    return encode(described, {**head.metadata, **changes}) + data[head.start :]


def _json(text: bytes) -> dict[str, Any] | None:
    if not text.startswith(b"{"):
        return None
    try:
        found: Any = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], found) if isinstance(found, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name twice would mean two tensors to two readers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _entries(raw: Mapping[str, Any], start: int, total: int) -> tuple[Entry, ...] | None:
    """Every tensor by place, or None where a claim does not fit: each byte belongs to exactly one tensor."""
    found: list[Entry] = []
    for name, claim in raw.items():
        entry = _entry(name, claim, start)
        if entry is None:
            return None
        found.append(entry)
    found.sort(key=lambda entry: (entry.begin, entry.end))
    place = start
    for entry in found:
        if entry.begin != place:
            return None
        place = entry.end
    return tuple(found) if place == total else None


def _entry(name: str, claim: Any, start: int) -> Entry | None:
    if not isinstance(claim, dict):
        return None
    fields = cast(dict[str, Any], claim)
    if set(fields) != {"dtype", "shape", "data_offsets"}:
        return None
    dtype, shape, offsets = fields["dtype"], _numbers(fields["shape"]), _numbers(fields["data_offsets"])
    if not isinstance(dtype, str) or dtype not in WIDTHS or shape is None or offsets is None or len(offsets) != 2:
        return None
    if len(shape) > MAX_DIMENSIONS:
        return None
    count = 1
    for side in shape:
        count *= side
    if count * WIDTHS[dtype] != offsets[1] - offsets[0]:
        return None
    return Entry(name, dtype, shape, start + offsets[0], start + offsets[1])


def _numbers(claim: Any) -> tuple[int, ...] | None:
    """Whole numbers that nobody would call absurd; a bool is none."""
    if not isinstance(claim, list):
        return None
    numbers = cast(list[Any], claim)
    if not all(type(number) is int and 0 <= number <= MAX_SIDE for number in numbers):
        return None
    return tuple(numbers)
