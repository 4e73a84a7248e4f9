"""Migrations: numbered once, all or nothing, a copy first, and no way back."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from storage import Scope, Store, Vault, migration
from storage.errors import BadMigrations, DatabaseRefused, NewerDatabase
from tests.storage.conftest import Clock
from tests.storage.story import subject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real migrations and one more."""
    target = tmp_path / "migrations"
    shutil.copytree(migration.FOLDER, target)
    (target / f"{len(migration.migrations()) + 1:04d}_next.sql").write_text(
        "ALTER TABLE subjects ADD COLUMN mood TEXT;\nUPDATE subjects SET mood = 'glad';\nCREATE TABLE extra (id INTEGER) STRICT;"
    )
    return target


def no_backup(version: int) -> Path:
    raise AssertionError(f"no copy was to be made of version {version}")


def look(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def one_subject(path: Path, vault: Vault, clock: Clock) -> None:
    async with Store.open(path, vault=vault, clock=clock) as store:
        await subject(store, Scope(1))


def test_the_migrations_in_the_tree_are_numbered_once_each() -> None:
    numbers = [each.number for each in migration.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


@pytest.mark.parametrize("name", ["0001_again.sql", "0003_gap.sql", "2_short.sql", "0002-dash.sql"])
def test_strange_numbers_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE t (id INTEGER);")
    (tmp_path / name).write_text("CREATE TABLE u (id INTEGER);")
    with pytest.raises(BadMigrations):
        migration.migrations(tmp_path)


def test_a_new_file_gets_the_whole_schema_and_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert migration.migrate(path, backup=no_backup) == 0
    assert look(path, "PRAGMA user_version") == [(len(migration.migrations()),)]
    assert migration.migrate(path, backup=no_backup) == len(migration.migrations())


async def test_an_old_file_is_copied_then_changed(tmp_path: Path, vault: Vault, clock: Clock, folder: Path) -> None:
    path, copy = tmp_path / "old.db", tmp_path / "copy.db"
    await one_subject(path, vault, clock)
    had = migration.migrate(path, backup=lambda _: copy, folder=folder)
    assert look(path, "SELECT name, mood FROM subjects") == [("Katerina", "glad")]
    assert look(path, "PRAGMA user_version") == [(had + 1,)]
    assert look(copy, "PRAGMA user_version") == [(had,)]
    assert look(copy, "SELECT name FROM subjects") == [("Katerina",)]


async def test_the_store_keeps_the_copy_beside_the_file(
    tmp_path: Path, vault: Vault, clock: Clock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data" / "old.db"
    await one_subject(path, vault, clock)
    original = migration.migrate
    monkeypatch.setattr(migration, "migrate", lambda path, *, backup: original(path, backup=backup, folder=folder))
    async with Store.open(path, vault=vault, clock=clock):
        pass
    (copy,) = (tmp_path / "data" / "backups").iterdir()
    assert f"before-{len(migration.migrations()) + 1:04d}" in copy.name
    assert look(copy, "SELECT name FROM subjects") == [("Katerina",)]


async def test_a_newer_file_is_refused_in_one_sentence(
    tmp_path: Path, vault: Vault, clock: Clock, folder: Path
) -> None:
    path = tmp_path / "newer.db"
    await one_subject(path, vault, clock)
    migration.migrate(path, backup=lambda _: tmp_path / "copy.db", folder=folder)
    before = path.read_bytes()
    with pytest.raises(NewerDatabase, match="newer version of likeness") as refusal:
        async with Store.open(path, vault=vault, clock=clock):
            pass
    assert "\n" not in str(refusal.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE extra (id INTEGER) STRICT; SELECT * FROM nowhere;",
        "DELETE FROM subjects; UPDATE datasets SET subject_id = 404;",
        "CREATE TABLE extra (id INTEGER) STRICT; CREATE TABLE unfinished (",
    ],
)
async def test_a_failing_migration_changes_nothing(
    tmp_path: Path, vault: Vault, clock: Clock, folder: Path, script: str
) -> None:
    path = tmp_path / "old.db"
    async with Store.open(path, vault=vault, clock=clock) as store:
        made = await subject(store, Scope(1))
        await store.datasets.create(Scope(1), made.id, draft="d")
    (folder / "0002_next.sql").write_text(script)
    before = look(path, "SELECT * FROM sqlite_schema")
    with pytest.raises((sqlite3.OperationalError, DatabaseRefused)):
        migration.migrate(path, backup=lambda _: tmp_path / "copy.db", folder=folder)
    assert look(path, "PRAGMA user_version") == [(len(migration.migrations()),)]
    assert look(path, "SELECT * FROM sqlite_schema") == before
    assert look(path, "SELECT count(*) FROM subjects") == [(1,)]


async def test_killed_inside_a_migration_leaves_the_old_schema(
    tmp_path: Path, vault: Vault, clock: Clock, folder: Path
) -> None:
    path, copy = tmp_path / "old.db", tmp_path / "copy.db"
    await one_subject(path, vault, clock)
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from storage.migration import migrate
        def die(number):
            os.kill(os.getpid(), signal.SIGKILL)
        migrate(Path({str(path)!r}), backup=lambda _: Path({str(copy)!r}), folder=Path({str(folder)!r}), before_commit=die)
        """
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert look(copy, "SELECT name FROM subjects") == [("Katerina",)]
    assert look(path, "PRAGMA user_version") == [(len(migration.migrations()),)]
    assert "mood" not in [row[1] for row in look(path, "PRAGMA table_info(subjects)")]
    async with Store.open(path, vault=vault, clock=clock) as store:
        assert len(await store.subjects.list(Scope(1))) == 1
    migration.migrate(path, backup=lambda _: tmp_path / "second.db", folder=folder)
    assert look(path, "SELECT mood FROM subjects") == [("glad",)]


def test_trigger_bodies_stay_whole() -> None:
    script = """
    -- first; a comment with a semicolon
    CREATE TABLE t (id INTEGER, word TEXT DEFAULT 'a;b'); CREATE TRIGGER g AFTER INSERT ON t BEGIN
        DELETE FROM t WHERE id = 1;
        DELETE FROM t WHERE id = 2;
    END;
    -- the end
    """
    first, second = migration.statements(script)
    assert first.endswith("DEFAULT 'a;b');")
    assert second.endswith("END;")
