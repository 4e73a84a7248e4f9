"""LoRAs: the published winners."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.database import Database
from storage.errors import NameTaken, NoSuchRow
from storage.records import Lora, Scope
from storage.states import Access


@dataclass(frozen=True)
class Published:
    lora: Lora
    is_new: bool
    """False: the run's winner was published before; announce nothing."""


class Loras:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def publish(
        self,
        scope: Scope,
        run_id: int,
        *,
        epoch: int,
        name: str,
        trigger: str,
        base: str,
        sha256: str,
        key_id: str,
        access: Access,
        owner_id: int,
        thumbnail_sha256: str | None = None,
    ) -> Published:
        """One per run: publishing again returns the one there is. Raises NameTaken. `key_id` is the dataset's."""
        async with self._db.write():
            known = await self.of_run(scope, run_id)
            if known is not None:
                return Published(known, is_new=False)
            if await self.by_name(scope, name) is not None:
                raise NameTaken(f"The name {name} is taken.")
            rows = await self._db.change(
                """
                INSERT INTO loras (guild_id, run_id, epoch, name, trigger, base, sha256, thumbnail_sha256, key_id, access,
                                   owner_id, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                run_id,
                epoch,
                name,
                trigger,
                base,
                sha256,
                thumbnail_sha256,
                key_id,
                access,
                owner_id,
                self._db.clock(),
            )
        return Published(_lora(rows[0]), is_new=True)

    async def get(self, scope: Scope, lora_id: int) -> Lora:
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND id = ?", scope.guild_id, lora_id)
        if row is None:
            raise NoSuchRow("LoRA", lora_id)
        return _lora(row)

    async def of_run(self, scope: Scope, run_id: int) -> Lora | None:
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND run_id = ?", scope.guild_id, run_id)
        return None if row is None else _lora(row)

    async def by_name(self, scope: Scope, name: str) -> Lora | None:
        """Whatever the case of its letters."""
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND name = ?", scope.guild_id, name)
        return None if row is None else _lora(row)

    async def list(self, scope: Scope, *, for_member: int | None = None) -> tuple[Lora, ...]:
        """Newest first; with `for_member` only those this member may use (their own, and those open to the server)."""
        rows = await self._db.rows(
            """
            SELECT * FROM loras WHERE guild_id = ?1 AND (?2 IS NULL OR access = 'server' OR owner_id = ?2) ORDER BY id DESC
            """,
            scope.guild_id,
            for_member,
        )
        return tuple(_lora(row) for row in rows)

    async def set_access(self, scope: Scope, lora_id: int, access: Access) -> Lora:
        async with self._db.write():
            rows = await self._db.change(
                "UPDATE loras SET access = ? WHERE guild_id = ? AND id = ? RETURNING *", access, scope.guild_id, lora_id
            )
        if not rows:
            raise NoSuchRow("LoRA", lora_id)
        return _lora(rows[0])


def _lora(row: sqlite3.Row) -> Lora:
    return Lora(
        id=row["id"],
        guild_id=row["guild_id"],
        run_id=row["run_id"],
        epoch=row["epoch"],
        name=row["name"],
        trigger=row["trigger"],
        base=row["base"],
        sha256=row["sha256"],
        thumbnail_sha256=row["thumbnail_sha256"],
        key_id=row["key_id"],
        access=Access(row["access"]),
        owner_id=row["owner_id"],
        created_at=row["created_at"],
    )
