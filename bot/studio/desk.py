"""What every part of the studio works with, and the few questions all of them ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bot.errors import NotAllowed, NotFound
from bot.language import say
from bot.studio.requests import Who
from bot.studio.settings import StudioSettings
from engine.facts import PhotoFacts
from engine.joint import joint_runs
from engine.protocol import Engine
from storage.records import Dataset, Job, Scope, Subject
from storage.states import Access, DatasetState, JobKind
from storage.store import Store


@dataclass(frozen=True)
class Desk:
    store: Store
    engine: Engine
    settings: StudioSettings
    clock: Callable[[], int]
    """Unix seconds."""
    new_id: Callable[[], str]
    random: Random
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a job was queued or has ended: the dispatcher looks again."""
    first_sights: dict[str, dict[int, PhotoFacts]] = field(default_factory=dict[str, dict[int, PhotoFacts]])
    """By job that is reading, then by photo: what the engine saw in it before it judged. For a first word, so not kept."""

    async def joint_runs(self) -> int:
        """Trainings that run at a time on this machine."""
        workers = await self.engine.workers()
        return joint_runs(workers[0].device if workers else "", self.settings.joint_runs)

    async def engine_away(self) -> bool:
        """Nobody works at the moment: the engine died and has not come up again yet."""
        workers = await self.engine.workers()
        return bool(workers) and all(worker.away for worker in workers)

    async def owned(self, who: Who, dataset_id: int) -> tuple[Dataset, Subject]:
        """The dataset and its subject, for the one who opened it and for admins."""
        scope = Scope(who.guild_id)
        dataset = await self.store.datasets.get(scope, dataset_id)
        subject = await self.store.subjects.get(scope, dataset.subject_id)
        if who.member_id != subject.owner_id and not who.is_admin:
            raise NotAllowed(
                say("These are somebody else's photos: only the one who brought them, or an admin, may do that.")
            )
        if dataset.state is DatasetState.DISCARDED:
            raise NotFound(say("These photos were discarded. Start again with /train."))
        return dataset, subject

    async def subject_of(self, scope: Scope, dataset_id: int) -> tuple[Dataset, Subject]:
        dataset = await self.store.datasets.get(scope, dataset_id)
        return dataset, await self.store.subjects.get(scope, dataset.subject_id)

    async def owner_of(self, scope: Scope, job: Job) -> int:
        """Who may cancel it: the painter, or whoever opened the dataset."""
        if job.kind is JobKind.PAINT or job.dataset_id is None:
            return job.member_id
        _, subject = await self.subject_of(scope, job.dataset_id)
        return subject.owner_id


def room_of(dataset: Dataset, subject: Subject) -> int:
    """The channel for what concerns the dataset: its thread where one was opened."""
    return dataset.thread_id or subject.channel_id


def stage_of(dataset: Dataset, subject: Subject) -> int:
    """The channel for what concerns everybody who may use the result: vote and winner."""
    return subject.channel_id if subject.access is Access.SERVER else room_of(dataset, subject)
