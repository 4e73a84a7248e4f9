"""Crops and captions: what the engine proposed, shown and mended by the one who brought the photos."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.errors import NotFound, UserError
from bot.language import say
from bot.studio import captions, sheets
from bot.studio.desk import Desk
from bot.studio.framing import check_open, page_of, tile
from bot.studio.lexicon import change
from bot.studio.requests import Who
from bot.studio.screens import CaptionLine, CaptionSheet, Image
from storage.records import Photo, Scope
from storage.states import DatasetState, PhotoState

CAPTIONS_PER_PAGE = 10


class Review:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            check_open(dataset)
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
        page, pages, part = page_of(kept, page, CAPTIONS_PER_PAGE)
        tiles = [await tile(self.desk, scope, dataset, photo) for photo in part]
        data = await asyncio.to_thread(sheets.caption_sheet, tiles)
        return CaptionSheet(
            dataset_id=dataset_id,
            subject=subject.name,
            trigger=subject.trigger,
            class_word=subject.class_word,
            sheet=Image(
                "captions.webp",
                data,
                say("The crops {first} to {last}, numbered", first=part[0].number, last=part[-1].number),
            ),
            lines=tuple(CaptionLine(photo.number, photo.caption) for photo in part),
            page=page,
            pages=pages,
        )

    async def edit(self, who: Who, dataset_id: int, edited: Mapping[int, str]) -> CaptionSheet:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            tidied = {number: captions.tidy(text, subject.trigger) for number, text in edited.items()}
            await change(self.desk, who, dataset_id, "edit", tidied)
            numbers = [photo.number for photo in await self.desk.store.photos.list(scope, dataset_id, PhotoState.KEPT)]
        first = min(edited, default=1)
        page = 1 + sum(number < first for number in numbers) // CAPTIONS_PER_PAGE
        return await self.caption_sheet(scope, dataset_id, page)

    async def change_word(self, who: Who, dataset_id: int, *, add: str, remove: str) -> CaptionSheet:
        scope, photos = Scope(who.guild_id), self.desk.store.photos
        async with self.desk.store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            added = captions.tidy(add, subject.trigger)
            changed = {
                photo.number: captions.with_word(captions.without_word(photo.caption, remove), added)
                for photo in await photos.list(scope, dataset_id, PhotoState.KEPT, PhotoState.DROPPED)
            }
            what = "word" if add and remove else "add" if add else "remove"
            await change(self.desk, who, dataset_id, what, changed)
        return await self.caption_sheet(scope, dataset_id)

    async def accept_captions(self, who: Who, dataset_id: int) -> None:
        scope = Scope(who.guild_id)
        async with self.desk.store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            await self.check_enough(scope, dataset_id)
            if dataset.state is DatasetState.CROPPING:
                await self.desk.store.datasets.move(scope, dataset_id, DatasetState.CAPTIONING)
            await self.desk.store.datasets.move(scope, dataset_id, DatasetState.READY)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
