"""LoRAs: the published winners."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from storage.database import Database, Value
from storage.errors import NameTaken, NoSuchRow
from storage.people import Grant
from storage.records import Lora, Scope
from storage.states import Access, GrantKind


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
        return Published(self._lora(rows[0]), is_new=True)

    async def get(self, scope: Scope, lora_id: int) -> Lora:
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND id = ?", scope.guild_id, lora_id)
        if row is None:
            raise NoSuchRow("LoRA", lora_id)
        return self._lora(row)

    async def of_run(self, scope: Scope, run_id: int) -> Lora | None:
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND run_id = ?", scope.guild_id, run_id)
        return None if row is None else self._lora(row)

    async def by_name(self, scope: Scope, name: str) -> Lora | None:
        """Whatever the case of its letters."""
        row = await self._db.row("SELECT * FROM loras WHERE guild_id = ? AND name = ?", scope.guild_id, name)
        return None if row is None else self._lora(row)

    async def list(
        self, scope: Scope, *, for_member: int | None = None, roles: Collection[int] = ()
    ) -> tuple[Lora, ...]:
        """Newest first, none that was withdrawn. With `for_member` only those this member, who has these roles, may use:
        their own, those that show them, those open to the server, and those granted to them or to a role of theirs."""
        marks = ", ".join("?" for _ in roles)
        rows = await self._db.rows(
            f"""
            SELECT loras.* FROM loras WHERE guild_id = ?1 AND withdrawn_at IS NULL AND (?2 IS NULL
                OR access = 'server' OR owner_id = ?2
                OR EXISTS (SELECT 1 FROM grants WHERE grants.lora_id = loras.id AND (
                       (kind = 'member' AND target_id = ?2) OR (kind = 'role' AND target_id IN ({marks}))))
                OR EXISTS (SELECT 1 FROM consents JOIN datasets ON datasets.subject_id = consents.subject_id
                           JOIN runs ON runs.dataset_id = datasets.id
                           WHERE runs.id = loras.run_id AND consents.member_id = ?2))
            ORDER BY id DESC
            """,
            scope.guild_id,
            for_member,
            *roles,
        )
        return tuple(self._lora(row) for row in rows)

    async def of_subject(self, scope: Scope, subject_id: int) -> tuple[Lora, ...]:
        """Newest first, the withdrawn ones too."""
        rows = await self._db.rows(
            """
            SELECT loras.* FROM loras JOIN runs ON runs.id = loras.run_id JOIN datasets ON datasets.id = runs.dataset_id
            WHERE loras.guild_id = ? AND datasets.subject_id = ? ORDER BY loras.id DESC
            """,
            scope.guild_id,
            subject_id,
        )
        return tuple(self._lora(row) for row in rows)

    async def subject_of(self, scope: Scope, lora_id: int) -> int:
        """The id of the subject it shows."""
        row = await self._db.row(
            """
            SELECT datasets.subject_id FROM loras JOIN runs ON runs.id = loras.run_id
            JOIN datasets ON datasets.id = runs.dataset_id WHERE loras.guild_id = ? AND loras.id = ?
            """,
            scope.guild_id,
            lora_id,
        )
        if row is None:
            raise NoSuchRow("LoRA", lora_id)
        return int(row["subject_id"])

    async def grants(self, scope: Scope, lora_id: int) -> tuple[Grant, ...]:
        rows = await self._db.rows(
            "SELECT kind, target_id FROM grants WHERE guild_id = ? AND lora_id = ? ORDER BY kind, target_id",
            scope.guild_id,
            lora_id,
        )
        return tuple(Grant(GrantKind(row["kind"]), row["target_id"]) for row in rows)

    async def rights(self, scope: Scope) -> tuple[dict[int, frozenset[int]], dict[int, frozenset[int]]]:
        """Of every LoRA: the members, and the roles, that may use it beyond its `access`; as `list` decides it."""
        members: dict[int, set[int]] = {}
        roles: dict[int, set[int]] = {}
        for row in await self._db.rows(
            """
            SELECT id AS lora_id, 'member' AS kind, owner_id AS target_id FROM loras WHERE guild_id = ?1
            UNION SELECT lora_id, kind, target_id FROM grants WHERE guild_id = ?1
            UNION SELECT loras.id, 'member', consents.member_id FROM loras JOIN runs ON runs.id = loras.run_id
                JOIN datasets ON datasets.id = runs.dataset_id JOIN consents ON consents.subject_id = datasets.subject_id
                WHERE loras.guild_id = ?1 AND consents.member_id IS NOT NULL
            """,
            scope.guild_id,
        ):
            of_kind = members if row["kind"] == GrantKind.MEMBER else roles
            of_kind.setdefault(row["lora_id"], set()).add(row["target_id"])
        return {id: frozenset(found) for id, found in members.items()}, {
            id: frozenset(found) for id, found in roles.items()
        }

    async def last_used(self, scope: Scope) -> dict[tuple[int, int], int]:
        """(member, LoRA) -> when that member last asked for a painting with it."""
        rows = await self._db.rows(
            """
            SELECT jobs.member_id, uses.lora_id, max(jobs.queued_at) AS at FROM uses JOIN jobs ON jobs.id = uses.job_id
            WHERE uses.guild_id = ? GROUP BY jobs.member_id, uses.lora_id
            """,
            scope.guild_id,
        )
        return {(row["member_id"], row["lora_id"]): row["at"] for row in rows}

    async def guilds_everywhere(self) -> tuple[Scope, ...]:
        """Those that have LoRAs."""
        rows = await self._db.rows("SELECT DISTINCT guild_id FROM loras ORDER BY guild_id")
        return tuple(Scope(row["guild_id"]) for row in rows)

    async def share(self, scope: Scope, lora_id: int, access: Access, grants: Collection[Grant] = ()) -> Lora:
        """Who may use it from now on, in place of who might before."""
        async with self._db.write():
            lora = await self._set(scope, lora_id, "access = ?", access)
            await self._db.change("DELETE FROM grants WHERE guild_id = ? AND lora_id = ?", scope.guild_id, lora_id)
            for grant in grants:
                await self._db.change(
                    "INSERT INTO grants (guild_id, lora_id, kind, target_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    scope.guild_id,
                    lora_id,
                    grant.kind,
                    grant.target_id,
                )
        return lora

    async def rename(self, scope: Scope, lora_id: int, name: str) -> Lora:
        """Raises NameTaken."""
        async with self._db.write():
            other = await self.by_name(scope, name)
            if other is not None and other.id != lora_id:
                raise NameTaken(f"The name {name} is taken.")
            return await self._set(scope, lora_id, "name = ?", name)

    async def set_default_prompt(self, scope: Scope, lora_id: int, prompt: str) -> Lora:
        async with self._db.write():
            lora = await self.get(scope, lora_id)
            sealed = self._db.seal(lora.key_id, prompt, "loras.default_prompt") if prompt else None
            return await self._set(scope, lora_id, "default_prompt = ?", sealed)

    async def set_thumbnail(self, scope: Scope, lora_id: int, sha256: str) -> Lora:
        """A thumbnail of its own; the blob lies under the LoRA's key. Drop the one before next, if nothing else names it."""
        async with self._db.write():
            return await self._set(scope, lora_id, "thumbnail_sha256 = ?, thumbnail_picture_id = NULL", sha256)

    async def show_as(self, scope: Scope, lora_id: int, picture_id: int) -> Lora:
        """A picture in place of its thumbnail, for as long as it is kept. Raises NoSuchRow for one not painted with it."""
        async with self._db.write():
            row = await self._db.row(
                """
                SELECT 1 FROM pictures JOIN uses ON uses.job_id = pictures.job_id
                WHERE pictures.guild_id = ? AND pictures.id = ? AND uses.lora_id = ?
                """,
                scope.guild_id,
                picture_id,
                lora_id,
            )
            if row is None:
                raise NoSuchRow("picture", picture_id)
            return await self._set(scope, lora_id, "thumbnail_picture_id = ?", picture_id)

    async def withdraw(self, scope: Scope, lora_id: int) -> Lora:
        """Nobody may use it from now on. Its grants go with it."""
        async with self._db.write():
            await self.share(scope, lora_id, Access.ME)
            return await self._set(scope, lora_id, "withdrawn_at = coalesce(withdrawn_at, ?)", self._db.clock())

    async def painted_with(self, scope: Scope, lora_id: int) -> tuple[str, ...]:
        """Job ids of the paintings it had a part in, newest first."""
        rows = await self._db.rows(
            """
            SELECT uses.job_id FROM uses JOIN jobs ON jobs.id = uses.job_id
            WHERE uses.guild_id = ? AND uses.lora_id = ? ORDER BY jobs.rowid DESC
            """,
            scope.guild_id,
            lora_id,
        )
        return tuple(row["job_id"] for row in rows)

    async def delete(self, scope: Scope, lora_id: int) -> None:
        """The row alone. Its bytes are its dataset's: drop the blob next, unless they are forgotten as a whole."""
        async with self._db.write():
            await self.get(scope, lora_id)
            await self._db.change("DELETE FROM loras WHERE guild_id = ? AND id = ?", scope.guild_id, lora_id)

    async def _set(self, scope: Scope, lora_id: int, assign: str, *values: Value) -> Lora:
        rows = await self._db.change(
            f"UPDATE loras SET {assign} WHERE guild_id = ? AND id = ? RETURNING *", *values, scope.guild_id, lora_id
        )
        if not rows:
            raise NoSuchRow("LoRA", lora_id)
        return self._lora(rows[0])

    def _lora(self, row: sqlite3.Row) -> Lora:
        key_id, prompt = row["key_id"], row["default_prompt"]
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
            key_id=key_id,
            access=Access(row["access"]),
            owner_id=row["owner_id"],
            created_at=row["created_at"],
            default_prompt="" if prompt is None else self._db.unseal(key_id, prompt, "loras.default_prompt"),
            withdrawn_at=row["withdrawn_at"],
            thumbnail_picture_id=row["thumbnail_picture_id"],
        )
