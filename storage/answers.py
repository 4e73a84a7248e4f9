"""What was pressed under advice about a set of photos, so that it can be undone and is not asked twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope


@dataclass(frozen=True)
class Answer:
    id: int
    dataset_id: int
    matter: str
    """What the advice was about; a word of the studio's."""
    about: tuple[int, ...]
    """Ids of the photos it was given for."""
    dropped: tuple[int, ...]
    taken: tuple[int, ...]
    """Ids of the photos that this press left out, or took back."""
    undone: bool


class Answers:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self,
        scope: Scope,
        dataset_id: int,
        *,
        request_id: str,
        matter: str,
        about: Sequence[int],
        dropped: Sequence[int] = (),
        taken: Sequence[int] = (),
    ) -> Answer:
        """The same `request_id` again returns the same answer."""
        async with self._db.write():
            known = await self.by_request(scope, request_id)
            if known is not None:
                return known
            rows = await self._db.change(
                """
                INSERT INTO answers (guild_id, dataset_id, request_id, matter, about, dropped, taken)
                VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                dataset_id,
                request_id,
                matter,
                json.dumps(list(about)),
                json.dumps(list(dropped)),
                json.dumps(list(taken)),
            )
            return _answer(rows[0])

    async def get(self, scope: Scope, answer_id: int) -> Answer:
        row = await self._db.row("SELECT * FROM answers WHERE guild_id = ? AND id = ?", scope.guild_id, answer_id)
        if row is None:
            raise NoSuchRow("answer", answer_id)
        return _answer(row)

    async def by_request(self, scope: Scope, request_id: str) -> Answer | None:
        row = await self._db.row(
            "SELECT * FROM answers WHERE guild_id = ? AND request_id = ?", scope.guild_id, request_id
        )
        return None if row is None else _answer(row)

    async def list(self, scope: Scope, dataset_id: int) -> tuple[Answer, ...]:
        """Those that stand, oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM answers WHERE guild_id = ? AND dataset_id = ? AND undone = 0 ORDER BY id",
            scope.guild_id,
            dataset_id,
        )
        return tuple(_answer(row) for row in rows)

    async def undo(self, scope: Scope, answer_id: int) -> bool:
        """False: it was undone before."""
        rows = await self._db.change(
            "UPDATE answers SET undone = 1 WHERE guild_id = ? AND id = ? AND undone = 0 RETURNING id",
            scope.guild_id,
            answer_id,
        )
        return bool(rows)


def _answer(row: sqlite3.Row) -> Answer:
    return Answer(
        id=row["id"],
        dataset_id=row["dataset_id"],
        matter=row["matter"],
        about=tuple(json.loads(row["about"])),
        dropped=tuple(json.loads(row["dropped"])),
        taken=tuple(json.loads(row["taken"])),
        undone=bool(row["undone"]),
    )
