"""What a crop shows, in words: what should not be learnt. Never the trigger word, never what a person looks like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.worker.finders import Rect

if TYPE_CHECKING:
    from PIL import Image

    from engine.miniature.senses import Captioner

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


class Describer:
    """Captions for photos in which `finder` found the faces. Loads its captioner when it is first asked.

    Only the miniature brings one, and it knows its own world only; without one a caption is empty, for a person to fill.
    """

    def __init__(self, finder: str) -> None:
        from engine.miniature import CAPTIONER

        self._has_words = finder == "cartoon" and CAPTIONER.is_dir()
        self._captioner: Captioner | None = None

    def describe(self, picture: Image.Image, crop: Rect, face: Rect | None) -> str:
        """The caption of what `crop` shows; with a face, of the frame around it, which is how the captioner was taught."""
        if not self._has_words:
            return ""
        from engine.miniature.senses import Captioner, portrait

        self._captioner = self._captioner or Captioner.load()
        shown = portrait(picture, face) if face else picture.crop(crop)
        return without_identity(self._captioner.describe([shown])[0])
