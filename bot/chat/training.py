"""What can be pressed while it trains and while it is voted on."""

from __future__ import annotations

from bot.chat import texts
from bot.chat.router import Ack, Press, on
from bot.studio.screens import Purpose


@on("run.cancel")
async def cancel(press: Press) -> None:
    notice = await press.studio.cancel(press.who, run_id=press.action.number)
    await press.say(notice.sentence)
    await press.bot.presenter.refresh_key(press.who.guild_id, Purpose.STATUS, press.action.id)
    await press.bot.presenter.deliver()


@on("run.stop")
async def stop(press: Press) -> None:
    card = await press.studio.stop_after_epoch(press.who, press.action.number)
    await press.show_live(Purpose.STATUS, press.action.id, card)


@on("job.retry", Ack.PRIVATE)
async def retry(press: Press) -> None:
    notice = await press.studio.retry(press.who, press.action.id)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()


@on("vote.win", Ack.PRIVATE)
async def win(press: Press) -> None:
    await _close(press, winner=int(press.choice))


@on("vote.close", Ack.PRIVATE)
async def close(press: Press) -> None:
    await _close(press, winner=None)


async def _close(press: Press, winner: int | None) -> None:
    """The reactions are read from Discord now, whoever decides."""
    guild_id, ballot_id = press.who.guild_id, press.action.number
    await press.studio.may_close(press.who, ballot_id)
    place = await press.bot.post.place(guild_id, Purpose.BALLOT, str(ballot_id))
    counted = await press.bot.presenter.ballots.recount(place) if place is not None else None
    card = await press.studio.close_ballot(guild_id, ballot_id, counted, winner=winner)
    await press.say(texts.winner_chosen(card.name))
    if place is not None:
        await press.bot.presenter.refresh(place)
    await press.bot.presenter.deliver()


@on("vote.extend")
async def extend(press: Press) -> None:
    """The argument is the end that the pressed card shows."""
    card = await press.studio.extend_ballot(press.who, press.action.number, press.action.arg_number)
    await press.show_live(Purpose.BALLOT, press.action.id, card)
