"""Ballots and votes: approval voting over the epochs of a run.

A member may approve of as many epochs as they like, each once. A vote is a row; the tally is counted from the rows and
kept nowhere else. Once they are counted there is no vote and no taking back (the database itself refuses).

    open ──► closed                       one is ahead, or somebody with the right to has chosen
      └────► tied ──► closed              level: its owner is asked, and waited for until `decides_at`
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from storage.database import Database, Value
from storage.errors import BallotClosed, NoSuchRow, NotOnBallot
from storage.records import Ballot, Scope, Vote
from storage.states import Decided


class Ballots:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def open(
        self,
        scope: Scope,
        run_id: int,
        *,
        channel_id: int,
        options: Sequence[int],
        closes_at: int,
        blind: bool = True,
        seed: int = 0,
    ) -> Ballot:
        """One per run: opening again returns the one there is. `options`: epoch numbers in column order, which is the
        caller's to make from `seed`."""
        async with self._db.write():
            known = await self.of_run(scope, run_id)
            if known is not None:
                return known
            rows = await self._db.change(
                """
                INSERT INTO ballots (guild_id, run_id, channel_id, options, opened_at, closes_at, blind, seed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                run_id,
                channel_id,
                json.dumps(list(options)),
                self._db.clock(),
                closes_at,
                blind,
                seed,
            )
        return _ballot(rows[0])

    async def get(self, scope: Scope, ballot_id: int) -> Ballot:
        row = await self._db.row("SELECT * FROM ballots WHERE guild_id = ? AND id = ?", scope.guild_id, ballot_id)
        if row is None:
            raise NoSuchRow("ballot", ballot_id)
        return _ballot(row)

    async def of_run(self, scope: Scope, run_id: int) -> Ballot | None:
        row = await self._db.row("SELECT * FROM ballots WHERE guild_id = ? AND run_id = ?", scope.guild_id, run_id)
        return None if row is None else _ballot(row)

    async def by_message(self, scope: Scope, message_id: int) -> Ballot | None:
        row = await self._db.row(
            "SELECT * FROM ballots WHERE guild_id = ? AND message_id = ?", scope.guild_id, message_id
        )
        return None if row is None else _ballot(row)

    async def open_everywhere(self) -> tuple[Ballot, ...]:
        """Ballots of all guilds that have no winner yet, the next to end first: the timers to set at start."""
        rows = await self._db.rows(
            "SELECT * FROM ballots WHERE closed_at IS NULL ORDER BY coalesce(decides_at, closes_at), id"
        )
        return tuple(_ballot(row) for row in rows)

    async def posted(self, scope: Scope, ballot_id: int, *, channel_id: int, message_id: int) -> Ballot:
        """Where people see it and react."""
        return await self._set(scope, ballot_id, "channel_id = ?, message_id = ?", channel_id, message_id)

    async def extend(self, scope: Scope, ballot_id: int, closes_at: int) -> Ballot:
        """Raises BallotClosed when it is too late. Never earlier than it was."""
        async with self._db.write():
            await self._still_open(scope, ballot_id)
            return await self._set(scope, ballot_id, "closes_at = max(closes_at, ?)", closes_at)

    async def vote(self, scope: Scope, ballot_id: int, member_id: int, epoch: int, *, on: bool = True) -> bool:
        """Cast (`on`) or take back. True when a row changed: the same again changes nothing.

        Raises BallotClosed, NotOnBallot.
        """
        async with self._db.write():
            ballot = await self._still_open(scope, ballot_id)
            if epoch not in ballot.options:
                raise NotOnBallot(f"Epoch {epoch} is not on ballot {ballot_id}.")
            if on:
                rows = await self._cast(scope, ballot_id, member_id, epoch)
            else:
                rows = await self._db.change(
                    "DELETE FROM votes WHERE guild_id = ? AND ballot_id = ? AND member_id = ? AND epoch = ? RETURNING epoch",
                    scope.guild_id,
                    ballot_id,
                    member_id,
                    epoch,
                )
        return bool(rows)

    async def recount(self, scope: Scope, ballot_id: int, counted: Mapping[int, Collection[int]]) -> None:
        """Make the rows say what was counted: epoch number -> members. For closing, when the reactions are the truth.

        Votes under a message that was deleted cannot be counted any more: they stay.
        """
        async with self._db.write():
            ballot = await self._still_open(scope, ballot_id)
            strange = set(counted) - set(ballot.options)
            if strange:
                raise NotOnBallot(f"Epochs {sorted(strange)} are not on ballot {ballot_id}.")
            wanted = {(member, epoch) for epoch, members in counted.items() for member in members}
            votes = await self.votes(scope, ballot_id)
            there = {(vote.member_id, vote.epoch) for vote in votes}
            before = {(vote.member_id, vote.epoch) for vote in votes if vote.cast_at <= (ballot.anew_at or 0)}
            for member, epoch in there - before - wanted:
                await self._db.change(
                    "DELETE FROM votes WHERE guild_id = ? AND ballot_id = ? AND member_id = ? AND epoch = ?",
                    scope.guild_id,
                    ballot_id,
                    member,
                    epoch,
                )
            for member, epoch in sorted(wanted - there):
                await self._cast(scope, ballot_id, member, epoch)

    async def votes(self, scope: Scope, ballot_id: int) -> tuple[Vote, ...]:
        rows = await self._db.rows(
            "SELECT * FROM votes WHERE guild_id = ? AND ballot_id = ? ORDER BY cast_at, member_id, epoch",
            scope.guild_id,
            ballot_id,
        )
        return tuple(Vote(row["ballot_id"], row["member_id"], row["epoch"], row["cast_at"]) for row in rows)

    async def tally(self, scope: Scope, ballot_id: int) -> dict[int, int]:
        """Votes per option, in column order, zeros included."""
        ballot = await self.get(scope, ballot_id)
        rows = await self._db.rows(
            "SELECT epoch, count(*) AS n FROM votes WHERE guild_id = ? AND ballot_id = ? GROUP BY epoch",
            scope.guild_id,
            ballot_id,
        )
        counted = {row["epoch"]: row["n"] for row in rows}
        return {epoch: counted.get(epoch, 0) for epoch in ballot.options}

    async def ask(self, scope: Scope, ballot_id: int, tied: Sequence[int], decides_at: int) -> Ballot:
        """The votes are counted and these epochs are level. Asking again, or after the end, changes nothing."""
        async with self._db.write():
            ballot = await self.get(scope, ballot_id)
            if ballot.closed_at is not None or ballot.tied:
                return ballot
            if len(tied) < 2 or set(tied) - set(ballot.options):
                raise NotOnBallot(f"Epochs {list(tied)} cannot be level on ballot {ballot_id}.")
            return await self._set(scope, ballot_id, "tied = ?, decides_at = ?", json.dumps(list(tied)), decides_at)

    async def anew(self, scope: Scope, ballot_id: int, closes_at: int) -> Ballot:
        """Its message is gone and another one will be posted: what was voted until now stays, and there is time for more."""
        async with self._db.write():
            await self._still_open(scope, ballot_id)
            return await self._set(
                scope, ballot_id, "anew_at = ?, closes_at = max(closes_at, ?)", self._db.clock(), closes_at
            )

    async def close(
        self, scope: Scope, ballot_id: int, winner: int, how: Decided = Decided.VOTES, by: int | None = None
    ) -> Ballot:
        """Final. Closing again returns the first winner, whatever is passed. `by`: the member who chose it."""
        async with self._db.write():
            ballot = await self.get(scope, ballot_id)
            if ballot.closed_at is not None:
                return ballot
            if winner not in ballot.options:
                raise NotOnBallot(f"Epoch {winner} is not on ballot {ballot_id}.")
            return await self._set(
                scope,
                ballot_id,
                "closed_at = ?, winner = ?, how = ?, decided_by = ?",
                self._db.clock(),
                winner,
                how,
                by,
            )

    async def discard(self, scope: Scope, run_id: int) -> None:
        """The ballot of a run that must not have a winner, votes and all; nothing happens where there is none."""
        async with self._db.write():
            await self._db.change("DELETE FROM ballots WHERE guild_id = ? AND run_id = ?", scope.guild_id, run_id)

    async def _still_open(self, scope: Scope, ballot_id: int) -> Ballot:
        ballot = await self.get(scope, ballot_id)
        if ballot.closed_at is not None or ballot.tied:
            raise BallotClosed(f"Ballot {ballot_id} is closed.")
        return ballot

    async def _cast(self, scope: Scope, ballot_id: int, member_id: int, epoch: int) -> list[sqlite3.Row]:
        return await self._db.change(
            """
            INSERT INTO votes (guild_id, ballot_id, member_id, epoch, cast_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (ballot_id, member_id, epoch) DO NOTHING RETURNING epoch
            """,
            scope.guild_id,
            ballot_id,
            member_id,
            epoch,
            self._db.clock(),
        )

    async def _set(self, scope: Scope, ballot_id: int, assign: str, *values: Value) -> Ballot:
        async with self._db.write():
            rows = await self._db.change(
                f"UPDATE ballots SET {assign} WHERE guild_id = ? AND id = ? RETURNING *",
                *values,
                scope.guild_id,
                ballot_id,
            )
        if not rows:
            raise NoSuchRow("ballot", ballot_id)
        return _ballot(rows[0])


def _ballot(row: sqlite3.Row) -> Ballot:
    return Ballot(
        id=row["id"],
        guild_id=row["guild_id"],
        run_id=row["run_id"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        options=tuple(json.loads(row["options"])),
        opened_at=row["opened_at"],
        closes_at=row["closes_at"],
        closed_at=row["closed_at"],
        winner=row["winner"],
        blind=bool(row["blind"]),
        seed=row["seed"],
        tied=() if row["tied"] is None else tuple(json.loads(row["tied"])),
        decides_at=row["decides_at"],
        how=None if row["how"] is None else Decided(row["how"]),
        decided_by=row["decided_by"],
        anew_at=row["anew_at"],
    )
