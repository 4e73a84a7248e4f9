"""Why a photo was left out, in the language in force: one sentence part for the text, a shorter one for the picture.

What is stored is the engine's code with its numbers; of photos that were left out before there were codes, its English.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.language import say
from bot.studio.hearsay import retell
from engine.verdicts import Cause
from storage.records import Photo

NO_ROOM = "no_room"
"""Left out by the bot itself: the set was full. facts: most."""


def reason(photo: Photo, names: Mapping[int, str]) -> str:
    """The rest of a sentence that begins with the photo's name. `names`: of the set's photos, by id."""
    copied = names.get(photo.duplicate_of) if photo.duplicate_of is not None else None
    if copied is not None:
        return say("is a copy of {name}", name=copied)
    facts = photo.facts
    match photo.cause:
        case Cause.EMPTY:
            return say("is an empty file; send it again")
        case Cause.INCOMPLETE:
            return say("is an incomplete upload; send it again")
        case Cause.DAMAGED:
            return say("is damaged and cannot be read; send it again or save it anew as JPEG")
        case Cause.SLOW:
            return say("takes too long to read; save it anew as JPEG and send that")
        case Cause.HUNGRY:
            return say("needs too much memory to read; save it smaller, as JPEG, and send that")
        case Cause.FATAL:
            return say("stopped the reader; save it anew as JPEG and send that")
        case Cause.ANIMATED:
            return say("is animated; take its first frame, or send one still picture of it")
        case Cause.NOT_A_PHOTO:
            return say("is not a photo; send a JPEG, PNG or WebP photo")
        case Cause.OTHER_FORMAT:
            return say("comes as {format}; send a JPEG, PNG or WebP photo", **facts)
        case Cause.HEIC_CLOSED:
            return say("is a HEIC photo, which this server cannot open; send it as JPEG")
        case Cause.TOO_LARGE:
            return say("has {width}x{height} px; at most {megapixels} megapixels are read, send it smaller", **facts)
        case Cause.TOO_LOW:
            return say("is {side} px high; at least {least} are needed", **facts)
        case Cause.TOO_NARROW:
            return say("is {side} px wide; at least {least} are needed", **facts)
        case Cause.TOO_LONG:
            return say("is {width}x{height} px, too long and narrow; crop it to what it should show", **facts)
        case Cause.FACE_SMALL:
            return say(
                "shows the face too small ({side} px around it, at least {least} are needed); send one taken closer",
                **facts,
            )
        case Cause.COPY:
            return say("is a copy of another photo")
        case "no_room":
            return say("is one too many: a subject has at most {most} photos", **facts)
        case _:
            return retell(photo.reason)


def burned(photo: Photo, numbers: Mapping[int, int]) -> str:
    """Two or three words for the tile itself; no file names, whose letters the font may not have. `numbers`: by id."""
    copied = numbers.get(photo.duplicate_of) if photo.duplicate_of is not None else None
    if copied is not None:
        return say("copy of {number}", number=copied)
    facts = photo.facts
    match photo.cause:
        case Cause.EMPTY:
            return say("empty file")
        case Cause.INCOMPLETE:
            return say("incomplete upload")
        case Cause.DAMAGED:
            return say("damaged")
        case Cause.SLOW | Cause.HUNGRY | Cause.FATAL:
            return say("too hard to read")
        case Cause.ANIMATED:
            return say("animated")
        case Cause.NOT_A_PHOTO:
            return say("not a photo")
        case Cause.OTHER_FORMAT:
            return say("{format}, no photo", **facts)
        case Cause.HEIC_CLOSED:
            return say("HEIC: send it as JPEG")
        case Cause.TOO_LARGE:
            return say("over {megapixels} megapixels", **facts)
        case Cause.TOO_LOW:
            return say("only {side} px high", **facts)
        case Cause.TOO_NARROW:
            return say("only {side} px wide", **facts)
        case Cause.TOO_LONG:
            return say("too long and narrow")
        case Cause.FACE_SMALL:
            return say("face too small")
        case Cause.COPY:
            return say("a copy")
        case "no_room":
            return say("one too many")
        case _:
            return retell(photo.reason).split(";")[0]
