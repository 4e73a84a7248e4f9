"""What Discord itself refuses, said to the member who waits for it: what happened, and what to do."""

from __future__ import annotations

import discord

from bot.chat import texts
from bot.language import say

NEEDED = tuple(texts.PERMISSIONS)


def sentence(error: BaseException, interaction: discord.Interaction) -> str | None:
    """None where it is no refusal of Discord's that a member could do anything about."""
    if not isinstance(error, discord.HTTPException):
        return None
    match error.code:
        case 50001 | 50013:
            return _permission(interaction)
        case 50007 | 50278:
            return say(
                "I cannot write to them: their direct messages are closed to me. Ask them to look into this channel instead."
            )
        case 50083:
            return say("This thread is in the archive, where nothing can change. Write a word in it, then press again.")
        case 160005:
            return say("A moderator has locked this thread. Ask them to unlock it, then press again.")
        case 160006:
            return say(
                "This server has as many open threads as Discord allows, so no room could be opened and nothing was kept. "
                "Close some threads, then send the form again."
            )
        case 30033:
            return say("This thread is full: Discord allows a thousand people in it. Use another channel.")
        case 10003 | 10008:
            return say("That message or its channel was deleted meanwhile. /queue and /loras show what there still is.")
        case 40005:
            return say("That is larger than Discord takes here. Ask for fewer or smaller pictures, or split it up.")
        case _:
            if error.status >= 500:
                return say(
                    "Discord itself has trouble at the moment. Nothing of yours was lost: try again in a minute."
                )
            return None


def missing(interaction: discord.Interaction) -> tuple[str, ...]:
    """What of all that an invite asks for is missing where this comes from, as Discord calls it."""
    may = interaction.app_permissions
    return tuple(texts.PERMISSIONS[name] for name in NEEDED if not getattr(may, name))


def _permission(interaction: discord.Interaction) -> str:
    names = missing(interaction)
    if names:
        return texts.missing_permission(names)
    return say(
        "Discord did not let me do that, though nothing is missing in this channel. An admin can look whether the place it "
        "should go to is open to me."
    )
