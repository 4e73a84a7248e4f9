"""Under a picture, on the library's pages and on the winner's card."""

from __future__ import annotations

import re

import discord
from discord import ui

from bot.chat import forms, painting_forms, painting_texts, texts
from bot.chat.layout import shown_texts
from bot.chat.rooms import check_may_post
from bot.chat.router import Ack, Press, on, opens
from bot.errors import UserError
from bot.studio.requests import Imagine
from bot.studio.screens import PicturesCard, Purpose


@on("pic.again", Ack.PRIVATE)
async def again(press: Press) -> None:
    await paint(press, await press.studio.again(press.who, press.action.id))


@on("pic.same", Ack.PRIVATE)
async def same(press: Press) -> None:
    await paint(press, await press.studio.again(press.who, press.action.id, same_seed=True))


@on("pic.delete")
async def delete(press: Press) -> None:
    notice = await press.studio.delete_pictures(press.who, press.action.id)
    await press.interaction.delete_original_response()
    await press.say(notice.sentence)


@on("pic.one", Ack.PRIVATE)
async def one(press: Press) -> None:
    await press.show(await press.studio.gallery.alone(press.who, press.action.id, chosen(press)))


@on("pic.keep", Ack.PRIVATE)
async def keep(press: Press) -> None:
    """The same button for everybody: what it did is told to the one who pressed it."""
    notice = await press.studio.gallery.toggle(press.who, press.action.id, chosen(press))
    await press.say(notice.sentence)


@on("pic.weaker", Ack.PRIVATE)
async def weaker(press: Press) -> None:
    await paint(press, await press.studio.remake.stronger(press.who, press.action.id, by=-1))


@on("pic.stronger", Ack.PRIVATE)
async def stronger(press: Press) -> None:
    await paint(press, await press.studio.remake.stronger(press.who, press.action.id, by=1))


@on("pic.cancel")
async def cancel(press: Press) -> None:
    notice = await press.studio.cancel(press.who, job_id=press.action.id)
    await press.say(notice.sentence)
    await press.bot.presenter.refresh_key(press.who.guild_id, Purpose.PICTURES, press.action.id)


@on("pic.withdraw")
async def withdraw(press: Press) -> None:
    """Cancel, under the private answer that tells how far it is: that answer says what became of it."""
    notice = await press.studio.cancel(press.who, job_id=press.action.id)
    await press.bot.answers.let_go(press.action.id)
    await press.interaction.edit_original_response(content=notice.sentence, view=None)


async def _filled_in(press: Press) -> ui.Modal:
    """A card shows the words of a prompt and not its options, so the row is read before the form is opened."""
    number = press.action.arg_number if press.action.arg else 0
    shown = await press.studio.remake.edit_form(press.who, press.action.id, number)
    return painting_forms.edit(shown, press.who.request_id)


@opens("pic.edit", or_else=_filled_in)
def edit(press: Press) -> None:
    return None


@on("pic.edit.send", Ack.PRIVATE)
async def edited(press: Press) -> None:
    prompt = press.filled.text("prompt")
    if not prompt:
        raise UserError(texts.no_prompt())
    check_may_post(press.interaction)
    card = await press.studio.remake.edit(
        press.who, press.action.id, prompt, press.filled.text("negative"), press.filled.text("seed")
    )
    await paint(press, card)


@on("pic.vary", Ack.PRIVATE)
async def vary(press: Press) -> None:
    await paint(press, await press.studio.vary(press.who, press.action.id, chosen(press)))


@on("pic.upscale", Ack.PRIVATE)
async def upscale(press: Press) -> None:
    await paint(press, await press.studio.upscale(press.who, press.action.id, chosen(press)))


@on("lora.page")
async def library(press: Press) -> None:
    """The argument says whose: "mine.on", "all.back"."""
    if press.action.arg.startswith("mine"):
        await press.show(await press.studio.library.page(press.who, press.action.number, own=True))
    else:
        await press.show(await press.studio.loras(press.who, press.action.number))


@opens("lora.imagine")
def imagine(press: Press) -> ui.Modal:
    """Filled with the prompt the winner's card suggests."""
    return forms.imagine(press.action.number, press.action.arg, suggested_prompt(press.interaction.message))


def suggested_prompt(message: discord.Message | None) -> str:
    """What stands after "/imagine" on the card."""
    for text in shown_texts(message.components if message is not None else ()):
        found = re.search(r"`/imagine ([^`]+)`", text)
        if found is not None:
            return found[1]
    return ""


@on("lora.imagine.send", Ack.PRIVATE)
async def imagine_send(press: Press) -> None:
    prompt = press.filled.text("prompt")
    if not prompt:
        raise UserError(texts.no_prompt())
    check_may_post(press.interaction)
    ask = Imagine(prompt=prompt, lora=press.action.arg or None)
    await paint(press, await press.studio.imagine(press.who, ask))


def chosen(press: Press) -> int:
    """The picture, from 0, that a button or a menu is about: a menu counts as people do."""
    text = press.choice or press.action.arg
    if not text.isdecimal():
        raise UserError(painting_texts.no_number(text))
    return int(text) - 1 if press.choice else int(text)


async def paint(press: Press, card: PicturesCard) -> None:
    """Say where it stands, and go on saying it; the pictures come as a message of their own, however long they take."""
    await press.bot.answers.begin(press.interaction, card.job_id, card.told)
    await press.bot.presenter.deliver()
