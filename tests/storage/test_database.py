"""Settings, transactions and what a cancelled or failing one leaves behind."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from storage.errors import DatabaseInUse, DiskFull, NoSuchRow
from tests.storage.conftest import Clock
from tests.storage.story import story, subject


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
        ("trusted_schema", 0),
        ("secure_delete", 1),
    ],
)
async def test_settings_are_really_set(store: Store, pragma: str, value: object) -> None:
    rows = await store.database.rows(f"PRAGMA {pragma}")
    assert rows[0][0] == value


async def test_every_table_is_strict(store: Store) -> None:
    rows = await store.database.rows("SELECT name, strict FROM pragma_table_list WHERE type = 'table'")
    loose = {row["name"] for row in rows if not row["strict"] and not row["name"].startswith("sqlite_")}
    assert loose == set()
    assert len(rows) > 10


STATES = [
    ("subjects", "state"),
    ("subjects", "kind"),
    ("subjects", "access"),
    ("datasets", "state"),
    ("photos", "state"),
    ("runs", "state"),
    ("loras", "access"),
    ("jobs", "state"),
    ("jobs", "kind"),
    ("jobs", "stop"),
    ("outbox", "state"),
]


@pytest.mark.parametrize(("table", "column"), STATES)
async def test_unknown_states_are_refused(store: Store, scope: Scope, table: str, column: str) -> None:
    await story(store, scope)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        async with store.write():
            await store.database.change(f"UPDATE {table} SET {column} = 'nonsense'")


async def test_wrong_types_are_refused(store: Store, scope: Scope) -> None:
    await subject(store, scope)
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        async with store.write():
            await store.database.change("UPDATE subjects SET owner_id = 'somebody'")


async def test_a_failing_block_writes_nothing(store: Store, scope: Scope) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.write():
            await subject(store, scope)
            raise ZeroDivisionError
    assert await store.subjects.list(scope) == ()


async def test_an_inner_block_can_fail_alone(store: Store, scope: Scope) -> None:
    async with store.write():
        await subject(store, scope, "first")
        with pytest.raises(ZeroDivisionError):
            async with store.write():
                await subject(store, scope, "second")
                raise ZeroDivisionError
        await subject(store, scope, "third")
    assert [found.trigger for found in await store.subjects.list(scope)] == ["first", "third"]


async def test_others_do_not_see_what_is_not_committed(store: Store, scope: Scope) -> None:
    wrote, may_end = asyncio.Event(), asyncio.Event()

    async def writer() -> None:
        async with store.write():
            await subject(store, scope)
            wrote.set()
            await may_end.wait()
            raise ZeroDivisionError

    writing = asyncio.create_task(writer())
    await wrote.wait()
    reading = asyncio.create_task(store.subjects.list(scope))
    may_end.set()
    with pytest.raises(ZeroDivisionError):
        await writing
    assert await reading == ()


async def test_a_task_reads_its_own_writes(store: Store, scope: Scope) -> None:
    async with store.write():
        made = await subject(store, scope)
        assert await store.subjects.get(scope, made.id) == made


async def test_a_cancelled_write_is_rolled_back_and_lets_go(store: Store, scope: Scope) -> None:
    wrote = asyncio.Event()

    async def writer() -> None:
        async with store.write():
            await subject(store, scope)
            wrote.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(writer())
    await wrote.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await store.subjects.list(scope) == ()
    await subject(store, scope)


@pytest.mark.parametrize("after", range(12))
async def test_cancelled_at_any_point_leaves_all_or_nothing(store: Store, scope: Scope, after: int) -> None:
    async def writer() -> None:
        async with store.write():
            await subject(store, scope, "one")
            await subject(store, scope, "two")

    writing = asyncio.create_task(writer())
    for _ in range(after):
        await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
    writing.cancel()
    await asyncio.wait([writing])
    assert len(await store.subjects.list(scope)) in (0, 2)
    await subject(store, scope, "three")


async def test_a_transaction_holds_the_write_lock_from_its_first_moment(store: Store) -> None:
    """A deferred BEGIN would let another process write between our read and our write, and then fail."""
    other = sqlite3.connect(store.path, timeout=0, isolation_level=None)
    try:
        async with store.write():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    finally:
        other.close()


async def test_a_write_outside_of_a_transaction_is_a_mistake(store: Store) -> None:
    with pytest.raises(RuntimeError, match="outside"):
        await store.database.change("DELETE FROM votes")


async def test_a_missing_parent_is_named(store: Store, scope: Scope) -> None:
    with pytest.raises(NoSuchRow):
        await store.datasets.create(scope, 404, draft="d")


async def test_a_full_disk_has_a_name_and_breaks_nothing(store: Store, scope: Scope) -> None:
    pages = (await store.database.rows("PRAGMA page_count"))[0][0]
    await store.database.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull):
        async with store.write():
            for number in range(2_000):
                async with store.write():
                    await subject(store, scope, f"word{number}")
    await store.database.rows("PRAGMA max_page_count = 1000000")
    assert (await store.database.rows("PRAGMA integrity_check"))[0][0] == "ok"
    assert await store.subjects.list(scope) == ()
    await subject(store, scope)


async def test_only_one_process_at_a_time(store: Store, vault: Vault, clock: Clock) -> None:
    with pytest.raises(DatabaseInUse, match="Another likeness is using"):
        async with Store.open(store.path, vault=vault, clock=clock):
            pass


def still_alive(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads that came since and do not end by themselves; the loop's own pool aside."""
    came = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")]
    for thread in came:
        thread.join(timeout=5)
    return [thread for thread in came if thread.is_alive()]


async def test_closing_leaves_no_thread(tmp_path: Path, vault: Vault, clock: Clock) -> None:
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        async with Store.open(tmp_path / "other.db", vault=vault, clock=clock) as store, store.write():
            await subject(store, Scope(1))
            raise ZeroDivisionError
    assert still_alive(before) == []


async def test_opening_cancelled_leaves_no_thread(tmp_path: Path, vault: Vault, clock: Clock) -> None:
    before = set(threading.enumerate())
    opened = asyncio.Event()

    async def keep_open() -> None:
        async with Store.open(tmp_path / "other.db", vault=vault, clock=clock):
            opened.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(keep_open())
    await opened.wait()
    task.cancel()
    await asyncio.wait([task])
    assert still_alive(before) == []


def test_the_files_are_private(store: Store) -> None:
    assert store.path.stat().st_mode & 0o077 == 0
