"""The audit: one line for each thing a person decided or had made. Who, what, which id, when; never a word of theirs."""

from __future__ import annotations

import sqlite3

from storage.database import Database
from storage.people import AuditLine
from storage.records import Scope


class Audit:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self,
        scope: Scope,
        act: str,
        who_id: int,
        *,
        subject_id: int | None = None,
        lora_id: int | None = None,
        job_id: str | None = None,
    ) -> None:
        """In the transaction of what it tells of."""
        async with self._db.write():
            await self._db.change(
                "INSERT INTO audit (guild_id, at, who_id, act, subject_id, lora_id, job_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                scope.guild_id,
                self._db.clock(),
                who_id,
                act,
                subject_id,
                lora_id,
                job_id,
            )

    async def list(
        self, scope: Scope, *, subject_id: int | None = None, limit: int = 20, before: int | None = None
    ) -> tuple[AuditLine, ...]:
        """Newest first. With `subject_id` only what concerns that subject or a LoRA of it; `before`: older than that line."""
        rows = await self._db.rows(
            """
            SELECT * FROM audit WHERE guild_id = ?1 AND (?2 IS NULL OR id < ?2)
                AND (?3 IS NULL OR subject_id = ?3 OR lora_id IN
                     (SELECT loras.id FROM loras JOIN runs ON runs.id = loras.run_id
                      JOIN datasets ON datasets.id = runs.dataset_id
                      WHERE loras.guild_id = ?1 AND datasets.subject_id = ?3))
            ORDER BY id DESC LIMIT ?4
            """,
            scope.guild_id,
            before,
            subject_id,
            limit,
        )
        return tuple(_line(row) for row in rows)


def _line(row: sqlite3.Row) -> AuditLine:
    return AuditLine(
        id=row["id"],
        at=row["at"],
        who_id=row["who_id"],
        act=row["act"],
        subject_id=row["subject_id"],
        lora_id=row["lora_id"],
        job_id=row["job_id"],
    )
