"""Bringing a database file up to date: numbered .sql files, PRAGMA user_version, a copy first, all or nothing.

Forward only. Each file `NNNN_short_name.sql` runs with its version bump inside one BEGIN IMMEDIATE, so that a process
killed at any moment leaves the old schema or the new one, never something between.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.database import connect
from storage.errors import BadMigrations, DatabaseRefused, NewerDatabase

FOLDER = Path(__file__).parent / "migrations"
NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class Migration:
    number: int
    path: Path


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """In order. Raises BadMigrations for a strange name, a number used twice or a gap."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = NAME.fullmatch(path.name)
        if match is None:
            raise BadMigrations(f"{path.name} is not named like 0007_short_name.sql.")
        found.append(Migration(int(match[1]), path))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise BadMigrations(f"Migrations must be numbered 1, 2, 3, ... each once; found {numbers}.")
    return tuple(found)


def migrate(
    path: Path,
    *,
    backup: Callable[[int], Path],
    folder: Path = FOLDER,
    before_commit: Callable[[int], None] = lambda _: None,
) -> int:
    """Bring the file at `path` (made where missing) to the newest version; returns the version it had.

    `backup(version)` names the copy written before an existing database is changed. `before_commit(number)` is called
    inside each transaction, right before it commits. Blocks: run it in a thread.
    """
    known = migrations(folder)
    path.touch(0o600)
    with closing(connect(path)) as connection:
        had = version(connection)
        if had > len(known):
            raise NewerDatabase(
                f"{path} was made by a newer version of likeness (schema {had}, this one knows {len(known)}): "
                "update likeness, or start it with another data folder."
            )
        if 0 < had < len(known):
            with closing(sqlite3.connect(backup(had))) as copy:
                connection.backup(copy)
        for migration in known[had:]:
            _apply(connection, migration, before_commit)
        return had


def version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def statements(script: str) -> Iterator[str]:
    """The statements of a script, trigger bodies whole. executescript() would commit the open transaction first."""
    pending = ""
    for part in re.split("(?<=;)", script):
        pending += part
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    # What is left may only be comments.
    if re.sub(r"--[^\n]*", "", pending).strip():
        raise BadMigrations("A migration ends in the middle of a statement.")


def _apply(connection: sqlite3.Connection, migration: Migration, before_commit: Callable[[int], None]) -> None:
    # A table can only be rebuilt with enforcement off; the pragma does nothing inside a transaction.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(migration.path.read_text()):
            connection.execute(statement)
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise DatabaseRefused(
                f"{migration.path.name} leaves {len(broken)} rows pointing at nothing; nothing was changed."
            )
        connection.execute(f"PRAGMA user_version = {migration.number}")
        before_commit(migration.number)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
