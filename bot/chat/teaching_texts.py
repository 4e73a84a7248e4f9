"""Words about teaching from pictures that were painted here. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import say
from bot.studio.teaching import Begun


class Button(StrEnum):
    """Labels, at most 34 characters."""

    TEACH = "Teach from these"


class Title(StrEnum):
    """Titles of forms, at most 45 characters."""

    TEACH = "A character from favourites"


class Field(StrEnum):
    """Labels in forms, at most 45 characters."""

    NAME = "Name"
    PICTURES = "Which pictures?"
    MORE = "And of the older ones?"


class Hint(StrEnum):
    """Small print under a label, at most 100 characters."""

    NAME = "As you will find it later, for example: Sir Moon"
    PICTURES = "Numbers are those of your gallery. Leave out what does not look like the others; at least 5."
    MORE = "These too are favourites you had painted yourself."


def option(number: int) -> str:
    return say("Favourite {number}", number=number)


def begun(begun: Begun, room_id: int) -> str:
    room = f"<#{room_id}>"
    if begun.asked is None:
        return say("The pictures are in. I am looking at them now; everything else happens in {room}.", room=room)
    return say(
        "The pictures are in, see {room}. They show {member}, who is asked first: nothing trains before they allow it.",
        room=room,
        member=f"<@{begun.asked}>",
    )
