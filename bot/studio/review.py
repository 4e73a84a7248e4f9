"""Crops and captions: what the engine proposed, shown and mended by the one who brought the photos."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import PurePath

from bot.errors import NotFound, UserError
from bot.language import say
from bot.studio import captions, crops, sheets
from bot.studio.desk import Desk
from bot.studio.requests import Who
from bot.studio.retraining import missing
from bot.studio.screens import CaptionLine, CaptionSheet, CropEditor, CropSheet, Image, PhotoLine
from engine.protocol import PhotoFlag
from storage.records import Dataset, Photo, Scope
from storage.states import DatasetState, PhotoState

CROPS_PER_PAGE = 12
CAPTIONS_PER_PAGE = 10
REASONS_SHOWN = 12
OPEN = (DatasetState.CROPPING, DatasetState.CAPTIONING, DatasetState.READY)
ASKS = {PhotoFlag.NO_FACE, PhotoFlag.CUT_FACE, PhotoFlag.SEVERAL_FACES}
NOTES = {
    PhotoFlag.NO_FACE: "no face was found: check the box",
    PhotoFlag.CUT_FACE: "the face is cut off by the photo's edge: better leave it out",
    PhotoFlag.SEVERAL_FACES: "several faces: check that the box is on the right one",
    PhotoFlag.GROUP: "more than one face in the picture: the one seen most often was taken",
    PhotoFlag.BLURRED: "blurred",
}


class Review:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # -- crops

    async def crop_sheet(self, scope: Scope, dataset_id: int, page: int = 1) -> CropSheet:
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        photos = await self.desk.store.photos.list(scope, dataset_id)
        shown = [photo for photo in photos if photo.state in (PhotoState.KEPT, PhotoState.DROPPED)]
        page, pages, part = _page(shown, page, CROPS_PER_PAGE)
        kept = sum(photo.state is PhotoState.KEPT for photo in photos)
        waiting = sum(photo.state is PhotoState.GIVEN for photo in photos)
        sheet = None
        if part:
            tiles = [await self._tile(scope, dataset, photo) for photo in part]
            data = await asyncio.to_thread(sheets.contact_sheet, tiles)
            numbers = f"{part[0].number} to {part[-1].number}"
            sheet = Image("crops.webp", data, f"Photos {numbers} of {subject.name}, each with the box it is cropped to")
        return CropSheet(
            dataset_id=dataset_id,
            subject=subject.name,
            summary=await missing(self.desk, scope, dataset) or self._summary(photos, kept, waiting),
            sheet=sheet,
            page=page,
            pages=pages,
            photos=tuple(_photo_line(photo) for photo in part),
            can_go_on=kept >= self.desk.settings.min_photos and not waiting,
        )

    async def crop_editor(self, scope: Scope, dataset_id: int, number: int) -> CropEditor:
        dataset = await self.desk.store.datasets.get(scope, dataset_id)
        photo = await self._photo(scope, dataset, number)
        data = await asyncio.to_thread(sheets.crop_editor, await self._tile(scope, dataset, photo))
        crop = photo.crop or crops.whole(photo.width, photo.height)
        note = _photo_line(photo).note or f"{crop.x1 - crop.x0} x {crop.y1 - crop.y0} px of the photo are used"
        alt = f"Photo {number} with its crop, and the crop alone"
        return CropEditor(dataset_id, number, Image(f"crop-{number}.webp", data, alt), len(photo.faces), note)

    async def adjust(self, who: Who, dataset_id: int, number: int, verb: str) -> CropEditor:
        try:
            act = crops.Verb(verb)
        except ValueError:
            raise UserError(say("There is no way to `{verb}` a crop: use the buttons.", verb=verb)) from None
        scope, photos = Scope(who.guild_id), self.desk.store.photos
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            photo = await self._photo(scope, dataset, number)
            if act is crops.Verb.DROP:
                await photos.drop(scope, photo.id)
            elif act is crops.Verb.KEEP:
                if photo.state is PhotoState.DROPPED:
                    await photos.take_back(scope, photo.id)
                # Somebody has looked: what the engine asked about is answered.
                crop = photo.crop or crops.whole(photo.width, photo.height)
                await photos.set_crop(scope, photo.id, crop, flags=_without_asks(photo))
            else:
                crop = crops.adjust(photo.width, photo.height, photo.crop, photo.faces, act)
                await photos.set_crop(scope, photo.id, crop, flags=_without_asks(photo))
        return await self.crop_editor(scope, dataset_id, number)

    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            await self.check_enough(scope, dataset_id)
            if dataset.state is DatasetState.CROPPING:
                await self.desk.store.datasets.move(scope, dataset_id, DatasetState.CAPTIONING)
        return await self.caption_sheet(scope, dataset_id)

    async def check_enough(self, scope: Scope, dataset_id: int) -> tuple[Photo, ...]:
        """The photos that will be trained on. UserError below the fewest that are worth training on."""
        kept = await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)
        least = self.desk.settings.min_photos
        if len(kept) < least:
            raise UserError(
                say(
                    "{count} are needed and {count_2} are there: add {least} more.",
                    count=_count(least, "usable photo"),
                    count_2=len(kept),
                    least=least - len(kept),
                )
            )
        return kept

    # -- captions

    async def caption_sheet(self, scope: Scope, dataset_id: int, page: int = 1) -> CaptionSheet:
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        kept = await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)
        if not kept:
            raise NotFound(say("No photo is left in this set: take one back or add some."))
        page, pages, part = _page(kept, page, CAPTIONS_PER_PAGE)
        tiles = [await self._tile(scope, dataset, photo) for photo in part]
        data = await asyncio.to_thread(sheets.caption_sheet, tiles)
        return CaptionSheet(
            dataset_id=dataset_id,
            subject=subject.name,
            trigger=subject.trigger,
            class_word=subject.class_word,
            sheet=Image("captions.webp", data, f"The crops {part[0].number} to {part[-1].number}, numbered"),
            lines=tuple(CaptionLine(photo.number, photo.caption) for photo in part),
            page=page,
            pages=pages,
        )

    async def edit(self, who: Who, dataset_id: int, edited: Mapping[int, str]) -> CaptionSheet:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            tidied = {number: captions.tidy(text, subject.trigger) for number, text in edited.items()}
            await self.desk.store.photos.set_captions(scope, dataset_id, tidied)
            numbers = [photo.number for photo in await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)]
        first = min(edited, default=1)
        page = 1 + sum(number < first for number in numbers) // CAPTIONS_PER_PAGE
        return await self.caption_sheet(scope, dataset_id, page)

    async def change_word(self, who: Who, dataset_id: int, *, add: str, remove: str) -> CaptionSheet:
        scope, photos = Scope(who.guild_id), self.desk.store.photos
        async with self.desk.store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            added = captions.tidy(add, subject.trigger)
            changed = {
                photo.number: captions.with_word(captions.without_word(photo.caption, remove), added)
                for photo in await photos.list(scope, dataset_id, PhotoState.KEPT, PhotoState.DROPPED)
            }
            await photos.set_captions(scope, dataset_id, changed)
        return await self.caption_sheet(scope, dataset_id)

    async def accept_captions(self, who: Who, dataset_id: int) -> None:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            self._check_open(dataset)
            await self.check_enough(scope, dataset_id)
            if dataset.state is DatasetState.CROPPING:
                await self.desk.store.datasets.move(scope, dataset_id, DatasetState.CAPTIONING)
            await self.desk.store.datasets.move(scope, dataset_id, DatasetState.READY)

    # -- inside

    def _check_open(self, dataset: Dataset) -> None:
        if dataset.state is DatasetState.COLLECTING:
            raise UserError(
                say("The photos are still being looked at. The sheet of crops comes by itself in a moment.")
            )
        if dataset.state not in OPEN:
            raise UserError(say("The training has begun with these photos, so they can no longer be changed."))

    async def _photo(self, scope: Scope, dataset: Dataset, number: int) -> Photo:
        photo = await self.desk.store.photos.numbered(scope, dataset.id, number)
        if photo.state is PhotoState.REFUSED:
            raise UserError(say("Photo {number} could not be used: it {reason}.", number=number, reason=photo.reason))
        if photo.state is PhotoState.GIVEN:
            raise UserError(say("Photo {number} is still being looked at. Try again in a moment.", number=number))
        return photo

    async def _tile(self, scope: Scope, dataset: Dataset, photo: Photo) -> sheets.PhotoTile:
        data = await self.desk.store.blobs.get(scope, dataset.key_id, photo.clean_sha256 or "")
        return sheets.PhotoTile(
            number=photo.number,
            photo=data,
            width=photo.width,
            height=photo.height,
            crop=photo.crop or crops.whole(photo.width, photo.height),
            faces=photo.faces,
            asks=_asks(photo),
            dropped=photo.state is PhotoState.DROPPED,
        )

    def _summary(self, photos: Sequence[Photo], kept: int, waiting: int) -> str:
        refused = [photo for photo in photos if photo.state is PhotoState.REFUSED]
        parts = [f"{_count(len(photos), 'photo')} in."]
        if refused:
            names = _shown_names(photos)
            told = [f"{names[photo.id]} {_reason(photo, names)}" for photo in refused[:REASONS_SHOWN]]
            if len(refused) > REASONS_SHOWN:
                told.append(f"and {len(refused) - REASONS_SHOWN} more like these")
            parts.append(f"{len(refused)} left out: {', '.join(told)}.")
        if waiting:
            parts.append(f"{waiting} still being looked at.")
        missing = self.desk.settings.min_photos - kept
        if missing > 0 and not waiting:
            parts.append(f"{_count(missing, 'more usable photo')} {'is' if missing == 1 else 'are'} needed to go on.")
        return " ".join(parts)


def _page(rows: Sequence[Photo], page: int, size: int) -> tuple[int, int, Sequence[Photo]]:
    """The page that there is nearest to `page`, how many there are, and what is on it."""
    pages = max(1, ceil(len(rows) / size))
    page = min(max(page, 1), pages)
    return page, pages, rows[(page - 1) * size : page * size]


def _asks(photo: Photo) -> bool:
    return photo.state is PhotoState.KEPT and any(flag in ASKS for flag in photo.flags)


def _without_asks(photo: Photo) -> tuple[str, ...]:
    return tuple(flag for flag in photo.flags if flag not in ASKS)


def _photo_line(photo: Photo) -> PhotoLine:
    if photo.state is PhotoState.DROPPED:
        return PhotoLine(photo.number, kept=False, note="left out by hand")
    notes = [NOTES[PhotoFlag(flag)] for flag in photo.flags if flag in NOTES]
    return PhotoLine(photo.number, kept=True, note="; ".join(notes), asks=_asks(photo))


def _shown_names(photos: Sequence[Photo]) -> dict[int, str]:
    """By photo id: the file's name without its ending, or "photo 4" where several are called the same."""
    stems = {photo.id: PurePath(photo.given_name).stem[:40] for photo in photos}
    often = Counter(stems.values())
    return {p.id: stems[p.id] if often[stems[p.id]] == 1 and stems[p.id] else f"photo {p.number}" for p in photos}


def _reason(photo: Photo, names: Mapping[int, str]) -> str:
    copied = names.get(photo.duplicate_of) if photo.duplicate_of is not None else None
    return f"is a copy of {copied}" if copied else photo.reason


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
