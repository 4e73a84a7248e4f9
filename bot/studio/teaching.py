"""Favourites as photos: a character made from generated pictures.

Which pictures may be taught from:

    1. Those one had painted oneself and keeps as a favourite: what others had painted is theirs to forget.
    2. With LoRAs one may use now; nothing that was reported or withdrawn.
    3. A picture with a LoRA of a real person shows that person. It can be taught from only while their word stands, and
       what is taught is that person again: it needs their own word, as photos of them would. If it is one's own, sending
       the form gives it; else they are asked. Pictures that stand on the words of two people do not go together.
    4. Everything else makes a character, which shows nobody.

Which LoRAs painted the pictures is written down with the dataset. When one of them is forgotten, or the word behind it is
taken back, so is everything that was taught from its pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bot.errors import NotAllowed, UserError
from bot.language import many, say
from bot.studio.commission import commission_of
from bot.studio.desk import Desk
from bot.studio.intake import Intake
from bot.studio.library import Library
from bot.studio.people import People
from bot.studio.requests import BeginTraining, GivenPhoto, Who
from bot.studio.screens import Reading
from bot.studio.sentences import told
from storage.people import Consent
from storage.records import Picture, Scope
from storage.states import Depicts, SubjectKind

MOST = 50
"""The newest favourites: two menus of a form."""


@dataclass(frozen=True)
class Choice:
    """One favourite that may be taught from."""

    picture_id: int
    number: int
    """As it stands in the gallery, from 1."""
    prompt: str = field(repr=False)


@dataclass(frozen=True)
class Begun:
    reading: Reading
    asked: int | None
    """Whose word is waited for; None where it is given, or nobody's is needed."""


@dataclass(frozen=True)
class Standing:
    """What a set of pictures stands on."""

    subjects: frozenset[int]
    """Whose LoRAs painted them."""
    consent: Consent | None
    """The word of the person they show; None: nobody."""


class Teaching:
    def __init__(self, desk: Desk, library: Library, people: People, intake: Intake) -> None:
        self.desk = desk
        self.library = library
        self.people = people
        self.intake = intake

    @told
    async def choices(self, who: Who) -> tuple[Choice, ...]:
        """The newest favourites one had painted oneself. UserError where they are too few."""
        found = [
            Choice(p.id, number, p.prompt) for number, p in await self._favourites(who) if p.member_id == who.member_id
        ]
        least = self.desk.settings.min_photos
        if len(found) < least:
            raise UserError(
                many(
                    "You keep {count} picture you had painted yourself, and {least} are needed: add more with the heart "
                    "under a picture.",
                    "You keep {count} pictures you had painted yourself, and {least} are needed: add more with the heart "
                    "under a picture.",
                    len(found),
                    least=least,
                )
            )
        return tuple(found[:MOST])

    @told
    async def check(self, who: Who, picture_ids: Collection[int]) -> None:
        """Raises UserError where these cannot be taught from: asked before a room is opened for them."""
        await self._standing(who, await self._chosen(who, picture_ids))

    @told
    async def begin(self, who: Who, draft: str, name: str, picture_ids: Collection[int], room_id: int) -> Begun:
        """`draft`: the id of the form; sent again it is the same dataset."""
        scope, store = Scope(who.guild_id), self.desk.store
        known = await store.datasets.by_draft(scope, draft)
        if known is None:
            pictures = await self._chosen(who, picture_ids)
            standing = await self._standing(who, pictures)
            photos = [
                GivenPhoto(f"picture-{picture.id}.png", await store.blobs.get(scope, picture.key_id, picture.sha256))
                for picture in pictures
            ]
            person = standing.consent is not None
            ask = BeginTraining(
                draft=draft,
                name=name,
                kind=SubjectKind.PERSON if person else SubjectKind.CHARACTER,
                consent=True,
                photos=tuple(photos),
                room_id=room_id,
                depicts=self._depicts(who, standing.consent),
                painted_by=standing.subjects,
            )
            await self.intake.begin(who, ask)
            known = await store.datasets.by_draft(scope, draft)
            assert known is not None
            # The dataset was marked when it was made; now its photos are there to be marked too.
            await store.lineage.make_of_pictures(scope, known.id, standing.subjects, request_id=who.request_id)
        dataset, subject = await self.desk.owned(who, known.id)
        consent = await store.consents.of_subject(scope, subject.id)
        if not consent.given:
            for member_id in await self.people.bound(scope, subject.id) or ():
                await self.people.ask(who, subject.id, member_id)
                return Begun(await self.intake.reading(scope, dataset.id), member_id)
        return Begun(await self.intake.reading(scope, dataset.id), None)

    # -- inside

    async def _favourites(self, who: Who) -> list[tuple[int, Picture]]:
        """With their numbers in the gallery. Three readings, however many there are: a form waits for them."""
        scope, store = Scope(who.guild_id), self.desk.store
        may = [lora.id for lora in await self.library.usable(who)]
        kept = await store.favourites.list(scope, member_id=who.member_id, loras=may, limit=4 * MOST)
        numbers = {one.picture_id: number for number, one in enumerate(kept, 1)}
        return [(numbers[picture.id], picture) for picture in await store.pictures.several(scope, list(numbers))]

    async def _chosen(self, who: Who, picture_ids: Collection[int]) -> list[Picture]:
        mine = {p.id: p for _, p in await self._favourites(who) if p.member_id == who.member_id}
        found = [mine[id] for id in dict.fromkeys(picture_ids) if id in mine]
        if len(found) < len(set(picture_ids)):
            raise NotAllowed(
                say(
                    "Only pictures you had painted yourself, and that are favourites of yours, can be taught "
                    "from. Open /gallery and choose again."
                )
            )
        least, most = self.desk.settings.min_photos, min(MOST, self.desk.settings.max_photos)
        if not least <= len(found) <= most:
            raise UserError(say("Choose {least} to {most} pictures.", least=least, most=most))
        return found

    async def _standing(self, who: Who, pictures: Sequence[Picture]) -> Standing:
        scope, store = Scope(who.guild_id), self.desk.store
        subjects: set[int] = set()
        for job_id in dict.fromkeys(picture.job_id for picture in pictures):
            for lora_id in await store.jobs.painted_with(scope, job_id):
                subjects.add(await store.loras.subject_of(scope, lora_id))
            epochs = commission_of(await store.jobs.get(scope, job_id)).epochs
            subjects |= set() if epochs is None else {epochs.subject_id}
        people: dict[int, Consent] = {}
        for subject_id in sorted(subjects):
            consent = await store.consents.of_subject(scope, subject_id)
            if consent.depicts is Depicts.NOBODY:
                continue
            if not consent.given or consent.member_id is None:
                raise NotAllowed(
                    say(
                        "One of these pictures shows somebody whose word does not stand any more. Leave it out "
                        "and send the form again."
                    )
                )
            people[consent.member_id] = consent
        if len(people) > 1:
            raise UserError(
                say("These pictures show {count} different people. Choose pictures of one of them.", count=len(people))
            )
        consent = next(iter(people.values()), None)
        if consent is not None and consent.depicts is Depicts.AGREED and consent.member_id != who.member_id:
            raise NotAllowed(
                say(
                    "One of these pictures shows a person for whom only somebody else here can answer. Leave it "
                    "out and send the form again."
                )
            )
        return Standing(frozenset(subjects), consent)

    def _depicts(self, who: Who, consent: Consent | None) -> Depicts:
        if consent is None:
            return Depicts.NOBODY
        if consent.member_id != who.member_id:
            return Depicts.MEMBER
        return Depicts.AGREED if consent.depicts is Depicts.AGREED else Depicts.ME
