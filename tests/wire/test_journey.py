"""The whole conversation over the wire, with a process that is killed in the middle of it (SIGKILL) and started again.

However often it dies, and wherever, the story ends as it does undisturbed: the same messages with the same pictures, each
posted once, and the same LoRA to the bit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bot.chat.ballot_cards import BALLOT_EMOJI
from engine.script import Script
from tests.judge.capture import verdict
from tests.judge.judge import Request, judge
from tests.wire.discord_server import PATIENCE_S, Wanted, Wire
from tests.wire.process import TOKEN, Bot
from tests.wire.story import PROMPT, Story

pytestmark = pytest.mark.slow

Moment = Callable[[Wire, Story], Awaitable[object]]
"""Called before the telling goes on; what it returns ends when the process is to be killed."""
QUERIES = {
    "LoRAs": "SELECT name, loras.trigger, epoch, sha256, state FROM loras JOIN runs ON runs.id = loras.run_id",
    "jobs": "SELECT kind, state FROM jobs ORDER BY kind",
    "photos": "SELECT number, raw_sha256, clean_sha256, state FROM photos ORDER BY number",
    "votes": "SELECT member_id, epoch FROM votes ORDER BY member_id, epoch",
    "unsent": "SELECT purpose, ref, state FROM outbox WHERE state <> 'sent'",
}


@dataclass(frozen=True)
class Ending:
    """What is left of a telling."""

    channels: list[Any]
    rows: dict[str, list[tuple[Any, ...]]]


@asynccontextmanager
async def living(folder: Path, script: Script | None = None) -> AsyncIterator[tuple[Story, Bot]]:
    async with Wire(TOKEN).open() as wire, Bot(wire, folder, script or Script()) as bot:
        yield Story(wire), bot


async def ended(story: Story, bot: Bot) -> Ending:
    """Tell the rest, end it kindly, and see what it came to; every request was one that Discord takes, and every answer
    was one that Discord gives."""
    await story.tell()
    await caught_up(bot)
    await bot.stop()
    log = bot.log.read_text()
    assert "ERROR" not in log and "Traceback" not in log and TOKEN not in log, log
    problems = [problem for request in story.wire.sent for problem in verdict(request)]
    assert not problems, "Discord would refuse:\n" + "\n".join(problems)
    if (discord := judge()) is not None:
        told = [problem for answer in story.wire.answered for problem in discord.answer_problems(*answer)]
        assert not told, "Discord would not answer so:\n" + "\n".join(told)
    assert story.twice() == []
    with contextlib.closing(sqlite3.connect(bot.folder / "data" / "likeness.db")) as database:
        return Ending(story.ending(), {what: database.execute(sql).fetchall() for what, sql in QUERIES.items()})


async def caught_up(bot: Bot) -> None:
    """Until the bot knows of everything it posted. A life that begins after the last word was posted has only this left to
    do, and no request of it tells when it is done: so its database is asked now and then."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.closing(sqlite3.connect(bot.folder / "data" / "likeness.db")) as database:
                if not database.execute(QUERIES["unsent"]).fetchall():
                    return
            await asyncio.sleep(0.05)


async def broken_off(story: Story, bot: Bot, moment: Moment) -> None:
    """Tell until the moment has come; there the process is killed."""
    reached = asyncio.ensure_future(moment(story.wire, story))
    telling = asyncio.create_task(story.tell())
    await asyncio.wait({telling, reached}, return_when=asyncio.FIRST_COMPLETED)
    if not reached.done():
        reached.cancel()
        await telling
        raise AssertionError("the moment never came")
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await telling
    await bot.kill()
    story.wire.still = False
    # As after a longer gap: only the bot itself keeps things from being posted twice.
    story.wire.board.nonces.clear()


def received(wanted: Wanted) -> Moment:
    """Discord has done what it was asked for, and the bot has not heard of it."""
    return lambda wire, story: wire.hold(wanted).reached.wait()


def not_said(wanted: Wanted) -> Moment:
    """The bot has committed and was about to say so."""
    return lambda wire, story: wire.hold(wanted, effect=False).reached.wait()


def posting(text: str) -> Wanted:
    return lambda request: request.method == "POST" and request.path.endswith("/messages") and _says(request, text)


def answering(text: str) -> Wanted:
    return lambda request: request.method == "PATCH" and request.path.endswith("/@original") and _says(request, text)


def opening(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/threads")


def seeding(request: Request) -> bool:
    return request.method == "PUT" and f"/reactions/{BALLOT_EMOJI[1]}" in unquote(request.path)


def _says(request: Request, text: str) -> bool:
    return text in json.dumps(request.body, ensure_ascii=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ending:
    async def told() -> Ending:
        async with living(tmp_path_factory.mktemp("undisturbed")) as (story, bot):
            return await ended(story, bot)

    ending = asyncio.run(told())
    chosen = Counter(epoch for _, epoch in ending.rows["votes"]).most_common(1)[0][0]
    assert [row[:3] + row[4:] for row in ending.rows["LoRAs"]] == [("kat3r1na-gen0", "k4tya", chosen, "published")]
    assert ending.rows["unsent"] == [] and len(ending.rows["votes"]) == 3
    assert [channel[0] for channel in ending.channels] == ["studio", "train-kat3r1na"]
    assert [len(channel) - 1 for channel in ending.channels] == [3, 7]
    return ending


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(
            [
                received(opening),
                received(posting("the captions")),
                received(posting("**Epoch 2 of 3**")),
                received(seeding),
                received(posting("is here")),
                received(posting(PROMPT)),
            ],
            id="between Discord's receipt and the bot's knowledge",
        ),
        pytest.param(
            [
                not_said(answering("photos in")),
                not_said(answering("The captions are agreed")),
                not_said(answering("-# Started.")),
                not_said(answering("kat3r1na-gen0 it is")),
                not_said(answering("Painting")),
            ],
            id="between the commit and the reply",
        ),
    ],
)
async def test_killed_again_and_again(tmp_path: Path, moments: list[Moment], undisturbed: Ending) -> None:
    async with living(tmp_path) as (story, bot):
        for moment in moments:
            await broken_off(story, bot, moment)
            await bot.start()
        assert await ended(story, bot) == undisturbed
        assert bot.lives == 1 + len(moments)


async def test_killed_in_the_middle_of_work(tmp_path: Path, undisturbed: Ending) -> None:
    """While photos are read, while it trains, and while people vote: what they do meanwhile counts."""

    def reading(wire: Wire, story: Story) -> Awaitable[object]:
        return wire.until(lambda: [said for asked in story.asked("train.send") for said in asked.said])

    async with living(tmp_path, Script(hold={"prepare": 3})) as (story, bot):
        await broken_off(story, bot, reading)
        bot.script = Script(hold={"train": 3})
        await bot.start()
        await broken_off(story, bot, lambda wire, story: wire.until(lambda: story.find("**Epoch 1 of 3**")))
        assert not story.find("**Epoch 2 of 3**")
        bot.script = Script()
        await bot.start()
        await story.tell(to=story.votes)
        await bot.kill()
        await story.votes()
        await bot.start()
        assert await ended(story, bot) == undisturbed


async def test_told_to_wait_and_to_connect_anew(tmp_path: Path, undisturbed: Ending) -> None:
    """429 on a post and on an answer; then the gateway sends the bot elsewhere, and what happened in between is replayed."""
    async with living(tmp_path) as (story, bot):
        wire = story.wire
        wire.limited += [posting("the crops"), answering("The crops are agreed"), seeding]
        await story.tell(to=story.votes)
        assert wire.limited == []
        await wire.gateway.ask_to_reconnect()
        assert await ended(story, bot) == undisturbed
        assert (len(wire.gateway.identified), len(wire.gateway.resumed), bot.lives) == (1, 1, 1)
