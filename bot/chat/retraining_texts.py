"""Words about training a LoRA again. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import many, say
from bot.studio.retraining import Opened


class Button(StrEnum):
    """Labels, at most 34 characters."""

    RETRAIN = "Train it again"


def lineage(versions: tuple[str, ...], from_pictures: bool) -> list[str]:
    """From the first version to the one shown; nothing to say of a first one that was taught from photos."""
    lines = [say("Versions: {line}", line=" → ".join((*versions[:-1], f"**{versions[-1]}**")))] if versions[1:] else []
    if from_pictures:
        lines.append(say("Taught from pictures that were painted here."))
    return lines


def opened(version: Opened) -> str:
    """What happened, where it goes on, and whose word is waited for."""
    room, generation = version.room_id, version.generation
    if not version.is_new:
        sentences = [say("gen{generation} of {name} is open already: go on in <#{room}>.",
                         generation=generation, name=version.name, room=room)]  # fmt: skip
    elif version.carried:
        sentences = [many(
            "gen{generation} is open with the {count} photo of {name}, its crop and its caption. Add or leave out what you "
            "like, in <#{room}>.",
            "gen{generation} is open with the {count} photos of {name}, their crops and captions. Add or leave out what you "
            "like, in <#{room}>.",
            version.carried, generation=generation, name=version.name, room=room,
        )]  # fmt: skip
    else:
        sentences = [say(
            "gen{generation} is open, but the photos of {name} are not kept any more: send them again in <#{room}>.",
            generation=generation, name=version.name, room=room,
        )]  # fmt: skip
    if version.asked is not None:
        sentences.append(
            say(
                "<@{member}> took their word back and is asked anew; nothing trains before they allow it.",
                member=version.asked,
            )
        )
    return " ".join(sentences)
