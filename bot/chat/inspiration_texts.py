"""Words of /inspire. Lengths are Discord's and are tested."""

from __future__ import annotations

from enum import StrEnum

from bot.language import say


class Button(StrEnum):
    """Labels, at most 34 characters."""

    OTHERS = "Others"
    BACK = "Back to the first"


def title(words: str) -> str:
    """It is read back from the message, so the words stand in it as a command: the same in every language."""
    return f"### `/inspire {words}`" if words else "### `/inspire`"


def about(lora: str) -> str:
    return say("About {lora}. Press a number to change the prompt and paint it.", lora=lora)


def about_nobody() -> str:
    return say("Press a number to change the prompt and paint it.")


def nothing_found() -> str:
    return say("Nothing here goes by these words. Here are others:")


def shown_by(member_id: int) -> str:
    return say("by {member}", member=f"<@{member_id}>")


def from_the_book() -> str:
    """Over the prompts that nobody here had painted, where they stand below some that somebody had."""
    return say("From the book of ideas:")


def alone() -> str:
    return say("There is nothing more. Start again with other words.")
