"""What a person may do to a job: cancel it, stop it after this epoch, try it again."""

from __future__ import annotations

from bot.errors import NotFound, UserError
from bot.language import say
from bot.studio.desk import Desk, room_of
from bot.studio.requests import Who
from bot.studio.results import Results, waits_for_a_person
from bot.studio.schedule import Schedule, what_is
from bot.studio.screens import Notice, Purpose
from engine.protocol import CancelMode
from storage.records import Run, Scope
from storage.states import JobKind, JobState, RunState, Stop


class Controls:
    def __init__(self, desk: Desk, schedule: Schedule, results: Results) -> None:
        self.desk = desk
        self.schedule = schedule
        self.results = results

    async def cancel(self, who: Who, job_id: str | None, run_id: int | None) -> Notice:
        """Ended in the rows at once; what the engine still says about it is stale. It is told to drop the work."""
        scope, store = Scope(who.guild_id), self.desk.store
        job = await self.schedule.cancellable_job(who, job_id, run_id)
        async with store.write():
            job = await store.jobs.get(scope, job.id)
            was_live = job.live
            if was_live:
                job = await store.jobs.cancel(scope, job.id)
                await self.results.was_cancelled(scope, job, who.member_id)
                if job.kind is JobKind.PREPARE:
                    await self._leave_out_unread(scope, job.dataset_id or 0)
        if was_live:
            await self.desk.engine.cancel(job.id, CancelMode.NOW)
            self.desk.wake.set()
        elif job.state is not JobState.CANCELLED:
            return Notice(say("That is over already: {what} has ended.", what=what_is(job)))
        if job.run_id is not None:
            run = await store.runs.get(scope, job.run_id)
            if run.state in (RunState.VOTING, RunState.PUBLISHED):
                return Notice(say("Cancelled. The epochs that were finished are kept; choose one of them."))
        return Notice(say("Cancelled: {what} has stopped.", what=what_is(job)))

    async def stop_after_epoch(self, who: Who, run_id: int) -> Run:
        scope, store = Scope(who.guild_id), self.desk.store
        job = await self.schedule.cancellable_job(who, None, run_id)
        async with store.write():
            job = await store.jobs.ask_to_stop(scope, job.id, Stop.AFTER_EPOCH)
            if job.state is JobState.QUEUED and job.attempt == 0:
                raise UserError(
                    say(
                        "This training has not begun, so there is no epoch to finish. Cancel takes it out of the queue."
                    )
                )
        if job.state is JobState.RUNNING:
            await self.desk.engine.cancel(job.id, CancelMode.AFTER_EPOCH)
        return await store.runs.get(scope, run_id)

    async def running_of(self, who: Who) -> int:
        """The run of this member's training that is under way."""
        for job in await self.desk.store.jobs.live(Scope(who.guild_id), member_id=who.member_id):
            if job.kind is JobKind.TRAIN and job.state is JobState.RUNNING and job.run_id is not None:
                return job.run_id
        raise NotFound(
            say("No training of yours is running, so there is no epoch to finish. /queue shows what runs and waits.")
        )

    async def retry(self, who: Who, job_id: str) -> Notice:
        scope, store = Scope(who.guild_id), self.desk.store
        job = await self.schedule.cancellable_job(who, job_id, None)
        if job.live:
            return Notice(say("It is in the queue again."))
        if not job.spec:
            raise NotFound(say("What it needs was deleted. Start again."))
        if not waits_for_a_person(job):
            raise UserError(say("Trying that again would end the same way. Start it anew instead."))
        async with store.write():
            if job.dataset_id is not None and job.kind is JobKind.TRAIN:
                other = await store.jobs.live_training(scope, job.dataset_id)
                if other is not None:
                    return Notice(say("A training with these photos is in the queue already."))
                _, subject = await self.desk.subject_of(scope, job.dataset_id)
                if await store.lineage.in_training(scope, subject.id) is not None:
                    raise UserError(
                        say(
                            "Another version of {name} is in training: one at a time. Wait for it, or stop it "
                            "with /cancel.",
                            name=subject.name,
                        )
                    )
            job = await store.jobs.retry(scope, job_id)
            if job.run_id is not None:
                run = await store.runs.get(scope, job.run_id)
                if run.state in (RunState.FAILED, RunState.CANCELLED):
                    await store.runs.move(scope, run.id, RunState.QUEUED, reason="")
                dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
                await store.outbox.add(scope, channel_id=room_of(dataset, subject), purpose=Purpose.STATUS, ref=run.id)
        self.desk.wake.set()
        return Notice(say("It is in the queue again."))

    async def _leave_out_unread(self, scope: Scope, dataset_id: int) -> None:
        """Photos nobody will read any more must not keep the set waiting."""
        photos = self.desk.store.photos
        for photo in await photos.list(scope, dataset_id):
            if photo.state == "given":
                await photos.refuse(scope, photo.id, "was not looked at, because that was cancelled")
        for job in await self.desk.store.jobs.of_dataset(scope, dataset_id, JobKind.PREPARE):
            await self.results.all_read(scope, job)
            break
