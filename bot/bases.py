"""Which base model a word on the command line means, found without loading anything."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from bot.errors import UserError
from engine.families.bases import MINIATURE, BaseKind, BasePlace, find, read_config
from engine.families.spec import family
from engine.protocol import BaseModelRef

FORMS = f'a base is "{MINIATURE}", a diffusers folder, a .safetensors checkpoint, or a hub id like owner/name'


@dataclass(frozen=True)
class Base:
    ref: BaseModelRef
    place: BasePlace

    @property
    def title(self) -> str:
        """For reports: where it lies, or the hub id."""
        return self.ref.source if self.place.kind is BaseKind.HUB else str(self.place.path)

    @property
    def side(self) -> int:
        """The side in pixels of the square pictures it was trained on."""
        if not self.place.path.is_dir():
            return family(self.ref.family).home_resolution
        blocks = read_config(self.place.path, "vae")["block_out_channels"]
        return int(read_config(self.place.path, "unet")["sample_size"]) * 2 ** (len(blocks) - 1)


def find_base(source: str, *, family: str = "sd15", revision: str | None = None) -> Base:
    """The base that `source` names. UserError or BaseUnavailable say what is wrong with it and what it may be."""
    if source != MINIATURE and "/" not in source and not Path(source).expanduser().exists():
        if difflib.get_close_matches(source.lower(), [MINIATURE], cutoff=0.6):
            raise UserError(f'There is no base called "{source}". Did you mean "{MINIATURE}"?')
        raise UserError(f'There is no base called "{source}": {FORMS}.')
    path = Path(source).expanduser()
    ref = BaseModelRef(family=family, source=str(path.resolve()) if path.exists() else source, revision=revision)
    if source == MINIATURE:
        ref = BaseModelRef(family=family)
    return Base(ref, find(ref))
