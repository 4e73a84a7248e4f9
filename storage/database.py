"""One SQLite connection, one lock, and transactions that belong to a task.

Every write is inside `write()`: BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when the block raises. The connection is
shared, so reads wait for a running transaction of another task (else they would see what may yet be rolled back) and
take part in one of their own task. `write()` inside `write()` of the same task is a savepoint: the inner block can
fail and be caught without undoing the outer one, and nothing is durable before the outermost block ends.

Never await another task that uses the store (gather, wait_for) inside `write()`: it would wait for this transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from storage.errors import DiskFull, KeyForgotten, NoSuchRow
from storage.vault import Vault

BUSY_TIMEOUT_MS = 10_000
SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL may lose the last commits on power loss; "accepted" must mean accepted
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",  # deleted rows are overwritten, not only unlinked
)

T = TypeVar("T")
Value = str | int | float | bytes | None


def configure(connection: sqlite3.Connection) -> None:
    """Every connection to the database, whoever opens it, is set like this."""
    connection.isolation_level = None  # Python's implicit deferred BEGIN would fail a read-then-write with SQLITE_BUSY
    connection.row_factory = sqlite3.Row
    for pragma in SETTINGS:
        connection.execute(pragma)


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        configure(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class Database:
    def __init__(self, connection: aiosqlite.Connection, *, vault: Vault, clock: Callable[[], int]) -> None:
        self.vault = vault
        self.clock = clock
        self._connection = connection
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, vault: Vault, clock: Callable[[], int]) -> AsyncGenerator[Database]:
        """The file must exist and be migrated. Closed at the end whatever happens: an open connection's thread hangs
        the interpreter's exit."""
        connection = aiosqlite.Connection(lambda: connect(path), iter_chunk_size=64)
        await connection
        try:
            yield cls(connection, vault=vault, clock=clock)
        finally:
            await _to_the_end(connection.close())

    # -- reading

    async def rows(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        if self._mine():
            return await self._run(sql, values)
        async with self._lock:
            return await self._run(sql, values)

    async def row(self, sql: str, *values: Value) -> sqlite3.Row | None:
        rows = await self.rows(sql, *values)
        return rows[0] if rows else None

    # -- writing

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[None]:
        if self._mine():
            async with self._savepoint():
                yield
            return
        async with self._lock:
            try:
                await self._run("BEGIN IMMEDIATE")
                self._owner = asyncio.current_task()
                yield
                await _to_the_end(self._commit())
            except BaseException:
                # Also when cancelled in the middle of BEGIN: the connection's queue is first in, first out, so the
                # rollback comes after whatever was under way.
                await _to_the_end(self._connection.rollback())
                raise
            finally:
                self._owner = None
                self._after_commit.clear()

    async def change(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """A writing statement; returns what its RETURNING clause yields. Only inside `write()`."""
        if not self._mine():
            raise RuntimeError("a write outside of `async with database.write()`")
        if not self._connection.in_transaction:
            # A full disk makes SQLite end the transaction by itself: nothing more may slip in behind it.
            raise RuntimeError("this transaction was rolled back already")
        return await self._run(sql, values)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` once this transaction is durable; never when it is rolled back."""
        if not self._mine():
            raise RuntimeError("after_commit outside of `async with database.write()`")
        self._after_commit.append(act)

    async def checkpoint(self) -> None:
        """Empty the write-ahead log into the database, so that overwritten pages leave it too."""
        async with self._lock:
            await self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    async def checkpoint_if_idle(self) -> None:
        """`checkpoint`, unless this task is inside a transaction, where it cannot be done."""
        if not self._mine():
            await self.checkpoint()

    async def copy_to(self, target: Path) -> None:
        """A consistent copy of the whole database, taken while it is in use."""
        async with self._lock:
            copy = sqlite3.connect(target, check_same_thread=False)
            try:
                await _to_the_end(self._connection.backup(copy))
            finally:
                copy.close()

    # -- sealed text

    def seal(self, key_id: str, text: str, column: str) -> bytes:
        """`column` ("photos.caption") is bound in, so that sealed bytes moved elsewhere do not open."""
        return self.vault.seal(key_id, text.encode(), column)

    def unseal(self, key_id: str, sealed: bytes, column: str) -> str:
        """A text whose key was forgotten reads as "": one dark row must not take the rest of a list down."""
        try:
            return self.vault.unseal(key_id, sealed, column).decode()
        except KeyForgotten:
            return ""

    # -- inside

    def _mine(self) -> bool:
        return self._owner is not None and self._owner is asyncio.current_task()

    async def _run(self, sql: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        try:
            return list(await self._connection.execute_fetchall(sql, values))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
                raise DiskFull("The disk is full: nothing was written. Make room and try again.") from error
            raise
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise NoSuchRow("row", "as the one this belongs to") from error
            raise

    @asynccontextmanager
    async def _savepoint(self) -> AsyncGenerator[None]:
        name = f"s{self._depth}"
        self._depth += 1
        acts = len(self._after_commit)
        try:
            await self._run(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                del self._after_commit[acts:]
                await _to_the_end(self._undo(name))
                raise
            await self._run(f"RELEASE {name}")
        finally:
            self._depth -= 1

    async def _undo(self, savepoint: str) -> None:
        if self._connection.in_transaction:  # some errors (a full disk) have rolled back everything already
            await self._run(f"ROLLBACK TO {savepoint}")
            await self._run(f"RELEASE {savepoint}")

    async def _commit(self) -> None:
        await self._run("COMMIT")
        acts, self._after_commit = self._after_commit, []
        for act in acts:
            await asyncio.to_thread(act)


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` even when the caller is cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:  # noqa: BLE001 - the task's own error, raised by result() below
            break
    if cancelled is not None and task.exception() is None:
        raise cancelled
    return task.result()
