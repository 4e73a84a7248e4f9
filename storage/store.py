"""The store: the one door to everything that is remembered.

    async with Store.open(path, vault=vault, clock=clock) as store:
        subject = await store.subjects.create(scope, ...)          # a write alone is one transaction

        async with store.write():                                  # several in one, all or nothing
            await store.jobs.finish(scope, job_id, attempt)        # raises Stale: nothing below happens
            await store.runs.move(scope, run_id, RunState.VOTING)
            await store.outbox.add(scope, channel_id=..., purpose="ballot", ref=ballot.id)

Every method takes the guild as a Scope and sees that guild's rows only. What serves all guilds ends in `_everywhere`.
A method returns only when its transaction is durable (outside of `write()`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from storage import migration
from storage.answers import Answers
from storage.audit import Audit
from storage.ballots import Ballots
from storage.blobs import Blobs
from storage.cards import Cards
from storage.channels import Channels
from storage.consents import Consents
from storage.crop_steps import CropSteps
from storage.database import Database
from storage.datasets import Datasets
from storage.departures import Departures
from storage.erasures import Erasures
from storage.errors import DatabaseInUse
from storage.favourites import Favourites
from storage.guilds import Guilds
from storage.handouts import Handouts
from storage.jobs import Jobs
from storage.keys import Keys
from storage.lineage import Lineage
from storage.loras import Loras
from storage.measures import Measures
from storage.members import Members
from storage.orphans import Orphans
from storage.outbox import Outbox
from storage.photos import Photos
from storage.pictures import Pictures
from storage.prompts import Prompts
from storage.reports import Reports
from storage.revisions import Revisions
from storage.runs import Epochs, Runs
from storage.speeds import Speeds
from storage.subjects import Subjects
from storage.vault import Vault
from storage.wishes import Wishes


class Store:
    """Made by `Store.open`."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self.database = database
        blobs_folder = database.vault.folder / "blobs"
        self.keys = Keys(database, blobs_folder)
        self.blobs = Blobs(blobs_folder, database.vault, self.keys, database.clock)
        self.orphans = Orphans(database, self.blobs)
        self.subjects = Subjects(database, self.keys)
        self.datasets = Datasets(database, self.keys)
        self.photos = Photos(database)
        self.crop_steps = CropSteps(database)
        self.measures = Measures(database)
        self.answers = Answers(database)
        self.revisions = Revisions(database)
        self.runs = Runs(database)
        self.epochs = Epochs(database)
        self.ballots = Ballots(database)
        self.loras = Loras(database)
        self.lineage = Lineage(database)
        self.handouts = Handouts(database)
        self.pictures = Pictures(database)
        self.prompts = Prompts(database)
        self.jobs = Jobs(database)
        self.outbox = Outbox(database)
        self.cards = Cards(database)
        self.speeds = Speeds(database)
        self.consents = Consents(database)
        self.guilds = Guilds(database)
        self.channels = Channels(database)
        self.favourites = Favourites(database)
        self.members = Members(database)
        self.audit = Audit(database)
        self.reports = Reports(database)
        self.erasures = Erasures(database)
        self.departures = Departures(database)
        self.wishes = Wishes(database)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, vault: Vault, clock: Callable[[], int], alone: bool = True
    ) -> AsyncGenerator[Store]:
        """Open (make, migrate) the database at `path`. `clock` returns unix seconds.

        With `alone` (the bot) a lock file keeps every other such process out: raises DatabaseInUse. Raises NewerDatabase
        for a file of a later version. A copy is made before a migration, beside the file, in `backups/`.
        """
        await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        with _lock(path.with_name(f"{path.name}.lock"), taken=alone):

            def name_backup(version: int) -> Path:
                folder = path.parent / "backups"
                folder.mkdir(mode=0o700, exist_ok=True)
                return folder / f"{path.stem}-before-{version + 1:04d}-{_stamp(clock())}.db"

            await asyncio.to_thread(migration.migrate, path, backup=name_backup)
            async with Database.open(path, vault=vault, clock=clock) as database:
                store = cls(path, database)
                await store.keys.sweep_everywhere()
                yield store

    def write(self) -> AbstractAsyncContextManager[None]:
        """Everything written inside is one transaction: all of it, or nothing when the block raises.

        Blocks nest (the inner one can fail and be caught alone). Do not wait for other tasks that use the store inside.
        """
        return self.database.write()

    async def backup(self, folder: Path, *, keep: int = 7) -> Path:
        """A consistent copy of the database while it is in use; all but the newest `keep` copies are removed.

        What it holds of people's words is sealed with keys that are not in it. Blobs never change once written: copying
        the vault's folder beside it completes the backup.
        """
        target = folder / f"{self.path.stem}-{_stamp(self.database.clock())}.db"
        temporary = target.with_suffix(".tmp")
        await asyncio.to_thread(_make_room, folder, temporary)
        await self.database.copy_to(temporary)
        await asyncio.to_thread(temporary.replace, target)
        await asyncio.to_thread(_keep_newest, folder, f"{self.path.stem}-[0-9]*.db", keep)
        return target


def _make_room(folder: Path, temporary: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)
    temporary.touch(0o600)


def _keep_newest(folder: Path, pattern: str, keep: int) -> None:
    copies = sorted(folder.glob(pattern))  # their names sort by time
    for old in copies[: max(0, len(copies) - keep)]:
        old.unlink()


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def _lock(path: Path, *, taken: bool) -> Generator[None]:
    """Held by the process, so it goes when the process goes, however that ends."""
    if not taken or sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse(
                f"Another likeness is using {path.with_suffix('')}: stop it first, or give this one its own data folder."
            ) from None
        yield
