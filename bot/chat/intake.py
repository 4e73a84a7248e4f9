"""Photos in: the form of /train and "Add more photos"."""

from __future__ import annotations

from discord import ui

from bot.chat import cards, crop_texts, forms, texts
from bot.chat.rooms import Room, open_room
from bot.chat.router import Ack, Press, on, opens
from bot.chat.uploads import Fetched, fetch_all
from bot.errors import UserError
from bot.studio.requests import BeginTraining

FACES = ("me", "member", "agreed")
"""Choices of the form that are a person's face; the others are kinds of subjects without one."""


@on("train.send", Ack.PRIVATE)
async def begin(press: Press) -> None:
    """The form of /train: the id is the draft, the argument says how many photos came with the command.

    A form that was not answered can be sent again: it finds the room that was opened for it.
    """
    held = await press.bot.held.take(press.action.id)
    name, said = press.filled.text("name"), press.filled.text("kind") or "me"
    if not press.filled.ticked("consent"):
        raise UserError(texts.no_consent())
    if not name:
        raise UserError(texts.no_name())
    fetched = await _fetch(press)
    photos = (*held.photos, *fetched.photos)
    problems, told = (*held.problems, *fetched.problems), [*held.notes, *fetched.notes]
    if not photos:
        raise UserError("\n".join([texts.left_out(problems)] * bool(problems) + told)[:2000] or texts.no_photos())
    lost = press.action.arg_number - held.uploads
    known = await press.studio.room_of_draft(press.who, press.action.id)
    room = await open_room(press.interaction, name, press.action.id) if known is None else Room(known)
    try:
        await press.studio.begin(
            press.who,
            BeginTraining(
                draft=press.action.id,
                name=name,
                kind="person" if said in FACES else said,
                depicts=said if said in FACES else "nobody",
                consent=True,
                photos=photos,
                room_id=room.channel_id,
            ),
        )
    except UserError:
        await room.close(press.bot)
        raise
    notes = [texts.room_opened(room.channel_id, len(photos)), *room.notes()]
    if lost > 0:
        notes.append(texts.lost_in_restart(lost))
    if problems:
        notes.append(texts.left_out(problems))
    await press.say("\n".join([*notes, *told])[:2000])
    await press.bot.presenter.deliver()


@opens("photos.more")
def more(press: Press) -> ui.Modal:
    return forms.more_photos(press.action.number, press.who.request_id)


@on("photos.send", Ack.PRIVATE)
async def add(press: Press) -> None:
    fetched = await _fetch(press)
    left = [texts.left_out(fetched.problems)] * bool(fetched.problems) + [*fetched.notes]
    if not fetched.photos:
        raise UserError("\n".join(left)[:2000] or texts.no_photos())
    await press.studio.add_photos(press.who, press.action.number, fetched.photos)
    await press.say("\n".join([texts.photos_added(len(fetched.photos)), *left])[:2000])
    await press.bot.presenter.deliver()


@on("photos.frames", Ack.PRIVATE)
async def first_frames(press: Press) -> None:
    reading = await press.studio.intake.take_first_frames(press.who, press.action.number)
    await press.say(crop_texts.frames_taken(reading.given - reading.done))
    await press.bot.presenter.deliver()


@on("set.discard")
async def discard(press: Press) -> None:
    """The panel says what became of it; nothing is left to press."""
    notice = await press.studio.discard(press.who, press.action.number)
    await press.show(cards.draw(notice))
    await press.bot.presenter.deliver()


async def _fetch(press: Press) -> Fetched:
    return await fetch_all(press.filled.uploads, press.bot.fetch)
