"""Crops as they were before somebody changed them: what Undo goes back through, one press at a time, after a restart too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from storage.database import Database
from storage.records import Box, Photo, Scope
from storage.states import PhotoState

MOST = 30
"""Of one photo: older ones are let go."""


@dataclass(frozen=True)
class CropStep:
    """What a photo was before a press."""

    state: PhotoState
    crop: Box | None
    flags: tuple[str, ...]


class CropSteps:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, scope: Scope, before: Photo) -> None:
        async with self._db.write():
            await self._db.change(
                "INSERT INTO crop_steps (guild_id, photo_id, state, crop, flags) VALUES (?, ?, ?, ?, ?)",
                scope.guild_id,
                before.id,
                before.state,
                None if before.crop is None else json.dumps(asdict(before.crop)),
                json.dumps(list(before.flags)),
            )
            await self._db.change(
                """
                DELETE FROM crop_steps WHERE guild_id = ?1 AND photo_id = ?2 AND id NOT IN (
                    SELECT id FROM crop_steps WHERE guild_id = ?1 AND photo_id = ?2 ORDER BY id DESC LIMIT ?3)
                """,
                scope.guild_id,
                before.id,
                MOST,
            )

    async def count(self, scope: Scope, photo_id: int) -> int:
        row = await self._db.row(
            "SELECT count(*) AS steps FROM crop_steps WHERE guild_id = ? AND photo_id = ?", scope.guild_id, photo_id
        )
        return 0 if row is None else row["steps"]

    async def back(self, scope: Scope, photo_id: int) -> CropStep | None:
        """Take the photo back to where it was before the last press, and say where that is; None: there is none."""
        async with self._db.write():
            rows = await self._db.change(
                """
                DELETE FROM crop_steps WHERE guild_id = ?1 AND id = (
                    SELECT max(id) FROM crop_steps WHERE guild_id = ?1 AND photo_id = ?2)
                RETURNING state, crop, flags
                """,
                scope.guild_id,
                photo_id,
            )
            if not rows:
                return None
            state, crop, flags = rows[0]
            await self._db.change(
                "UPDATE photos SET state = ?, crop = ?, flags = ? WHERE guild_id = ? AND id = ? AND state IN ('kept', 'dropped')",
                state,
                crop,
                flags,
                scope.guild_id,
                photo_id,
            )
            box = None if crop is None else Box(**json.loads(crop))
            return CropStep(PhotoState(state), box, tuple(json.loads(flags)))
