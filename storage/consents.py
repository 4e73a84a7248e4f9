"""Consents: whose word it takes before a subject may be learnt, and whether it was given."""

from __future__ import annotations

import sqlite3

from storage import states
from storage.database import Database
from storage.errors import NoSuchRow, WrongState
from storage.people import Consent
from storage.records import Scope
from storage.states import ConsentState, Depicts


class Consents:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def create(
        self, scope: Scope, subject_id: int, *, depicts: Depicts, member_id: int | None, words: str
    ) -> Consent:
        """With a `member_id` (or for `nobody`) it is given as of now: that member has ticked the box of the form just
        sent. Without, it is open until `ask` names somebody."""
        open_still = member_id is None and depicts is not Depicts.NOBODY
        now = self._db.clock()
        async with self._db.write():
            rows = await self._db.change(
                """
                INSERT INTO consents (guild_id, subject_id, depicts, member_id, state, words, asked_at, decided_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
                """,
                scope.guild_id,
                subject_id,
                depicts,
                member_id,
                ConsentState.OPEN if open_still else ConsentState.GIVEN,
                words,
                now,
                None if open_still else now,
            )
        return _consent(rows[0])

    async def of_subject(self, scope: Scope, subject_id: int) -> Consent:
        row = await self._db.row(
            "SELECT * FROM consents WHERE guild_id = ? AND subject_id = ?", scope.guild_id, subject_id
        )
        if row is None:
            raise NoSuchRow("consent", subject_id)
        return _consent(row)

    async def of_member(self, scope: Scope, member_id: int) -> tuple[Consent, ...]:
        """Subjects that wait for, or have, this member's word, oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM consents WHERE guild_id = ? AND member_id = ? ORDER BY id", scope.guild_id, member_id
        )
        return tuple(_consent(row) for row in rows)

    async def ask(self, scope: Scope, subject_id: int, member_id: int) -> Consent:
        """Name the member whose word it takes; one who took it back may be asked anew, nobody in their stead. Raises
        WrongState for that, and once it is given."""
        async with self._db.write():
            old = await self.of_subject(scope, subject_id)
            states.allow("consent", states.CONSENT, old.state, ConsentState.ASKED)
            if old.state is ConsentState.REVOKED and member_id != old.member_id:
                raise WrongState("consent", old.state, ConsentState.ASKED)
            return await self._set(
                scope,
                subject_id,
                "state = 'asked', member_id = ?, asked_at = ?, decided_at = NULL",
                member_id,
                self._db.clock(),
            )

    async def give(self, scope: Scope, subject_id: int, words: str) -> Consent:
        async with self._db.write():
            old = await self.of_subject(scope, subject_id)
            states.allow("consent", states.CONSENT, old.state, ConsentState.GIVEN)
            if old.given:
                return old
            return await self._set(
                scope, subject_id, "state = 'given', words = ?, decided_at = ?", words, self._db.clock()
            )

    async def revoke(self, scope: Scope, subject_id: int) -> Consent:
        """Taken back; also of what was only asked for. Again changes nothing."""
        async with self._db.write():
            old = await self.of_subject(scope, subject_id)
            states.allow("consent", states.CONSENT, old.state, ConsentState.REVOKED)
            if old.state is ConsentState.REVOKED:
                return old
            return await self._set(scope, subject_id, "state = 'revoked', decided_at = ?", self._db.clock())

    async def _set(self, scope: Scope, subject_id: int, assign: str, *values: str | int) -> Consent:
        rows = await self._db.change(
            f"UPDATE consents SET {assign} WHERE guild_id = ? AND subject_id = ? RETURNING *",
            *values,
            scope.guild_id,
            subject_id,
        )
        return _consent(rows[0])


def _consent(row: sqlite3.Row) -> Consent:
    return Consent(
        id=row["id"],
        guild_id=row["guild_id"],
        subject_id=row["subject_id"],
        depicts=Depicts(row["depicts"]),
        member_id=row["member_id"],
        state=ConsentState(row["state"]),
        words=row["words"],
        asked_at=row["asked_at"],
        decided_at=row["decided_at"],
    )
