"""Prompts: what was painted in a guild and may be shown again, for looking through. Opened here, never written anywhere."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field

from storage.database import Database
from storage.records import Scope


@dataclass(frozen=True)
class Prompted:
    """One painting with pictures that are kept."""

    job_id: str
    picture_id: int
    """Its first that is still there."""
    prompt: str = field(repr=False)


@dataclass(frozen=True)
class Standing:
    """Where a painting can be seen."""

    job_id: str
    member_id: int
    channel_ids: frozenset[int]
    """Where its message stands; empty: nowhere."""


class Prompts:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def marks(self, scope: Scope) -> tuple[int, int]:
        """(pictures, newest picture): as long as they stay, nothing was painted and nothing deleted."""
        row = await self._db.row(
            "SELECT count(*) AS number, coalesce(max(id), 0) AS newest FROM pictures WHERE guild_id = ?", scope.guild_id
        )
        return (0, 0) if row is None else (row["number"], row["newest"])

    async def newest(self, scope: Scope, limit: int) -> tuple[Prompted, ...]:
        """Newest first, those whose key was forgotten left out."""
        rows = await self._db.rows(
            """
            SELECT job_id, min(pictures.id) AS picture_id, max(pictures.id) AS newest, pictures.key_id, prompt FROM pictures
            JOIN keys ON keys.id = pictures.key_id AND keys.forgotten_at IS NULL
            WHERE pictures.guild_id = ? GROUP BY job_id ORDER BY newest DESC LIMIT ?
            """,
            scope.guild_id,
            limit,
        )
        # Every painting has a key of its own: thousands of small files.
        return await asyncio.to_thread(lambda: tuple(self._prompted(row) for row in rows))

    async def standing(self, scope: Scope, job_ids: Collection[str]) -> tuple[Standing, ...]:
        """Of these, in this order, those that may be shown: not reported, no LoRA in them withdrawn, nor the word for the
        training whose epochs they compare."""
        rows = await self._db.rows(
            """
            SELECT jobs.id, jobs.member_id, group_concat(outbox.channel_id) AS places FROM json_each(?2) AS wanted
            JOIN jobs ON jobs.id = wanted.value AND jobs.guild_id = ?1
            LEFT JOIN outbox ON outbox.guild_id = ?1 AND outbox.purpose = 'pictures' AND outbox.ref = jobs.id
                AND outbox.state = 'sent'
            WHERE NOT EXISTS (SELECT 1 FROM reports WHERE reports.job_id = jobs.id AND reports.state = 'open')
                AND NOT EXISTS (SELECT 1 FROM uses JOIN loras ON loras.id = uses.lora_id
                                WHERE uses.job_id = jobs.id AND loras.withdrawn_at IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM datasets JOIN consents ON consents.subject_id = datasets.subject_id
                                WHERE datasets.id = jobs.dataset_id AND consents.state = 'revoked')
            GROUP BY jobs.id ORDER BY wanted.key
            """,
            scope.guild_id,
            json.dumps(list(job_ids)),
        )
        return tuple(
            Standing(row["id"], row["member_id"], frozenset(int(id) for id in (row["places"] or "").split(",") if id))
            for row in rows
        )

    def _prompted(self, row: sqlite3.Row) -> Prompted:
        return Prompted(
            row["job_id"], row["picture_id"], self._db.unseal(row["key_id"], row["prompt"], "pictures.prompt")
        )
