"""Handouts: files of LoRAs that lie in a folder of the owner's for fetching, until their time is over."""

from __future__ import annotations

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope


class Handouts:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, scope: Scope, lora_id: int, token: str, expires_at: int) -> None:
        """Before the file is written: a file without a row is taken for over."""
        async with self._db.write():
            row = await self._db.row("SELECT 1 FROM loras WHERE guild_id = ? AND id = ?", scope.guild_id, lora_id)
            if row is None:
                raise NoSuchRow("LoRA", lora_id)
            await self._db.change(
                "INSERT INTO handouts (token, guild_id, lora_id, expires_at) VALUES (?, ?, ?, ?)",
                token,
                scope.guild_id,
                lora_id,
                expires_at,
            )

    async def standing_everywhere(self) -> frozenset[str]:
        """Tokens of those whose time is not over and whose LoRA was neither deleted nor withdrawn; the others' rows go."""
        async with self._db.write():
            await self._db.change(
                """
                DELETE FROM handouts WHERE expires_at <= ?
                    OR EXISTS (SELECT 1 FROM loras WHERE loras.id = lora_id AND withdrawn_at IS NOT NULL)
                """,
                self._db.clock(),
            )
            rows = await self._db.rows("SELECT token FROM handouts")
        return frozenset(row["token"] for row in rows)
