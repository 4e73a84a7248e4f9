"""All captions of a set at once: what recurs in them, find and replace, undo, and the layout other trainers read.

photo-01.jpg  photo-01.txt      the crop, and its caption as trained: trigger and class word first
"""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot.errors import NotFound, UserError
from bot.language import say
from bot.studio import canvas, captions, crops
from bot.studio.dataset_screens import WordCount, WordsCard
from bot.studio.desk import Desk
from bot.studio.framing import check_open
from bot.studio.requests import Who
from bot.studio.sentences import told
from engine.captioning import PUBLISHED, Captioner
from engine.facts import PhotoFacts
from storage.records import Photo, Scope
from storage.states import PhotoState

SHOWN = 25
"""Words listed: as many as a menu holds."""
PART_BYTES = 8 * 1024 * 1024
"""Of one archive: below what every server may be sent."""
LONGEST = 4000
"""Characters of a caption file that are looked at."""
OURS = re.compile(r"photo-(\d+)")
LOST = (PhotoState.KEPT, PhotoState.DROPPED)


@dataclass(frozen=True)
class Archive:
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Brought:
    card: WordsCard
    matched: int
    unknown: tuple[str, ...] = field(repr=False)
    """Files that are called like no photo."""


class Lexicon:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @told
    async def words(self, who: Who, dataset_id: int, page: int = 1) -> WordsCard:
        await self.desk.owned(who, dataset_id)
        return await self.card(Scope(who.guild_id), dataset_id, page)

    async def card(self, scope: Scope, dataset_id: int, page: int = 1) -> WordsCard:
        _, subject = await self.desk.subject_of(scope, dataset_id)
        kept = await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)
        said = [photo.caption for photo in kept]
        own = captions.own_words(subject.kind, said)
        last = await self.desk.store.revisions.last(scope, dataset_id)
        return WordsCard(
            dataset_id=dataset_id,
            subject=subject.name,
            kind=subject.kind,
            trigger=subject.trigger,
            before=captions.subject_words(subject.kind, subject.trigger, subject.class_word),
            captions=len(kept),
            empty=tuple(photo.number for photo in kept if not photo.caption),
            words=tuple(WordCount(word, count) for word, count in captions.counted(said)[:SHOWN]),
            own=tuple(WordCount(word, count) for word, count in own),
            undo=None if last is None else last.id,
            undo_what="" if last is None else last.what,
            missing=await self._missing(scope, dataset_id, kept),
            page=page,
        )

    @told
    async def replace(self, who: Who, dataset_id: int, find: str, put: str, page: int = 1) -> WordsCard:
        """In every caption, also of photos that are left out for now."""
        if not captions.tidy(find):
            raise UserError(say("There was nothing to look for, so nothing was changed. Fill in the first line."))

        def done(photo: Photo, trigger: str) -> str:
            return captions.tidy(captions.replaced(photo.caption, find, put), trigger)

        async with self.desk.store.write():
            _, subject = await self.desk.owned(who, dataset_id)
            photos = await self.desk.store.photos.list(Scope(who.guild_id), dataset_id, *LOST)
            changed = {photo.number: done(photo, subject.trigger) for photo in photos}
            if not await change(self.desk, who, dataset_id, "replace", changed):
                raise NotFound(say("No caption has those words, so nothing was changed. Words are looked for whole."))
        return await self.card(Scope(who.guild_id), dataset_id, page)

    @told
    async def remove(self, who: Who, dataset_id: int, word: str, page: int = 1) -> WordsCard:
        """A word or part gone from every caption. Where it is gone already, nothing."""
        async with self.desk.store.write():
            photos = await self.desk.store.photos.list(Scope(who.guild_id), dataset_id, *LOST)
            changed = {photo.number: captions.without_word(photo.caption, word) for photo in photos}
            await change(self.desk, who, dataset_id, "remove", changed)
        return await self.card(Scope(who.guild_id), dataset_id, page)

    @told
    async def undo(self, who: Who, dataset_id: int, revision_id: int, page: int = 1) -> WordsCard:
        """The captions as they were before that change, if it is still the last one. Pressed twice, it is undone once."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            last = await store.revisions.last(scope, dataset_id)
            if last is not None and last.id == revision_id and await store.revisions.undo(scope, revision_id):
                there = {photo.number for photo in await store.photos.list(scope, dataset_id)}
                await store.photos.set_captions(
                    scope, dataset_id, {number: text for number, text in last.before.items() if number in there}
                )
        return await self.card(scope, dataset_id, page)

    @told
    async def export(self, who: Who, dataset_id: int) -> tuple[Archive, ...]:
        """Every kept photo as it is cropped, and its caption as trained, in one archive or in several that can be sent."""
        scope, store = Scope(who.guild_id), self.desk.store
        dataset, subject = await self.desk.owned(who, dataset_id)
        kept = await store.photos.list(scope, dataset_id, PhotoState.KEPT)
        if not kept:
            raise NotFound(say("No photo is left in this set: take one back or add some."))
        members: list[tuple[str, bytes, str]] = []
        for photo in kept:
            data = await store.blobs.get(scope, dataset.key_id, photo.clean_sha256 or "")
            text = captions.as_trained(subject.kind, subject.trigger, subject.class_word, photo.caption)
            members.append((f"photo-{photo.number:02d}", await asyncio.to_thread(_cropped, photo, data), text))
        parts = await asyncio.to_thread(_packed, members)
        many = len(parts) > 1
        return tuple(
            Archive(f"{subject.trigger}-{n}-of-{len(parts)}.zip" if many else f"{subject.trigger}.zip", data)
            for n, data in enumerate(parts, 1)
        )

    @told
    async def bring(self, who: Who, dataset_id: int, texts: Mapping[str, str], page: int = 1) -> Brought:
        """Captions by file name: "photo-07.txt" as exported, or called like the photo that was given."""
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            _, subject = await self.desk.owned(who, dataset_id)
            photos = await self.desk.store.photos.list(scope, dataset_id, *LOST)
            stems: dict[str, int] = {}
            for photo in photos:
                stems.setdefault(PurePosixPath(photo.given_name).stem.lower(), photo.number)
            there = {photo.number for photo in photos}
            brought: dict[int, str] = {}
            unknown: list[str] = []
            for name, text in texts.items():
                number = _number(name, stems, there)
                if number is None:
                    unknown.append(PurePosixPath(name).name[:60])
                else:
                    kind, trigger, noun = subject.kind, subject.trigger, subject.class_word
                    brought[number] = captions.untrained(kind, trigger, noun, text[:LONGEST])
            if not brought:
                raise UserError(
                    say(
                        "None of these files is called like a photo of this set, so nothing was changed. "
                        "Name them photo-01.txt, photo-02.txt and so on, by the numbers on the sheet."
                    )
                )
            await change(self.desk, who, dataset_id, "bring", brought)
        return Brought(await self.card(scope, dataset_id, page), len(brought), tuple(unknown))

    async def _missing(self, scope: Scope, dataset_id: int, kept: tuple[Photo, ...]) -> str:
        """The captioner that was wanted and did not write these."""
        wanted = self.desk.settings.captioner
        if wanted.kind not in PUBLISHED:
            return ""
        measured = await self.desk.store.measures.of_dataset(scope, dataset_id)
        wrote = {PhotoFacts.model_validate_json(measured[p.id]).captioner for p in kept if p.id in measured}
        return (wanted.source or PUBLISHED[wanted.kind][0].source) if wrote == {Captioner.TEMPLATE} else ""


async def change(desk: Desk, who: Who, dataset_id: int, what: str, wanted: Mapping[int, str]) -> bool:
    """Captions by number, kept so that they can be undone; inside of a transaction. False: none of them is another one.

    The same request again changes nothing, whatever was done since.
    """
    scope, store = Scope(who.guild_id), desk.store
    dataset, _ = await desk.owned(who, dataset_id)
    check_open(dataset)
    if await store.revisions.done(scope, who.request_id):
        return True
    old = {photo.number: photo.caption for photo in await store.photos.list(scope, dataset_id)}
    after = {number: text for number, text in wanted.items() if old.get(number) != text}
    if not after:
        return False
    await store.photos.set_captions(scope, dataset_id, after)  # raises for a number that is not there
    before = {number: old[number] for number in after}
    await store.revisions.add(scope, dataset_id, request_id=who.request_id, what=what, before=before, after=after)
    return True


def _number(name: str, stems: Mapping[str, int], there: set[int]) -> int | None:
    stem = PurePosixPath(name).stem.lower()
    if stem in stems:
        return stems[stem]
    ours = OURS.fullmatch(stem)
    return int(ours[1]) if ours is not None and int(ours[1]) in there else None


def _cropped(photo: Photo, data: bytes) -> bytes:
    box = photo.crop or crops.whole(photo.width, photo.height)
    picture = canvas.open_picture(data).crop((box.x0, box.y0, box.x1, box.y1))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def _packed(members: list[tuple[str, bytes, str]]) -> list[bytes]:
    """Archives of at most PART_BYTES of photos; one photo alone may be more."""
    parts: list[list[tuple[str, bytes, str]]] = [[]]
    for member in members:
        if parts[-1] and sum(len(data) for _, data, _ in parts[-1]) + len(member[1]) > PART_BYTES:
            parts.append([])
        parts[-1].append(member)
    packed: list[bytes] = []
    for part in parts:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:  # photos are packed already
            for name, data, text in part:
                archive.writestr(zipfile.ZipInfo(f"{name}.jpg"), data)
                archive.writestr(zipfile.ZipInfo(f"{name}.txt"), text + "\n")
        packed.append(out.getvalue())
    return packed
