"""What /inspire shows, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.studio.screens import Image


@dataclass(frozen=True)
class Idea:
    source: str
    """The painting's job id, or the book's "book12": the prompt is found again by it."""
    prompt: str
    """As it would be painted, the trigger word in place."""
    by: int | None
    """Who had it painted; None: from the book."""


@dataclass(frozen=True)
class InspireCard:
    words: str
    """What was looked for; "" for anything."""
    lora_id: int | None
    lora: str
    """The LoRA the prompts are about; "" for none."""
    ideas: tuple[Idea, ...]
    """Those with a picture first: the n-th of them is number n on the sheet."""
    sheet: Image | None
    page: int
    has_more: bool
    spoiler: bool
    """One of the pictures was painted where pictures are blurred."""
    found: bool
    """False: nothing fits the words, so these are others."""
