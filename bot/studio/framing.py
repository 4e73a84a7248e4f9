"""Crops: every photo of a set with the box that is learnt from, or with the reason why it was left out; and mending one.

Each press is one transaction: what the photo was goes to the steps of Undo, what it is now to its row. So two people (or one
with two devices) may press at once: the presses happen one after the other, and none is lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import PurePath

from bot.errors import UserError
from bot.language import many, say
from bot.studio import crops, sheets, verdicts
from bot.studio.desk import Desk
from bot.studio.requests import Who
from bot.studio.retraining import missing
from bot.studio.screens import CropEditor, CropSheet, Image, PhotoLine
from bot.studio.sentences import told
from engine.protocol import PhotoFlag
from engine.verdicts import Cause
from storage.records import Dataset, Photo, Scope
from storage.states import DatasetState, PhotoState

CROPS_PER_PAGE = 12
REASONS_SHOWN = 12
OPEN = (DatasetState.CROPPING, DatasetState.CAPTIONING, DatasetState.READY)
UNDO = "undo"
"""Beside the verbs of a crop: back to what it was before the last of them."""
FIXABLE = (PhotoState.KEPT, PhotoState.DROPPED)
ASKS = {PhotoFlag.NO_FACE, PhotoFlag.CUT_FACE, PhotoFlag.SEVERAL_FACES}


class Framing:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def crop_sheet(self, scope: Scope, dataset_id: int, page: int = 1) -> CropSheet:
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        photos = await self.desk.store.photos.list(scope, dataset_id)
        shown = [photo for photo in photos if photo.state is not PhotoState.GIVEN]
        page, pages, part = page_of(shown, page, CROPS_PER_PAGE)
        kept = sum(photo.state is PhotoState.KEPT for photo in photos)
        waiting = sum(photo.state is PhotoState.GIVEN for photo in photos)
        sheet = None
        if part:
            numbers = {photo.id: photo.number for photo in photos}
            tiles = [await self._tile(scope, dataset, photo, numbers) for photo in part]
            data = await asyncio.to_thread(sheets.contact_sheet, tiles)
            alt = say(
                "Photos {first} to {last} of {subject}: each with the box it is cropped to, or greyed with why it was left out",
                first=part[0].number,
                last=part[-1].number,
                subject=subject.name,
            )
            sheet = Image("crops.webp", data, alt)
        return CropSheet(
            dataset_id=dataset_id,
            subject=subject.name,
            summary=await missing(self.desk, scope, dataset) or self._summary(photos, kept, waiting),
            sheet=sheet,
            page=page,
            pages=pages,
            photos=tuple(_photo_line(photo) for photo in part if photo.state in FIXABLE),
            can_go_on=kept >= self.desk.settings.min_photos and not waiting,
            asks=tuple(photo.number for photo in photos if asks(photo)),
            animated=sum(moves(photo) for photo in photos),
        )

    async def crop_editor(self, scope: Scope, dataset_id: int, number: int) -> CropEditor:
        dataset = await self.desk.store.datasets.get(scope, dataset_id)
        photo = await self._photo(scope, dataset, number)
        data = await asyncio.to_thread(sheets.crop_editor, await self._tile(scope, dataset, photo, {}))
        crop = photo.crop or crops.whole(photo.width, photo.height)
        note = _photo_line(photo).note or say(
            "{width} x {height} px of the photo are used", width=crop.x1 - crop.x0, height=crop.y1 - crop.y0
        )
        doubtful = [one.number for one in await self.desk.store.photos.list(scope, dataset_id) if asks(one)]
        others = [other for other in doubtful if other != number]
        return CropEditor(
            dataset_id,
            number,
            Image(f"crop-{number}.webp", data, say("Photo {number} with its crop, and the crop alone", number=number)),
            len(photo.faces),
            note,
            steps=await self.desk.store.crop_steps.count(scope, photo.id),
            dropped=photo.state is PhotoState.DROPPED,
            next_ask=next((other for other in others if other > number), others[0] if others else 0),
            asks=len(others),
        )

    @told
    async def press(self, who: Who, dataset_id: int, number: int, verb: str) -> None:
        """verb: tighter, looser, left, right, up, down, next_face, centre, original, drop, keep, undo."""
        try:
            act = None if verb == UNDO else crops.Verb(verb)
        except ValueError:
            raise UserError(say("There is no way to `{verb}` a crop: use the buttons.", verb=verb)) from None
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            photo = await self._photo(scope, dataset, number)
            if act is None:
                await self.desk.store.crop_steps.back(scope, photo.id)
            else:
                await self._change(scope, photo, act)

    async def _change(self, scope: Scope, photo: Photo, act: crops.Verb) -> None:
        photos = self.desk.store.photos
        if act is crops.Verb.DROP:
            after = await photos.drop(scope, photo.id)
        else:
            if act is crops.Verb.KEEP and photo.state is PhotoState.DROPPED:
                await photos.take_back(scope, photo.id)
            # Somebody has looked: what the engine asked about is answered.
            flags = tuple(flag for flag in photo.flags if flag not in ASKS)
            crop = crops.adjust(photo.width, photo.height, photo.crop, photo.faces, act)
            after = await photos.set_crop(scope, photo.id, crop, flags=flags)
        if after != photo:
            await self.desk.store.crop_steps.add(scope, photo)

    # -- inside

    async def _photo(self, scope: Scope, dataset: Dataset, number: int) -> Photo:
        photo = await self.desk.store.photos.numbered(scope, dataset.id, number)
        if photo.state is PhotoState.REFUSED:
            why = verdicts.reason(photo, {})
            raise UserError(
                say(
                    "Photo {number} could not be used: it {reason}. Send a better one with Add more photos.",
                    number=number,
                    reason=why,
                )
            )
        if photo.state is PhotoState.GIVEN:
            raise UserError(say("Photo {number} is still being looked at. Try again in a moment.", number=number))
        return photo

    async def _tile(self, scope: Scope, dataset: Dataset, photo: Photo, numbers: Mapping[int, int]) -> sheets.PhotoTile:
        if photo.state is not PhotoState.REFUSED:
            return await tile(self.desk, scope, dataset, photo)
        sha = photo.glimpse_sha256
        glimpse = await self.desk.store.blobs.get(scope, dataset.key_id, sha) if sha else b""
        return sheets.PhotoTile(photo.number, glimpse, 0, 0, None, left_out=verdicts.burned(photo, numbers))

    def _summary(self, photos: Sequence[Photo], kept: int, waiting: int) -> str:
        refused = [photo for photo in photos if photo.state is PhotoState.REFUSED]
        parts = [many("{count} photo in.", "{count} photos in.", len(photos))]
        if refused:
            names = shown_names(photos)
            told = [f"{names[photo.id]} {verdicts.reason(photo, names)}" for photo in refused[:REASONS_SHOWN]]
            if len(refused) > REASONS_SHOWN:
                told.append(say("and {count} more like these", count=len(refused) - REASONS_SHOWN))
            parts.append(say("{count} left out: {photos}.", count=len(refused), photos=", ".join(told)))
        if waiting:
            parts.append(say("{count} still being looked at.", count=waiting))
        lacking = self.desk.settings.min_photos - kept
        if lacking > 0 and not waiting:
            parts.append(
                many(
                    "{count} more usable photo is needed to go on.",
                    "{count} more usable photos are needed to go on.",
                    lacking,
                )
            )
        return " ".join(parts)


async def tile(desk: Desk, scope: Scope, dataset: Dataset, photo: Photo) -> sheets.PhotoTile:
    """A photo that was taken, with its crop."""
    return sheets.PhotoTile(
        number=photo.number,
        photo=await desk.store.blobs.get(scope, dataset.key_id, photo.clean_sha256 or ""),
        width=photo.width,
        height=photo.height,
        crop=photo.crop or crops.whole(photo.width, photo.height),
        faces=photo.faces,
        asks=asks(photo),
        dropped=photo.state is PhotoState.DROPPED,
    )


def check_open(dataset: Dataset) -> None:
    """UserError where the set is not one that may be changed now."""
    if dataset.state is DatasetState.COLLECTING:
        raise UserError(say("The photos are still being looked at. The sheet of crops comes by itself in a moment."))
    if dataset.state not in OPEN:
        raise UserError(
            say(
                "The training has begun with these photos, so they can no longer be changed. For the next version "
                "use /retrain."
            )
        )


def page_of(rows: Sequence[Photo], page: int, size: int) -> tuple[int, int, Sequence[Photo]]:
    """The page that there is nearest to `page`, how many there are, and what is on it."""
    pages = max(1, ceil(len(rows) / size))
    page = min(max(page, 1), pages)
    return page, pages, rows[(page - 1) * size : page * size]


def asks(photo: Photo) -> bool:
    """Whether a person should look at it before going on."""
    return photo.state is PhotoState.KEPT and any(flag in ASKS for flag in photo.flags)


def moves(photo: Photo) -> bool:
    """Whether it was left out because it is animated, so that its first frame can be had."""
    return photo.state is PhotoState.REFUSED and photo.cause == Cause.ANIMATED


def _note(flag: str) -> str:
    match flag:
        case PhotoFlag.NO_FACE:
            return say("no face was found: check the box")
        case PhotoFlag.CUT_FACE:
            return say("the face is cut off by the photo's edge: better leave it out")
        case PhotoFlag.SEVERAL_FACES:
            return say("several faces: check that the box is on the right one")
        case PhotoFlag.GROUP:
            return say("more than one face in the picture: the one seen most often was taken")
        case PhotoFlag.BLURRED:
            return say("blurred")
        case _:
            return ""


def _photo_line(photo: Photo) -> PhotoLine:
    if photo.state is PhotoState.DROPPED:
        return PhotoLine(photo.number, kept=False, note=say("left out by hand"))
    notes = [note for flag in photo.flags if (note := _note(flag))]
    return PhotoLine(photo.number, kept=True, note="; ".join(notes), asks=asks(photo))


def shown_names(photos: Sequence[Photo]) -> dict[int, str]:
    """By photo id: the file's name without its ending, or "photo 4" where several are called the same."""
    stems = {photo.id: PurePath(photo.given_name).stem[:40] for photo in photos}
    often = Counter(stems.values())
    return {
        p.id: stems[p.id] if often[stems[p.id]] == 1 and stems[p.id] else say("photo {number}", number=p.number)
        for p in photos
    }
