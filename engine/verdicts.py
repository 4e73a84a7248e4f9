"""Why a photo was left out: a code with its numbers, so that it can be told in any language.

The engine says a `Verdict`; its `sentence` is the English rest of a sentence that begins with the photo's name. Whoever
talks to people in other languages goes by `cause` and `facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Facts = Mapping[str, int | str]


class Cause(StrEnum):
    EMPTY = "empty"
    INCOMPLETE = "incomplete"
    DAMAGED = "damaged"
    SLOW = "slow"
    HUNGRY = "hungry"
    FATAL = "fatal"
    ANIMATED = "animated"
    """Its first frame can be had: `PhotoRef.first_frame`."""
    NOT_A_PHOTO = "not_a_photo"
    OTHER_FORMAT = "other_format"
    """facts: format, such as "PDF"."""
    HEIC_CLOSED = "heic_closed"
    """A HEIC photo where the extra that opens them is not installed."""
    TOO_LARGE = "too_large"
    """facts: width, height, megapixels (the most that are read)."""
    TOO_LOW = "too_low"
    """facts: side (its height), least."""
    TOO_NARROW = "too_narrow"
    """facts: side (its width), least."""
    TOO_LONG = "too_long"
    """facts: width, height."""
    FACE_SMALL = "face_small"
    """facts: side, least."""
    COPY = "copy"


SENTENCES: Mapping[Cause, str] = {
    Cause.EMPTY: "is an empty file; send it again",
    Cause.INCOMPLETE: "is an incomplete upload; send it again",
    Cause.DAMAGED: "is damaged and cannot be read; send it again or save it anew as JPEG",
    Cause.SLOW: "takes too long to read; save it anew as JPEG and send that",
    Cause.HUNGRY: "needs too much memory to read; save it smaller, as JPEG, and send that",
    Cause.FATAL: "stopped the reader; save it anew as JPEG and send that",
    Cause.ANIMATED: "is animated; take its first frame, or send one still picture of it",
    Cause.NOT_A_PHOTO: "is not a photo; send a JPEG, PNG or WebP photo",
    Cause.OTHER_FORMAT: "comes as {format}; send a JPEG, PNG or WebP photo",
    Cause.HEIC_CLOSED: "is a HEIC photo, which this server cannot open; send it as JPEG",
    Cause.TOO_LARGE: "has {width}x{height} px; at most {megapixels} megapixels are read, send it smaller",
    Cause.TOO_LOW: "is {side} px high; at least {least} are needed",
    Cause.TOO_NARROW: "is {side} px wide; at least {least} are needed",
    Cause.TOO_LONG: "is {width}x{height} px, too long and narrow; crop it to what it should show",
    Cause.FACE_SMALL: "shows the face too small ({side} px around it, at least {least} are needed); send one taken closer",
    Cause.COPY: "is a copy of another photo",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    cause: Cause
    facts: Facts = field(default_factory=dict[str, int | str])

    @property
    def sentence(self) -> str:
        return SENTENCES[self.cause].format(**self.facts)
