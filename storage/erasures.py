"""Erasures: messages that must go. Written in the transaction that forgets what they show, struck off when Discord says so."""

from __future__ import annotations

from collections.abc import Collection

from storage.database import Database
from storage.people import Erasure
from storage.records import Scope


class Erasures:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def take_down(self, scope: Scope, posts: Collection[tuple[str, str]]) -> None:
        """Every message that was posted for one of these (purpose, ref) is to be deleted; what was still to be posted is
        not posted, and nothing remembers where they stood."""
        async with self._db.write():
            for purpose, ref in posts:
                named = (scope.guild_id, purpose, ref)
                await self._db.change(
                    """
                    INSERT INTO erasures (guild_id, channel_id, message_id, asked_at)
                    SELECT guild_id, channel_id, message_id, ?4 FROM outbox
                        WHERE guild_id = ?1 AND purpose = ?2 AND ref = ?3 AND message_id IS NOT NULL
                    UNION SELECT guild_id, channel_id, message_id, ?4 FROM cards
                        WHERE guild_id = ?1 AND purpose = ?2 AND ref = ?3
                    ON CONFLICT DO NOTHING
                    """,
                    *named,
                    self._db.clock(),
                )
                await self._db.change("DELETE FROM outbox WHERE guild_id = ? AND purpose = ? AND ref = ?", *named)
                await self._db.change("DELETE FROM cards WHERE guild_id = ? AND purpose = ? AND ref = ?", *named)

    async def add(self, scope: Scope, channel_id: int, message_id: int = 0) -> None:
        """One message; without `message_id` the whole thread `channel_id`."""
        async with self._db.write():
            await self._db.change(
                "INSERT INTO erasures (guild_id, channel_id, message_id, asked_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                scope.guild_id,
                channel_id,
                message_id,
                self._db.clock(),
            )

    async def due_everywhere(self, limit: int = 20) -> tuple[Erasure, ...]:
        """Of all guilds, longest waiting first."""
        rows = await self._db.rows("SELECT * FROM erasures ORDER BY asked_at, channel_id, message_id LIMIT ?", limit)
        return tuple(Erasure(row["guild_id"], row["channel_id"], row["message_id"]) for row in rows)

    async def done(self, scope: Scope, channel_id: int, message_id: int) -> None:
        async with self._db.write():
            await self._db.change(
                "DELETE FROM erasures WHERE guild_id = ? AND channel_id = ? AND message_id = ?",
                scope.guild_id,
                channel_id,
                message_id,
            )
