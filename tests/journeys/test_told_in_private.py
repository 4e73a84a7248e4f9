"""Written to in private: only who asked, once for each thing that happens, and nothing where Discord does not let it through."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.studio.screens import Purpose
from engine.script import Script
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.trouble.cases import said, to_status

ASK, END = "Tell me when it is done", "Do not write to me"


@pytest.fixture(autouse=True)
def nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A training waits for the engine."""
    town = Town(tmp_path, script=Script(hold={"train": 3}))
    async with town.open():
        await to_status(town)
        await town.engine.idle()
        yield town


def buttons(message: discord.Message) -> dict[str, Any]:
    """By their labels."""
    found: dict[str, Any] = {}
    waiting: list[Any] = list(message.components)
    while waiting:
        part = waiting.pop()
        waiting += getattr(part, "children", ())
        if getattr(part, "label", None):
            found[part.label] = part
    return found


def card(town: Town) -> discord.Message:
    (found,) = (message for message in town.find("Kat3r1na") if buttons(message).keys() & {ASK, END})
    return found


def private(town: Town) -> list[discord.Message]:
    return town.alice.user.dm_channel.history()


def read(town: Town) -> list[str]:
    """The first line of each."""
    return [words(message).split("\n")[0] for message in private(town)]


async def press(town: Town, label: str) -> str:
    return said(await town.alice.click(card(town), label=label))


FIRST = (
    "I will write to you here when the vote on Kat3r1na opens and when Kat3r1na is ready, "
    "or if the training ends before that."
)
VOTE = "Kat3r1na has been trained, and the vote is open: which epoch is best?"
READY = "Kat3r1na is ready to be painted."


async def test_who_asked_is_written_to_once_for_each_thing_that_happens(town: Town) -> None:
    town.env.backend.add_thread_member(town.room.id, town.bob.id)
    assert "Only the one who brought the photos" in said(await town.bob.click(card(town), label=ASK))
    await press(town, ASK)
    await town.stop_and_start()
    await town.engine.idle()
    assert read(town) == [FIRST]
    assert "I will not write to you" in await press(town, END)
    await town.round()
    assert read(town) == [] and set(buttons(card(town))) & {ASK, END} == {ASK}, "taken back, the first message goes too"
    assert "A first message comes now" in await press(town, ASK)
    assert set(buttons(card(town))) & {ASK, END} == {END}
    town.engine.release("train")
    await town.engine_done()
    assert read(town) == [FIRST, VOTE]
    ballot = town.the("is best?")
    await town.press("Close now", "is best?")
    await town.round(30)
    assert read(town) == [FIRST, VOTE, READY]
    ways = [next(part.url for part in buttons(message).values()) for message in private(town)]
    winner = town.the("is here")
    assert ways[1:] == [ballot.jump_url, winner.jump_url]
    assert all(not message.attachments and not message.mentions for message in private(town))
    assert town.bob.user.dm_channel.history() == []


async def test_closed_later_it_is_dropped_and_nothing_else_is_lost(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot")
    await press(town, ASK)
    where = f"/channels/{town.alice.user.dm_channel.id}/messages"
    town.env.inject_error("POST", where, status=403, code=50278)
    town.engine.release("train")
    await town.engine_done()
    await town.round(15)
    assert set(buttons(card(town))) & {ASK, END} == {ASK}, "it shows that it is off"
    assert await town.app.store.wishes.of_run(Scope(town.guild.id), 1) == ()
    (line,) = [record.getMessage() for record in caplog.records if "direct messages" in record.getMessage()]
    assert "403/50278" in line and "alice" not in line and "Kat3r1na" not in line
    await town.press("Close now", "is best?")
    await town.round(30)
    assert town.find("is here") and private(town) == []


async def test_killed_between_sending_and_marking_it_is_there_once(town: Town) -> None:
    await press(town, ASK)
    sent, lost = town.app.bot.post.sent, []

    async def dies(due: Any, place: Any) -> None:
        if due.purpose is Purpose.NEWS:
            lost.append(place.message_id)
            raise ConnectionAbortedError
        await sent(due, place)

    town.app.bot.post.sent = dies  # type: ignore[method-assign]
    town.engine.release("train")
    await town.engine_done()
    assert lost and read(town) == [FIRST, VOTE]
    await town.kill_and_start()
    await town.round(30)
    (row,) = [
        row for row in await town.app.store.outbox.list(Scope(town.guild.id), purpose="news") if "vote" in row.ref
    ]
    assert row.message_id == lost[0] and read(town) == [FIRST, VOTE]
