"""Pictures: what was painted, with everything needed to paint it again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Job, NewPicture, Picture, Scope


class Pictures:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self, scope: Scope, job: Job, painted: Sequence[NewPicture], *, prompt: str, params: Mapping[str, object]
    ) -> tuple[Picture, ...]:
        """The pictures of a painting job, in the order of its seeds. Adding again returns those there are.

        Their bytes lie in the blobs under `job.key_id`; prompt and params are sealed with it.
        """
        async with self._db.write():
            known = await self.of_job(scope, job.id)
            if known:
                return known
            for number, picture in enumerate(painted):
                await self._db.change(
                    """
                    INSERT INTO pictures (guild_id, job_id, number, lora_id, member_id, key_id, prompt, params, seed, sha256,
                                          created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    scope.guild_id,
                    job.id,
                    number,
                    job.lora_id,
                    job.member_id,
                    job.key_id,
                    self._db.seal(job.key_id, prompt, "pictures.prompt"),
                    self._db.seal(job.key_id, json.dumps(dict(params)), "pictures.params"),
                    picture.seed,
                    picture.sha256,
                    self._db.clock(),
                )
            return await self.of_job(scope, job.id)

    async def get(self, scope: Scope, picture_id: int) -> Picture:
        row = await self._db.row("SELECT * FROM pictures WHERE guild_id = ? AND id = ?", scope.guild_id, picture_id)
        if row is None:
            raise NoSuchRow("picture", picture_id)
        return self._picture(row)

    async def several(self, scope: Scope, picture_ids: Collection[int]) -> tuple[Picture, ...]:
        """In one reading, in the order of the ids; those there are not are left out."""
        rows = await self._db.rows(
            "SELECT * FROM pictures WHERE guild_id = ? AND id IN (SELECT value FROM json_each(?))",
            scope.guild_id,
            json.dumps(list(picture_ids)),
        )
        found = {int(row["id"]): row for row in rows}
        return tuple(self._picture(found[id]) for id in dict.fromkeys(picture_ids) if id in found)

    async def of_job(self, scope: Scope, job_id: str) -> tuple[Picture, ...]:
        rows = await self._db.rows(
            "SELECT * FROM pictures WHERE guild_id = ? AND job_id = ? ORDER BY number", scope.guild_id, job_id
        )
        return tuple(self._picture(row) for row in rows)

    async def of_member(self, scope: Scope, member_id: int, *, limit: int = 100) -> tuple[Picture, ...]:
        """Newest first."""
        rows = await self._db.rows(
            "SELECT * FROM pictures WHERE guild_id = ? AND member_id = ? ORDER BY id DESC LIMIT ?",
            scope.guild_id,
            member_id,
            limit,
        )
        return tuple(self._picture(row) for row in rows)

    async def delete(self, scope: Scope, job_id: str, *, but: Collection[int] = ()) -> tuple[Picture, ...]:
        """The rows of all pictures of a job except those with the ids `but`; returns what they were. Drop the blobs (or, of
        all, forget the job's key) next."""
        async with self._db.write():
            gone = tuple(picture for picture in await self.of_job(scope, job_id) if picture.id not in but)
            for picture in gone:
                await self._db.change("DELETE FROM pictures WHERE guild_id = ? AND id = ?", scope.guild_id, picture.id)
        return gone

    def _picture(self, row: sqlite3.Row) -> Picture:
        key_id: str = row["key_id"]
        return Picture(
            id=row["id"],
            guild_id=row["guild_id"],
            job_id=row["job_id"],
            number=row["number"],
            lora_id=row["lora_id"],
            member_id=row["member_id"],
            key_id=key_id,
            prompt=self._db.unseal(key_id, row["prompt"], "pictures.prompt"),
            params=json.loads(self._db.unseal(key_id, row["params"], "pictures.params") or "{}"),
            seed=row["seed"],
            sha256=row["sha256"],
            created_at=row["created_at"],
        )
