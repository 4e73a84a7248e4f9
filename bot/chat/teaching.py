""" "Teach from these": favourites as the photos of a new training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.chat import teaching_texts as texts
from bot.chat.customid import custom_id
from bot.chat.forms import form, text_box
from bot.chat.layout import clip
from bot.chat.rooms import Room, check_may_train, open_room
from bot.chat.router import Ack, Press, on, opens
from bot.chat.teaching_texts import Field, Hint, Title
from bot.errors import UserError
from bot.language import label
from bot.studio.teaching import Choice

PER_MENU = 25


async def _fill(press: Press) -> ui.Modal:
    """Filled with what may be chosen, all of it chosen already.

    The gallery's message shows nine favourites, and not whose they are: so these are read, all of them at once.
    """
    check_may_train(press.interaction)
    return teach(await press.studio.teaching.choices(press.who), press.who.request_id)


@opens("teach.form", or_else=_fill)
def open_form(press: Press) -> ui.Modal | None:
    return None


def teach(choices: Sequence[Choice], opening: str) -> ui.Modal:
    parts: list[ui.Item[Any]] = [
        ui.Label(text=Field.NAME, description=Hint.NAME, component=text_box("name", min_length=1, max_length=50)),
        ui.Label(text=Field.PICTURES, description=Hint.PICTURES, component=_menu("pictures", choices[:PER_MENU])),
    ]
    if choices[PER_MENU:]:
        more = _menu("more", choices[PER_MENU : 2 * PER_MENU])
        parts.append(ui.Label(text=Field.MORE, description=Hint.MORE, component=more))
    return form(Title.TEACH, custom_id("teach.send", 0, opening), *parts)


def _menu(key: str, choices: Sequence[Choice]) -> ui.Select[Any]:
    return ui.Select(
        custom_id=key,
        required=False,
        min_values=0,
        max_values=len(choices),
        options=[
            discord.SelectOption(
                label=texts.option(choice.number),
                value=str(choice.picture_id),
                description=clip(" ".join(choice.prompt.split()), 100) or None,
                default=True,
            )
            for choice in choices
        ],
    )


@on("teach.send", Ack.PRIVATE)
async def send(press: Press) -> None:
    """The argument is the id of the form's opening: sent again it finds what it began."""
    name = " ".join(press.filled.text("name").split())
    chosen = [int(id) for key in ("pictures", "more") for id in press.filled.chosen.get(key, ())]
    draft = f"teach-{press.action.arg}"
    known = await press.studio.room_of_draft(press.who, draft)
    if known is None:
        await press.studio.teaching.check(press.who, chosen)
    room = await open_room(press.interaction, name or label(Title.TEACH), draft) if known is None else Room(known)
    try:
        begun = await press.studio.teaching.begin(press.who, draft, name, chosen, room.channel_id)
    except UserError:
        await room.close(press.bot)
        raise
    await press.say("\n".join([texts.begun(begun, room.channel_id), *room.notes()]))
    await press.bot.presenter.deliver()
