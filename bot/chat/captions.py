"""The caption sheet and its forms.

A form must open within three seconds and as the first answer, so it is filled with what the pressed message shows. Only
where a caption was too long to be shown whole is the studio asked first: a read, with a time limit of its own.
"""

from __future__ import annotations

import asyncio
import re

import discord
from discord import ui

from bot.chat import forms, review_cards, texts
from bot.chat.layout import shown_texts, unescape
from bot.chat.router import Press, on, opens
from bot.errors import UserError
from bot.studio.screens import CaptionLine, CaptionSheet, Purpose

OPEN_WITHIN_S = 2.0
_LINE = re.compile(r"\*\*(\d+)\*\* (.*)", re.DOTALL)


def shown_lines(message: discord.Message | None) -> dict[int, str]:
    """Captions by photo number, as the message shows them; those cut short end with an ellipsis."""
    lines: dict[int, str] = {}
    for text in shown_texts(message.components if message is not None else ()):
        found = _LINE.fullmatch(text)
        if found is not None:
            lines[int(found[1])] = unescape(found[2])
    return lines


async def _read_and_open(press: Press) -> ui.Modal:
    page, first, last = _span(press)
    async with asyncio.timeout(OPEN_WITHIN_S):
        sheet = await press.studio.caption_sheet(press.who, press.action.number, page)
    lines = [line for line in sheet.lines if first <= line.number <= last]
    return forms.captions(press.action.number, page, lines, press.who.request_id)


@opens("cap.edit", or_else=_read_and_open)
def edit(press: Press) -> ui.Modal | None:
    return _open(press)


@opens("cap.five", or_else=_read_and_open)
def edit_five(press: Press) -> ui.Modal | None:
    return _open(press)


def _open(press: Press) -> ui.Modal | None:
    page, first, last = _span(press)
    shown = shown_lines(press.interaction.message)
    lines = [CaptionLine(number, text) for number, text in sorted(shown.items()) if first <= number <= last]
    if not lines or any(line.caption.endswith("…") for line in lines):
        return None
    return forms.captions(press.action.number, page, lines, press.who.request_id)


def _span(press: Press) -> tuple[int, int, int]:
    """The argument is "<page>.<photo>" or "<page>.<first photo>.<last photo>"."""
    page, first, *last = (int(part) for part in press.action.arg.split("."))
    return page, first, last[0] if last else first


@opens("cap.word")
def word(press: Press) -> ui.Modal:
    return forms.word(press.action.number, press.action.arg_number, press.who.request_id)


@on("cap.send")
async def save(press: Press) -> None:
    captions = {
        int(key.removeprefix("caption.")): press.filled.text(key)
        for key in press.filled.values
        if key.startswith("caption.")
    }
    page = int(press.action.arg.split(".")[0])
    sheet = await press.studio.edit_captions(press.who, press.action.number, captions)
    sheet = await _at_page(press, sheet, page)
    after = [n for n, line in enumerate(sheet.lines) if line.number > max(captions, default=0)]
    five_from = after[0] if len(captions) > 1 and after else 0
    await press.show(review_cards.caption_sheet(sheet, five_from=five_from))


@on("cap.word.send")
async def save_word(press: Press) -> None:
    add, remove = press.filled.text("add"), press.filled.text("remove")
    if not add and not remove:
        raise UserError(texts.no_word())
    await press.studio.change_word(press.who, press.action.number, add=add, remove=remove)
    page = int(press.action.arg.split(".")[0])
    await press.show(await press.studio.lexicon.words(press.who, press.action.number, page))


@on("cap.page")
async def page(press: Press) -> None:
    await press.show(await press.studio.caption_sheet(press.who, press.action.number, press.action.arg_number))


@on("cap.back")
async def back(press: Press) -> None:
    await press.show(await press.studio.crop_sheet(press.who, press.action.number))


@on("cap.accept")
async def accept(press: Press) -> None:
    """As with the crops: the next card is a message of its own, unless one came back here from it."""
    dataset_id = press.action.number
    card = await press.studio.accept_captions(press.who, dataset_id)
    if await press.show_below(Purpose.CONFIRM, str(dataset_id)):
        sheet = await press.studio.caption_sheet(press.who, dataset_id)
        await press.show(review_cards.caption_sheet(sheet, settled=True))
    else:
        await press.show(card)


@opens("set.trigger")
def trigger(press: Press) -> ui.Modal:
    return forms.trigger(press.action.number, press.action.arg, press.who.request_id)


@on("set.trigger.send")
async def save_trigger(press: Press) -> None:
    card = await press.studio.choose(press.who, press.action.number, trigger=press.filled.text("trigger"))
    if press.action.arg.startswith("lex."):
        await press.show(await press.studio.lexicon.words(press.who, press.action.number))
    elif press.action.arg.startswith("cap."):
        await press.show(await press.studio.caption_sheet(press.who, press.action.number))
    else:
        await press.show(card)


async def _at_page(press: Press, sheet: CaptionSheet, page: int) -> CaptionSheet:
    if sheet.page == min(page, sheet.pages):
        return sheet
    return await press.studio.caption_sheet(press.who, press.action.number, min(page, sheet.pages))
