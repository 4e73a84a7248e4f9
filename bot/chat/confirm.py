"""The confirm card: choices, and the start."""

from __future__ import annotations

from bot.chat.router import Press, on


@on("set.preset")
async def preset(press: Press) -> None:
    await press.show(await press.studio.choose(press.who, press.action.number, preset=press.choice))


@on("set.access")
async def access(press: Press) -> None:
    await press.show(await press.studio.choose(press.who, press.action.number, access=press.choice))


@on("set.vote")
async def vote(press: Press) -> None:
    """To what the argument names: blind, open or off."""
    wanted = press.action.arg
    card = await press.studio.choose(
        press.who, press.action.number, wants_vote=wanted != "off", blind=None if wanted == "off" else wanted != "open"
    )
    await press.show(card)


@on("confirm.back")
async def back(press: Press) -> None:
    await press.show(await press.studio.caption_sheet(press.who, press.action.number))


@on("set.start")
async def start(press: Press) -> None:
    """Pressed twice it is the same run, whose one status card was asked for in the commit that started it."""
    dataset_id = press.action.number
    await press.studio.start_training(press.who, dataset_id)
    await press.bot.presenter.deliver()
    await press.show(await press.studio.confirm_card(press.who, dataset_id))
