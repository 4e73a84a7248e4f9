"""What a forgetting takes, in words: on the card before it, and in the receipt after it."""

from __future__ import annotations

from bot.language import many, say
from storage.people import Held, HeldOfSubject


def of_subject(goes: HeldOfSubject) -> str:
    """ "12 photos with their crops and captions, 1 version, 1 LoRA, 8 pictures painted with it" """
    parts = [
        many("{count} photo with its crop and caption", "{count} photos with their crops and captions", goes.photos),
        many("{count} version", "{count} versions", goes.versions),
        many("{count} LoRA", "{count} LoRAs", goes.loras),
        many("{count} picture painted with it", "{count} pictures painted with it", goes.pictures),
    ]
    if goes.heirs:
        parts.append(
            many(
                "{count} training taught from those pictures",
                "{count} trainings taught from those pictures",
                goes.heirs,
            )
        )
    return ", ".join(parts)


def of_member(goes: Held) -> str:
    parts = [
        many("{count} subject you brought", "{count} subjects you brought", goes.subjects),
        many("{count} photo", "{count} photos", goes.photos),
        many("{count} LoRA", "{count} LoRAs", goes.loras),
        many("{count} picture you had painted", "{count} pictures you had painted", goes.pictures),
        many("{count} that showed you", "{count} that showed you", goes.shown_in),
    ]
    named = many("your name in {count} vote", "your name in {count} votes", goes.votes)
    return say("{list}, and {named}", list=", ".join(parts), named=named)
