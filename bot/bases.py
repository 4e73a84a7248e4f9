"""Which base model a word means, found without loading anything."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from bot.errors import UserError

MINIATURE = "miniature"
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
FORMS = 'a base is "miniature", a diffusers folder, a .safetensors checkpoint, or a hub id like owner/name'


@dataclass(frozen=True)
class Base:
    source: str
    """As the engine takes it (`BaseModelRef.source`)."""
    path: Path | None
    """Where it lies on this machine; None for a hub id."""


def find_base(text: str) -> Base:
    """The base that `text` names. UserError says what is wrong with it and what it may be."""
    if text == MINIATURE:
        return Base(MINIATURE, miniature_folder())
    path = Path(text).expanduser()
    if path.is_dir():
        if not (path / "model_index.json").is_file():
            raise UserError(f"{path} is not a base model: a diffusers folder has a model_index.json in it.")
        return Base(str(path.resolve()), path.resolve())
    if path.is_file():
        if path.suffix != ".safetensors":
            raise UserError(f"{path} is not a .safetensors checkpoint, and no other kind of file is loaded.")
        return Base(str(path.resolve()), path.resolve())
    if difflib.get_close_matches(text.lower(), [MINIATURE], cutoff=0.7):
        raise UserError(f'There is no base called "{text}". Did you mean "{MINIATURE}"?')
    if HUB_ID.match(text) and not text.endswith(".safetensors"):
        return Base(text, None)
    raise UserError(f'There is no base called "{text}": {FORMS}.')


def miniature_folder() -> Path:
    """Where the embedded base lies: inside the installed engine."""
    import engine.miniature

    return Path(engine.miniature.__file__).parent / "weights"
