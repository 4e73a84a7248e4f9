"""Lineage: which version of a subject came from which, with which photos, and whose LoRAs painted what it was taught from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from storage.database import Database
from storage.errors import NoSuchRow
from storage.records import Scope


@dataclass(frozen=True)
class Version:
    """One generation of a subject, with the LoRA it came to."""

    dataset_id: int
    generation: int
    lora_id: int | None
    """The newest one published from it and still there; None: not published, or deleted since."""
    lora_name: str


class Lineage:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def descend(self, scope: Scope, dataset_id: int, parent_id: int) -> None:
        """`dataset_id` was opened as a new version of `parent_id`: what the parent was made from, it is made from as well."""
        async with self._db.write():
            rows = await self._db.change(
                """
                UPDATE datasets SET parent_id = parent.id, from_pictures = parent.from_pictures
                FROM (SELECT id, guild_id, subject_id, from_pictures FROM datasets) AS parent
                WHERE datasets.guild_id = ?1 AND datasets.id = ?2 AND parent.guild_id = ?1 AND parent.id = ?3
                    AND parent.subject_id = datasets.subject_id
                RETURNING datasets.id
                """,
                scope.guild_id,
                dataset_id,
                parent_id,
            )
            if not rows:
                raise NoSuchRow("dataset", dataset_id)
            await self._db.change(
                """
                INSERT INTO ancestors (guild_id, dataset_id, subject_id)
                SELECT guild_id, ?2, subject_id FROM ancestors WHERE guild_id = ?1 AND dataset_id = ?3 ON CONFLICT DO NOTHING
                """,
                scope.guild_id,
                dataset_id,
                parent_id,
            )

    async def carry(self, scope: Scope, dataset_id: int, photo_ids: Collection[int], *, request_id: str) -> int:
        """The photos again, numbered anew in this order, in a dataset with a key of its own: crop, caption, what was
        measured, and whatever else was found out about them. Returns how many. Their cleaned pictures must lie under the
        new key already."""
        async with self._db.write():
            key_id = await self._key_of(scope, dataset_id)
            for photo_id in photo_ids:
                row = await self._db.row(
                    """
                    SELECT photos.*, datasets.key_id AS sealed_with FROM photos JOIN datasets ON datasets.id = photos.dataset_id
                    WHERE photos.guild_id = ? AND photos.id = ? AND photos.state = 'kept'
                    """,
                    scope.guild_id,
                    photo_id,
                )
                if row is None:
                    raise NoSuchRow("photo", photo_id)
                found = {name: row[name] for name in row.keys() if name not in ("id", "number", "sealed_with")}  # noqa: SIM118
                for name, value in found.items():
                    if isinstance(value, bytes):
                        text = self._db.unseal(row["sealed_with"], value, f"photos.{name}")
                        found[name] = self._db.seal(key_id, text, f"photos.{name}")
                    elif name.endswith("sha256") and name not in ("raw_sha256", "clean_sha256"):
                        found[name] = None  # its blob is the parent's
                found |= {
                    "dataset_id": dataset_id,
                    "request_id": request_id,
                    # What is carried over is what was kept: the picture rebuilt from pixels.
                    "raw_sha256": row["clean_sha256"],
                    "duplicate_of": None,
                    "origin": "carried",
                }
                columns, marks = ", ".join(found), ", ".join("?" for _ in found)
                made = await self._db.change(
                    f"""
                    INSERT INTO photos ({columns}, number)
                    VALUES ({marks}, (SELECT coalesce(max(number), 0) + 1 FROM photos WHERE dataset_id = ?)) RETURNING id
                    """,
                    *found.values(),
                    dataset_id,
                )
                await self._carry_measures(scope, photo_id, row["sealed_with"], made[0]["id"], key_id)
        return len(photo_ids)

    async def make_of_pictures(
        self, scope: Scope, dataset_id: int, subject_ids: Collection[int], *, request_id: str
    ) -> None:
        """The photos of this request are pictures painted here, with LoRAs of these subjects."""
        async with self._db.write():
            await self._key_of(scope, dataset_id)
            await self._db.change(
                "UPDATE datasets SET from_pictures = 1 WHERE guild_id = ? AND id = ?", scope.guild_id, dataset_id
            )
            await self._db.change(
                "UPDATE photos SET origin = 'painted' WHERE guild_id = ? AND dataset_id = ? AND request_id = ?",
                scope.guild_id,
                dataset_id,
                request_id,
            )
            for subject_id in subject_ids:
                await self._db.change(
                    "INSERT INTO ancestors (guild_id, dataset_id, subject_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    scope.guild_id,
                    dataset_id,
                    subject_id,
                )

    async def ancestors(self, scope: Scope, dataset_id: int) -> tuple[int, ...]:
        """Ids of the subjects whose LoRAs painted the pictures it was made of."""
        rows = await self._db.rows(
            "SELECT subject_id FROM ancestors WHERE guild_id = ? AND dataset_id = ? ORDER BY subject_id",
            scope.guild_id,
            dataset_id,
        )
        return tuple(row["subject_id"] for row in rows)

    async def descendants(self, scope: Scope, subject_id: int) -> tuple[int, ...]:
        """Ids of the subjects that were taught from pictures by a LoRA of this one, and of theirs, and so on; not itself."""
        rows = await self._db.rows(
            """
            WITH RECURSIVE line (id) AS (
                SELECT datasets.subject_id FROM ancestors JOIN datasets ON datasets.id = ancestors.dataset_id
                    WHERE ancestors.guild_id = ?1 AND ancestors.subject_id = ?2
                UNION SELECT datasets.subject_id FROM line JOIN ancestors ON ancestors.subject_id = line.id
                    JOIN datasets ON datasets.id = ancestors.dataset_id WHERE ancestors.guild_id = ?1)
            SELECT id FROM line WHERE id <> ?2 ORDER BY id
            """,
            scope.guild_id,
            subject_id,
        )
        return tuple(row["id"] for row in rows)

    async def versions(self, scope: Scope, dataset_id: int) -> tuple[Version, ...]:
        """This dataset and the ones it came from, the first one first."""
        rows = await self._db.rows(
            """
            WITH RECURSIVE line (id, parent_id, generation) AS (
                SELECT id, parent_id, generation FROM datasets WHERE guild_id = ?1 AND id = ?2
                UNION SELECT datasets.id, datasets.parent_id, datasets.generation FROM line
                    JOIN datasets ON datasets.id = line.parent_id)
            SELECT line.id, line.generation, loras.id AS lora_id, loras.name FROM line
            LEFT JOIN loras ON loras.id = (SELECT max(loras.id) FROM loras JOIN runs ON runs.id = loras.run_id
                                           WHERE runs.dataset_id = line.id)
            ORDER BY line.generation
            """,
            scope.guild_id,
            dataset_id,
        )
        return tuple(Version(row["id"], row["generation"], row["lora_id"], row["name"] or "") for row in rows)

    async def in_training(self, scope: Scope, subject_id: int) -> int | None:
        """The id of the dataset of this subject that waits for its training, or is in it."""
        row = await self._db.row(
            """
            SELECT dataset_id FROM jobs JOIN datasets ON datasets.id = jobs.dataset_id
            WHERE jobs.guild_id = ? AND datasets.subject_id = ? AND jobs.kind = 'train'
                AND jobs.state IN ('queued', 'running', 'parked')
            """,
            scope.guild_id,
            subject_id,
        )
        return None if row is None else int(row["dataset_id"])

    async def clear_discarded(self, scope: Scope, subject_id: int) -> None:
        """Versions that were thrown away before their training give their number back."""
        async with self._db.write():
            await self._db.change(
                """
                DELETE FROM datasets WHERE guild_id = ?1 AND subject_id = ?2 AND state = 'discarded' AND generation >
                    (SELECT coalesce(max(generation), -1) FROM datasets WHERE guild_id = ?1 AND subject_id = ?2
                     AND state <> 'discarded')
                """,
                scope.guild_id,
                subject_id,
            )

    async def _carry_measures(self, scope: Scope, old_id: int, old_key: str, new_id: int, new_key: str) -> None:
        row = await self._db.row(
            "SELECT facts FROM measures WHERE guild_id = ? AND photo_id = ?", scope.guild_id, old_id
        )
        facts = "" if row is None else self._db.unseal(old_key, row["facts"], "measures.facts")
        if facts:
            await self._db.change(
                "INSERT INTO measures (photo_id, guild_id, facts) VALUES (?, ?, ?)",
                new_id,
                scope.guild_id,
                self._db.seal(new_key, facts, "measures.facts"),
            )

    async def _key_of(self, scope: Scope, dataset_id: int) -> str:
        row = await self._db.row(
            "SELECT key_id FROM datasets WHERE guild_id = ? AND id = ?", scope.guild_id, dataset_id
        )
        if row is None:
            raise NoSuchRow("dataset", dataset_id)
        return row["key_id"]
