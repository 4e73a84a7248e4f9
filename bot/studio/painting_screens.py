"""What people are shown around painting, beside the pictures themselves: one picture, the gallery, a channel's rules.

As the other screens, plain data that can be made again at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.people import ChannelRules

if TYPE_CHECKING:
    from bot.studio.screens import Image

MINE, SERVER = "mine", "server"
"""Whose gallery."""


@dataclass(frozen=True)
class PictureCard:
    """One picture by itself, to the one who asked for it, with what can be made of it."""

    picture_id: int
    job_id: str
    number: int
    """From 0, in its painting."""
    image: Image
    prompt: str = field(repr=False)
    lora: str | None
    label: str
    """Its place in a comparison: "kat-gen0, strength 0.8"; else ""."""
    seed: int
    member_id: int
    """Who had it painted."""
    kept: bool
    """A favourite of the one who looks."""
    shared: bool
    can_share: bool
    can_edit: bool
    spoiler: bool
    back: str = ""
    """The gallery's page it was opened from: "mine.2"."""


@dataclass(frozen=True)
class GalleryLine:
    picture_id: int
    number: int
    """As it stands on the sheet."""
    prompt: str = field(repr=False)
    seed: int
    shared: bool


@dataclass(frozen=True)
class GalleryCard:
    whose: str
    """MINE or SERVER."""
    lines: tuple[GalleryLine, ...]
    sheet: Image | None
    page: int
    pages: int
    total: int
    spoiler: bool
    """One of them was painted where pictures are blurred."""


@dataclass(frozen=True)
class ChannelCard:
    """What admins decided for one channel."""

    channel_id: int
    rules: ChannelRules
    lora: str | None
    """The name of its LoRA, if that is still there."""
    most: int
    """Pictures of one request that the owner of the machine allows."""

    @property
    def usual(self) -> bool:
        """Nothing was decided for it."""
        return self.rules == ChannelRules()


@dataclass(frozen=True)
class EditForm:
    """What the form of "Edit prompt" is filled with."""

    job_id: str
    text: str = field(repr=False)
    negative: str = field(repr=False)
    seed: int
