"""Which data key belongs to which guild, and the way a key is forgotten."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from storage.database import Database
from storage.errors import KeyForgotten, NoSuchRow
from storage.records import Scope


class Keys:
    def __init__(self, database: Database, blobs_folder: Path) -> None:
        self._db = database
        self._blobs_folder = blobs_folder

    async def create(self, scope: Scope) -> str:
        """A fresh data key: one per dataset (made with it) and one per painting."""
        async with self._db.write():
            # A key whose row is rolled back stays behind as a file that seals nothing.
            key_id = await asyncio.to_thread(self._db.vault.create_key)
            await self._db.change(
                "INSERT INTO keys (id, guild_id, created_at) VALUES (?, ?, ?)", key_id, scope.guild_id, self._db.clock()
            )
        return key_id

    async def check(self, scope: Scope, key_id: str) -> None:
        """Raises NoSuchRow for another guild's key, KeyForgotten for one that was dropped."""
        row = await self._db.row("SELECT forgotten_at FROM keys WHERE guild_id = ? AND id = ?", scope.guild_id, key_id)
        if row is None:
            raise NoSuchRow("key", key_id)
        if row["forgotten_at"] is not None:
            raise KeyForgotten(f"The key {key_id} was forgotten: what it sealed is gone.")

    async def forget(self, scope: Scope, key_id: str) -> None:
        """Drop the key and every blob under it, here and (by darkness) in every copy.

        The wish is committed first, the files go right after; a crash between the two is made good at the next start.
        Live jobs under the key are cancelled, its pending messages dropped. Other rows stay, their sealed texts now "".
        """
        async with self._db.write():
            rows = await self._db.change(
                "UPDATE keys SET forgotten_at = coalesce(forgotten_at, ?) WHERE guild_id = ? AND id = ? RETURNING id",
                self._db.clock(),
                scope.guild_id,
                key_id,
            )
            if not rows:
                raise NoSuchRow("key", key_id)
            await self._end_what_needs(key_id)
            self._db.after_commit(lambda: self._drop(key_id))

    async def sweep_everywhere(self) -> None:
        """At start. Finishes what a crash interrupted: forgotten keys still on disk go. And after a restored backup:
        keys that the database takes for good but that were forgotten since are marked so."""
        rows = await self._db.rows("SELECT id, forgotten_at FROM keys")
        for key_id in [row["id"] for row in rows if row["forgotten_at"] is not None]:
            if self._db.vault.knows(key_id) or self._folder(key_id).exists():
                await asyncio.to_thread(self._drop, key_id)
        async with self._db.write():
            for key_id in [row["id"] for row in rows if row["forgotten_at"] is None]:
                if not self._db.vault.knows(key_id):
                    await self._db.change("UPDATE keys SET forgotten_at = ? WHERE id = ?", self._db.clock(), key_id)
                    await self._end_what_needs(key_id)

    async def _end_what_needs(self, key_id: str) -> None:
        await self._db.change(
            """
            UPDATE jobs SET state = 'cancelled', ended_at = ?
            WHERE key_id = ? AND state IN ('queued', 'running', 'parked')
            """,
            self._db.clock(),
            key_id,
        )
        await self._db.change(
            "UPDATE outbox SET state = 'dropped', reason = 'forgotten', ended_at = ? WHERE key_id = ? AND state = 'pending'",
            self._db.clock(),
            key_id,
        )

    def _folder(self, key_id: str) -> Path:
        return self._blobs_folder / key_id

    def _drop(self, key_id: str) -> None:
        self._db.vault.forget_key(key_id)
        shutil.rmtree(self._folder(key_id), ignore_errors=True)
