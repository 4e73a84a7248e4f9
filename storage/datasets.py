"""Datasets: the photos of one subject on their way to a training, one per generation."""

from __future__ import annotations

import sqlite3

from storage import states
from storage.database import Database
from storage.errors import NoSuchRow
from storage.keys import Keys
from storage.records import Dataset, Scope
from storage.states import DatasetState


class Datasets:
    def __init__(self, database: Database, keys: Keys) -> None:
        self._db = database
        self._keys = keys

    async def create(
        self,
        scope: Scope,
        subject_id: int,
        *,
        draft: str,
        preset: str = "balanced",
        wants_vote: bool = True,
        thread_id: int | None = None,
    ) -> Dataset:
        """The next generation of the subject, with a key of its own. The same `draft` again returns the same dataset."""
        async with self._db.write():
            known = await self.by_draft(scope, draft)
            if known is not None:
                return known
            key_id = await self._keys.create(scope)
            rows = await self._db.change(
                """
                INSERT INTO datasets (guild_id, subject_id, generation, preset, wants_vote, thread_id, draft, key_id, created_at)
                VALUES (?1, ?2, (SELECT coalesce(max(generation) + 1, 0) FROM datasets WHERE guild_id = ?1 AND subject_id = ?2),
                        ?3, ?4, ?5, ?6, ?7, ?8) RETURNING *
                """,
                scope.guild_id,
                subject_id,
                preset,
                wants_vote,
                thread_id,
                draft,
                key_id,
                self._db.clock(),
            )
        return _dataset(rows[0])

    async def get(self, scope: Scope, dataset_id: int) -> Dataset:
        row = await self._db.row("SELECT * FROM datasets WHERE guild_id = ? AND id = ?", scope.guild_id, dataset_id)
        if row is None:
            raise NoSuchRow("dataset", dataset_id)
        return _dataset(row)

    async def by_draft(self, scope: Scope, draft: str) -> Dataset | None:
        row = await self._db.row("SELECT * FROM datasets WHERE guild_id = ? AND draft = ?", scope.guild_id, draft)
        return None if row is None else _dataset(row)

    async def of_subject(self, scope: Scope, subject_id: int) -> tuple[Dataset, ...]:
        """All generations, oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM datasets WHERE guild_id = ? AND subject_id = ? ORDER BY generation",
            scope.guild_id,
            subject_id,
        )
        return tuple(_dataset(row) for row in rows)

    async def trained_before(self, scope: Scope, before: int) -> tuple[Dataset, ...]:
        """Those whose last training ended before then, that wait for nothing, and still have photos."""
        rows = await self._db.rows(
            """
            SELECT * FROM datasets WHERE guild_id = ?1 AND state = 'frozen'
                AND EXISTS (SELECT 1 FROM photos WHERE photos.dataset_id = datasets.id)
                AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.dataset_id = datasets.id
                                AND runs.state NOT IN ('published', 'cancelled', 'failed'))
                AND (SELECT max(ended_at) FROM jobs WHERE jobs.dataset_id = datasets.id AND kind = 'train') < ?2
                AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.dataset_id = datasets.id
                                AND jobs.state IN ('queued', 'running', 'parked'))
            ORDER BY id
            """,
            scope.guild_id,
            before,
        )
        return tuple(_dataset(row) for row in rows)

    async def left_since(self, scope: Scope, before: int) -> tuple[Dataset, ...]:
        """Drafts that were opened before then, and that nothing was asked for since."""
        rows = await self._db.rows(
            """
            SELECT * FROM datasets WHERE guild_id = ?1 AND created_at < ?2
                AND state IN ('collecting', 'cropping', 'captioning', 'ready')
                AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.dataset_id = datasets.id
                                AND (jobs.queued_at >= ?2 OR jobs.state IN ('queued', 'running', 'parked')))
            ORDER BY id
            """,
            scope.guild_id,
            before,
        )
        return tuple(_dataset(row) for row in rows)

    async def move(self, scope: Scope, dataset_id: int, to: DatasetState) -> Dataset:
        """Raises WrongState when `to` may not follow."""
        async with self._db.write():
            old = await self.get(scope, dataset_id)
            states.allow("dataset", states.DATASET, old.state, to)
            return await self._set(scope, dataset_id, "state", to)

    async def set_preset(self, scope: Scope, dataset_id: int, preset: str) -> Dataset:
        async with self._db.write():
            return await self._set(scope, dataset_id, "preset", preset)

    async def set_wants_vote(self, scope: Scope, dataset_id: int, wants_vote: bool) -> Dataset:
        async with self._db.write():
            return await self._set(scope, dataset_id, "wants_vote", wants_vote)

    async def set_blind(self, scope: Scope, dataset_id: int, blind: bool) -> Dataset:
        async with self._db.write():
            return await self._set(scope, dataset_id, "blind", blind)

    async def _set(self, scope: Scope, dataset_id: int, column: str, value: str | int | None) -> Dataset:
        rows = await self._db.change(
            f"UPDATE datasets SET {column} = ? WHERE guild_id = ? AND id = ? RETURNING *",
            value,
            scope.guild_id,
            dataset_id,
        )
        if not rows:
            raise NoSuchRow("dataset", dataset_id)
        return _dataset(rows[0])


def _dataset(row: sqlite3.Row) -> Dataset:
    return Dataset(
        id=row["id"],
        guild_id=row["guild_id"],
        subject_id=row["subject_id"],
        generation=row["generation"],
        state=DatasetState(row["state"]),
        preset=row["preset"],
        wants_vote=bool(row["wants_vote"]),
        thread_id=row["thread_id"],
        draft=row["draft"],
        key_id=row["key_id"],
        created_at=row["created_at"],
        parent_id=row["parent_id"],
        from_pictures=bool(row["from_pictures"]),
        blind=bool(row["blind"]),
    )
