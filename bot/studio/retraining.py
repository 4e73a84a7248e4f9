"""/retrain: the same photos, crops and captions as a new version, at the crops, with photos to add and to leave out.

    gen0 (frozen) ──open──► gen1: cropping, with copies of gen0's photos under a key of its own
                                 │ photos gone (retention): asked for
                                 │ word taken back: asked anew; nothing trains before it is given
                                 └──► captions ──► confirm: what is new against gen0 ──► training ──► name-gen1

What was trained stays as it is: a version that was started is never opened again, only copied from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import many, say
from bot.studio.acts import Act
from bot.studio.desk import Desk, room_of
from bot.studio.requests import Who
from bot.studio.rulebook import check_may_train, in_force
from bot.studio.screens import Purpose
from bot.studio.sentences import told
from storage.errors import BlobMissing
from storage.records import Dataset, Photo, Scope, Subject
from storage.states import ConsentState, DatasetState, Depicts, Origin, PhotoState

OPEN = (DatasetState.COLLECTING, DatasetState.CROPPING, DatasetState.CAPTIONING, DatasetState.READY)
NAMES = 25


@dataclass(frozen=True)
class Source:
    """What a new version can be opened from."""

    dataset_id: int
    name: str
    """Of its LoRA; of the subject, where the LoRA was deleted and its photos are still here."""


@dataclass(frozen=True)
class Opened:
    """A new version that is being put together."""

    dataset_id: int
    room_id: int
    name: str
    """Of what it was opened from."""
    generation: int
    carried: int
    """Photos that came over."""
    asked: int | None
    """Whose word is waited for; None where it stands."""
    is_new: bool = True
    """False: it was open already."""


@dataclass(frozen=True)
class Plan:
    """A new version that may be opened."""

    subject: str
    opened: Opened | None
    """It is open already, so that no second room is made for it."""


@dataclass(frozen=True)
class Difference:
    """A version's photos against those of the version it was opened from, by number."""

    generation: int
    """Of the version before."""
    kept: int
    added: tuple[int, ...]
    dropped: tuple[int, ...]

    def sentence(self) -> str:
        if not self.added and not self.dropped:
            return say("The same photos as in gen{generation}.", generation=self.generation)
        parts = [many("{count} photo as before", "{count} photos as before", self.kept)]
        if self.added:
            numbers = _numbers(self.added)
            parts.append(
                many("{count} added ({numbers})", "{count} added ({numbers})", len(self.added), numbers=numbers)
            )
        if self.dropped:
            numbers = _numbers(self.dropped)
            parts.append(
                many("{count} left out ({numbers})", "{count} left out ({numbers})", len(self.dropped), numbers=numbers)
            )
        return say("Against gen{generation}: {parts}.", generation=self.generation, parts=", ".join(parts))


class Retraining:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # -- which one

    @told
    async def names(self, who: Who, typed: str) -> tuple[str, ...]:
        """Of what is one's own, newest first: for autocompletion."""
        wanted = typed.strip().lower()
        return tuple(source.name for source in await self._own(who) if wanted in source.name.lower())[:NAMES]

    @told
    async def named(self, who: Who, name: str) -> Source:
        wanted = name.strip().lower()
        for source in await self._own(who):
            if source.name.lower() == wanted:
                return source
        for lora in await self.desk.store.loras.list(Scope(who.guild_id), for_member=who.member_id, roles=who.roles):
            if lora.name.lower() == wanted:
                raise NotAllowed(self._not_yours())
        raise NotFound(
            say("You have no LoRA called {name}. /loras lists those you may use, yours first.", name=name.strip()[:60])
        )

    @told
    async def of_lora(self, who: Who, lora_id: int) -> Source:
        scope, store = Scope(who.guild_id), self.desk.store
        lora = await store.loras.get(scope, lora_id)
        return Source((await store.runs.get(scope, lora.run_id)).dataset_id, lora.name)

    @told
    async def plan(self, who: Who, source: Source) -> Plan:
        """Raises UserError where there can be no new version of it."""
        scope = Scope(who.guild_id)
        parent, subject = await self._checked(who, source)
        draft = await self._draft(scope, subject.id)
        if draft is None:
            return Plan(subject.name, None)
        await self._fill(scope, draft, parent)
        return Plan(subject.name, await self._opened(scope, draft, subject, source, is_new=False))

    # -- opening

    @told
    async def open(self, who: Who, source: Source, *, draft: str, room_id: int) -> Opened:
        """`draft`: the id of the command or press; the same again is the same version. `room_id`: where it is talked about."""
        scope, store = Scope(who.guild_id), self.desk.store
        parent, subject = await self._checked(who, source)
        async with store.write():
            open_one = await store.datasets.by_draft(scope, draft) or await self._draft(scope, subject.id)
            dataset = open_one or await self._begin(who, parent, subject, draft, room_id)
        await self._fill(scope, dataset, parent)
        return await self._opened(scope, dataset, subject, source, is_new=open_one is None)

    # -- inside

    async def _own(self, who: Who) -> list[Source]:
        """Newest first. The withdrawn too: whoever took their word back may give it again."""
        scope, store = Scope(who.guild_id), self.desk.store
        found: list[tuple[int, Source]] = []
        for subject in await store.subjects.list(scope, owner_id=who.member_id):
            frozen = [d for d in await store.datasets.of_subject(scope, subject.id) if d.state is DatasetState.FROZEN]
            loras = await store.loras.of_subject(scope, subject.id)
            for lora in loras:
                dataset_id = (await store.runs.get(scope, lora.run_id)).dataset_id
                found.append((dataset_id, Source(dataset_id, lora.name)))
            if frozen and not loras:
                found.append((frozen[-1].id, Source(frozen[-1].id, subject.name)))
        return [source for _, source in sorted(found, key=lambda pair: -pair[0])]

    async def _checked(self, who: Who, source: Source) -> tuple[Dataset, Subject]:
        """What it was trained from, if `who` may open it anew."""
        scope, store = Scope(who.guild_id), self.desk.store
        parent, subject = await self.desk.subject_of(scope, source.dataset_id)
        if who.member_id != subject.owner_id:
            raise NotAllowed(self._not_yours())
        await check_may_train(self.desk, who)
        consent = await store.consents.of_subject(scope, subject.id)
        if (
            consent.state is ConsentState.REVOKED
            and consent.depicts is Depicts.AGREED
            and not self.desk.settings.attested
        ):
            raise NotAllowed(
                say(
                    "You took your word for {name} back, and on this bot a person has to agree "
                    "themselves. Begin anew with /train and choose that member, who is then asked.",
                    name=subject.name,
                )
            )
        if await store.lineage.in_training(scope, subject.id) is not None:
            raise UserError(
                say(
                    "{name} is in training right now. Wait for it, or stop it with /cancel, then /retrain.",
                    name=subject.name,
                )
            )
        return parent, subject

    async def _draft(self, scope: Scope, subject_id: int) -> Dataset | None:
        found = [d for d in await self.desk.store.datasets.of_subject(scope, subject_id) if d.state in OPEN]
        return found[-1] if found else None

    async def _begin(self, who: Who, parent: Dataset, subject: Subject, draft: str, room_id: int) -> Dataset:
        """Inside a transaction."""
        scope, store = Scope(who.guild_id), self.desk.store
        await store.lineage.clear_discarded(scope, subject.id)
        dataset = await store.datasets.create(
            scope, subject.id, draft=draft, preset=parent.preset, wants_vote=parent.wants_vote, thread_id=room_id
        )
        await store.datasets.set_blind(scope, dataset.id, parent.blind)
        await store.lineage.descend(scope, dataset.id, parent.id)
        await self._ask_anew(who, subject, room_id)
        return await store.datasets.get(scope, dataset.id)

    async def _ask_anew(self, who: Who, subject: Subject, room_id: int) -> None:
        """Whoever took their word back is asked where they were asked before; one who brought the photos, in the room."""
        scope, store = Scope(who.guild_id), self.desk.store
        consent = await store.consents.of_subject(scope, subject.id)
        if consent.state is not ConsentState.REVOKED or consent.member_id is None:
            return
        await store.consents.ask(scope, subject.id, consent.member_id)
        await store.audit.add(scope, Act.ASKED, who.member_id, subject_id=subject.id)
        channel_id = room_id if consent.member_id == subject.owner_id else subject.channel_id
        await store.outbox.add(scope, channel_id=channel_id, purpose=Purpose.CONSENT, ref=subject.id)

    async def _fill(self, scope: Scope, dataset: Dataset, parent: Dataset) -> None:
        """Copies the photos, if that has not happened: a crash may have come between. Blobs first, then rows in one commit."""
        store = self.desk.store
        if not await self._is_empty(scope, dataset):
            return
        carried: list[Photo] = []
        for photo in await store.photos.list(scope, parent.id, PhotoState.KEPT):
            try:
                data = await store.blobs.get(scope, parent.key_id, photo.clean_sha256 or "")
            except BlobMissing:  # its time came just now
                continue
            await store.blobs.put(scope, dataset.key_id, data)
            carried.append(photo)
        async with store.write():
            dataset = await store.datasets.get(scope, dataset.id)
            if not await self._is_empty(scope, dataset):
                return
            subject = await store.subjects.get(scope, dataset.subject_id)
            await store.lineage.carry(
                scope, dataset.id, [photo.id for photo in carried], request_id=f"carried-{dataset.id}"
            )
            await store.datasets.move(scope, dataset.id, DatasetState.CROPPING)
            await store.outbox.add(scope, channel_id=room_of(dataset, subject), purpose=Purpose.CROPS, ref=dataset.id)

    async def _is_empty(self, scope: Scope, dataset: Dataset) -> bool:
        """Opened, and nothing has come in yet."""
        return (
            dataset.parent_id is not None
            and dataset.state is DatasetState.COLLECTING
            and not await self.desk.store.photos.list(scope, dataset.id)
        )

    async def _opened(
        self, scope: Scope, dataset: Dataset, subject: Subject, source: Source, *, is_new: bool
    ) -> Opened:
        store = self.desk.store
        consent = await store.consents.of_subject(scope, subject.id)
        photos = await store.photos.list(scope, dataset.id)
        return Opened(
            dataset_id=dataset.id,
            room_id=room_of(dataset, subject),
            name=source.name,
            generation=dataset.generation,
            carried=sum(photo.origin is Origin.CARRIED for photo in photos),
            asked=consent.member_id if consent.state is ConsentState.ASKED else None,
            is_new=is_new,
        )

    def _not_yours(self) -> str:
        return say("Only the one it belongs to may train it again: the photos are theirs.")


async def difference(desk: Desk, scope: Scope, dataset: Dataset) -> Difference | None:
    """What is new in it; None for a first version."""
    if dataset.parent_id is None:
        return None
    parent = await desk.store.datasets.get(scope, dataset.parent_id)
    photos = await desk.store.photos.list(scope, dataset.id, PhotoState.KEPT, PhotoState.DROPPED)
    return difference_of(parent.generation, photos)


async def missing(desk: Desk, scope: Scope, dataset: Dataset) -> str:
    """Where a new version had no photos to begin with: why, and what to do; "" once there are some."""
    if dataset.parent_id is None or await desk.store.photos.list(scope, dataset.id):
        return ""
    parent = await desk.store.datasets.get(scope, dataset.parent_id)
    days = in_force(desk, await desk.store.guilds.rules(scope)).keep_photos_days
    if days is None:
        why = say("The photos of gen{generation} are not kept any more.", generation=parent.generation)
    else:
        why = many(
            "The photos of gen{generation} are deleted: this server keeps photos for {count} day.",
            "The photos of gen{generation} are deleted: this server keeps photos for {count} days.",
            days,
            generation=parent.generation,
        )
    return f"{why} {say('Send them again, or others, with Add more photos.')}"


def difference_of(generation: int, photos: Sequence[Photo]) -> Difference:
    """`photos`: those kept and those left out by hand."""
    came_over = [photo for photo in photos if photo.origin is Origin.CARRIED]
    return Difference(
        generation=generation,
        kept=sum(photo.state is PhotoState.KEPT for photo in came_over),
        added=tuple(p.number for p in photos if p.origin is not Origin.CARRIED and p.state is PhotoState.KEPT),
        dropped=tuple(photo.number for photo in came_over if photo.state is PhotoState.DROPPED),
    )


def _numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:12])
    return f"{shown}, …" if len(numbers) > 12 else shown
