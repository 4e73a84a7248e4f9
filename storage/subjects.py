"""Subjects: who or what is learnt."""

from __future__ import annotations

import sqlite3

from storage import states
from storage.database import Database
from storage.errors import NameTaken, NoSuchRow
from storage.keys import Keys
from storage.records import Scope, Subject
from storage.states import Access, SubjectKind, SubjectState


class Subjects:
    def __init__(self, database: Database, keys: Keys) -> None:
        self._db = database
        self._keys = keys

    async def create(
        self,
        scope: Scope,
        *,
        owner_id: int,
        name: str,
        kind: SubjectKind,
        class_word: str,
        trigger: str,
        consent_version: str,
        channel_id: int,
        access: Access = Access.ME,
    ) -> Subject:
        """Raises NameTaken when a live subject of the guild has this trigger word. Consent is dated now."""
        now = self._db.clock()
        async with self._db.write():
            await self._refuse_taken(scope, trigger)
            rows = await self._db.change(
                """
                INSERT INTO subjects (guild_id, owner_id, name, kind, class_word, trigger, consent_version,
                                      consented_at, access, channel_id, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                owner_id,
                name,
                kind,
                class_word,
                trigger,
                consent_version,
                now,
                access,
                channel_id,
                now,
            )
        return _subject(rows[0])

    async def get(self, scope: Scope, subject_id: int) -> Subject:
        row = await self._db.row("SELECT * FROM subjects WHERE guild_id = ? AND id = ?", scope.guild_id, subject_id)
        if row is None:
            raise NoSuchRow("subject", subject_id)
        return _subject(row)

    async def by_trigger(self, scope: Scope, trigger: str) -> Subject | None:
        """The live subject with this trigger word, whatever the case of its letters."""
        row = await self._db.row(
            "SELECT * FROM subjects WHERE guild_id = ? AND trigger = ? COLLATE NOCASE AND state = 'live'",
            scope.guild_id,
            trigger,
        )
        return None if row is None else _subject(row)

    async def list(self, scope: Scope, *, owner_id: int | None = None) -> tuple[Subject, ...]:
        """Live subjects, oldest first; of one owner where given."""
        rows = await self._db.rows(
            "SELECT * FROM subjects WHERE guild_id = ? AND state = 'live' AND (?2 IS NULL OR owner_id = ?2) ORDER BY id",
            scope.guild_id,
            owner_id,
        )
        return tuple(_subject(row) for row in rows)

    async def set_trigger(self, scope: Scope, subject_id: int, trigger: str) -> Subject:
        """Raises NameTaken. Loras published already keep the word they were trained with."""
        async with self._db.write():
            await self._refuse_taken(scope, trigger, but=subject_id)
            return await self._set(scope, subject_id, "trigger", trigger)

    async def set_access(self, scope: Scope, subject_id: int, access: Access) -> Subject:
        async with self._db.write():
            return await self._set(scope, subject_id, "access", access)

    async def retire(self, scope: Scope, subject_id: int) -> Subject:
        """Free its trigger word; what was made stays."""
        async with self._db.write():
            old = await self.get(scope, subject_id)
            states.allow("subject", states.SUBJECT, old.state, SubjectState.RETIRED)
            return await self._set(scope, subject_id, "state", SubjectState.RETIRED)

    async def forget(self, scope: Scope, subject_id: int) -> None:
        """Delete the subject with all that came of it: datasets, photos, captions, runs, epochs, ballots, LoRAs and the
        pictures painted with them, their blobs and keys. Cancel its live jobs in the engine first."""
        async with self._db.write():
            await self.get(scope, subject_id)
            rows = await self._db.rows(
                """
                WITH d AS (SELECT id, key_id FROM datasets WHERE guild_id = ?1 AND subject_id = ?2),
                     l AS (SELECT id FROM loras WHERE guild_id = ?1 AND run_id IN
                               (SELECT id FROM runs WHERE dataset_id IN (SELECT id FROM d)))
                SELECT key_id FROM d
                UNION SELECT key_id FROM jobs WHERE lora_id IN (SELECT id FROM l) OR dataset_id IN (SELECT id FROM d)
                UNION SELECT key_id FROM jobs WHERE id IN (SELECT job_id FROM uses WHERE lora_id IN (SELECT id FROM l))
                UNION SELECT key_id FROM pictures WHERE lora_id IN (SELECT id FROM l)
                """,
                scope.guild_id,
                subject_id,
            )
            # A painting with several LoRAs goes with any of them: the foreign key knows only the first.
            await self._db.change(
                """
                DELETE FROM jobs WHERE guild_id = ?1 AND id IN
                    (SELECT uses.job_id FROM uses JOIN loras ON loras.id = uses.lora_id JOIN runs ON runs.id = loras.run_id
                     JOIN datasets ON datasets.id = runs.dataset_id WHERE datasets.guild_id = ?1 AND datasets.subject_id = ?2)
                """,
                scope.guild_id,
                subject_id,
            )
            await self._db.change("DELETE FROM subjects WHERE guild_id = ? AND id = ?", scope.guild_id, subject_id)
            for row in rows:
                await self._keys.forget(scope, row["key_id"])
        await self._db.checkpoint_if_idle()

    async def _refuse_taken(self, scope: Scope, trigger: str, but: int | None = None) -> None:
        other = await self.by_trigger(scope, trigger)
        if other is not None and other.id != but:
            raise NameTaken(f"The trigger word {trigger} is taken.")

    async def _set(self, scope: Scope, subject_id: int, column: str, value: str) -> Subject:
        rows = await self._db.change(
            f"UPDATE subjects SET {column} = ? WHERE guild_id = ? AND id = ? RETURNING *",
            value,
            scope.guild_id,
            subject_id,
        )
        if not rows:
            raise NoSuchRow("subject", subject_id)
        return _subject(rows[0])


def _subject(row: sqlite3.Row) -> Subject:
    return Subject(
        id=row["id"],
        guild_id=row["guild_id"],
        owner_id=row["owner_id"],
        name=row["name"],
        kind=SubjectKind(row["kind"]),
        class_word=row["class_word"],
        trigger=row["trigger"],
        consent_version=row["consent_version"],
        consented_at=row["consented_at"],
        access=Access(row["access"]),
        channel_id=row["channel_id"],
        state=SubjectState(row["state"]),
        created_at=row["created_at"],
    )
