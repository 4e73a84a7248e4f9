from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotAllowed, UserError
from bot.studio import ballot as rules
from bot.studio.screens import BallotCard, Purpose, WinnerCard
from engine.script import Script
from storage.states import RunState
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, OWNER, ROOM, SCOPE, House

A, B, C = frozenset({11}), frozenset({11, 12}), frozenset({11, 12, 13})


@pytest.mark.parametrize(
    ("counted", "name", "result"),
    [
        ({0: C, 1: A, 2: B}, 1, "Epoch 1 wins, 3 of 6 votes."),
        ({}, 2, "Nobody voted, so epoch 2 wins: it is what the engine suggested."),
        ({0: A, 1: A}, 2, "Epoch 2 wins with 1 of 2 votes: a tie, so the engine's suggestion decides."),
        ({0: A, 2: A}, 1, "Epoch 1 wins with 1 of 2 votes: a tie, so the earlier one wins."),
        ({0: A, 7: C}, 1, "Epoch 1 wins, 1 of 1 vote."),
    ],
)
async def test_who_wins(house: House, counted: dict[int, frozenset[int]], name: int, result: str) -> None:
    async with house.life() as studio:
        run, ballot = await house.trained()
        card = await studio.close_ballot(GUILD, ballot, counted)
        assert card.result == result
        lora = await house.store.loras.get(SCOPE, card.lora_id)
        epoch = await house.store.epochs.numbered(SCOPE, run, name)
        assert (lora.epoch, lora.sha256) == (name, epoch.lora_sha256)
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.PUBLISHED


async def test_the_winner_is_published_once(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        closing = [studio.close_ballot(GUILD, ballot, {place: A}) for place in (2, 0, 1)]
        cards = await asyncio.gather(*closing)
        assert {card.lora_id for card in cards} == {1} and {card.result for card in cards} == {cards[0].result}
        assert await house.posts("winner") == [("winner", "1")]
        assert len(await house.store.loras.list(SCOPE)) == 1
    async with house.life() as studio:
        again = await studio.close_ballot(GUILD, ballot, {1: C}, winner=1)
        assert again.result == cards[0].result
        assert await house.posts("winner") == [("winner", "1")]


async def test_the_rows_say_what_was_counted_at_the_end(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await studio.vote(GUILD, ballot, 50, 0, on=True)
        await studio.vote(GUILD, ballot, 51, 1, on=True)
        await studio.vote(GUILD, ballot, 51, 1, on=True)
        await studio.vote(GUILD, ballot, 52, 2, on=True)
        await studio.vote(GUILD, ballot, 52, 2, on=False)
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 1, 2: 1, 3: 0}
        await studio.close_ballot(GUILD, ballot, {2: B})
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 0, 2: 0, 3: 2}
        with pytest.raises(UserError, match="This vote is over"):
            await studio.vote(GUILD, ballot, 53, 0, on=True)
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 0, 2: 0, 3: 2}


async def test_without_a_count_the_votes_on_record_decide(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await studio.vote(GUILD, ballot, 50, 2, on=True)
        assert (await studio.close_ballot(GUILD, ballot, None)).result == "Epoch 3 wins, 1 of 1 vote."
        with pytest.raises(UserError, match="no such epoch"):
            await studio.vote(GUILD, ballot, 50, 8, on=True)


async def test_the_owner_may_choose_and_it_is_said(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await studio.may_close(house.who(OWNER), ballot)
        await studio.may_close(house.who(ADMIN, admin=True), ballot)
        with pytest.raises(NotAllowed):
            await studio.may_close(house.who(FRIEND), ballot)
        with pytest.raises(UserError, match="choose one of its columns"):
            await studio.close_ballot(GUILD, ballot, {}, winner=7)
        card = await studio.close_ballot(GUILD, ballot, {2: B}, winner=1)
        assert card.result == "Epoch 1 was chosen by hand; it had 0 of 2 votes."


async def test_one_more_hour_once_for_what_was_shown(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        ((guild, number, closes_at),) = await studio.open_ballots()
        assert (guild, number, closes_at - house.clock.now) == (GUILD, ballot, 24 * 3600)
        with pytest.raises(NotAllowed):
            await studio.extend_ballot(house.who(FRIEND), ballot, closes_at)
        assert (await studio.extend_ballot(house.who(), ballot, closes_at)).closes_at == closes_at + 3600
        await house.crash()
    async with house.life() as studio:
        for admin in (False, True):
            again = await studio.extend_ballot(house.who(admin=admin), ballot, closes_at)
            assert again.closes_at == closes_at + 3600, "heard before, by another process or from another member"
        card = await studio.extend_ballot(house.who(), ballot, again.closes_at)
        assert card.closes_at == closes_at + 7200
        await studio.close_ballot(GUILD, ballot, {})
        assert await studio.open_ballots() == ()
        with pytest.raises(UserError, match="This vote is over"):
            await studio.extend_ballot(house.who(), ballot, card.closes_at)


async def test_one_more_hour_on_an_overdue_ballot_counts_from_now(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        ((_, _, closes_at),) = await studio.open_ballots()
        house.clock.now = closes_at + 600
        for _ in range(2):
            assert (await studio.extend_ballot(house.who(), ballot, closes_at)).closes_at == closes_at + 600 + 3600
            house.clock.now += 1


async def test_where_it_is_posted_follows_who_may_use_it(house: House) -> None:
    async with house.life() as studio:
        _, private = await house.trained()
        await studio.close_ballot(GUILD, private, {})
        assert await house.published(draft="b", name="B", access="server") == "b-gen0"
        places = {
            (row.purpose, row.ref): row.channel_id
            for row in await house.store.outbox.list(SCOPE)
            if row.purpose in ("ballot", "winner")
        }
        assert places == {
            ("ballot", "1"): ROOM,
            ("winner", "1"): ROOM,
            ("ballot", "2"): CHANNEL,
            ("winner", "2"): CHANNEL,
        }


async def test_where_no_vote_is_wanted_the_suggestion_is_published(house: House) -> None:
    house.script = Script(suggested=1)
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.choose(house.who(), dataset, wants_vote=False)
        await studio.start_training(house.who(), dataset)
        await house.settled()
        assert await house.store.ballots.of_run(SCOPE, 1) is None
        ((_, ref),) = await house.posts("winner")
        card = await studio.screen(GUILD, Purpose.WINNER, ref)
        assert isinstance(card, WinnerCard) and card.result == "Epoch 1 it is."
        assert card.name == "kat3r1na-gen0" and card.try_it == "a portrait of ohwx person, on the moon"


async def test_two_of_one_name_are_told_apart(house: House) -> None:
    async with house.life():
        first = await house.published(draft="a", name="Zoë Ünal")
        second = await house.published(draft="b", name="Zoe Unal!")
        third = await house.published(draft="c", name="你好")
        trigger = (await house.store.subjects.get(SCOPE, 3)).trigger
        assert (first, second, third) == ("zoe-unal-gen0", "zoe-unal-gen0-2", f"{trigger}-gen0")


async def test_the_bot_dies_while_the_ballot_closes(house: House) -> None:
    """Before the commit nothing has happened, after it everything: never half."""
    async with house.life() as studio:
        run, ballot = await house.trained()
        publish, house.store.loras.publish = house.store.loras.publish, None  # type: ignore[method-assign, assignment]
        with contextlib.suppress(TypeError):
            await studio.close_ballot(GUILD, ballot, {0: A})
        house.store.loras.publish = publish  # type: ignore[method-assign]
        assert (await house.store.ballots.get(SCOPE, ballot)).closed_at is None
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.VOTING
        assert await house.posts("winner") == []
        await house.crash()
    async with house.life() as studio:
        assert len(await studio.open_ballots()) == 1
        await studio.close_ballot(GUILD, ballot, {0: A})
        assert await house.posts("winner") == [("winner", "1")]


async def test_a_closed_ballot_shows_its_result(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        card = await studio.screen(GUILD, Purpose.BALLOT, str(ballot))
        assert isinstance(card, BallotCard) and (card.closed, card.result) == (False, "")
        assert card.curve is None, "while people vote, only the suggestion stands beside the grid"
        assert card.suggestion.startswith("The engine's own reading (*): Epoch 2 looks most like")
        await studio.close_ballot(GUILD, ballot, {0: A})
        card = await studio.screen(GUILD, Purpose.BALLOT, str(ballot))
        assert isinstance(card, BallotCard) and (card.closed, card.result) == (True, "Epoch 1 wins, 1 of 1 vote.")
        assert card.curve is not None and card.curve.name == "curve.webp"


@given(st.integers(1, 20), st.data())
def test_a_grid_keeps_the_suggested_and_the_last_epoch(count: int, data: st.DataObject) -> None:
    numbers = tuple(range(1, count + 1))
    suggested = data.draw(st.sampled_from(numbers))
    options = rules._options(numbers, suggested)
    assert len(options) == min(count, rules.MOST_OPTIONS) and list(options) == sorted(set(options))
    assert set(options) <= set(numbers) and {suggested, count} <= set(options)
