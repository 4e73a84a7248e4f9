"""What a bot that is told to stop still does, and what it does not begin any more."""

from __future__ import annotations

import asyncio

import pytest

from tests.chat.conftest import World


async def test_a_kind_stop_lets_a_press_be_answered(world: World) -> None:
    bot = world.make_bot()
    with bot.underway.one():
        closing = asyncio.create_task(bot.close())
        done, _ = await asyncio.wait({closing}, timeout=0.05)
        assert not done and not bot.is_closed()
    await closing
    assert bot.is_closed()


async def test_a_kind_stop_waits_for_nobody_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.chat.bot.LAST_ANSWER_S", 0.01)
    bot = world.make_bot()
    with bot.underway.one():
        await bot.close()
    assert bot.is_closed()


async def test_what_discord_says_to_a_bot_that_is_gone_begins_nothing(world: World) -> None:
    """READY is told two seconds late by discord.py itself: by then the bot may have been stopped."""
    bot = world.make_bot()
    await bot.close()
    bot.dispatch("ready")
    await bot.presenter.start()
    assert not bot.presenter._round.is_running()
