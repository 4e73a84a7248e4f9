"""What can be pressed while it trains."""

from __future__ import annotations

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


@on("job.lighter", Ack.PRIVATE)
async def lighter(press: Press) -> None:
    notice = await press.studio.train_lighter(press.who, press.action.id)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()
