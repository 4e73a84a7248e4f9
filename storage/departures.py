"""Departures: servers this bot was removed from. What is kept of them waits there for them to come back, for a while."""

from __future__ import annotations

from storage.database import Database
from storage.records import Scope


class Departures:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def left(self, scope: Scope) -> bool:
        """Whether that is news. Nothing more is posted there."""
        async with self._db.write():
            news = await self._db.change(
                "INSERT INTO departures (guild_id, left_at) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING *",
                scope.guild_id,
                self._db.clock(),
            )
            await self._db.change(
                """
                UPDATE outbox SET state = 'dropped', reason = 'removed from the server', ended_at = ?
                WHERE guild_id = ? AND state = 'pending'
                """,
                self._db.clock(),
                scope.guild_id,
            )
            # Messages there cannot be deleted any more, and nobody could be told.
            await self._db.change("DELETE FROM erasures WHERE guild_id = ?", scope.guild_id)
        return bool(news)

    async def back(self, scope: Scope) -> int | None:
        """When it had left; None where it never had."""
        async with self._db.write():
            rows = await self._db.change("DELETE FROM departures WHERE guild_id = ? RETURNING left_at", scope.guild_id)
        return int(rows[0]["left_at"]) if rows else None

    async def gone_everywhere(self) -> dict[int, int]:
        """Guild id -> since when."""
        rows = await self._db.rows("SELECT guild_id, left_at FROM departures ORDER BY left_at")
        return {row["guild_id"]: row["left_at"] for row in rows}

    async def known_everywhere(self) -> frozenset[int]:
        """Every guild something is kept of."""
        rows = await self._db.rows("SELECT DISTINCT guild_id FROM keys")
        return frozenset(row["guild_id"] for row in rows)

    async def subjects(self, scope: Scope) -> tuple[int, ...]:
        rows = await self._db.rows("SELECT id FROM subjects WHERE guild_id = ? ORDER BY id", scope.guild_id)
        return tuple(row["id"] for row in rows)

    async def paintings(self, scope: Scope) -> tuple[str, ...]:
        rows = await self._db.rows(
            "SELECT id FROM jobs WHERE guild_id = ? AND kind = 'paint' ORDER BY rowid", scope.guild_id
        )
        return tuple(row["id"] for row in rows)

    async def stopped(self, scope: Scope, since: int) -> tuple[str, ...]:
        """Jobs that failed then: they were stopped by the departure."""
        rows = await self._db.rows(
            "SELECT id FROM jobs WHERE guild_id = ? AND state = 'failed' AND ended_at = ? ORDER BY rowid",
            scope.guild_id,
            since,
        )
        return tuple(row["id"] for row in rows)
