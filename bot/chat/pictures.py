"""Under a picture, on the library's pages and on the winner's card."""

from __future__ import annotations

import re

import discord
from discord import ui

from bot.chat import forms, texts
from bot.chat.layout import shown_texts
from bot.chat.picture_cards import one_picture
from bot.chat.rooms import check_may_post
from bot.chat.router import Ack, Press, on, opens
from bot.errors import NotFound, UserError
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
    """The first picture of a card is the grid, when there is more than one."""
    card = await press.studio.screen(press.who.guild_id, Purpose.PICTURES, press.action.id)
    number = int(press.choice)
    if not isinstance(card, PicturesCard) or number >= len(card.pictures):
        raise NotFound(texts.picture_gone())
    await press.show(one_picture(card.pictures[number], press.action.id, max(0, number - 1)))


@on("pic.vary", Ack.PRIVATE)
async def vary(press: Press) -> None:
    await paint(press, await press.studio.vary(press.who, press.action.id, press.action.arg_number))


@on("pic.upscale", Ack.PRIVATE)
async def upscale(press: Press) -> None:
    await paint(press, await press.studio.upscale(press.who, press.action.id, press.action.arg_number))


@on("lora.page")
async def library(press: Press) -> None:
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


async def paint(press: Press, card: PicturesCard) -> None:
    """Say where it stands; the pictures come as a message of their own, however long they take."""
    await press.say(texts.painting(card.note))
    await press.bot.presenter.deliver()
