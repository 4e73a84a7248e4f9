"""The one door through which anything that goes wrong reaches a person.

A UserError is shown as it is, and so is what Discord refuses (refusals.py). Anything else is a reference for the member
and, under the same reference, a traceback for the owner's log: where it happened and of what type, never with what
message, since messages quote prompts and names.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator
from contextlib import contextmanager

import discord

from bot import traces
from bot.chat import refusals, texts
from bot.errors import UserError
from bot.language import again, speaking

log = logging.getLogger(__name__)

TOO_LATE = 10062
"""Unknown interaction: three seconds went by, or the token ran out."""
TWICE = 40060
"""Somebody (an earlier process, a retry) has answered this interaction."""
TOKEN_OVER = 50027
TOKEN_GONE = 10015
"""The same, said otherwise: the webhook of that token is unknown by now."""
LONGEST = 2000
"""Characters of one answer."""


def sentence_for(error: BaseException) -> str:
    """What to tell the member; what is not a UserError is written to the log under the reference it returns."""
    if isinstance(error, UserError):
        return again(error.args[0]) if error.args else ""
    reference = secrets.token_hex(4)
    log.error("%s %s", reference, where(error))
    return texts.broken(reference)


def where(error: BaseException) -> str:
    """Type and place of an error and of what caused it, with Discord's code where it is Discord's."""
    return traces.where(error, _code)


def _code(error: BaseException) -> str:
    return f" {error.status}/{error.code}" if isinstance(error, discord.HTTPException) else ""


def is_too_late(error: BaseException) -> bool:
    """Nobody can be answered any more: not a fault, and nothing was lost."""
    return isinstance(error, discord.HTTPException) and error.code in (TOO_LATE, TWICE, TOKEN_OVER, TOKEN_GONE)


@contextmanager
def on_its_own(what: str) -> Generator[None]:
    """Work nobody waits for (a post, an edit): its failure is written down and must not stop the rest."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the door itself: logged with its place, retried by the next round
        log.error("%s: %s", what, where(error))


async def tell(interaction: discord.Interaction, error: Exception, *, private_reply: bool) -> None:
    """Answer the member, whatever has been answered so far. `private_reply`: an ephemeral reply is pending."""
    if is_too_late(error):
        log.info("interaction %s: too late to answer", interaction.id)
        return
    # What went wrong on a public message was put into words for the server: whoever pressed reads it as they speak.
    with speaking(interaction.locale):
        sentence = refusals.sentence(error, interaction)
        if sentence is None:
            sentence = sentence_for(error)
        else:
            log.warning("interaction %s: %s", interaction.id, where(error))
    sentence = sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(sentence, ephemeral=True)
        elif private_reply:
            await interaction.edit_original_response(content=sentence)
        else:
            await interaction.followup.send(sentence, ephemeral=True)
    except discord.HTTPException as unanswered:
        if not is_too_late(unanswered):
            log.error("interaction %s: %s", interaction.id, where(unanswered))
