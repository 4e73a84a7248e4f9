"""What can be pressed while it is voted on."""

from __future__ import annotations

from bot.chat import ballot_texts as texts
from bot.chat.ballot_cards import BASE
from bot.chat.customid import Action
from bot.chat.router import Ack, Press, on
from bot.errors import UserError
from bot.studio.ballot_screens import WinnerCard
from bot.studio.screens import Purpose


@on("vote.column", Ack.PRIVATE)
async def column(press: Press) -> None:
    """One column large, for this member alone."""
    await press.show(await press.studio.booth.column(press.who, press.action.number, _place(press.choice)))


@on("vote.turn")
async def turn(press: Press) -> None:
    """The next one, in the same answer."""
    wanted = _place(press.action.arg.split(".")[0])
    await press.show(await press.studio.booth.column(press.who, press.action.number, wanted))


@on("vote.says", Ack.PRIVATE)
async def says(press: Press) -> None:
    """Whether this member voted is read from Discord now: what was heard of reactions may be old."""
    guild_id, ballot_id = press.who.guild_id, press.action.number
    place = await press.bot.post.place(guild_id, Purpose.BALLOT, str(ballot_id))
    voted = None if place is None else await press.bot.presenter.ballots.voted(place, press.who.member_id)
    if voted is None:
        raise UserError(texts.votes_hidden())
    await press.say(await press.studio.booth.says(press.who, ballot_id, voted))


@on("vote.extend")
async def extend(press: Press) -> None:
    """The argument is the end that the pressed card shows."""
    card = await press.studio.extend_ballot(press.who, press.action.number, press.action.arg_number)
    await press.show_live(Purpose.BALLOT, press.action.id, card)


@on("vote.close", Ack.PRIVATE)
async def close(press: Press) -> None:
    await _close(press, None)


@on("vote.win", Ack.PRIVATE)
async def win(press: Press) -> None:
    await _close(press, _place(press.choice))


@on("vote.take", Ack.PRIVATE)
async def take(press: Press) -> None:
    """The owner's answer where votes are level."""
    await _close(press, press.action.arg_number)


async def _close(press: Press, option: int | None) -> None:
    """The reactions are read from Discord now, whoever decides."""
    guild_id, ballot_id = press.who.guild_id, press.action.number
    await press.studio.may_close(press.who, ballot_id)
    place = await press.bot.post.place(guild_id, Purpose.BALLOT, str(ballot_id))
    counted = await press.bot.presenter.ballots.recount(place) if place is not None else None
    by = None if option is None else press.who.member_id
    card = await press.studio.close_ballot(guild_id, ballot_id, counted, option=option, by=by)
    await press.say(texts.chosen(card.name) if isinstance(card, WinnerCard) else texts.asked())
    for purpose in (Purpose.BALLOT, Purpose.TIE):
        await press.bot.presenter.refresh_key(guild_id, purpose, str(ballot_id))
    await press.bot.presenter.deliver()


def _place(choice: str) -> int | None:
    """None is the base."""
    return None if choice == BASE else Action("vote.column", choice).number
