"""Between queue and engine: one task sends what is next, one task follows what the engine says.

    queued ──claim──► running (attempt + 1) ──submit──► engine ──events──► results, fenced by attempt

Nothing here is remembered but which guild a job belongs to: after a crash everything is taken up from the rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import NotAllowed, UserError
from bot.studio import terms
from bot.studio.commission import PaintSpec
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.people import People
from bot.studio.results import BEGUN, Results
from bot.traces import where
from engine.errors import EngineGone
from engine.protocol import ENDS, BlobSource, CancelMode, Event, PaintJob, PhotoRef, PrepareJob, TrainJob
from storage.errors import DiskFull, NoSuchRow, Stale, VaultError
from storage.records import Job, Scope
from storage.states import JobKind, JobState, PhotoState, RunState, Stop

log = logging.getLogger(__name__)

LOST = "A file it needs is not stored any more. Start again with the photos or the LoRA that are there."
BROKEN = (
    "Something broke while its result was being stored; it was stopped. Try again; tell the owner if it happens again."
)
UNSENT = "Something broke before it could begin. Press Try again; tell the owner if it happens again."
FULL = "The disk of this bot's machine is full, so its result could not be kept. Tell its owner, then press Try again."
MODES = {Stop.NOW: CancelMode.NOW, Stop.AFTER_EPOCH: CancelMode.AFTER_EPOCH}


class Lost(UserError):
    """What a job needs is gone."""


@dataclass(frozen=True)
class Parcel:
    """A job as the engine takes it, and where its bytes come from: sha256 -> key id."""

    work: PrepareJob | TrainJob | PaintJob
    keys: dict[str, str]


class Dispatch:
    def __init__(self, desk: Desk, people: People, library: Library, results: Results) -> None:
        self.desk = desk
        self.people = people
        self.library = library
        self.results = results
        self._guilds: dict[str, int] = {}
        """Of the jobs that were sent in this life."""
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        await self._recover()
        self._stopping = False
        self._tasks = [
            asyncio.create_task(self._follow(), name="engine events"),
            asyncio.create_task(self._send(), name="queue"),
        ]
        self.desk.wake.set()

    async def stop(self) -> None:
        """Nothing more is sent; the engine parks what runs, and its last words are stored."""
        if not self._tasks:
            await self.desk.engine.stop()
            return
        self._stopping = True
        follow, send = self._tasks
        self._tasks = []
        self.desk.wake.set()
        await send
        await self.desk.engine.stop()
        await follow

    async def _recover(self) -> None:
        """What ran when the last process ended waits again: the same attempt is never sent twice."""
        store = self.desk.store
        async with store.write():
            for job in await store.jobs.recover_everywhere():
                log.info("job=%s kind=%s taken up again, attempt %d so far", job.id, job.kind, job.attempt)
                if job.run_id is None:
                    continue
                run = await store.runs.get(Scope(job.guild_id), job.run_id)
                if run.state in BEGUN:
                    await store.runs.move(Scope(job.guild_id), run.id, RunState.QUEUED)

    # -- sending

    async def _send(self) -> None:
        while not self._stopping:
            self.desk.wake.clear()
            try:
                while not self._stopping and await self._send_next():
                    pass
            except EngineGone:
                log.error("the engine is gone: what waits is sent at the next start")
                return
            except Exception as error:  # noqa: BLE001 - the door of the task that sends: ended, nothing is ever sent again
                # Whatever it is, a job was its occasion, so not even its message is told: types and places of code only.
                log.error("the queue stumbled; it goes on at the next change: %s", where(error))
            if not self._stopping:
                await self.desk.wake.wait()

    async def _send_next(self) -> bool:
        """Claim and submit one job. False: there is none that may run now."""
        kinds = await self._free_kinds()
        if not kinds:
            return False
        store = self.desk.store
        async with store.write():
            job = await store.jobs.claim_everywhere(kinds)
            if job is None:
                return False
            if job.run_id is not None:
                run = await store.runs.get(Scope(job.guild_id), job.run_id)
                if run.state is RunState.QUEUED:
                    await store.runs.move(Scope(job.guild_id), run.id, RunState.PREPARING)
        await self._submit(job)
        return True

    async def _free_kinds(self) -> tuple[JobKind, ...]:
        """As many trainings as share their steps; one reading, so that the later of two photos is the copy; paintings beside."""
        running = Counter(
            job.kind for job in await self.desk.store.jobs.live_everywhere() if job.state is JobState.RUNNING
        )
        kinds = [] if running[JobKind.TRAIN] >= await self.desk.joint_runs() else [JobKind.TRAIN]
        if running[JobKind.PAINT] + running[JobKind.PREPARE] < self.desk.settings.quick_jobs:
            kinds.append(JobKind.PAINT)
            if not running[JobKind.PREPARE]:
                kinds.append(JobKind.PREPARE)
        return tuple(kinds)

    async def _submit(self, job: Job) -> None:
        scope, engine = Scope(job.guild_id), self.desk.engine
        self._guilds[job.id] = job.guild_id
        try:
            parcel = await self._parcel(scope, job)
        except NotAllowed as error:
            log.info("job=%s kind=%s is not allowed any more", job.id, job.kind)
            await self.results.refuse(scope, job, str(error))
            self.desk.wake.set()
            return
        except Exception as error:  # noqa: BLE001 - it is claimed: left like this it would run for ever and never be sent
            lost = isinstance(error, Lost | VaultError | NoSuchRow | ValueError)
            log.error("job=%s kind=%s cannot be sent: %s", job.id, job.kind, where(error))
            await self.results.refuse(scope, job, LOST if lost else UNSENT)
            self.desk.wake.set()
            return
        if parcel is None:
            return
        log.info("job=%s kind=%s attempt=%d sent", job.id, job.kind, job.attempt)
        try:
            await engine.submit(parcel.work, self._source(scope, parcel.keys))
        except EngineGone:
            async with self.desk.store.write():
                await self.desk.store.jobs.park(scope, job.id, job.attempt)
            raise
        # A wish that came between claim and submit found nothing in the engine to stop.
        now = await self.desk.store.jobs.get(scope, job.id)
        if not now.live:
            await engine.cancel(job.id)
        elif now.stop is not None:
            await engine.cancel(job.id, MODES[now.stop])

    async def _parcel(self, scope: Scope, job: Job) -> Parcel | None:
        if not job.spec:
            raise Lost("Its key was dropped.")
        again = {"job_id": job.id, "attempt": job.attempt, "crashes": job.crashes}
        if job.kind is JobKind.PAINT:
            spec = PaintSpec.model_validate_json(job.spec)
            terms.check(self.desk.settings.terms_of(spec.work.base.source))
            await self.library.check_commission(scope, job.member_id, spec)
            return Parcel(spec.work.model_copy(update=again), spec.keys)
        if job.kind is JobKind.TRAIN:
            _, subject = await self.desk.subject_of(scope, job.dataset_id or 0)
            await self.people.check(scope, subject.id)
            work = TrainJob.model_validate_json(job.spec)
            terms.check(self.desk.settings.terms_of(work.base.source))
            have = tuple(epoch.number for epoch in await self.desk.store.epochs.list(scope, job.run_id or 0))
            return Parcel(
                work.model_copy(update={**again, "have_epochs": have}), dict.fromkeys(work.blobs(), job.key_id)
            )
        return await self._reading(scope, job, again)

    async def _reading(self, scope: Scope, job: Job, again: Mapping[str, str | int]) -> Parcel | None:
        """All photos of the set that are still to be read, beside those already kept. None: there is nothing left to do.

        Not only those the job came with: what a failed reading left behind is read with the next upload.
        """
        store, dataset_id = self.desk.store, job.dataset_id or 0
        work = PrepareJob.model_validate_json(job.spec)
        given = await store.photos.list(scope, dataset_id, PhotoState.GIVEN)
        left = tuple(
            PhotoRef(
                photo_id=str(photo.id),
                sha256=photo.raw_sha256,
                copy_too=photo.duplicate_of is not None,
                first_frame=photo.first_frame,
            )
            for photo in given
        )
        if not left:
            async with store.write():
                await store.jobs.finish(scope, job.id, job.attempt)
                await self.results.all_read(scope, job)
            self.desk.wake.set()
            return None
        kept = await store.photos.list(scope, dataset_id, PhotoState.KEPT, PhotoState.DROPPED)
        known = tuple(PhotoRef(photo_id=str(photo.id), sha256=photo.clean_sha256 or "") for photo in kept)
        work = work.model_copy(update={**again, "photos": left, "known": known})
        return Parcel(work, dict.fromkeys(work.blobs(), job.key_id))

    def _source(self, scope: Scope, keys: dict[str, str]) -> BlobSource:
        async def read(sha256: str) -> bytes:
            return await self.desk.store.blobs.get(scope, keys[sha256], sha256)

        return read

    # -- following

    async def _follow(self) -> None:
        async for event in self.desk.engine.events():
            await self._take(event)

    async def _take(self, event: Event) -> None:
        guild_id = self._guilds.get(event.job_id)
        if guild_id is None:
            return
        scope = Scope(guild_id)
        try:
            await self.results.take(scope, event)
        except (Stale, NoSuchRow) as error:
            log.info("job=%s attempt=%d %s dropped: %s", event.job_id, event.attempt, event.kind, type(error).__name__)
        except Exception as error:  # noqa: BLE001 - an event must not end the following of all others
            place = where(error)
            log.error("job=%s attempt=%d %s could not be stored: %s", event.job_id, event.attempt, event.kind, place)
            await self._give_up(scope, event, FULL if isinstance(error, DiskFull) else BROKEN)
        if isinstance(event, ENDS):
            self._guilds.pop(event.job_id, None)
            self.desk.wake.set()

    async def _give_up(self, scope: Scope, event: Event, sentence: str) -> None:
        """An event that cannot be stored must not leave its job running for ever."""
        try:
            job = await self.desk.store.jobs.fence(scope, event.job_id, event.attempt)
            await self.desk.engine.cancel(job.id)
            await self.results.refuse(scope, job, sentence)
        except Stale:
            return
        except Exception as error:  # noqa: BLE001 - where not even that can be written down, the log is all there is
            log.error("job=%s stays as it is until the next start: %s", event.job_id, where(error))
