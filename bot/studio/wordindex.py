"""Full text in memory: SQLite's FTS5 in a database that is never a file, so that sealed words stay sealed on disk."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

MOST_WORDS = 12
"""Of a question; what comes after is not looked for."""


class WordIndex:
    """Made once from (id, text) pairs. Not for two threads at the same time."""

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute(
            "CREATE VIRTUAL TABLE entries USING fts5 (id UNINDEXED, words, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        self._db.executemany("INSERT INTO entries (id, words) VALUES (?, ?)", entries)

    def find(self, question: str, limit: int) -> tuple[str, ...]:
        """Ids, best first: those that have more, and rarer, of the words; a word may be the beginning of one."""
        asked = re.findall(r"\w+", question)[:MOST_WORDS]
        if not asked:
            return ()
        match = " OR ".join(f'"{word}"*' for word in asked)
        rows = self._db.execute(
            "SELECT id FROM entries WHERE entries MATCH ? ORDER BY rank, rowid LIMIT ?", (match, limit)
        )
        return tuple(row[0] for row in rows)

    def close(self) -> None:
        self._db.close()
