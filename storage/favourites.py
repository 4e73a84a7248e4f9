"""Favourites: pictures that members want to keep, each for themselves, or shown to the whole server by their painter.

A favourite is in nobody's gallery while its picture is reported, once a LoRA in it was withdrawn, and wherever a LoRA in it
is not among `loras`: those that whoever looks may use.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from storage.database import Database, Value
from storage.errors import NoSuchRow
from storage.records import Favourite, Picture, Scope

SHOWN = """
    FROM favourites JOIN pictures ON pictures.id = favourites.picture_id
    WHERE favourites.guild_id = ?1 AND pictures.guild_id = ?1
        AND (?2 IS NULL OR favourites.member_id = ?2)
        AND (?2 IS NOT NULL OR (favourites.shared = 1 AND favourites.member_id = pictures.member_id))
        AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.id = pictures.key_id AND keys.forgotten_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM reports WHERE reports.job_id = pictures.job_id AND reports.state = 'open')
        AND NOT EXISTS (SELECT 1 FROM uses JOIN loras ON loras.id = uses.lora_id WHERE uses.job_id = pictures.job_id AND
            (loras.withdrawn_at IS NOT NULL OR (?3 IS NOT NULL AND uses.lora_id NOT IN (SELECT value FROM json_each(?3)))))
"""


class Favourites:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def keep(self, scope: Scope, picture_id: int, member_id: int) -> Favourite:
        """Keeping again changes nothing."""
        async with self._db.write():
            await self._db.change(
                """
                INSERT INTO favourites (guild_id, picture_id, member_id, kept_at) VALUES (?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """,
                scope.guild_id,
                picture_id,
                member_id,
                self._db.clock(),
            )
            kept = await self.get(scope, picture_id, member_id)
            if kept is None:  # the row there is belongs to another guild
                raise NoSuchRow("picture", picture_id)
        return kept

    async def share(self, scope: Scope, picture_id: int, member_id: int, shared: bool) -> Favourite:
        """Shown to the whole server from now on, or to nobody else."""
        async with self._db.write():
            rows = await self._db.change(
                "UPDATE favourites SET shared = ? WHERE guild_id = ? AND picture_id = ? AND member_id = ? RETURNING *",
                shared,
                scope.guild_id,
                picture_id,
                member_id,
            )
        if not rows:
            raise NoSuchRow("favourite", picture_id)
        return _favourite(rows[0])

    async def drop(self, scope: Scope, picture_id: int, member_id: int) -> None:
        """Nothing happens when it is none."""
        async with self._db.write():
            await self._db.change(
                "DELETE FROM favourites WHERE guild_id = ? AND picture_id = ? AND member_id = ?",
                scope.guild_id,
                picture_id,
                member_id,
            )

    async def get(self, scope: Scope, picture_id: int, member_id: int) -> Favourite | None:
        row = await self._db.row(
            "SELECT * FROM favourites WHERE guild_id = ? AND picture_id = ? AND member_id = ?",
            scope.guild_id,
            picture_id,
            member_id,
        )
        return None if row is None else _favourite(row)

    async def kept_by_anybody(self, scope: Scope, job_id: str) -> frozenset[int]:
        """Ids of the pictures of a painting that are somebody's favourite, hidden ones too."""
        rows = await self._db.rows(
            """
            SELECT DISTINCT favourites.picture_id FROM favourites JOIN pictures ON pictures.id = favourites.picture_id
            WHERE favourites.guild_id = ? AND pictures.job_id = ?
            """,
            scope.guild_id,
            job_id,
        )
        return frozenset(row["picture_id"] for row in rows)

    async def list(
        self,
        scope: Scope,
        *,
        member_id: int | None,
        loras: Collection[int] | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[Favourite, ...]:
        """One member's, or with None those shown to the whole server; kept last first. `loras`: see above, None for all
        that are not withdrawn."""
        rows = await self._db.rows(
            f"SELECT favourites.* {SHOWN} ORDER BY favourites.kept_at DESC, favourites.picture_id DESC LIMIT ?4 OFFSET ?5",
            *self._asked(scope, member_id, loras),
            limit,
            offset,
        )
        return tuple(_favourite(row) for row in rows)

    async def count(self, scope: Scope, *, member_id: int | None, loras: Collection[int] | None = None) -> int:
        row = await self._db.row(f"SELECT count(*) {SHOWN}", *self._asked(scope, member_id, loras))
        return 0 if row is None else int(row[0])

    async def shown(
        self, scope: Scope, picture: Picture, *, member_id: int | None, loras: Collection[int] | None = None
    ) -> bool:
        """Whether this picture is in that gallery."""
        row = await self._db.row(
            f"SELECT 1 {SHOWN} AND pictures.id = ?4", *self._asked(scope, member_id, loras), picture.id
        )
        return row is not None

    def _asked(self, scope: Scope, member_id: int | None, loras: Collection[int] | None) -> tuple[Value, ...]:
        return scope.guild_id, member_id, None if loras is None else json.dumps(sorted(loras))


def _favourite(row: sqlite3.Row) -> Favourite:
    return Favourite(row["guild_id"], row["picture_id"], row["member_id"], bool(row["shared"]), row["kept_at"])
