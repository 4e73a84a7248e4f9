"""A vote from its opening to its winner, with everything that can be done to it, the process ended after every step."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.chat.ballots import LOOK_EVERY_S
from storage.records import Ballot, Scope
from tests.journeys.town import Town, words

A, B, C = BALLOT_EMOJI[:3]
TIE = "Kat3r1na: a tie"


def pressable(message: discord.Message) -> str:
    return str([component.to_dict() for component in message.components])


def told(result: Any) -> str:
    assert result.response is not None and result.response.ephemeral
    return words(result.response)


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


async def to_the_vote(town: Town) -> None:
    await town.train(photos=5)
    await town.engine_done()
    await town.press("Looks right", "the crops")
    await town.press("Looks right", "the captions")
    await town.alice.select(town.the("Ready to learn"), ["server"], custom_id="lk1:set.access:1")
    await town.press("Start training", "Ready to learn")
    await town.engine_done()


async def the_ballot(town: Town) -> Ballot:
    return await town.app.store.ballots.get(Scope(town.guild.id), 1)


async def level(town: Town) -> None:
    async with town.app.store.write():
        await town.app.store.database.change("UPDATE epochs SET likeness = 60, fidelity = 95 WHERE number > 0")


@pytest.mark.parametrize("ending", ["never", "stop", "kill"])
async def test_a_blind_vote_with_a_tie_and_a_deleted_message(town: Town, ending: str) -> None:
    ends: dict[str, Callable[[], Awaitable[None]]] = {"stop": town.stop_and_start, "kill": town.kill_and_start}

    async def it_ends_here() -> None:
        if ending in ends:
            await ends[ending]()
        await town.round()

    await to_the_vote(town)
    await level(town)
    ballot = town.the("is best?")
    order = (await the_ballot(town)).options
    assert sorted(order) == [1, 2, 3] and [str(r.emoji) for r in ballot.reactions] == [A, B, C]
    assert "shuffled, the same way for everybody" in words(ballot) and "epoch" not in words(ballot).lower()

    await it_ends_here()
    large = await town.bob.select(town.the("is best?"), ["1"], custom_id="lk1:vote.column:1")
    assert "**Column B**" in told(large) and "epoch" not in told(large).lower()
    await it_ends_here()
    assert large.response is not None
    await town.bob.click(large.response, label="Next column")
    assert "**Column C**" in words(large.response), "leafed through by a later process"

    says = await town.bob.click(town.the("is best?"), label="What does Likeness say?")
    assert "Look for yourself first" in told(says)
    await town.bob.react(town.the("is best?"), A)
    await it_ends_here()
    says = await town.bob.click(town.the("is best?"), label="What does Likeness say?")
    letter = "ABC"[order.index(2)]
    assert re.match(rf"You took A\W .*I would take {letter}\b.* It looks most like the photos", told(says))

    before = (await the_ballot(town)).closes_at
    await town.press("One more hour", "is best?")
    await it_ends_here()
    assert (await the_ballot(town)).closes_at == before + 3600

    deleted = town.the("is best?")
    town.env.backend.delete_message(deleted.channel.id, deleted.id)
    town.app.bot.presenter.ballots._looked[1] -= LOOK_EVERY_S
    await town.round(2)
    await it_ends_here()
    anew = town.the("is best?")
    assert anew.id != deleted.id and "was deleted" in words(anew)
    assert [str(r.emoji) for r in anew.reactions] == [A, B, C] and (await the_ballot(town)).options == order

    await town.alice.react(anew, C)
    await it_ends_here()
    closing = await town.press("Close now", "is best?")
    assert "It is a tie" in told(closing), "what bob voted under the deleted message still counts"
    await it_ends_here()
    question = town.the(TIE)
    assert "A and C are level, with 1 vote each" in words(question) and [m.id for m in question.mentions] == [
        town.alice.id
    ]
    assert "Close now" not in pressable(town.the("is best?"))
    await it_ends_here()

    refused = await town.bob.click(town.the(TIE), label="Take C")
    assert "Only the one who brought the photos" in told(refused)
    taken = await town.alice.click(town.the(TIE), label="Take C")
    assert "it is. The announcement follows." in told(taken)
    await it_ends_here()
    await town.round(12)
    winner = town.the("is here")
    assert f"Epoch {order[2]} wins with 1 of 2 votes: a tie, also in score" in words(winner)
    assert f"Decided by <@{town.alice.id}>." in words(winner) and f"**{C} epoch {order[2]}, 1 vote**" in words(winner)
    closed = town.the("is best?")
    assert f"{A} epoch {order[0]}, 1 vote" in words(closed)
    assert "custom_id" not in pressable(closed) + pressable(town.the(TIE))
    # As from a client that has not seen any of it yet.
    for verb in ("vote.take:1:0", "vote.close:1"):
        old = {"type": 2, "style": 2, "label": "Old", "custom_id": f"lk1:{verb}", "id": 2}
        town.env.backend.messages[closed.channel.id][closed.id].components = [{"type": 1, "id": 1, "components": [old]}]
        assert "it is. The announcement follows." in told(await town.alice.click(closed, label="Old"))
    assert len(town.find("is here")) == 1 and (await the_ballot(town)).winner == order[2]
