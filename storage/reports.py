"""Reports: pictures a member objected to, until an admin decides."""

from __future__ import annotations

import sqlite3

from storage.database import Database
from storage.errors import NoSuchRow, WrongState
from storage.people import Report
from storage.records import Scope
from storage.states import ReportState


class Reports:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def create(self, scope: Scope, job_id: str, reporter_id: int) -> Report:
        """One open report per painting: reporting again returns it."""
        async with self._db.write():
            known = await self.open_of(scope, job_id)
            if known is not None:
                return known
            rows = await self._db.change(
                "INSERT INTO reports (guild_id, job_id, reporter_id, made_at) VALUES (?, ?, ?, ?) RETURNING *",
                scope.guild_id,
                job_id,
                reporter_id,
                self._db.clock(),
            )
        return _report(rows[0])

    async def get(self, scope: Scope, report_id: int) -> Report:
        row = await self._db.row("SELECT * FROM reports WHERE guild_id = ? AND id = ?", scope.guild_id, report_id)
        if row is None:
            raise NoSuchRow("report", report_id)
        return _report(row)

    async def of_job(self, scope: Scope, job_id: str) -> tuple[Report, ...]:
        """Oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM reports WHERE guild_id = ? AND job_id = ? ORDER BY id", scope.guild_id, job_id
        )
        return tuple(_report(row) for row in rows)

    async def open_of(self, scope: Scope, job_id: str) -> Report | None:
        row = await self._db.row(
            "SELECT * FROM reports WHERE guild_id = ? AND job_id = ? AND state = 'open'", scope.guild_id, job_id
        )
        return None if row is None else _report(row)

    async def decide(self, scope: Scope, report_id: int, state: ReportState, *, by: int) -> Report:
        """The same decision again changes nothing; another one raises WrongState."""
        async with self._db.write():
            old = await self.get(scope, report_id)
            if old.state is state:
                return old
            if old.state is not ReportState.OPEN:
                raise WrongState("report", old.state, state)
            rows = await self._db.change(
                """
                UPDATE reports SET state = ?, decided_at = ?, decided_by = ? WHERE guild_id = ? AND id = ? RETURNING *
                """,
                state,
                self._db.clock(),
                by,
                scope.guild_id,
                report_id,
            )
        return _report(rows[0])


def _report(row: sqlite3.Row) -> Report:
    return Report(
        id=row["id"],
        guild_id=row["guild_id"],
        job_id=row["job_id"],
        reporter_id=row["reporter_id"],
        state=ReportState(row["state"]),
        made_at=row["made_at"],
        decided_by=row["decided_by"],
    )
