"""Wishes: members who asked to be written to in private about one training. Without such a row nobody ever is."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope


@dataclass(frozen=True)
class Wish:
    id: int
    """Never comes twice, also after it was taken back."""
    guild_id: int
    run_id: int
    member_id: int
    channel_id: int
    """Where they and this bot write to each other alone."""
    language: str
    """What they read."""
    asked_at: int


class Wishes:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, scope: Scope, run_id: int, member_id: int, *, channel_id: int, language: str) -> Wish:
        """One per run and member: asked again, the one there is stays as it is."""
        async with self._db.write():
            if await self._db.row("SELECT 1 FROM runs WHERE guild_id = ? AND id = ?", scope.guild_id, run_id) is None:
                raise NoSuchRow("run", run_id)
            await self._db.change(
                """
                INSERT INTO wishes (guild_id, run_id, member_id, channel_id, language, asked_at)
                VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, member_id) DO NOTHING
                """,
                scope.guild_id,
                run_id,
                member_id,
                channel_id,
                language,
                self._db.clock(),
            )
            (wish,) = [wish for wish in await self.of_run(scope, run_id) if wish.member_id == member_id]
        return wish

    async def get(self, scope: Scope, wish_id: int) -> Wish:
        row = await self._db.row("SELECT * FROM wishes WHERE guild_id = ? AND id = ?", scope.guild_id, wish_id)
        if row is None:
            raise NoSuchRow("wish", wish_id)
        return _wish(row)

    async def of_run(self, scope: Scope, run_id: int) -> tuple[Wish, ...]:
        rows = await self._db.rows(
            "SELECT * FROM wishes WHERE guild_id = ? AND run_id = ? ORDER BY id", scope.guild_id, run_id
        )
        return tuple(_wish(row) for row in rows)

    async def of_member(self, scope: Scope, member_id: int) -> tuple[Wish, ...]:
        rows = await self._db.rows(
            "SELECT * FROM wishes WHERE guild_id = ? AND member_id = ? ORDER BY id", scope.guild_id, member_id
        )
        return tuple(_wish(row) for row in rows)

    async def drop(self, scope: Scope, wish_id: int) -> None:
        """Taken back; nothing happens when it was before."""
        async with self._db.write():
            await self._db.change("DELETE FROM wishes WHERE guild_id = ? AND id = ?", scope.guild_id, wish_id)


def _wish(row: sqlite3.Row) -> Wish:
    return Wish(
        id=row["id"],
        guild_id=row["guild_id"],
        run_id=row["run_id"],
        member_id=row["member_id"],
        channel_id=row["channel_id"],
        language=row["language"],
        asked_at=row["asked_at"],
    )
