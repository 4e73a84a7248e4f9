"""Channels: what a server's admins decided for one of them. Threads go by their parent's."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, cast

from storage.database import Database
from storage.people import ChannelRules
from storage.records import Scope


class Channels:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def rules(self, scope: Scope, channel_id: int, parent_id: int | None = None) -> ChannelRules:
        """Those in force: the channel's own, else its parent's, else the empty ones."""
        row = await self._db.row(
            """
            SELECT rules FROM channels WHERE guild_id = ?1 AND channel_id IN (?2, ?3) ORDER BY channel_id <> ?2 LIMIT 1
            """,
            scope.guild_id,
            channel_id,
            parent_id,
        )
        return ChannelRules() if row is None else _rules(row["rules"])

    async def decide(self, scope: Scope, channel_id: int, rules: ChannelRules, *, by: int) -> None:
        """In place of what was; empty rules leave nothing behind."""
        async with self._db.write():
            if rules == ChannelRules():
                await self._db.change(
                    "DELETE FROM channels WHERE guild_id = ? AND channel_id = ?", scope.guild_id, channel_id
                )
                return
            await self._db.change(
                """
                INSERT INTO channels (guild_id, channel_id, rules, changed_at, changed_by) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (guild_id, channel_id) DO UPDATE SET
                    rules = excluded.rules, changed_at = excluded.changed_at, changed_by = excluded.changed_by
                """,
                scope.guild_id,
                channel_id,
                json.dumps(asdict(rules)),
                self._db.clock(),
                by,
            )


def _rules(text: str) -> ChannelRules:
    """A key that a later version has dropped is passed over."""
    found = cast("dict[str, Any]", json.loads(text))
    return ChannelRules(**{field.name: found[field.name] for field in fields(ChannelRules) if field.name in found})
