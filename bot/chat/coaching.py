"""Presses on the coaching card. The sheet that stands below it follows."""

from __future__ import annotations

from bot.chat.customid import BadCustomId
from bot.chat.router import Press, on
from bot.studio.dataset_screens import CoachingCard
from bot.studio.screens import Purpose

BELOW = {"cropping": Purpose.CROPS, "captioning": Purpose.CAPTIONS, "ready": Purpose.CONFIRM}
"""What stands below at each stage and has to follow; what was agreed before stays as it was agreed."""


@on("coach.do")
async def act(press: Press) -> None:
    """The argument is "<matter>.<act>"."""
    matter, dot, key = press.action.arg.partition(".")
    if not dot:
        raise BadCustomId("unknown advice")
    await _answer(press, await press.studio.coach.act(press.who, press.action.number, matter, key))


@on("coach.undo")
async def undo(press: Press) -> None:
    await _answer(press, await press.studio.coach.undo(press.who, press.action.number, press.action.arg_number))


async def _answer(press: Press, card: CoachingCard | None) -> None:
    if card is None:
        return
    ref, guild = str(press.action.number), press.who.guild_id
    await press.show_live(Purpose.COACHING, ref, card)
    if card.stage in BELOW:
        await press.bot.presenter.refresh_key(guild, BELOW[card.stage], ref)
    await press.bot.presenter.deliver()
