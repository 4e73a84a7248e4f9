"""What a crop shows, in words: what should not be learnt. Never the trigger word, never what a person looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.captioning import Captioner, CaptionerRef
from engine.facts import PhotoFacts
from engine.photos import SubjectKind
from engine.worker.captioners import Writer, writer_for
from engine.worker.finders import Rect
from engine.worker.phrases import phrased

if TYPE_CHECKING:
    from PIL import Image

    from engine.miniature.senses import Captioner as CartoonCaptioner

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

SIDE, DIM, GREY = 0.5, 100, 6.0
"""From where on a template says so: half turned to profile; nothing in the face brighter than this; hardly a colour in it."""
SURE = 0.55
"""On crops of 120 unseen people: of places 99 in 100 are said this surely and all rightly, of clothes 98 and 97, of where
somebody looks 93 and 98, of expressions 73 and 94."""


def without_identity(said: str) -> str:
    """A captioner's sentence without its "a portrait of a person", and without the parts that tell what somebody looks like.

    >>> without_identity("a portrait of a person, smiling, with brown hair, on a blue background")
    'smiling, on a blue background'
    """
    words = SUBJECT.sub("", said.strip().rstrip("."), count=1)
    return ", ".join(part for part in (part.strip() for part in words.split(",")) if part and not IDENTITY.search(part))


def surely(words: Sequence[str], sureness: Sequence[float]) -> str:
    """The parts of a caption of which every word is sure. Parts begin at a comma or an "and", which belongs to its part.

    A wrong word teaches the wrong thing, a missing one is added by a person in a moment.

    >>> surely(["smiling", ",", "wearing", "a", "hat", "and", "glasses", ",", "looking", "left"], [0.9] * 6 + [0.4] + [0.9] * 3)
    'smiling, wearing a hat, looking left'
    """
    parts: list[tuple[list[str], float]] = [([], 1.0)]
    for word, sure in zip(words, sureness, strict=True):
        if word in (",", "and"):
            parts.append(([word], sure))
        else:
            parts[-1] = ([*parts[-1][0], word], min(parts[-1][1], sure))
    said, began = "", False
    for part, sure in parts:
        goes_on = part[:1] == ["and"]
        kept = sure >= SURE and (began or not goes_on)
        began = kept or (goes_on and began)
        if kept:
            said += f" {' '.join(part)}"
    return said.replace(" ,", ",").strip(" ,")


def _spoken(captioner: CartoonCaptioner, shown: Image.Image) -> tuple[list[str], list[float]]:
    """The words of the likeliest caption, each with the probability the captioner gave it."""
    import torch

    from engine.miniature.senses import pixels_of

    with torch.inference_mode():
        said = captioner.model.generate(
            pixel_values=pixels_of([shown]),
            max_new_tokens=40,
            num_beams=1,
            output_scores=True,
            return_dict_in_generate=True,
        )
    tokens: list[int] = said.sequences[0, -len(said.scores) :].tolist()
    words: list[str] = []
    sureness: list[float] = []
    for token, scores in zip(tokens, said.scores, strict=True):
        word = captioner.tokenizer.decode([token], skip_special_tokens=True).strip()
        sure = float(torch.softmax(scores[0].float(), -1)[token])
        if word.startswith("##"):
            words[-1], sureness[-1] = words[-1] + word[2:], min(sureness[-1], sure)
        elif word:
            words.append(word)
            sureness.append(sure)
    return words, sureness


class Describer:
    """Captions for the photos of one set. Loads what writes them when it is first asked."""

    def __init__(self, finder: str, kind: SubjectKind, wanted: CaptionerRef) -> None:
        """`finder`: the one that found the faces; the miniature's captioner knows its own world only."""
        from engine.miniature import CAPTIONER

        cartoon = finder == "cartoon" and CAPTIONER.is_dir()
        self._own = cartoon and wanted.kind in (Captioner.AUTO, Captioner.MINIATURE)
        self._kind, self._wanted = kind, wanted
        self._captioner: CartoonCaptioner | None = None
        self._writer: tuple[Captioner, Writer | None] | None = None

    def describe(self, picture: Image.Image, crop: Rect, face: Rect | None) -> tuple[Captioner, str]:
        """Who wrote, and the caption of what `crop` shows; "" by the template, which needs to know what was measured."""
        if self._own:
            return Captioner.MINIATURE, self._cartoon(picture, crop, face)
        self._writer = self._writer or writer_for(self._wanted)
        kind, writer = self._writer
        return kind, "" if writer is None else phrased(writer.write(picture.crop(crop)), self._kind)

    def _cartoon(self, picture: Image.Image, crop: Rect, face: Rect | None) -> str:
        """With a face, of the frame around it, which is how the captioner was taught."""
        from engine.miniature.senses import Captioner as CartoonCaptioner
        from engine.miniature.senses import portrait

        self._captioner = self._captioner or CartoonCaptioner.load()
        shown = portrait(picture, face) if face else picture.crop(crop)
        return without_identity(surely(*_spoken(self._captioner, shown)))


def template(facts: PhotoFacts, kind: SubjectKind) -> str:
    """The few words that what was measured allows: from where, in what light, without colours. Of a style none."""
    if kind is SubjectKind.STYLE:
        return ""
    said = [
        ("from the side", facts.turn is not None and facts.turn >= SIDE),
        ("in dim light", facts.brightest < DIM),
        ("black and white photo", facts.colourful < GREY),
    ]
    return ", ".join(words for words, true in said if true)
