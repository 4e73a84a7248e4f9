"""The confirm card: choices, and the start."""

from __future__ import annotations

from bot.chat.router import Press, on
from bot.studio.screens import Purpose


@on("set.preset")
async def preset(press: Press) -> None:
    await press.show(await press.studio.choose(press.who, press.action.number, preset=press.choice))


@on("set.access")
async def access(press: Press) -> None:
    await press.show(await press.studio.choose(press.who, press.action.number, access=press.choice))


@on("set.vote")
async def vote(press: Press) -> None:
    await press.show(await press.studio.choose(press.who, press.action.number, wants_vote=press.action.arg == "1"))


@on("confirm.back")
async def back(press: Press) -> None:
    await press.show(await press.studio.caption_sheet(press.who, press.action.number))


@on("set.start")
async def start(press: Press) -> None:
    """Pressed twice it is the same run: the card loses its buttons only after the start was committed."""
    dataset_id = press.action.number
    status = await press.studio.start_training(press.who, dataset_id)
    key = (press.who.guild_id, Purpose.STATUS, str(status.run_id))
    # A run has one status card; a second press must not post another.
    standing = await press.bot.post.place(*key)
    if standing is None:
        await press.bot.presenter.show_next(key, press.who.channel_id, status, None)
    await press.show(await press.studio.confirm_card(press.who, dataset_id))
