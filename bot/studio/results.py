"""What the engine reports, stored: each event in one transaction with the outbox row for what must be posted.

Every transaction starts at the fence: events of an older attempt, or of a job that has ended, raise Stale and change nothing.
Blobs are put before the transaction that names them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bot.errors import NotAllowed
from bot.studio import captions, glance, news
from bot.studio.ballot import Ballots
from bot.studio.commission import PaintSpec
from bot.studio.desk import Desk, room_of
from bot.studio.library import Library
from bot.studio.news_screens import Moment
from bot.studio.screens import Purpose
from bot.studio.wait import slower
from engine.protocol import (
    ENDS,
    Accepted,
    Cancelled,
    Checkpointed,
    Done,
    EpochReady,
    Event,
    Failed,
    FailureKind,
    Interrupted,
    Painted,
    Parked,
    PhotoRead,
    Progress,
    TrainJob,
)
from storage.records import Box, Face, Job, NewPicture, Scope
from storage.states import CRASHES_ALLOWED, DatasetState, JobKind, JobState, PhotoState, RunState

log = logging.getLogger(__name__)

CRASHED = "It made the engine stop three times, so it was set aside. The owner of this bot should look at it before trying again."
NOTHING_LEARNT = (
    "The training ended before its first epoch was done, so there is nothing to choose from. Start it again."
)
BEGUN = (RunState.PREPARING, RunState.TRAINING)


class Results:
    def __init__(self, desk: Desk, library: Library, ballots: Ballots) -> None:
        self.desk = desk
        self.store = desk.store
        self.library = library
        self.ballots = ballots

    async def take(self, scope: Scope, event: Event) -> None:
        """Store one event. Raises Stale when it is out of date."""
        if isinstance(event, ENDS):
            self.desk.first_sights.pop(event.job_id, None)
        match event:
            case Accepted() | Checkpointed():
                pass
            case Progress():
                await self._progress(scope, event)
                if event.phase == "reading":
                    if event.measured is not None:
                        sights = self.desk.first_sights.setdefault(event.job_id, {})
                        sights[int(event.photo_id)] = event.measured
                    await glance.show(self.desk, scope, event.job_id)
            case PhotoRead():
                await self._photo(scope, event)
                await glance.show(self.desk, scope, event.job_id)
            case EpochReady():
                await self._epoch(scope, event)
            case Painted():
                await self._painted(scope, event)
            case Interrupted():
                await self._interrupted(scope, event)
            case Parked():
                await self._parked(scope, event)
            case Cancelled():
                await self._cancelled(scope, event)
            case Done():
                await self._done(scope, event)
            case Failed():
                await self._failed(scope, event)

    # -- on the way

    async def _progress(self, scope: Scope, event: Progress) -> None:
        """At most one row a second: the rest says nothing that anybody could see."""
        job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
        old, now = job.progress or {}, self.desk.clock()
        same = old.get("at") == now and old.get("phase") == event.phase and old.get("epoch") == event.epoch
        if same and not event.note:
            return
        fresh: dict[str, Any] = {
            "phase": event.phase,
            "step": event.step,
            "total": event.total,
            "epoch": event.epoch,
            "epochs": event.epochs,
            "at": now,
        }
        fresh |= {k: v for k, v in (("loss", event.loss), ("seconds_left", event.seconds_left)) if v is not None}
        happened = event.note or old.get("happened")
        if happened:  # it stays on the card to the end: the training is slower, or learns slower, from then on
            fresh["happened"] = happened
        async with self.store.write():
            await self.store.jobs.progress(scope, event.job_id, event.attempt, fresh)
            if job.run_id is not None and event.phase in ("training", "preview"):
                run = await self.store.runs.get(scope, job.run_id)
                if run.state is RunState.PREPARING:
                    await self.store.runs.move(scope, run.id, RunState.TRAINING)

    async def _photo(self, scope: Scope, event: PhotoRead) -> None:
        photos, photo_id = self.store.photos, int(event.photo_id)
        job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
        clean = event.blobs.get("photo")
        sha = None if clean is None else await self.store.blobs.put(scope, job.key_id, clean)
        glimpse = event.blobs.get("glimpse")
        glimpse_sha = None if glimpse is None else await self.store.blobs.put(scope, job.key_id, glimpse)
        async with self.store.write():
            await self.store.jobs.fence(scope, event.job_id, event.attempt)
            if (await photos.get(scope, photo_id)).state is not PhotoState.GIVEN:
                return
            if event.refused is not None or sha is None:
                await photos.refuse(
                    scope,
                    photo_id,
                    event.refused or "could not be read",
                    cause=event.cause or "",
                    facts=event.facts,
                    glimpse_sha256=glimpse_sha,
                    duplicate_of=None if event.duplicate_of is None else int(event.duplicate_of),
                    width=event.width,
                    height=event.height,
                )
                return
            await photos.keep(
                scope,
                photo_id,
                clean_sha256=sha,
                width=event.width,
                height=event.height,
                faces=[Face(Box(**f.box.model_dump()), f.score, f.likely_subject) for f in event.faces],
                crop=None if event.crop is None else Box(**event.crop.model_dump()),
                flags=event.flags,
                sharpness=event.sharpness,
                caption=captions.tidy(event.caption),
            )
            if event.measured is not None:
                await self.store.measures.put(scope, photo_id, event.measured.model_dump_json(exclude_defaults=True))

    async def _epoch(self, scope: Scope, event: EpochReady) -> None:
        job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
        if job.run_id is None or job.dataset_id is None:
            return
        lora = event.blobs.get("lora")
        lora_sha = None if lora is None else await self.store.blobs.put(scope, job.key_id, lora)
        previews = [await self.store.blobs.put(scope, job.key_id, data) for data in _numbered(event.blobs, "preview_")]
        dataset, subject = await self.desk.subject_of(scope, job.dataset_id)
        async with self.store.write():
            job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
            recorded = await self.store.epochs.record(
                scope,
                job.run_id or 0,
                event.epoch,
                lora_sha256=lora_sha,
                previews=previews,
                loss=event.loss,
                likeness=event.likeness,
                fidelity=event.fidelity,
                memorising=event.memorising,
                leakage=event.leakage,
                bleed=event.bleed,
                seconds=event.seconds,
            )
            if not recorded.is_new or event.epoch == 0:
                return
            await self.store.outbox.add(
                scope,
                channel_id=room_of(dataset, subject),
                purpose=Purpose.EPOCH,
                ref=recorded.epoch.id,
                once=True,
            )
        recipe = TrainJob.model_validate_json(job.spec).recipe
        # Speeds are those of a training alone: with company each took longer.
        live = await self.store.jobs.live_everywhere()
        together = sum(one.kind is JobKind.TRAIN and one.state is JobState.RUNNING for one in live)
        await self._learn(JobKind.TRAIN, event.seconds / slower(together), recipe.exposures / recipe.epochs)

    async def _painted(self, scope: Scope, event: Painted) -> None:
        job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
        spec = PaintSpec.model_validate_json(job.spec)
        try:
            await self.library.check_commission(scope, job.member_id, spec)
        except NotAllowed as error:
            await self.refuse(scope, job, str(error))
            return
        work = spec.work
        pictures = _numbered(event.blobs, "picture_")
        stored = [await self.store.blobs.put(scope, job.key_id, data) for data in pictures]
        painted = [NewPicture(seed, sha) for seed, sha in zip(event.seeds, stored, strict=True)]
        params = work.model_dump(mode="json", exclude={"job_id", "attempt", "crashes", "kind", "prompt", "seeds"})
        async with self.store.write():
            job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
            facts = {"width": event.width, "height": event.height, "cut": event.cut, "cut_negative": event.cut_negative}
            await self.store.pictures.add(scope, job, painted, prompt=work.prompt, params=params | facts)
            # A card that waits for them in the channel becomes them; else, or where it was deleted, they are posted.
            if await self.store.cards.get(scope, purpose=Purpose.PICTURES, ref=job.id) is None:
                await self.store.outbox.add(
                    scope, channel_id=job.channel_id, purpose=Purpose.PICTURES, ref=job.id, once=True
                )

    async def _interrupted(self, scope: Scope, event: Interrupted) -> None:
        async with self.store.write():
            job = await self.store.jobs.interrupted(scope, event.job_id, event.attempt, event.crashes)
            log.warning("job=%s attempt=%d crashes=%d: the engine died under it", job.id, job.attempt, job.crashes)
            if job.crashes >= CRASHES_ALLOWED:
                await self._end(scope, job, CRASHED, dead=True)
        if job.crashes >= CRASHES_ALLOWED:
            await self.desk.engine.cancel(job.id)

    # -- the end

    async def _parked(self, scope: Scope, event: Parked) -> None:
        async with self.store.write():
            job = await self.store.jobs.park(scope, event.job_id, event.attempt)
            if job.run_id is not None:
                run = await self.store.runs.get(scope, job.run_id)
                if run.state in BEGUN:
                    await self.store.runs.move(scope, run.id, RunState.QUEUED)

    async def _cancelled(self, scope: Scope, event: Cancelled) -> None:
        async with self.store.write():
            job = await self.store.jobs.cancelled(scope, event.job_id, event.attempt)
            await self.was_cancelled(scope, job)

    async def was_cancelled(self, scope: Scope, job: Job, by: int | None = None) -> None:
        """What follows from a job that ended by a person's wish, that of `by`. Inside a transaction."""
        if job.run_id is None:
            return
        run = await self.store.runs.get(scope, job.run_id)
        if run.state not in (RunState.QUEUED, *BEGUN):
            return
        if any(epoch.number for epoch in await self.store.epochs.list(scope, run.id)):
            await self.ballots.offer(scope, run, cut_short=True)
        else:
            await self.store.runs.move(scope, run.id, RunState.CANCELLED, reason="Cancelled before its first epoch.")
            await news.write(self.desk, scope, run.id, Moment.STOPPED, spare=by)

    async def _done(self, scope: Scope, event: Done) -> None:
        async with self.store.write():
            job = await self.store.jobs.finish(scope, event.job_id, event.attempt)
            if job.kind is JobKind.PREPARE:
                await self.all_read(scope, job)
            elif job.run_id is not None:
                run = await self.store.runs.suggest(
                    scope, job.run_id, epoch=event.suggested, reason=event.reason, seconds=event.seconds
                )
                if any(epoch.number for epoch in await self.store.epochs.list(scope, run.id)):
                    await self.ballots.offer(scope, run, cut_short=event.stopped_early)
                else:
                    await self.store.runs.move(scope, run.id, RunState.FAILED, reason=NOTHING_LEARNT)
                    await self._tell(scope, job)
        log.info("job=%s kind=%s done in %.1f s", job.id, job.kind, event.seconds)
        if job.kind is not JobKind.TRAIN:
            await self._learn(job.kind, event.seconds, await self._parts(scope, job))

    async def all_read(self, scope: Scope, job: Job) -> None:
        """The sheet of crops, once no photo of the dataset waits any more. Inside a transaction."""
        dataset_id = job.dataset_id or 0
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        if await self.store.photos.list(scope, dataset_id, PhotoState.GIVEN):
            return
        if dataset.state is DatasetState.COLLECTING:
            await self.store.datasets.move(scope, dataset_id, DatasetState.CROPPING)
        room = room_of(dataset, subject)
        if await self.store.measures.of_dataset(scope, dataset_id):
            await self.store.outbox.add(scope, channel_id=room, purpose=Purpose.COACHING, ref=dataset_id)
        await self.store.outbox.add(scope, channel_id=room, purpose=Purpose.CROPS, ref=dataset_id)

    async def _failed(self, scope: Scope, event: Failed) -> None:
        dead = event.failure is FailureKind.CRASHED
        async with self.store.write():
            job = await self.store.jobs.fence(scope, event.job_id, event.attempt)
            # Kept for the trouble card: what is wrong with the request itself is not mended by sending it again.
            note = {**(job.progress or {}), "failure": event.failure.value}
            await self.store.jobs.progress(scope, job.id, event.attempt, note)
            await self._end(scope, job, event.sentence, dead=dead, diverged=event.failure is FailureKind.DIVERGED)
        log.error("job=%s kind=%s failed: %s %s", job.id, job.kind, event.failure, event.detail)

    async def refuse(self, scope: Scope, job: Job, sentence: str) -> None:
        """It cannot be sent to the engine at all."""
        async with self.store.write():
            await self._end(scope, job, sentence)

    async def _end(self, scope: Scope, job: Job, sentence: str, *, dead: bool = False, diverged: bool = False) -> None:
        """A job that failed: it stops, says why and waits for a person. Inside a transaction."""
        if dead:
            await self.store.jobs.bury(scope, job.id, job.attempt, sentence)
        else:
            await self.store.jobs.fail(scope, job.id, job.attempt, sentence)
        if job.run_id is not None:
            run = await self.store.runs.get(scope, job.run_id)
            epochs = await self.store.epochs.list(scope, run.id)
            if diverged and any(epoch.number for epoch in epochs):
                # Trying again would diverge again; what was learnt before is as good as ever.
                await self.ballots.offer(scope, run, cut_short=True)
            elif run.state in (RunState.QUEUED, *BEGUN):
                await self.store.runs.move(scope, run.id, RunState.FAILED, reason=sentence)
        await self._tell(scope, job)

    async def _tell(self, scope: Scope, job: Job) -> None:
        channel_id = job.channel_id
        if job.dataset_id is not None and job.kind is not JobKind.PAINT:
            channel_id = room_of(*await self.desk.subject_of(scope, job.dataset_id))
        await self.store.outbox.add(scope, channel_id=channel_id, purpose=Purpose.TROUBLE, ref=job.id)
        if job.run_id is not None and (await self.store.runs.get(scope, job.run_id)).state is RunState.FAILED:
            await news.write(self.desk, scope, job.run_id, Moment.FAILED)

    # -- speeds

    async def _parts(self, scope: Scope, job: Job) -> float:
        """What a speed is counted by: pictures of a painting, photos of a reading."""
        if job.kind is JobKind.PAINT:
            return len(await self.store.pictures.of_job(scope, job.id))
        return len(await self.store.photos.list(scope, job.dataset_id or 0))

    async def _learn(self, kind: JobKind, seconds: float, parts: float) -> None:
        if seconds <= 0 or parts <= 0:
            return
        workers = await self.desk.engine.workers()
        device = workers[0].device if workers and workers[0].device else "unknown"
        base = self.desk.settings.base.source
        await self.store.speeds.learn(base=base, device=device, kind=kind, seconds=seconds / parts)


def _numbered(blobs: Mapping[str, bytes], prefix: str) -> list[bytes]:
    """blobs "preview_0", "preview_1", ... in order."""
    found: list[bytes] = []
    while (data := blobs.get(f"{prefix}{len(found)}")) is not None:
        found.append(data)
    return found


def waits_for_a_person(job: Job) -> bool:
    """Whether sending it again may help."""
    hopeless = (job.progress or {}).get("failure") in (FailureKind.INPUT.value, FailureKind.DIVERGED.value)
    return job.state in (JobState.FAILED, JobState.DEAD) and not hopeless
