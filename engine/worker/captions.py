"""What a crop shows, in words: what should not be learnt. Never the trigger word, never what a person looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SUBJECT = re.compile(
    r"^(?:an? )?(?:portrait|picture|photo|photograph|drawing|image|close[- ]?up)? ?(?:of )?(?:an? |the )?"
    r"(?:person|woman|man|girl|boy|people|cartoon|face)?\b(?: (?:is|who is|that is))?[ ,]*",
    re.IGNORECASE,
)
IDENTITY = re.compile(
    r"\b(?:hair(?:ed|cut|style)?|bald|beard(?:ed)?|moustache|mustache|freckles?|skin(?:ned)?|eyes?|eyed|nose|lips?|mouth|brows?|"
    r"eyebrows?|ears?|jaw|chin|cheeks?|faced|blonde?|brunette|young|old|elderly|aged|asian|african|european|caucasian|latino|"
    r"handsome|beautiful|pretty|tall|short-haired|long-haired)\b",
    re.IGNORECASE,
)


def without_identity(said: str) -> str:
    """A captioner's sentence without its "a portrait of a person", and without the parts that tell what somebody looks like.

    >>> without_identity("a portrait of a person, smiling, with brown hair, on a blue background")
    'smiling, on a blue background'
    """
    words = SUBJECT.sub("", said.strip().rstrip("."), count=1)
    return ", ".join(part for part in (part.strip() for part in words.split(",")) if part and not IDENTITY.search(part))


def describe(crops: Sequence[Image.Image], finder: str) -> list[str]:
    """One caption for each crop. Only the miniature brings a captioner, and it knows its own world only: else they are empty."""
    from engine.miniature import CAPTIONER

    if finder != "cartoon" or not CAPTIONER.is_dir() or not crops:
        return [""] * len(crops)
    from engine.miniature.senses import Captioner

    return [without_identity(said) for said in Captioner.load().describe(list(crops))]
