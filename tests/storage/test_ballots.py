"""One vote per member per epoch, none after close, and the tally equals the rows: any sequence of actions."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage import Scope, Store, Vault
from storage.ballots import Ballot
from storage.errors import BallotClosed, NotOnBallot
from storage.states import Decided
from tests.storage.conftest import Clock
from tests.storage.story import run

SCOPE = Scope(100)
OPTIONS = (1, 2, 3)


async def opened(store: Store, scope: Scope = SCOPE) -> Ballot:
    its_run = await run(store, scope)
    return await store.ballots.open(scope, its_run.id, channel_id=9, options=OPTIONS, closes_at=2_000_000_000)


async def test_a_member_approves_of_several_each_once(store: Store) -> None:
    ballot = await opened(store)
    assert await store.ballots.vote(SCOPE, ballot.id, 7, 1) is True
    assert await store.ballots.vote(SCOPE, ballot.id, 7, 1) is False
    assert await store.ballots.vote(SCOPE, ballot.id, 7, 3) is True
    assert await store.ballots.tally(SCOPE, ballot.id) == {1: 1, 2: 0, 3: 1}
    assert await store.ballots.vote(SCOPE, ballot.id, 7, 1, on=False) is True
    assert await store.ballots.vote(SCOPE, ballot.id, 7, 1, on=False) is False
    assert await store.ballots.tally(SCOPE, ballot.id) == {1: 0, 2: 0, 3: 1}


async def test_one_ballot_per_run_and_one_winner(store: Store) -> None:
    ballot = await opened(store)
    again = await store.ballots.open(SCOPE, ballot.run_id, channel_id=1, options=[1], closes_at=1)
    assert again == ballot
    closed = await store.ballots.close(SCOPE, ballot.id, 2)
    assert (closed.winner, closed.closed_at is not None) == (2, True)
    assert await store.ballots.close(SCOPE, ballot.id, 3) == closed


async def test_nothing_that_is_not_on_the_ballot(store: Store) -> None:
    ballot = await opened(store)
    with pytest.raises(NotOnBallot):
        await store.ballots.vote(SCOPE, ballot.id, 7, 4)
    with pytest.raises(NotOnBallot):
        await store.ballots.close(SCOPE, ballot.id, 4)
    with pytest.raises(NotOnBallot):
        await store.ballots.recount(SCOPE, ballot.id, {4: [7]})


async def test_the_database_itself_refuses_after_close(store: Store) -> None:
    ballot = await opened(store)
    await store.ballots.vote(SCOPE, ballot.id, 7, 1)
    await store.ballots.close(SCOPE, ballot.id, 1)
    for sql in (
        f"INSERT INTO votes VALUES (100, {ballot.id}, 8, 1, 0)",
        f"DELETE FROM votes WHERE ballot_id = {ballot.id}",
        "UPDATE votes SET epoch = 2",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            async with store.write():
                await store.database.change(sql)
    assert await store.ballots.tally(SCOPE, ballot.id) == {1: 1, 2: 0, 3: 0}


async def test_level_votes_are_counted_and_wait_for_somebody(store: Store, clock: Clock) -> None:
    ballot = await opened(store)
    await store.ballots.vote(SCOPE, ballot.id, 7, 1)
    await store.ballots.vote(SCOPE, ballot.id, 8, 3)
    for wrong in ([1], [1, 9]):
        with pytest.raises(NotOnBallot):
            await store.ballots.ask(SCOPE, ballot.id, wrong, 5)
    asked = await store.ballots.ask(SCOPE, ballot.id, [1, 3], 2_000_000_500)
    assert (asked.tied, asked.due_at, asked.closed_at, asked.winner) == ((1, 3), 2_000_000_500, None, None)
    assert await store.ballots.ask(SCOPE, ballot.id, [1, 2], 9) == asked
    assert await store.ballots.open_everywhere() == (asked,)
    for late in (
        store.ballots.vote(SCOPE, ballot.id, 9, 1),
        store.ballots.recount(SCOPE, ballot.id, {2: [1]}),
        store.ballots.extend(SCOPE, ballot.id, 2_100_000_000),
        store.ballots.anew(SCOPE, ballot.id, 2_100_000_000),
    ):
        with pytest.raises(BallotClosed):
            await late
    for sql in (
        f"INSERT INTO votes VALUES (100, {ballot.id}, 8, 1, 0)",
        f"DELETE FROM votes WHERE ballot_id = {ballot.id}",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            async with store.write():
                await store.database.change(sql)
    closed = await store.ballots.close(SCOPE, ballot.id, 2, Decided.OWNER, by=7)
    assert (closed.winner, closed.how, closed.decided_by) == (2, Decided.OWNER, 7)
    assert await store.ballots.open_everywhere() == ()


async def test_votes_under_a_deleted_message_stay(store: Store, clock: Clock) -> None:
    ballot = await opened(store)
    for member in (7, 8):
        await store.ballots.vote(SCOPE, ballot.id, member, 1)
    anew = await store.ballots.anew(SCOPE, ballot.id, 2_000_000_900)
    assert (anew.closes_at, anew.anew_at) == (2_000_000_900, clock())
    clock.now += 5
    await store.ballots.vote(SCOPE, ballot.id, 7, 1, on=False)
    await store.ballots.vote(SCOPE, ballot.id, 9, 2)
    await store.ballots.recount(SCOPE, ballot.id, {3: [10]})
    assert {(v.member_id, v.epoch) for v in await store.ballots.votes(SCOPE, ballot.id)} == {(8, 1), (10, 3)}


async def test_a_closed_ballot_can_still_be_forgotten(store: Store) -> None:
    ballot = await opened(store)
    await store.ballots.vote(SCOPE, ballot.id, 7, 1)
    await store.ballots.close(SCOPE, ballot.id, 1)
    (subject,) = await store.subjects.list(SCOPE)
    await store.subjects.forget(SCOPE, subject.id)
    assert await store.database.rows("SELECT * FROM votes") == []


async def test_a_late_extension_is_refused_and_none_shortens(store: Store) -> None:
    ballot = await opened(store)
    assert (await store.ballots.extend(SCOPE, ballot.id, 1)).closes_at == ballot.closes_at
    assert (await store.ballots.extend(SCOPE, ballot.id, ballot.closes_at + 60)).closes_at == ballot.closes_at + 60
    await store.ballots.close(SCOPE, ballot.id, 1)
    with pytest.raises(BallotClosed):
        await store.ballots.extend(SCOPE, ballot.id, ballot.closes_at + 99)


async def test_found_by_its_message_and_among_the_open(store: Store) -> None:
    ballot = await opened(store)
    posted = await store.ballots.posted(SCOPE, ballot.id, channel_id=33, message_id=44)
    assert await store.ballots.by_message(SCOPE, 44) == posted
    assert await store.ballots.open_everywhere() == (posted,)
    await store.ballots.close(SCOPE, ballot.id, 1)
    assert await store.ballots.open_everywhere() == ()


async def test_votes_and_a_close_at_once(store: Store) -> None:
    ballot = await opened(store)

    async def vote(member_id: int) -> bool:
        try:
            return await store.ballots.vote(SCOPE, ballot.id, member_id, member_id % 3 + 1)
        except BallotClosed:
            return False

    votes = [vote(member) for member in range(40)]
    counted, _ = await asyncio.gather(asyncio.gather(*votes), store.ballots.close(SCOPE, ballot.id, 1))
    assert sum((await store.ballots.tally(SCOPE, ballot.id)).values()) == sum(counted)
    assert len(await store.ballots.votes(SCOPE, ballot.id)) == sum(counted)


MEMBERS = st.integers(1, 4)
EPOCHS = st.sampled_from(OPTIONS)


class Voting(RuleBasedStateMachine):
    """A ballot beside a plain set of (member, epoch): after every action they say the same."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        vault = Vault.open(Path(self.folder.name) / "vault", environ={})
        self.opening = Store.open(Path(self.folder.name) / "v.db", vault=vault, clock=Clock())
        self.store = self.runner.run(self.opening.__aenter__())
        self.ballot = self.runner.run(opened(self.store))
        self.expected: set[tuple[int, int]] = set()
        self.winner: int | None = None

    def teardown(self) -> None:
        if hasattr(self, "opening"):
            self.runner.run(self.opening.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()

    @rule(member=MEMBERS, epoch=EPOCHS, on=st.booleans())
    def vote(self, member: int, epoch: int, on: bool) -> None:
        voting = self.store.ballots.vote(SCOPE, self.ballot.id, member, epoch, on=on)
        if self.winner is not None:
            with pytest.raises(BallotClosed):
                self.runner.run(voting)
            return
        changed = self.runner.run(voting)
        assert changed == (((member, epoch) in self.expected) != on)
        (self.expected.add if on else self.expected.discard)((member, epoch))

    @rule(counted=st.dictionaries(EPOCHS, st.sets(MEMBERS)))
    def recount(self, counted: dict[int, set[int]]) -> None:
        counting = self.store.ballots.recount(SCOPE, self.ballot.id, counted)
        if self.winner is not None:
            with pytest.raises(BallotClosed):
                self.runner.run(counting)
            return
        self.runner.run(counting)
        self.expected = {(member, epoch) for epoch, members in counted.items() for member in members}

    @rule()
    def restart(self) -> None:
        self.runner.run(self.opening.__aexit__(None, None, None))
        vault = Vault.open(Path(self.folder.name) / "vault", environ={})
        self.opening = Store.open(Path(self.folder.name) / "v.db", vault=vault, clock=Clock())
        self.store = self.runner.run(self.opening.__aenter__())

    @precondition(lambda self: len(self.expected) > 2)
    @rule(epoch=EPOCHS)
    def close(self, epoch: int) -> None:
        closed = self.runner.run(self.store.ballots.close(SCOPE, self.ballot.id, epoch))
        self.winner = self.winner or epoch
        assert closed.winner == self.winner

    @invariant()
    def the_tally_equals_the_rows(self) -> None:
        if not hasattr(self, "ballot"):
            return
        votes = self.runner.run(self.store.ballots.votes(SCOPE, self.ballot.id))
        assert {(vote.member_id, vote.epoch) for vote in votes} == self.expected
        assert len(votes) == len(self.expected)
        tally = self.runner.run(self.store.ballots.tally(SCOPE, self.ballot.id))
        assert tally == {epoch: sum(1 for _, e in self.expected if e == epoch) for epoch in OPTIONS}


Voting.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestVoting = Voting.TestCase
