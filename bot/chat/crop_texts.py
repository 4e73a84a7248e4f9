"""The words around crops. Labels are translated where they are drawn."""

from __future__ import annotations

from enum import StrEnum

from bot.language import many, say


class Button(StrEnum):
    """Labels, at most 34 characters beside an icon."""

    TIGHTER = "Tighter"
    LOOSER = "Looser"
    LEFT = "Left"
    RIGHT = "Right"
    UP = "Up"
    DOWN = "Down"
    NEXT_FACE = "Next face"
    CENTRE = "Centre on face"
    DROP = "Leave it out"
    KEEP = "Keep it"
    ORIGINAL = "Original framing"
    UNDO = "Undo"
    NEXT_ASK = "Next to check"
    ASK = "Check the doubtful ones"
    FRAMES = "Take the first frames"


def asking(count: int) -> str:
    return many(
        "**{count}** photo needs a look: I am not sure of its frame.",
        "**{count}** photos need a look: I am not sure of their frames.",
        count,
    )


def left_out_now() -> str:
    return say("It is left out of the training.")


def still_asking(count: int) -> str:
    return many("{count} more to check.", "{count} more to check.", count)


def frames_taken(count: int) -> str:
    return many(
        "I am reading the first frame of {count} animated picture; the new sheet follows.",
        "I am reading the first frames of {count} animated pictures; the new sheet follows.",
        count,
    )


def crops_title(subject: str) -> str:
    return "### " + say("{subject}: the crops", subject=subject)


def crops_help() -> str:
    return say("What is inside a frame gets learnt. Pick a number to change its frame or leave it out.")


def crops_agreed() -> str:
    return "-# " + say("The crops are agreed.")


def editor_title(number: int) -> str:
    return "### " + say("Photo {number}", number=number)


def photo_option(number: int, *, kept: bool, asks: bool) -> str:
    """In the menu that opens one photo."""
    if not kept:
        return say("Photo {number} (left out)", number=number)
    if asks:
        return say("Photo {number} - please look", number=number)
    return say("Photo {number}", number=number)
