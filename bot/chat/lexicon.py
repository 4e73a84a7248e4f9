"""All captions at once: the card in the caption sheet's own message, its forms, and the archive to take away."""

from __future__ import annotations

import io

import discord
from discord import ui

from bot.chat import forms
from bot.chat import lexicon_texts as texts
from bot.chat.customid import custom_id
from bot.chat.lexicon_texts import Field, Hint, Title
from bot.chat.router import Ack, Press, on, opens
from bot.chat.uploads import fetch_all
from bot.errors import UserError

LONGEST_WORDS = 100
FILES = 10


@on("lex.open")
async def show(press: Press) -> None:
    await press.show(await press.studio.lexicon.words(press.who, press.action.number, press.action.arg_number))


@on("lex.back")
async def back(press: Press) -> None:
    await press.show(await press.studio.caption_sheet(press.who, press.action.number, press.action.arg_number))


@on("lex.remove")
async def remove(press: Press) -> None:
    card = await press.studio.lexicon.remove(press.who, press.action.number, press.choice, press.action.arg_number)
    await press.show(card)


@on("lex.undo")
async def undo(press: Press) -> None:
    """The argument is "<page>.<change>"."""
    page, change = (int(part) for part in press.action.arg.split("."))
    await press.show(await press.studio.lexicon.undo(press.who, press.action.number, change, page))


@opens("lex.replace")
def replace(press: Press) -> ui.Modal:
    return forms.form(
        Title.REPLACE,
        custom_id("lex.replace.send", press.action.number, f"{press.action.arg_number}.{press.who.request_id}"),
        ui.Label(
            text=Field.FIND,
            description=Hint.FIND,
            component=forms.text_box("find", max_length=LONGEST_WORDS, min_length=1),
        ),
        ui.Label(
            text=Field.PUT,
            description=Hint.PUT,
            component=forms.text_box("put", max_length=LONGEST_WORDS, required=False),
        ),
    )


@on("lex.replace.send")
async def replace_all(press: Press) -> None:
    find, put = press.filled.text("find"), press.filled.text("put")
    await press.show(await press.studio.lexicon.replace(press.who, press.action.number, find, put, _page(press)))


@opens("lex.bring")
def bring(press: Press) -> ui.Modal:
    return forms.form(
        Title.BRING,
        custom_id("lex.bring.send", press.action.number, f"{press.action.arg_number}.{press.who.request_id}"),
        ui.Label(
            text=Field.FILES,
            description=Hint.FILES,
            component=ui.FileUpload(custom_id="files", required=True, min_values=1, max_values=FILES),
        ),
    )


@on("lex.bring.send")
async def take_in(press: Press) -> None:
    fetched = await fetch_all(press.filled.uploads, press.bot.fetch)
    # A .txt is its own caption; a picture, out of a ZIP, brings the one that lay beside it.
    brought = {
        given.name: given.data.decode("utf-8-sig", "replace") if given.name.lower().endswith(".txt") else given.caption
        for given in fetched.photos
    }
    brought = {name: text for name, text in brought.items() if text.strip()}
    if not brought:
        raise UserError(texts.no_files())
    done = await press.studio.lexicon.bring(press.who, press.action.number, brought, _page(press))
    await press.show(done.card)
    sentences = [texts.brought(done.matched)] + ([texts.unknown(done.unknown)] if done.unknown else [])
    await press.say(" ".join(sentences)[:2000])


@on("lex.export", Ack.PRIVATE)
async def export(press: Press) -> None:
    """To this member alone; what is over the place's limit for files is said and left."""
    archives = await press.studio.lexicon.export(press.who, press.action.number)
    most = press.interaction.filesize_limit
    fitting = [archive for archive in archives if len(archive.data) <= most][:FILES]
    said = texts.exported(len(fitting)) if fitting else ""
    if len(fitting) < len(archives):
        said = f"{said} {texts.export_left(len(archives) - len(fitting))}".strip()
    # One message each: together they may be over what one message carries.
    first, *more = fitting or [None]
    await press.interaction.edit_original_response(
        content=said, attachments=[_file(first.name, first.data)] if first else []
    )
    for archive in more:
        if archive is not None:
            await press.interaction.followup.send(file=_file(archive.name, archive.data), ephemeral=True)


def _file(name: str, data: bytes) -> discord.File:
    return discord.File(io.BytesIO(data), name)


def _page(press: Press) -> int:
    return int(press.action.arg.split(".")[0])
