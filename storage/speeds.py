"""Speeds: how fast this machine was, for honest minutes. Facts about a device, not about people: no guild."""

from __future__ import annotations

import sqlite3

from storage.database import Database
from storage.records import Speed

WEIGHT = 0.3
"""Of a new measurement in the running mean: three of them outweigh the past, so that a new driver shows soon."""


class Speeds:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def learn(self, *, base: str, device: str, kind: str, seconds: float) -> Speed:
        """Take in one measurement, in seconds per exposure (train), per picture (paint) or per photo (prepare)."""
        async with self._db.write():
            rows = await self._db.change(
                """
                INSERT INTO speeds (base, device, kind, seconds, samples, updated_at) VALUES (?1, ?2, ?3, ?4, 1, ?5)
                ON CONFLICT (base, device, kind) DO UPDATE SET
                    seconds = seconds + ?6 * (excluded.seconds - seconds), samples = samples + 1, updated_at = ?5
                RETURNING *
                """,
                base,
                device,
                kind,
                seconds,
                self._db.clock(),
                WEIGHT,
            )
        return _speed(rows[0])

    async def get(self, *, base: str, kind: str, device: str | None = None) -> Speed | None:
        """None: not measured here yet. Without `device`: the one measured last."""
        row = await self._db.row(
            "SELECT * FROM speeds WHERE base = ? AND kind = ? AND (?3 IS NULL OR device = ?3) ORDER BY updated_at DESC LIMIT 1",
            base,
            kind,
            device,
        )
        return None if row is None else _speed(row)


def _speed(row: sqlite3.Row) -> Speed:
    return Speed(
        base=row["base"],
        device=row["device"],
        kind=row["kind"],
        seconds=row["seconds"],
        samples=row["samples"],
        updated_at=row["updated_at"],
    )
