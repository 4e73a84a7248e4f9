"""A first word on photos while they are still being read: how far the reading is, what was left out, what would help.

It stands in the room from the third second on, so that a short reading shows nothing, and goes when the reading ends: the
coaching card and the sheet of crops take its place. Nothing here leaves a photo out, and nothing is decided by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.studio import coaching, verdicts
from bot.studio.coaching import Looked
from bot.studio.desk import Desk, room_of
from bot.studio.framing import shown_names
from bot.studio.screens import Purpose, Reading
from engine.photos import SubjectKind
from storage.records import Job, Scope
from storage.states import JobKind, JobState, PhotoState

AFTER_S = 3
REASONS = 6
"""Photos left out that are named; of more the number is told."""


async def card(desk: Desk, scope: Scope, dataset_id: int, looked: Sequence[Looked]) -> Reading | None:
    """`looked`: the photos of the set, as far as they are read. None once nothing is read any more: the card goes."""
    store = desk.store
    photos = await store.photos.list(scope, dataset_id)
    jobs = [job for job in await store.jobs.of_dataset(scope, dataset_id, JobKind.PREPARE) if job.live]
    done = sum(photo.state is not PhotoState.GIVEN for photo in photos)
    if not jobs or done == len(photos):
        return None
    _, subject = await desk.subject_of(scope, dataset_id)
    names = shown_names(photos)
    first = {photo_id: facts for job in jobs for photo_id, facts in desk.first_sights.get(job.id, {}).items()}
    unjudged = {photo.id for photo in photos if photo.state is PhotoState.GIVEN}
    looked = [
        replace(one, kept=True, facts=first[one.id]) if one.id in unjudged and one.id in first else one
        for one in looked
    ]
    refused = [photo for photo in photos if photo.state is PhotoState.REFUSED]
    return Reading(
        dataset_id,
        subject.name,
        len(photos),
        done,
        looked=max(done, min(_opened(jobs, len(photos)), len(photos))),
        out=len(refused),
        reasons=tuple(f"{names[photo.id]} {verdicts.reason(photo, names)}" for photo in refused[:REASONS]),
        kind=subject.kind,
        findings=tuple(coaching.so_far(looked, SubjectKind(subject.kind))),
    )


async def show(desk: Desk, scope: Scope, job_id: str) -> None:
    """Have the card stand in its room, once for every time these photos are read, where that takes longer than a moment."""
    store = desk.store
    job = await store.jobs.get(scope, job_id)
    if job.state is not JobState.RUNNING or job.dataset_id is None or job.started_at is None:
        return
    if desk.clock() - job.started_at < AFTER_S:
        return
    rows = await store.outbox.list(scope, purpose=Purpose.READING, ref=job.dataset_id)
    if any(row.created_at >= job.started_at for row in rows):
        return
    dataset, subject = await desk.subject_of(scope, job.dataset_id)
    if await store.photos.list(scope, dataset.id, PhotoState.GIVEN):
        await store.outbox.add(scope, channel_id=room_of(dataset, subject), purpose=Purpose.READING, ref=dataset.id)


def _opened(jobs: list[Job], given: int) -> int:
    """The engine opens all photos before it judges any: how many of `given` it has opened."""
    later = sum(_photos(job) for job in jobs if job.state is not JobState.RUNNING)
    for job in jobs:
        step, total = ((job.progress or {}).get(name) for name in ("step", "total"))
        if job.state is JobState.RUNNING and isinstance(step, int) and isinstance(total, int):
            return given - later - total + step
    return 0


def _photos(job: Job) -> int:
    spec: dict[str, Any] = json.loads(job.spec) if job.spec else {}
    return len(spec.get("photos", ()))
