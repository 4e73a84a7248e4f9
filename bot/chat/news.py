"""Asking to be told of a training in private, and taking that back."""

from __future__ import annotations

import logging

import discord

from bot.chat import news_texts as texts
from bot.chat.errors import where
from bot.chat.router import Press, on
from bot.language import language_of
from bot.studio.screens import Purpose

log = logging.getLogger(__name__)

CLOSED = (50007, 50278)
"""They do not let this bot write to them; they share no server with it any more."""


@on("news.ask")
async def ask(press: Press) -> None:
    """The first message goes out at once: whether they can be reached is known before they rely on it."""
    run_id = press.action.number
    await press.studio.news.check(press.who, run_id)
    try:
        private = await press.interaction.user.create_dm()
    except discord.HTTPException as error:
        if error.code not in CLOSED:
            raise
        log.info("interaction %s: %s", press.interaction.id, where(error))
        await press.say(texts.closed())
        return
    await press.studio.news.ask(press.who, run_id, private.id, language_of(press.interaction.locale))
    await press.bot.presenter.deliver()
    reached = await press.studio.news.stands(press.who, run_id)
    await _show(press)
    await press.say(texts.will_write() if reached else texts.closed())


@on("news.end")
async def end(press: Press) -> None:
    ended = await press.studio.news.end(press.who, press.action.number)
    await _show(press)
    await press.say(texts.will_not_write() if ended else texts.did_not_write())


async def _show(press: Press) -> None:
    card = await press.studio.screen(press.who.guild_id, Purpose.STATUS, press.action.id)
    if card is not None:
        await press.show_live(Purpose.STATUS, press.action.id, card)
