"""Blobs that no row names: what a crash leaves behind between a blob and its row, or between a row's end and its blob's.

A blob counts as named when its sha256 stands in any row of any table, of whatever guild and under whatever key: in a column
of plain text, or in one of the sealed texts that may speak of blobs. So a column that is added later is heeded as well.
"""

from __future__ import annotations

import re

from storage.blobs import Blobs
from storage.database import Database

WEEK_S = 7 * 24 * 3600
"""As long as daily copies of the database are kept: one that is put back finds the blobs made since it was taken."""
AT_ONCE = 500
SHA256 = re.compile(r"[0-9a-f]{64}")
MAY_NAME_BLOBS = (("jobs", "spec"), ("outbox", "payload"), ("pictures", "params"))
"""Sealed columns that hold more than people's words."""


class Orphans:
    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._db = database
        self._blobs = blobs

    async def collect_everywhere(self, *, spared_s: int = WEEK_S) -> int:
        """Remove blobs that no row names, except those put (also: put again) in the last `spared_s` seconds.

        Returns how many went. Raises BlobDamaged, and removes nothing, where a sealed text cannot be read.
        """
        before = self._db.clock() - spared_s
        async with self._db.write():  # so that no row comes to name one between looking and removing
            old = await self._blobs.put_before_everywhere(before)
            named = await self._named() if old else set[str]()
            return await self._blobs.discard_everywhere([path for path in old if path.name not in named], before)

    async def _named(self) -> set[str]:
        found: set[str] = set()
        for row in await self._db.rows(
            """
            SELECT m.name AS its_table, c.name AS its_column FROM sqlite_master AS m, pragma_table_info(m.name) AS c
            WHERE m.type = 'table' AND c.type = 'TEXT'
            """
        ):
            table, column = row["its_table"], row["its_column"]
            texts = await self._db.rows(f'SELECT "{column}" FROM "{table}" WHERE length("{column}") >= 64')
            for text in texts:
                found.update(SHA256.findall(text[0]))
        for table, column in MAY_NAME_BLOBS:
            found |= await self._named_under_seal(table, column)
        return found

    async def _named_under_seal(self, table: str, column: str) -> set[str]:
        found: set[str] = set()
        last = 0
        while True:
            rows = await self._db.rows(
                f"""
                SELECT rowid AS place, key_id, {column} AS sealed FROM {table}
                WHERE rowid > ? AND {column} IS NOT NULL ORDER BY rowid LIMIT {AT_ONCE}
                """,
                last,
            )
            for row in rows:
                found.update(SHA256.findall(self._db.unseal(row["key_id"], row["sealed"], f"{table}.{column}")))
            if len(rows) < AT_ONCE:
                return found
            last = rows[-1]["place"]
