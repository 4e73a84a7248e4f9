"""Whose face it is, and their answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import discord
from discord import ui

from bot.chat import cards, people_forms
from bot.chat import people_texts as words
from bot.chat.router import Ack, Press, on, opens
from bot.errors import NotAllowed, UserError
from bot.studio.forgetting import check_word
from bot.studio.people_screens import ConsentCard


@on("person.choose")
async def choose(press: Press) -> None:
    """A menu of Discord's own: everybody here, bots among them."""
    data = cast("Mapping[str, Any]", press.interaction.data or {})
    users: Mapping[str, Any] = data.get("resolved", {}).get("users", {})
    if users.get(press.choice, {}).get("bot"):
        raise UserError(words.not_a_bot())
    await press.show(await press.studio.people.ask(press.who, press.action.number, int(press.choice)))
    await press.bot.presenter.deliver()


@opens("consent.allow")
def allow(press: Press) -> ui.Modal:
    if press.who.member_id != press.action.arg_number:
        raise NotAllowed(words.somebody_elses())
    return people_forms.consent(press.action.number, press.who.request_id)


@on("consent.allow.send")
async def allowed(press: Press) -> None:
    adult = press.filled.ticked("adult")
    await press.show(await press.studio.people.allow(press.who, press.action.number, adult=adult))
    await press.bot.presenter.deliver()


@on("consent.no", Ack.PRIVATE)
async def refuse(press: Press) -> None:
    """The card goes with the photos; the one who brought them is told in its place."""
    card = await press.studio.people.refuse(press.who, press.action.number)
    await press.say(words.said_no())
    drawn = cards.draw(card)
    mentions = discord.AllowedMentions(users=[discord.Object(id) for id in drawn.mentions])
    await press.interaction.followup.send(view=drawn.view(), allowed_mentions=mentions)
    await press.bot.presenter.deliver()


@on("consent.revoke")
async def revoke(press: Press) -> None:
    notice = await press.studio.people.revoke(press.who, press.action.number)
    await press.show(cards.draw(ConsentCard(press.action.number, 0, press.who.member_id, "revoked")))
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()


@opens("subject.forget")
def forget(press: Press) -> ui.Modal:
    return people_forms.forget_subject(press.action.number, press.who.request_id)


@on("subject.forget.send", Ack.PRIVATE)
async def forgotten(press: Press) -> None:
    check_word(press.filled.text("word"), *words.forget_words())
    notice = await press.studio.forgetting.forget_subject(press.who, press.action.number)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()
