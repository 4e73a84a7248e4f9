"""Stopping and forgetting: what is under way is ended, what was published is withdrawn, what is stored is deleted.

Rows and keys go in one transaction together with the list of messages Discord must still delete; the engine is told after
it. So a crash anywhere leaves nothing half forgotten: the messages are deleted at the next start.
"""

from __future__ import annotations

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio import news, receipts
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.news_screens import Moment
from bot.studio.requests import Who
from bot.studio.screens import Notice, Purpose
from bot.studio.sentences import told
from storage.records import Dataset, Run, Scope
from storage.states import RunState

OF_DATASET = (Purpose.READING, Purpose.COACHING, Purpose.CROPS, Purpose.CAPTIONS, Purpose.CONFIRM)
SHOWS_THE_SUBJECT = (Purpose.EPOCH, Purpose.BALLOT, Purpose.TIE, Purpose.WINNER, Purpose.NEWS)
Post = tuple[str, str]


class Forgetting:
    def __init__(self, desk: Desk, library: Library) -> None:
        self.desk = desk
        self.library = library

    # -- stopping

    async def halt(self, scope: Scope, subject_id: int, reason: str, by: int | None = None) -> tuple[str, ...]:
        """Nothing more is made of this subject: runs end without a vote, LoRAs are withdrawn, posts that show it go.

        Inside a transaction. Returns the jobs that were live: `stop` them after it. `by`: who knows of it.
        """
        store = self.desk.store
        live: list[str] = []
        ended: list[int] = []
        shown = [post for post in await self._posts(scope, subject_id) if post[0] in SHOWS_THE_SUBJECT]
        for dataset, run in await self._runs(scope, subject_id):
            if run.state not in (RunState.PUBLISHED, RunState.CANCELLED, RunState.FAILED):
                await store.runs.move(scope, run.id, RunState.CANCELLED, reason=reason)
                await store.ballots.discard(scope, run.id)
                ended.append(run.id)
            live += [job.id for job in await store.jobs.of_dataset(scope, dataset.id) if job.live]
        for lora in await store.loras.of_subject(scope, subject_id):
            live += [
                id for id in await store.loras.painted_with(scope, lora.id) if (await store.jobs.get(scope, id)).live
            ]
            await store.loras.withdraw(scope, lora.id)
        for job_id in dict.fromkeys(live):
            await store.jobs.cancel(scope, job_id)
        await store.erasures.take_down(scope, shown)
        for run_id in ended:
            await news.write(self.desk, scope, run_id, Moment.STOPPED, spare=by)
        self.library.changed(scope)
        return tuple(dict.fromkeys(live))

    async def stop(self, jobs: tuple[str, ...]) -> None:
        """Tell the engine, after the commit."""
        for job_id in jobs:
            await self.desk.engine.cancel(job_id)
        if jobs:
            self.desk.wake.set()

    # -- forgetting

    @told
    async def forget_subject(self, who: Who, subject_id: int) -> Notice:
        """For the one who brought the photos, and for the one who is in them; admins may as well."""
        scope, store = Scope(who.guild_id), self.desk.store
        subject = await store.subjects.get(scope, subject_id)
        consent = await store.consents.of_subject(scope, subject_id)
        if who.member_id not in (subject.owner_id, consent.member_id) and not who.is_admin:
            raise NotAllowed(
                say("Only the one who brought the photos, the one who is in them, or an admin, may forget them.")
            )
        heirs = len(await store.lineage.descendants(scope, subject_id))
        goes = await store.members.held_of_subject(scope, subject_id, heirs)
        await self.subject(scope, subject_id, who.member_id, Act.FORGOT)
        return Notice(
            say(
                "Forgotten: {list}, with all epochs and previews. The messages about it are being deleted.",
                list=receipts.of_subject(goes),
            )
        )

    async def subject(self, scope: Scope, subject_id: int, by: int, act: Act) -> None:
        """All of it, and what was taught from pictures of it, whoever asks: the caller has looked whether they may."""
        store = self.desk.store
        async with store.write():
            stopped: tuple[str, ...] = ()
            for id in (*await store.lineage.descendants(scope, subject_id), subject_id):
                stopped += await self._one(scope, id)
                await store.audit.add(scope, act, by, subject_id=id)
        await store.database.checkpoint_if_idle()
        await self.stop(stopped)

    async def _one(self, scope: Scope, subject_id: int) -> tuple[str, ...]:
        """Inside a transaction. Returns the jobs that were live."""
        store = self.desk.store
        posts = await self._posts(scope, subject_id)
        stopped = await self.halt(scope, subject_id, "")
        await store.erasures.take_down(scope, posts)
        for dataset in await store.datasets.of_subject(scope, subject_id):
            if dataset.thread_id is not None:
                await store.erasures.add(scope, dataset.thread_id)
        await store.subjects.forget(scope, subject_id)
        return stopped

    async def painting(self, scope: Scope, job_id: str) -> None:
        """One request's pictures and prompt, its row and its messages."""
        store = self.desk.store
        async with store.write():
            job = await store.jobs.get(scope, job_id)
            was_live = job.live
            await store.erasures.take_down(scope, await self._posts_of_painting(scope, job_id))
            await store.jobs.delete(scope, job_id)
            await store.keys.forget(scope, job.key_id)
        if was_live:
            await self.stop((job_id,))

    @told
    async def forget_me(self, who: Who) -> Notice:
        """Everything this member brought, is shown in, had painted or decided here. Their own word is enough."""
        scope, store = Scope(who.guild_id), self.desk.store
        goes = await store.members.held(scope, who.member_id)
        for wish in await store.wishes.of_member(scope, who.member_id):
            await news.drop(self.desk, scope, wish)
        # One takes with it what was taught from its pictures, so each time it is looked what is left.
        while left := await store.members.subjects(scope, who.member_id):
            await self.subject(scope, left[0], who.member_id, Act.FORGOT)
        for job_id in await store.members.paintings(scope, who.member_id):
            await self.painting(scope, job_id)
        await store.members.take_name_out(scope, who.member_id)
        self.library.changed(scope)
        return Notice(
            say(
                "Forgotten: {list}. The messages about it are being deleted.",
                list=receipts.of_member(goes),
            )
        )

    # -- what was posted

    async def _runs(self, scope: Scope, subject_id: int) -> list[tuple[Dataset, Run]]:
        store = self.desk.store
        return [
            (dataset, run)
            for dataset in await store.datasets.of_subject(scope, subject_id)
            for run in await store.runs.of_dataset(scope, dataset.id)
        ]

    async def _posts(self, scope: Scope, subject_id: int) -> list[Post]:
        """Everything that was or may yet be posted about it: (purpose, ref)."""
        store = self.desk.store
        posts: list[Post] = [(Purpose.PERSON, str(subject_id)), (Purpose.CONSENT, str(subject_id))]
        for dataset in await store.datasets.of_subject(scope, subject_id):
            posts += [(purpose, str(dataset.id)) for purpose in OF_DATASET]
            for job in await store.jobs.of_dataset(scope, dataset.id):
                posts += await self._posts_of_painting(scope, job.id)
        for _, run in await self._runs(scope, subject_id):
            posts += [(Purpose.STATUS, str(run.id)), *await news.posts_of(self.desk, scope, run.id)]
            posts += [(Purpose.EPOCH, str(epoch.id)) for epoch in await store.epochs.list(scope, run.id)]
            ballot = await store.ballots.of_run(scope, run.id)
            posts += [] if ballot is None else [(Purpose.BALLOT, str(ballot.id)), (Purpose.TIE, str(ballot.id))]
        for lora in await store.loras.of_subject(scope, subject_id):
            posts.append((Purpose.WINNER, str(lora.id)))
            for job_id in await store.loras.painted_with(scope, lora.id):
                posts += await self._posts_of_painting(scope, job_id)
        return posts

    def posts_of_lora(self, lora_id: int) -> list[Post]:
        return [(Purpose.WINNER, str(lora_id))]

    async def _posts_of_painting(self, scope: Scope, job_id: str) -> list[Post]:
        reports = await self.desk.store.reports.of_job(scope, job_id)
        return [
            (Purpose.PICTURES, job_id),
            (Purpose.TROUBLE, job_id),
            *((Purpose.REPORT, str(report.id)) for report in reports),
        ]


def check_word(typed: str, *wanted: str) -> None:
    """The form of a deletion was filled in by somebody who meant it. Any of `wanted` does; the last one is named."""
    if typed.strip().casefold() not in (word.casefold() for word in wanted):
        raise UserError(say("Nothing was deleted. Type {word} into the form to confirm.", word=wanted[-1]))
