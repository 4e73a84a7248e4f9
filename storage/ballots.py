"""Ballots and votes: approval voting over the epochs of a run.

A member may approve of as many epochs as they like, each once. A vote is a row; the tally is counted from the rows and
kept nowhere else. After close there is no vote and no taking back (the database itself refuses).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from storage.database import Database, Value
from storage.errors import BallotClosed, NoSuchRow, NotOnBallot
from storage.records import Ballot, Scope, Vote


class Ballots:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def open(
        self, scope: Scope, run_id: int, *, channel_id: int, options: Sequence[int], closes_at: int
    ) -> Ballot:
        """One per run: opening again returns the one there is. `options`: epoch numbers in column order."""
        async with self._db.write():
            known = await self.of_run(scope, run_id)
            if known is not None:
                return known
            rows = await self._db.change(
                """
                INSERT INTO ballots (guild_id, run_id, channel_id, options, opened_at, closes_at)
                VALUES (?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                run_id,
                channel_id,
                json.dumps(list(options)),
                self._db.clock(),
                closes_at,
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
        """Ballots of all guilds that are not closed, the next to close first: the timers to set at start."""
        rows = await self._db.rows("SELECT * FROM ballots WHERE closed_at IS NULL ORDER BY closes_at, id")
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
        """Make the rows say what was counted: epoch number -> members. For closing, when the reactions are the truth."""
        async with self._db.write():
            ballot = await self._still_open(scope, ballot_id)
            strange = set(counted) - set(ballot.options)
            if strange:
                raise NotOnBallot(f"Epochs {sorted(strange)} are not on ballot {ballot_id}.")
            wanted = {(member, epoch) for epoch, members in counted.items() for member in members}
            there = {(vote.member_id, vote.epoch) for vote in await self.votes(scope, ballot_id)}
            for member, epoch in there - wanted:
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

    async def close(self, scope: Scope, ballot_id: int, winner: int) -> Ballot:
        """Final. Closing again returns the first winner, whatever is passed."""
        async with self._db.write():
            ballot = await self.get(scope, ballot_id)
            if ballot.closed_at is not None:
                return ballot
            if winner not in ballot.options:
                raise NotOnBallot(f"Epoch {winner} is not on ballot {ballot_id}.")
            return await self._set(scope, ballot_id, "closed_at = ?, winner = ?", self._db.clock(), winner)

    async def discard(self, scope: Scope, run_id: int) -> None:
        """The ballot of a run that must not have a winner, votes and all; nothing happens where there is none."""
        async with self._db.write():
            await self._db.change("DELETE FROM ballots WHERE guild_id = ? AND run_id = ?", scope.guild_id, run_id)

    async def _still_open(self, scope: Scope, ballot_id: int) -> Ballot:
        ballot = await self.get(scope, ballot_id)
        if ballot.closed_at is not None:
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
    )
