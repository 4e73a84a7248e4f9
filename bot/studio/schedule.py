"""The queue as people see it: who is next, how long it takes, and who may stop what.

One engine: on a GPU a few trainings at a time, which share their steps, on a CPU one; the others in fair order. Paintings and
readings are worked in between their steps, so they hardly wait.
Minutes come from measured speeds; where nothing was measured yet the words say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import say
from bot.studio.desk import Desk
from bot.studio.requests import Who
from bot.studio.screens import QueueLine, QueueList
from bot.studio.wait import slower, until_turn
from engine.protocol import Recipe, TrainJob
from storage.records import Job, Scope
from storage.states import JobKind, JobState

GUESSED_SECONDS = {"miniature": (0.02, 0.12)}
"""Seconds per exposure before anything was measured: from a fast machine to a slow one."""
GUESSED_OTHERS = (0.15, 1.5)


class Schedule:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # -- places and times

    async def trainings(self) -> tuple[Job, ...]:
        """Live trainings of all guilds, the running one first."""
        return tuple(job for job in await self.desk.store.jobs.live_everywhere() if job.kind is JobKind.TRAIN)

    async def place(self, job: Job) -> int:
        """In the queue of its kind, from 1; 0 once it has begun or is over."""
        if job.state is JobState.RUNNING or not job.live:
            return 0
        live = await self.desk.store.jobs.live_everywhere()
        same = (job.kind is JobKind.TRAIN,)
        waiting = [
            other.id for other in live if (other.kind is JobKind.TRAIN,) == same and other.state is not JobState.RUNNING
        ]
        return waiting.index(job.id) + 1 if job.id in waiting else 0

    async def seconds(self, exposures: int) -> float | None:
        """How long so many exposures take on this machine; None before it was measured."""
        speed = await self.desk.store.speeds.get(base=self.desk.settings.base.source, kind=JobKind.TRAIN)
        return None if speed is None else speed.seconds * exposures

    async def seconds_left(self, job: Job) -> float | None:
        """Of a live training: as the engine said last, else by measure."""
        told = self._told(job)
        if told is not None:
            return told
        progress = job.progress or {}
        whole = await self.seconds(_exposures(job))
        step, total = progress.get("step"), progress.get("total")
        if whole is not None and isinstance(step, int | float) and isinstance(total, int | float) and total > 0:
            return whole * (1 - min(1.0, step / total))
        return whole

    def _told(self, job: Job) -> float | None:
        """What the engine last said is left of a training that runs."""
        progress = job.progress or {}
        left, said_at = progress.get("seconds_left"), progress.get("at")
        if job.state is JobState.RUNNING and isinstance(left, int | float) and isinstance(said_at, int | float):
            return max(0.0, said_at + left - self.desk.clock())
        return None

    async def seconds_before(self, ahead: Sequence[Job]) -> float | None:
        """Until one more may begin behind those; None as soon as one of them cannot be foretold."""
        together = sum(job.state is JobState.RUNNING for job in ahead)
        work: list[float] = []
        for job in ahead:
            told = self._told(job)
            # What the engine says holds for the company it has now, what was measured for a training alone.
            left = await self.seconds_left(job) if told is None else told / slower(together)
            if left is None:
                return None
            work.append(left)
        return until_turn(work, await self.desk.joint_runs())

    async def queue_words(self) -> str:
        """What a training started now would wait for."""
        ahead = await self.trainings()
        if len(ahead) < await self.desk.joint_runs():
            return say("next in line, starts at once")
        place = say("number {place} in line", place=len(ahead) + 1)
        wait = await self.seconds_before(ahead)
        return place if wait is None else say("{place}, starts in {time}", place=place, time=about(wait))

    async def minutes(self, recipe: Recipe) -> str:
        """Honest: measured, or a span that says it is none."""
        measured = await self.seconds(recipe.exposures)
        if measured is not None:
            return about(measured)
        low, high = GUESSED_SECONDS.get(self.desk.settings.base.source, GUESSED_OTHERS)
        least, most = _minutes(low * recipe.exposures), _minutes(high * recipe.exposures)
        return say("{least}-{most} min, not measured here yet", least=least, most=most)

    # -- lists

    async def queue(self, who: Who) -> QueueList:
        live = await self.desk.store.jobs.live_everywhere()
        lines: list[QueueLine] = []
        trainings: list[Job] = []
        for job in live:
            if job.kind is JobKind.TRAIN:
                starts_at = await self._starts_at(job, trainings)
                trainings.append(job)
            else:
                starts_at = job.started_at
            if job.guild_id == who.guild_id:
                place = await self.place(job)
                lines.append(
                    QueueLine(place, await self._what(who, job), job.member_id == who.member_id, job.id, starts_at)
                )
        return QueueList(tuple(lines))

    async def cancellable(self, who: Who) -> tuple[tuple[str, str], ...]:
        jobs = await self.desk.store.jobs.live(Scope(who.guild_id), member_id=None if who.is_admin else who.member_id)
        return tuple([(job.id, await self._what(who, job)) for job in jobs])

    async def cancellable_job(self, who: Who, job_id: str | None, run_id: int | None) -> Job:
        """The job meant, if `who` may stop it. Without ids: the only one they have."""
        scope, jobs = Scope(who.guild_id), self.desk.store.jobs
        job = None
        if job_id is not None:
            job = await jobs.get(scope, job_id)
        elif run_id is not None:
            job = await jobs.of_run(scope, run_id)
        else:
            own = await jobs.live(scope, member_id=who.member_id)
            if len(own) > 1:
                raise UserError(say("You have several things in the queue: choose one of them in /cancel."))
            job = own[0] if own else None
        if job is None:
            raise NotFound(
                say("You have nothing in the queue, so there is nothing to cancel. /queue shows what is in it.")
            )
        if not who.is_admin and who.member_id not in (job.member_id, await self.desk.owner_of(scope, job)):
            raise NotAllowed(say("Only the one who asked for it, or an admin, may stop it."))
        return job

    async def _starts_at(self, job: Job, ahead: Sequence[Job]) -> int | None:
        if job.state is JobState.RUNNING:
            return job.started_at
        wait = await self.seconds_before(ahead)
        return None if wait is None else self.desk.clock() + round(wait)

    async def _what(self, who: Who, job: Job) -> str:
        """Names of subjects are told to those who may know them only."""
        what = what_is(job)
        mine = who.is_admin or job.member_id == who.member_id
        if job.dataset_id is None or not mine:
            return what
        _, subject = await self.desk.subject_of(Scope(job.guild_id), job.dataset_id)
        return f"{what}: {subject.name}"


def what_is(job: Job) -> str:
    return {
        JobKind.TRAIN: say("training"),
        JobKind.PAINT: say("painting"),
        JobKind.PREPARE: say("looking at photos"),
    }[job.kind]


def place_words(place: int) -> str:
    """For whoever waits, as a sentence."""
    return say("Next in line.") if place <= 1 else say("Number {place} in line.", place=place)


def about(seconds: float) -> str:
    if seconds < 50:
        return say("under a minute")
    return say("about {minutes} min", minutes=_minutes(seconds))


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))


def _exposures(job: Job) -> int:
    return TrainJob.model_validate_json(job.spec).recipe.exposures if job.kind is JobKind.TRAIN and job.spec else 0
