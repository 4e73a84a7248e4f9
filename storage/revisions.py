"""Captions as they were before a change, so that it can be undone: sealed with the dataset's key."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope

KEPT = 20
"""Changes of a dataset that can be undone, the newest ones."""


@dataclass(frozen=True)
class Revision:
    id: int
    what: str
    """A word of the studio's for what was done."""
    before: Mapping[int, str] = field(repr=False)
    after: Mapping[int, str] = field(repr=False)
    """Captions by photo number; those that changed."""
    undone: bool


class Revisions:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self,
        scope: Scope,
        dataset_id: int,
        *,
        request_id: str,
        what: str,
        before: Mapping[int, str],
        after: Mapping[int, str],
    ) -> None:
        """The same `request_id` again changes nothing. Older than the last KEPT are dropped."""
        async with self._db.write():
            row = await self._db.row(
                "SELECT key_id FROM datasets WHERE guild_id = ? AND id = ?", scope.guild_id, dataset_id
            )
            if row is None:
                raise NoSuchRow("dataset", dataset_id)
            await self._db.change(
                """
                INSERT OR IGNORE INTO revisions (guild_id, dataset_id, request_id, what, before, after)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                scope.guild_id,
                dataset_id,
                request_id,
                what,
                self._db.seal(row["key_id"], json.dumps(dict(before)), "revisions.before"),
                self._db.seal(row["key_id"], json.dumps(dict(after)), "revisions.after"),
            )
            await self._db.change(
                """
                DELETE FROM revisions WHERE guild_id = ?1 AND dataset_id = ?2 AND id NOT IN
                    (SELECT id FROM revisions WHERE guild_id = ?1 AND dataset_id = ?2 ORDER BY id DESC LIMIT ?3)
                """,
                scope.guild_id,
                dataset_id,
                KEPT,
            )

    async def done(self, scope: Scope, request_id: str) -> bool:
        """Whether this request has changed captions already."""
        row = await self._db.row(
            "SELECT 1 FROM revisions WHERE guild_id = ? AND request_id = ?", scope.guild_id, request_id
        )
        return row is not None

    async def last(self, scope: Scope, dataset_id: int) -> Revision | None:
        """The newest change that was not undone."""
        row = await self._db.row(
            """
            SELECT revisions.*, key_id FROM revisions JOIN datasets ON datasets.id = dataset_id
            WHERE revisions.guild_id = ? AND dataset_id = ? AND undone = 0 ORDER BY revisions.id DESC LIMIT 1
            """,
            scope.guild_id,
            dataset_id,
        )
        return None if row is None else self._revision(row)

    async def undo(self, scope: Scope, revision_id: int) -> bool:
        """False: it was undone before."""
        rows = await self._db.change(
            "UPDATE revisions SET undone = 1 WHERE guild_id = ? AND id = ? AND undone = 0 RETURNING id",
            scope.guild_id,
            revision_id,
        )
        return bool(rows)

    def _revision(self, row: sqlite3.Row) -> Revision:
        def opened(column: str) -> dict[int, str]:
            text = self._db.unseal(row["key_id"], row[column], f"revisions.{column}")
            return {int(number): caption for number, caption in json.loads(text or "{}").items()}

        return Revision(row["id"], row["what"], opened("before"), opened("after"), bool(row["undone"]))
