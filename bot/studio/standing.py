"""How far paintings are, for whoever waits for one: the place in line, what is done, about how long it takes still.

Read from the rows, for many at a time: the answers that tell it are brought up to date once a second. Nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.studio.desk import Desk
from bot.studio.screens import Purpose
from storage.errors import NoSuchRow
from storage.records import Job, Scope
from storage.states import JobKind, JobState, OutboxState


class Stage(StrEnum):
    WAITING = "waiting"
    PAINTING = "painting"
    AWAY = "away"
    """The engine is; it goes on by itself."""
    POSTING = "posting"
    """Painted; the message with it is on its way."""
    POSTED = "posted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"
    """Deleted, or nobody may see it any more."""


OVER = frozenset({Stage.POSTED, Stage.FAILED, Stage.CANCELLED, Stage.GONE})


@dataclass(frozen=True)
class Standing:
    stage: Stage
    place: int = 0
    """In line, from 1."""
    done: float = 0.0
    """0..1"""
    seconds: float | None = None
    """Until it is painted; None where that cannot be foretold: nothing like it was measured here yet."""
    error: str = ""
    """Why it failed, in the engine's English."""
    message: tuple[int, int] | None = None
    """Channel and message of the picture."""


class Standings:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._sizes: dict[str, int] = {}
        """Pictures or photos of the jobs that are live: what they are asked for does not change."""

    async def of(self, guilds: Mapping[str, int]) -> dict[str, Standing]:
        """`guilds`: of each painting, by its job's id."""
        found = await self._live(guilds) if guilds else {}
        for job_id in guilds.keys() - found.keys():
            found[job_id] = await self._ended(Scope(guilds[job_id]), job_id)
        return found

    async def _live(self, wanted: Iterable[str]) -> dict[str, Standing]:
        store, base = self.desk.store, self.desk.settings.base.source
        # What begins first, first: the engine is given those that run and works them off side by side.
        quick = [job for job in await store.jobs.live_everywhere() if job.kind is not JobKind.TRAIN]
        self._sizes = {job.id: self._sizes.get(job.id) or _size(job) for job in quick}
        speeds = {kind: await store.speeds.get(base=base, kind=kind) for kind in (JobKind.PAINT, JobKind.PREPARE)}
        away = bool(quick) and await self.desk.engine_away()
        wanted, found = set(wanted), dict[str, Standing]()
        place, before = 0, 0.0
        foretold = True
        for job in quick:
            running = job.state is JobState.RUNNING
            place += not running
            done, speed = (_done(job) if running else 0.0), speeds[job.kind]
            left = _told(job, self.desk.clock()) if running else None
            if left is None and speed is not None:
                left = speed.seconds * self._sizes[job.id] * (1 - done)
            foretold = foretold and left is not None
            before += left or 0.0
            if job.id in wanted:
                stage = Stage.AWAY if away else Stage.PAINTING if running else Stage.WAITING
                seconds = before if foretold and not away else None
                found[job.id] = Standing(stage, 0 if running else place, done, seconds)
        return found

    async def _ended(self, scope: Scope, job_id: str) -> Standing:
        try:
            job = await self.desk.store.jobs.get(scope, job_id)
        except NoSuchRow:
            return Standing(Stage.GONE)
        if job.live:  # it came into line since the others were read
            return Standing(Stage.WAITING)
        if job.state is JobState.CANCELLED:
            return Standing(Stage.CANCELLED)
        if job.state in (JobState.FAILED, JobState.DEAD):
            return Standing(Stage.FAILED, error=job.error)
        rows = await self.desk.store.outbox.list(scope, purpose=Purpose.PICTURES, ref=job_id)
        for row in rows if job.spec else ():
            if row.message_id is not None:
                return Standing(Stage.POSTED, done=1.0, message=(row.channel_id, row.message_id))
        waits = any(row.state is OutboxState.PENDING for row in rows)
        return Standing(Stage.POSTING if waits and job.spec else Stage.GONE, done=1.0)


def _size(job: Job) -> int:
    """Pictures of a painting, photos of a reading."""
    spec: dict[str, Any] = json.loads(job.spec) if job.spec else {}
    if job.kind is JobKind.PAINT:
        return len(spec["work"]["seeds"]) if spec else 1
    return max(1, len(spec.get("photos", ())))


def _done(job: Job) -> float:
    step, total = ((job.progress or {}).get(name) for name in ("step", "total"))
    return min(1.0, step / total) if isinstance(step, int) and isinstance(total, int) and total > 0 else 0.0


def _told(job: Job, now: int) -> float | None:
    """Seconds left by the engine's own word."""
    left, said_at = ((job.progress or {}).get(name) for name in ("seconds_left", "at"))
    if isinstance(left, int | float) and isinstance(said_at, int | float):
        return max(0.0, said_at + left - now)
    return None
