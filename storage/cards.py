"""Cards: where the live message of a (purpose, ref) sits, so that it can be edited after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from storage.database import Database
from storage.records import Card, Scope


class Cards:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def posted(
        self, scope: Scope, *, purpose: str, ref: str | int, channel_id: int, message_id: int, content_hash: str
    ) -> Card:
        """The card is here now; an older message of the same (purpose, ref) is no longer the live one."""
        now = self._db.clock()
        async with self._db.write():
            rows = await self._db.change(
                """
                INSERT INTO cards (guild_id, purpose, ref, channel_id, message_id, content_hash, posted_at, edited_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
                ON CONFLICT (guild_id, purpose, ref) DO UPDATE SET
                    channel_id = excluded.channel_id, message_id = excluded.message_id,
                    content_hash = excluded.content_hash, posted_at = excluded.posted_at, edited_at = excluded.edited_at
                RETURNING *
                """,
                scope.guild_id,
                purpose,
                str(ref),
                channel_id,
                message_id,
                content_hash,
                now,
            )
        return _card(rows[0])

    async def edited(self, scope: Scope, *, purpose: str, ref: str | int, content_hash: str) -> None:
        async with self._db.write():
            await self._db.change(
                "UPDATE cards SET content_hash = ?, edited_at = ? WHERE guild_id = ? AND purpose = ? AND ref = ?",
                content_hash,
                self._db.clock(),
                scope.guild_id,
                purpose,
                str(ref),
            )

    async def get(self, scope: Scope, *, purpose: str, ref: str | int) -> Card | None:
        row = await self._db.row(
            "SELECT * FROM cards WHERE guild_id = ? AND purpose = ? AND ref = ?", scope.guild_id, purpose, str(ref)
        )
        return None if row is None else _card(row)

    async def by_message(self, scope: Scope, message_id: int) -> Card | None:
        row = await self._db.row(
            "SELECT * FROM cards WHERE guild_id = ? AND message_id = ?", scope.guild_id, message_id
        )
        return None if row is None else _card(row)

    async def of_purposes_everywhere(self, purposes: Collection[str]) -> tuple[Card, ...]:
        """Of all guilds: what the presenter keeps up to date, longest unedited first."""
        marks = ", ".join("?" for _ in purposes)
        rows = await self._db.rows(f"SELECT * FROM cards WHERE purpose IN ({marks}) ORDER BY edited_at", *purposes)
        return tuple(_card(row) for row in rows)

    async def gone(self, scope: Scope, *, purpose: str, ref: str | int) -> None:
        """Its message was deleted or needs no more edits."""
        async with self._db.write():
            await self._db.change(
                "DELETE FROM cards WHERE guild_id = ? AND purpose = ? AND ref = ?", scope.guild_id, purpose, str(ref)
            )


def _card(row: sqlite3.Row) -> Card:
    return Card(
        guild_id=row["guild_id"],
        purpose=row["purpose"],
        ref=row["ref"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        content_hash=row["content_hash"],
        posted_at=row["posted_at"],
        edited_at=row["edited_at"],
    )
