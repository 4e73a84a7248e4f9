"""The confirm card, its choices, and the start: run and job in one commit, the dataset frozen with them."""

from __future__ import annotations

import secrets

from bot.errors import UserError
from bot.language import many, say
from bot.studio import captions, terms
from bot.studio.acts import Act
from bot.studio.desk import Desk, room_of
from bot.studio.intake import Intake
from bot.studio.lighter import lighter
from bot.studio.people import People
from bot.studio.recipes import title_of
from bot.studio.requests import Who
from bot.studio.retraining import difference
from bot.studio.review import Review
from bot.studio.rulebook import check_training_quota
from bot.studio.schedule import Schedule
from bot.studio.screens import ConfirmCard, Notice, PresetChoice, Purpose
from engine.faces import meant
from engine.protocol import Box, Face, Recipe, SubjectKind, TrainImage, TrainJob
from storage.records import Dataset, Job, Photo, Run, Scope, Subject
from storage.states import Access, DatasetState, JobKind, PhotoState, RunState

AGAIN = (RunState.CANCELLED, RunState.FAILED)
"""After a run that ended so the same photos may be trained once more."""


class Confirm:
    def __init__(self, desk: Desk, people: People, intake: Intake, review: Review, schedule: Schedule) -> None:
        self.desk = desk
        self.people = people
        self.intake = intake
        self.review = review
        self.schedule = schedule

    async def card(self, scope: Scope, dataset_id: int) -> ConfirmCard:
        settings = self.desk.settings
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        kept = await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)
        change = await difference(self.desk, scope, dataset)
        presets = [
            PresetChoice(
                name,
                title_of(name),
                await self.schedule.minutes(settings.recipe_of(name, SubjectKind(subject.kind), len(kept))),
            )
            for name in settings.presets
        ]
        return ConfirmCard(
            dataset_id=dataset_id,
            subject=subject.name,
            trigger=subject.trigger,
            class_word=subject.class_word,
            photos=len(kept),
            presets=tuple(presets),
            preset=dataset.preset,
            access=subject.access,
            wants_vote=dataset.wants_vote,
            blind=dataset.blind,
            queue=await self.schedule.queue_words(),
            started=dataset.state is DatasetState.FROZEN,
            waits=await self.people.waits(scope, subject.id) or terms.waits(settings.terms_of(settings.base.source)),
            terms=terms.on_card(settings.terms_of(settings.base.source)),
            change="" if change is None else change.sentence(),
        )

    async def choose(
        self,
        who: Who,
        dataset_id: int,
        *,
        preset: str | None,
        access: str | None,
        wants_vote: bool | None,
        blind: bool | None,
        trigger: str | None,
    ) -> ConfirmCard:
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            if dataset.state is DatasetState.FROZEN:
                raise UserError(say("The training has begun, so its choices are made. /cancel stops it."))
            if preset is not None:
                if preset not in self.desk.settings.presets:
                    raise UserError(
                        say(
                            "There is no preset {preset}. Choose one of {presets}.",
                            preset=preset,
                            presets=", ".join(self.desk.settings.presets),
                        )
                    )
                await store.datasets.set_preset(scope, dataset_id, preset)
            if access is not None:
                if access not in tuple(Access):
                    raise UserError(say("Choose who may use it: only you, or everybody on this server."))
                await store.subjects.set_access(scope, subject.id, Access(access))
            if wants_vote is not None:
                await store.datasets.set_wants_vote(scope, dataset_id, wants_vote)
            if blind is not None:
                await store.datasets.set_blind(scope, dataset_id, blind)
            if trigger is not None and trigger.strip().lower() != subject.trigger:
                word = await self.intake.new_trigger(scope, subject, trigger)
                await store.subjects.set_trigger(scope, subject.id, word)
        return await self.card(scope, dataset_id)

    async def start(self, who: Who, dataset_id: int, *, less: bool = False) -> Run:
        """The run; a second press, or a second command, returns the one there is. `less`: lighter than the last one, which
        failed."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            known = await store.jobs.by_request(scope, who.request_id)
            known = known or await store.jobs.live_training(scope, dataset_id)
            if known is not None and known.run_id is not None:
                return await store.runs.get(scope, known.run_id)
            runs = await store.runs.of_dataset(scope, dataset_id)
            if runs and runs[0].state not in AGAIN:
                return runs[0]
            if dataset.state not in (DatasetState.READY, DatasetState.FROZEN):
                raise UserError(say("Look at the crops and the captions first: press Looks right on both sheets."))
            await self.people.check(scope, subject.id)
            terms.check(self.desk.settings.terms_of(self.desk.settings.base.source))
            if await store.lineage.in_training(scope, subject.id) is not None:
                raise UserError(
                    say(
                        "Another version of {name} is in training: one at a time. Wait for it, or stop it with "
                        "/cancel.",
                        name=subject.name,
                    )
                )
            kept = await self.review.check_enough(scope, dataset_id)
            await check_training_quota(self.desk, who)
            await self._check_room(who, scope)
            recipe = lighter(Recipe.model_validate(runs[0].recipe)) if less and runs else None
            run = await self._queue(who, scope, dataset, subject, kept, recipe)
        self.desk.wake.set()
        return run

    async def start_lighter(self, who: Who, job_id: str) -> Notice:
        """After a training that ran out of memory: once more with less."""
        job = await self.desk.store.jobs.get(Scope(who.guild_id), job_id)
        await self.start(who, job.dataset_id or 0, less=True)
        return Notice(say("A lighter training is in the queue: half the rank, smaller pictures. Its card follows."))

    async def _queue(
        self,
        who: Who,
        scope: Scope,
        dataset: Dataset,
        subject: Subject,
        kept: tuple[Photo, ...],
        recipe: Recipe | None,
    ) -> Run:
        settings, store = self.desk.settings, self.desk.store
        recipe = recipe or settings.recipe_of(dataset.preset, SubjectKind(subject.kind), len(kept))
        recipe = recipe.model_copy(update={"seed": self.desk.random.randrange(2**31)})
        run = await store.runs.create(
            scope,
            dataset.id,
            recipe=recipe.model_dump(mode="json"),
            base=settings.base.source,
            trigger=subject.trigger,
            class_word=subject.class_word,
        )
        kind, word, noun = subject.kind, subject.trigger, subject.class_word
        job_id = self.desk.new_id()
        work = TrainJob(
            job_id=job_id,
            base=settings.base,
            trigger=word,
            class_word=noun,
            subject_kind=SubjectKind(kind),
            recipe=recipe,
            images=tuple(
                TrainImage(
                    photo_id=str(photo.id),
                    sha256=photo.clean_sha256 or "",
                    crop=None if photo.crop is None else Box(**vars(photo.crop)),
                    face=_face(photo),
                    caption=captions.as_trained(kind, word, noun, photo.caption),
                )
                for photo in kept
            ),
            previews=captions.previews(kind, word, noun, settings.preview_seeds),
            lora_guidance=settings.lora_guidance,
            # Not from `random`: this one guards the checkpoints on the engine's disk.
            seal=secrets.token_hex(32),
        )
        await store.jobs.enqueue(
            scope,
            job_id,
            kind=JobKind.TRAIN,
            request_id=who.request_id,
            member_id=who.member_id,
            channel_id=room_of(dataset, subject),
            dataset_id=dataset.id,
            run_id=run.id,
            key_id=dataset.key_id,
            spec=work.model_dump_json(),
        )
        await store.datasets.move(scope, dataset.id, DatasetState.FROZEN)
        await store.measures.delete(scope, dataset.id)  # it was for advice, and there is none to give any more
        await store.audit.add(scope, Act.TRAINED, who.member_id, subject_id=subject.id, job_id=job_id)
        await store.outbox.add(
            scope, channel_id=room_of(dataset, subject), purpose=Purpose.STATUS, ref=run.id, once=True
        )
        return run

    async def _check_room(self, who: Who, scope: Scope) -> None:
        def trainings(jobs: tuple[Job, ...]) -> int:
            return sum(job.kind is JobKind.TRAIN for job in jobs)

        jobs, settings = self.desk.store.jobs, self.desk.settings
        if trainings(await jobs.live(scope, member_id=who.member_id)) >= settings.trainings_per_member:
            raise UserError(
                many(
                    "You have {count} training waiting or running, which is the most one member may. "
                    "Press Start again when it is done.",
                    "You have {count} trainings waiting or running, which is the most one member may. "
                    "Press Start again when one is done.",
                    settings.trainings_per_member,
                )
            )
        if trainings(await jobs.live(scope)) >= settings.trainings_per_server:
            raise UserError(say("The queue of this server is full. Press Start again when a training is done."))


def _face(photo: Photo) -> Box | None:
    faces = [Face(box=Box(**vars(one.box)), score=one.score, likely_subject=one.likely_subject) for one in photo.faces]
    return meant(faces, None if photo.crop is None else Box(**vars(photo.crop)))
