"""Servers this bot is removed from, and comes back to.

    removed ──► what ran there is stopped, nothing more is posted; rows and files stay, sealed
       ├─ back within a month ──► who asked for what was stopped is told, and may press Try again
       └─ a month later ────────► all of it is forgotten

Whether a server is still one of ours is asked again at every start: a removal may come while nobody listens.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from bot.studio import news
from bot.studio.acts import Act
from bot.studio.desk import Desk, room_of
from bot.studio.forgetting import Forgetting
from bot.studio.news_screens import Moment
from bot.studio.screens import Purpose
from storage.records import Job, Scope
from storage.states import JobState, RunState

log = logging.getLogger(__name__)

KEPT_S = 30 * 24 * 3600
"""As long as a server that removed this bot can bring it back to what was there."""
EVERY_S = 3600
REMOVED = "I was removed from this server while this was under way, so it was stopped. Nothing of it is lost: press Try again."
UNDER_WAY = (RunState.QUEUED, RunState.PREPARING, RunState.TRAINING)


class Leaving:
    def __init__(self, desk: Desk, forgetting: Forgetting) -> None:
        self.desk = desk
        self.forgetting = forgetting
        self._looked_at = 0

    async def here(self, guild_ids: Collection[int]) -> None:
        """These are the servers this bot is on, all of them."""
        departures = self.desk.store.departures
        for guild_id in await departures.known_everywhere() - set(guild_ids):
            await self.left(guild_id)
        for guild_id in set(await departures.gone_everywhere()) & set(guild_ids):
            await self.back(guild_id)

    async def left(self, guild_id: int) -> None:
        scope, store = Scope(guild_id), self.desk.store
        async with store.write():
            if not await store.departures.left(scope):
                return
            live = await store.jobs.live(scope)
            for job in live:
                await self._stop(scope, job)
        for job in live:
            await self.desk.engine.cancel(job.id)
        log.info("guild=%d removed this bot: %d jobs stopped", guild_id, len(live))
        self.desk.wake.set()

    async def back(self, guild_id: int) -> None:
        """Whoever waited is told; their button is Try again."""
        scope, store = Scope(guild_id), self.desk.store
        async with store.write():
            left_at = await store.departures.back(scope)
            if left_at is None:
                return
            for job_id in await store.departures.stopped(scope, left_at):
                job = await store.jobs.get(scope, job_id)
                channel_id = job.channel_id
                if job.dataset_id is not None:
                    channel_id = room_of(*await self.desk.subject_of(scope, job.dataset_id))
                await store.outbox.add(scope, channel_id=channel_id, purpose=Purpose.TROUBLE, ref=job_id)
                if job.run_id is not None:
                    await news.write(self.desk, scope, job.run_id, Moment.FAILED)
        log.info("guild=%d has this bot back", guild_id)

    async def tidy(self) -> None:
        """Forget what nobody came back to. Looked at once an hour, whoever calls how often."""
        now, store = self.desk.clock(), self.desk.store
        if now - self._looked_at < EVERY_S:
            return
        self._looked_at = now
        for guild_id, left_at in (await store.departures.gone_everywhere()).items():
            if now - left_at < KEPT_S:
                continue
            scope = Scope(guild_id)
            for subject_id in await store.departures.subjects(scope):
                await self.forgetting.subject(scope, subject_id, 0, Act.FORGOT)
            for job_id in await store.departures.paintings(scope):
                await self.forgetting.painting(scope, job_id)
            # Once more: what was just forgotten has left messages to delete, in a place that cannot be reached.
            await store.departures.left(scope)

    async def _stop(self, scope: Scope, job: Job) -> None:
        store = self.desk.store
        if job.state is JobState.RUNNING:
            await store.jobs.fail(scope, job.id, job.attempt, REMOVED)
        elif job.state is JobState.QUEUED:
            await store.jobs.refuse(scope, job.id, REMOVED)
        else:
            await store.jobs.cancel(scope, job.id)
        if job.run_id is None:
            return
        run = await store.runs.get(scope, job.run_id)
        if run.state in UNDER_WAY:
            await store.runs.move(scope, run.id, RunState.FAILED, reason=REMOVED)
