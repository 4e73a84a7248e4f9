"""Words about the place a training is talked about. Lengths are Discord's and are tested."""

from __future__ import annotations

from bot.chat.texts import are_missing
from bot.language import say


def no_thread(missing: tuple[str, ...]) -> str:
    """`missing`: of `Permission`, here and below."""
    return say("I may not open a thread here ({missing}), so it goes on in this channel.", missing=are_missing(missing))


def is_public(missing: tuple[str, ...]) -> str:
    return say(
        "Everybody who sees this channel sees that thread too: for a private one, {missing}. An admin can grant "
        "it in the channel's settings; Discard, in the thread, takes everything back.",
        missing=are_missing(missing),
    )
