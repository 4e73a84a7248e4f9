"""Photos come in: sealed, numbered and queued for reading in one commit, or refused with a sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.errors import Taken, UserError
from bot.language import say
from bot.studio import captions, triggers, verdicts
from bot.studio.desk import Desk, room_of
from bot.studio.framing import moves
from bot.studio.people import People
from bot.studio.requests import BeginTraining, GivenPhoto, Who
from bot.studio.rulebook import check_may_train
from bot.studio.screens import Notice, Reading
from bot.studio.sentences import told
from engine.protocol import PhotoRef, PrepareJob, SubjectKind
from storage.errors import NameTaken
from storage.records import Dataset, NewPhoto, Photo, Scope, Subject
from storage.states import DatasetState, JobKind, PhotoState
from storage.states import SubjectKind as StoredKind

CONSENT = "1"
"""Version of the words that the box is ticked under; stored with the subject."""
LONGEST_NAME = 60
LONGEST_FILE_NAME = 100
OPEN = (DatasetState.COLLECTING, DatasetState.CROPPING, DatasetState.CAPTIONING, DatasetState.READY)


class Intake:
    def __init__(self, desk: Desk, people: People) -> None:
        self.desk = desk
        self.people = people

    async def begin(self, who: Who, ask: BeginTraining) -> Reading:
        scope = Scope(who.guild_id)
        known = await self.desk.store.datasets.by_draft(scope, ask.draft)
        if known is not None:
            return await self._begin_again(who, known, ask.photos)
        self._check_any(ask.photos)
        if not ask.consent:
            raise UserError(
                say("Nothing was kept. Tick the box that says you may use these photos, then send the form again.")
            )
        name = " ".join(ask.name.split())
        if not name or len(name) > LONGEST_NAME:
            raise UserError(
                say(
                    "A name has 1 to {longest_name} characters. Send the form again with one.",
                    longest_name=LONGEST_NAME,
                )
            )
        try:
            kind = StoredKind(ask.kind)
        except ValueError:
            raise UserError(say("Choose what it is: {join}.", join=", ".join(StoredKind))) from None
        dataset = await self._open(who, ask, name, kind)
        return await self.add(who, dataset.id, ask.photos)

    async def room_of_draft(self, who: Who, draft: str) -> int | None:
        """Where the training of this draft is talked about; None when there is none of this member's yet."""
        dataset = await self.desk.store.datasets.by_draft(Scope(who.guild_id), draft)
        if dataset is None:
            return None
        dataset, subject = await self.desk.owned(who, dataset.id)
        return room_of(dataset, subject)

    async def _begin_again(self, who: Who, dataset: Dataset, photos: tuple[GivenPhoto, ...]) -> Reading:
        """The same form once more, as people send it when no answer came: only photos that are not in yet are added."""
        scope = Scope(who.guild_id)
        await self.desk.owned(who, dataset.id)
        there = {photo.raw_sha256 for photo in await self.desk.store.photos.list(scope, dataset.id)}
        new = tuple(photo for photo in photos if hashlib.sha256(photo.data).hexdigest() not in there)
        return await self.add(who, dataset.id, new) if new else await self.reading(scope, dataset.id)

    async def add(self, who: Who, dataset_id: int, photos: tuple[GivenPhoto, ...]) -> Reading:
        """Blobs first, then rows and job in one commit: "accepted" is said after it."""
        store, scope = self.desk.store, Scope(who.guild_id)
        dataset, subject = await self.desk.owned(who, dataset_id)
        if await store.jobs.by_request(scope, who.request_id) is not None:
            return await self.reading(scope, dataset_id)
        self._check_open(dataset)
        self._check_any(photos)
        self._check_room(await self._usable(scope, dataset_id))
        sealed = [await store.blobs.put(scope, dataset.key_id, photo.data) for photo in photos]
        async with store.write():
            dataset = await store.datasets.get(scope, dataset_id)
            self._check_open(dataset)
            # Counted again where nobody can come in between: two forms may have been sent at once.
            if await store.jobs.by_request(scope, who.request_id) is not None:
                return await self.reading(scope, dataset_id)
            there = await self._usable(scope, dataset_id)
            self._check_room(there)
            given = await store.photos.add(
                scope,
                dataset_id,
                [
                    NewPhoto(_file_name(photo.name), sha, captions.tidy(photo.caption, subject.trigger))
                    for photo, sha in zip(photos, sealed, strict=True)
                ],
                request_id=who.request_id,
            )
            most = self.desk.settings.max_photos
            for photo in given[max(0, most - there) :]:
                await store.photos.refuse(
                    scope, photo.id, f"is one too many: at most {most}", cause=verdicts.NO_ROOM, facts={"most": most}
                )
            await self._enqueue(who, dataset, subject, given[: max(0, most - there)])
            await store.datasets.move(scope, dataset_id, DatasetState.COLLECTING)
        self.desk.wake.set()
        return await self.reading(scope, dataset_id)

    @told
    async def take_first_frames(self, who: Who, dataset_id: int) -> Reading:
        """Those that were left out because they move, read again; as many as there is room for."""
        store, scope = self.desk.store, Scope(who.guild_id)
        async with store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            moving = [photo for photo in await store.photos.list(scope, dataset_id) if moves(photo)]
            if moving:
                there = await self._usable(scope, dataset_id)
                self._check_room(there)
                again = [
                    await store.photos.take_first_frame(scope, photo.id)
                    for photo in moving[: self.desk.settings.max_photos - there]
                ]
                await self._enqueue(who, dataset, subject, again)
                await store.datasets.move(scope, dataset_id, DatasetState.COLLECTING)
        self.desk.wake.set()
        return await self.reading(scope, dataset_id)

    async def take_copies(self, who: Who, dataset_id: int, photo_ids: Sequence[int]) -> None:
        """Photos that were left out as copies, read again and taken; inside of a transaction."""
        store, scope = self.desk.store, Scope(who.guild_id)
        dataset, subject = await self.desk.owned(who, dataset_id)
        self._check_room(await self._usable(scope, dataset_id) + len(photo_ids) - 1)
        again = [await store.photos.want_copy(scope, photo_id) for photo_id in photo_ids]
        await self._enqueue(who, dataset, subject, again)
        await store.datasets.move(scope, dataset_id, DatasetState.COLLECTING)
        self.desk.wake.set()

    async def _enqueue(self, who: Who, dataset: Dataset, subject: Subject, photos: Sequence[Photo]) -> None:
        """A job that reads them; inside of a transaction."""
        job_id = self.desk.new_id()
        work = PrepareJob(
            job_id=job_id,
            base=self.desk.settings.base,
            subject_kind=SubjectKind(subject.kind),
            photos=tuple(
                PhotoRef(
                    photo_id=str(photo.id),
                    sha256=photo.raw_sha256,
                    copy_too=photo.duplicate_of is not None,
                    first_frame=photo.first_frame,
                )
                for photo in photos
            ),
            min_side=self.desk.settings.min_side_px,
            finder=self.desk.settings.finder,
            captioner=self.desk.settings.captioner,
        )
        await self.desk.store.jobs.enqueue(
            Scope(who.guild_id),
            job_id,
            kind=JobKind.PREPARE,
            request_id=who.request_id,
            member_id=who.member_id,
            channel_id=who.channel_id,
            dataset_id=dataset.id,
            key_id=dataset.key_id,
            spec=work.model_dump_json(),
        )

    async def discard(self, who: Who, dataset_id: int) -> Notice:
        """The photos and all that was read from them go at once; the trigger word is free again."""
        store, scope = self.desk.store, Scope(who.guild_id)
        gone = Notice(say("Discarded: the photos are deleted."))
        if (await store.datasets.get(scope, dataset_id)).state is DatasetState.DISCARDED:
            return gone
        dataset, subject = await self.desk.owned(who, dataset_id)
        if dataset.state is DatasetState.FROZEN:
            raise UserError(say("The training has begun with these photos. Use /cancel first."))
        async with store.write():
            live = [job for job in await store.jobs.of_dataset(scope, dataset_id) if job.live]
            for job in live:
                await store.jobs.cancel(scope, job.id)
            await store.datasets.move(scope, dataset_id, DatasetState.DISCARDED)
            if len(await store.datasets.of_subject(scope, subject.id)) == 1:
                await store.subjects.retire(scope, subject.id)
            await store.keys.forget(scope, dataset.key_id)
        for job in live:
            await self.desk.engine.cancel(job.id)
        self.desk.wake.set()
        return gone

    async def reading(self, scope: Scope, dataset_id: int) -> Reading:
        _, subject = await self.desk.subject_of(scope, dataset_id)
        photos = await self.desk.store.photos.list(scope, dataset_id)
        done = sum(photo.state is not PhotoState.GIVEN for photo in photos)
        return Reading(dataset_id, subject.name, len(photos), done)

    async def _open(self, who: Who, ask: BeginTraining, name: str, kind: StoredKind) -> Dataset:
        """The subject and its first dataset. A trigger word somebody takes meanwhile is made up anew."""
        store, scope = self.desk.store, Scope(who.guild_id)
        await check_may_train(self.desk, who)
        depicts = self.people.depicts(kind, ask.depicts)
        while True:
            word = triggers.make_up(await self.taken(scope), self.desk.random)
            try:
                async with store.write():
                    known = await store.datasets.by_draft(scope, ask.draft)
                    if known is not None:
                        return known
                    subject = await store.subjects.create(
                        scope,
                        owner_id=who.member_id,
                        name=name,
                        kind=kind,
                        class_word=triggers.CLASS_WORDS[kind],
                        trigger=word,
                        consent_version=CONSENT,
                        channel_id=who.channel_id,
                    )
                    dataset = await store.datasets.create(
                        scope,
                        subject.id,
                        draft=ask.draft,
                        preset=self.desk.settings.preset,
                        thread_id=ask.room_id,
                    )
                    if ask.painted_by is not None:
                        await store.lineage.make_of_pictures(
                            scope, dataset.id, ask.painted_by, request_id=who.request_id
                        )
                    await self.people.begin(scope, who, subject, depicts, room_of(dataset, subject))
                    return dataset
            except NameTaken:
                continue

    async def taken(self, scope: Scope, but: Subject | None = None) -> frozenset[str]:
        """Trigger words in use, in lower case: of subjects, and of LoRAs that were trained with an older word."""
        store = self.desk.store
        own = "" if but is None else but.trigger.lower()
        subjects = {subject.trigger.lower() for subject in await store.subjects.list(scope)}
        loras = {lora.trigger.lower() for lora in await store.loras.list(scope)}
        return frozenset(subjects | loras) - {own}

    async def new_trigger(self, scope: Scope, subject: Subject, text: str) -> str:
        word = triggers.check(text, subject.class_word)
        if word in await self.taken(scope, but=subject):
            raise Taken(
                say(
                    "`{word}` is taken on this server. Try `{suggest}` or another made-up word.",
                    word=word,
                    suggest=triggers.suggest(word + "x"),
                )
            )
        return word

    async def _usable(self, scope: Scope, dataset_id: int) -> int:
        photos = await self.desk.store.photos.list(scope, dataset_id, PhotoState.GIVEN, PhotoState.KEPT)
        return len(photos)

    def _check_any(self, photos: Sequence[GivenPhoto]) -> None:
        if not photos:
            least = self.desk.settings.min_photos
            raise UserError(say("There were no photos in that. Attach at least {least}.", least=least))

    def _check_room(self, there: int) -> None:
        most = self.desk.settings.max_photos
        if there >= most:
            raise UserError(
                say(
                    "A subject has at most {most} photos and {there} are in, so none of these was taken. "
                    "Leave some out on the sheet of crops, then send these again.",
                    most=most,
                    there=there,
                )
            )

    def _check_open(self, dataset: Dataset) -> None:
        if dataset.state not in OPEN:
            raise UserError(
                say("The training has begun with these photos; more cannot be added to it. Start anew with /train.")
            )


def _file_name(name: str) -> str:
    return " ".join(name.split())[:LONGEST_FILE_NAME] or "photo"
