"""What can be pressed on one LoRA's card."""

from __future__ import annotations

from discord import ui

from bot.chat import keeping_cards, keeping_forms
from bot.chat import people_texts as words
from bot.chat.router import Ack, Press, on, opens
from bot.studio.forgetting import check_word

NEED_NAMES = ("members", "role")


@on("lora.open")
async def open_one(press: Press) -> None:
    await press.show(await press.studio.keeping.card(press.who, int(press.choice)))


@on("lora.share")
async def share(press: Press) -> None:
    if press.choice in NEED_NAMES:
        await press.studio.keeping.card(press.who, press.action.number)
        await press.show(keeping_cards.share_with(press.action.number, press.choice))
    else:
        await press.show(await press.studio.keeping.share(press.who, press.action.number, press.choice))


@on("lora.members")
async def members(press: Press) -> None:
    await _grant(press, "members")


@on("lora.roles")
async def roles(press: Press) -> None:
    await _grant(press, "role")


async def _grant(press: Press, access: str) -> None:
    targets = [int(id) for id in press.choices]
    await press.show(await press.studio.keeping.share(press.who, press.action.number, access, targets))


@opens("lora.rename")
def rename(press: Press) -> ui.Modal:
    return keeping_forms.rename(press.action.number, press.who.request_id)


@on("lora.rename.send")
async def renamed(press: Press) -> None:
    name = press.filled.text("name")
    await press.show(await press.studio.keeping.rename(press.who, press.action.number, name))


@opens("lora.prompt")
def prompt(press: Press) -> ui.Modal:
    return keeping_forms.prompt(press.action.number, press.who.request_id)


@on("lora.prompt.send")
async def prompted(press: Press) -> None:
    text = press.filled.text("prompt")
    await press.show(await press.studio.keeping.set_default_prompt(press.who, press.action.number, text))


@on("lora.ledger", Ack.PRIVATE)
async def ledger(press: Press) -> None:
    await press.show(await press.studio.keeping.ledger(press.who, press.action.number))


@on("lora.thumbnail", Ack.PRIVATE)
async def thumbnails(press: Press) -> None:
    card = await press.studio.keeping.thumbnails.card(press.who, press.action.number)
    await press.show(keeping_cards.thumbnails(card))


@on("lora.thumbnail.set")
async def thumbnail(press: Press) -> None:
    await press.show(await press.studio.keeping.thumbnails.choose(press.who, press.action.number, press.choice))


@opens("lora.delete")
def delete(press: Press) -> ui.Modal:
    return keeping_forms.delete(press.action.number, press.who.request_id)


@on("lora.delete.send", Ack.PRIVATE)
async def deleted(press: Press) -> None:
    check_word(press.filled.text("word"), *words.forget_words())
    notice = await press.studio.keeping.delete(press.who, press.action.number)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()
