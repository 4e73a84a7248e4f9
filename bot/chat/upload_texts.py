"""The words about files that were sent: what was left in a ZIP, and why."""

from __future__ import annotations

from bot.language import many, say
from bot.parcel import MOST_PHOTOS, PHOTO_MIB, ZIP_MIB, Left, Why

SHOWN = 10


def bad_zip(name: str, why: Why) -> str:
    match why:
        case Why.TOO_BIG:
            return say("{name} is over {megabytes} MB; send it in two.", name=name, megabytes=ZIP_MIB)
        case Why.TOO_MANY:
            return say("{name} holds too many files; pack only the photos.", name=name)
        case Why.BOMB | Why.PACKED:
            return say("{name} is packed as no ZIP of photos is, so it was not opened; pack it anew.", name=name)
        case Why.SLOW:
            return say("{name} takes too long to unpack; send fewer photos at once.", name=name)
        case Why.EMPTY:
            return say("{name} holds no photos: JPEG, PNG, WebP and HEIC are looked for.", name=name)
        case _:
            return say("{name} is no ZIP that can be opened; pack it anew.", name=name)


def left_in_zip(name: str, left: tuple[Left, ...], others: int) -> str:
    """One sentence for all that stayed in it; "" when nothing did."""
    told = [f"{one.name} {_why(one.why)}" for one in left[:SHOWN]]
    if len(left) > SHOWN:
        told.append(say("and {count} more like these", count=len(left) - SHOWN))
    if others:
        told.append(many("{count} file that is no photo", "{count} files that are no photos", others))
    return say("Left in {name}: {files}.", name=name, files="; ".join(told)) if told else ""


def _why(why: Why) -> str:
    match why:
        case Why.NESTED:
            return say("is an archive itself")
        case Why.LOCKED:
            return say("is under a password")
        case Why.BROKEN:
            return say("came damaged")
        case Why.TOO_BIG:
            return say("is over {megabytes} MB", megabytes=PHOTO_MIB)
        case Why.NO_ROOM:
            return say("is past the {count} photos that are taken from one ZIP", count=MOST_PHOTOS)
        case _:
            return say("is packed as no photo is")


def strange_place(name: str) -> str:
    return say("{name} does not come from Discord", name=name)


def too_much(name: str) -> str:
    return say("{name} is more than comes in at once; send it by itself", name=name)
