"""The outbox: what must reach people, written in the same transaction as the reason for it.

A row is marked sent only after Discord returned a message id. Its id is the message's nonce, so that a message posted
just before a crash is found again and not posted twice.
"""

from __future__ import annotations

import sqlite3

from storage import states
from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Outgoing, Scope
from storage.states import OutboxState


class Outbox:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self,
        scope: Scope,
        *,
        channel_id: int,
        purpose: str,
        ref: str | int,
        once: bool = False,
        payload: str | None = None,
        key_id: str | None = None,
    ) -> Outgoing:
        """`once`: posted a single time ever for this (purpose, ref): adding again returns the old row, sent or not.

        Otherwise a row still pending for the same channel, purpose and ref is returned instead of a second one.
        `payload` (JSON) is sealed with `key_id`, which must then be given.
        """
        if (payload is None) != (key_id is None):
            raise ValueError("a payload needs a key, and a key a payload")
        async with self._db.write():
            known = await self._db.row(
                """
                SELECT * FROM outbox WHERE guild_id = ?1 AND purpose = ?2 AND ref = ?3
                    AND ((?4 AND once = 1) OR (channel_id = ?5 AND state = 'pending')) ORDER BY once DESC LIMIT 1
                """,
                scope.guild_id,
                purpose,
                str(ref),
                once,
                channel_id,
            )
            if known is not None:
                return self._outgoing(known)
            sealed = None if payload is None or key_id is None else self._db.seal(key_id, payload, "outbox.payload")
            rows = await self._db.change(
                """
                INSERT INTO outbox (guild_id, channel_id, purpose, ref, once, key_id, payload, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                channel_id,
                purpose,
                str(ref),
                once,
                key_id,
                sealed,
                self._db.clock(),
            )
        return self._outgoing(rows[0])

    async def get(self, scope: Scope, outgoing_id: int) -> Outgoing:
        row = await self._db.row("SELECT * FROM outbox WHERE guild_id = ? AND id = ?", scope.guild_id, outgoing_id)
        if row is None:
            raise NoSuchRow("outbox row", outgoing_id)
        return self._outgoing(row)

    async def by_message(self, scope: Scope, message_id: int) -> Outgoing | None:
        """What was posted as this message."""
        row = await self._db.row(
            "SELECT * FROM outbox WHERE guild_id = ? AND message_id = ?", scope.guild_id, message_id
        )
        return None if row is None else self._outgoing(row)

    async def list(
        self, scope: Scope, *, purpose: str | None = None, ref: str | int | None = None
    ) -> tuple[Outgoing, ...]:
        """Oldest first, whatever the state."""
        rows = await self._db.rows(
            """
            SELECT * FROM outbox WHERE guild_id = ?1 AND (?2 IS NULL OR purpose = ?2) AND (?3 IS NULL OR ref = ?3) ORDER BY id
            """,
            scope.guild_id,
            purpose,
            None if ref is None else str(ref),
        )
        return tuple(self._outgoing(row) for row in rows)

    async def pending_everywhere(self, limit: int = 100) -> tuple[Outgoing, ...]:
        """Of all guilds, oldest first: what the presenter posts next."""
        rows = await self._db.rows("SELECT * FROM outbox WHERE state = 'pending' ORDER BY id LIMIT ?", limit)
        return tuple(self._outgoing(row) for row in rows)

    async def sent(self, scope: Scope, outgoing_id: int, message_id: int) -> Outgoing:
        """Discord returned `message_id`. Marking again returns the row as first marked; a dropped one raises WrongState."""
        async with self._db.write():
            old = await self.get(scope, outgoing_id)
            if old.state is OutboxState.SENT:
                return old
            states.allow("outbox row", states.OUTBOX, old.state, OutboxState.SENT)
            rows = await self._db.change(
                """
                UPDATE outbox SET state = 'sent', message_id = ?, ended_at = ? WHERE guild_id = ? AND id = ? RETURNING *
                """,
                message_id,
                self._db.clock(),
                scope.guild_id,
                outgoing_id,
            )
        return self._outgoing(rows[0])

    async def dropped(self, scope: Scope, outgoing_id: int, reason: str) -> Outgoing:
        """It cannot be posted (the channel is gone) or there is nothing to show any more."""
        async with self._db.write():
            old = await self.get(scope, outgoing_id)
            if old.state is OutboxState.DROPPED:
                return old
            states.allow("outbox row", states.OUTBOX, old.state, OutboxState.DROPPED)
            rows = await self._db.change(
                "UPDATE outbox SET state = 'dropped', reason = ?, ended_at = ? WHERE guild_id = ? AND id = ? RETURNING *",
                reason,
                self._db.clock(),
                scope.guild_id,
                outgoing_id,
            )
        return self._outgoing(rows[0])

    def _outgoing(self, row: sqlite3.Row) -> Outgoing:
        return Outgoing(
            id=row["id"],
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            purpose=row["purpose"],
            ref=row["ref"],
            payload=None
            if row["payload"] is None
            else self._db.unseal(row["key_id"], row["payload"], "outbox.payload"),
            key_id=row["key_id"],
            state=OutboxState(row["state"]),
            message_id=row["message_id"],
            reason=row["reason"],
            created_at=row["created_at"],
            ended_at=row["ended_at"],
        )
