"""What a LoRA looks like in lists: its own thumbnail, or a picture somebody chose, for as long as that picture is kept.

A chosen picture is never copied: it is made small each time it is shown, so that forgetting it reaches here too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import say
from bot.studio import sheets
from bot.studio.desk import Desk
from bot.studio.people_screens import LoraCard
from bot.studio.requests import Who
from bot.studio.screens import Image
from bot.studio.sentences import told
from storage.errors import BlobMissing, KeyForgotten, NoSuchRow
from storage.records import Lora, Picture, Scope

if TYPE_CHECKING:
    from bot.studio.keeping import Keeping

PREVIEWS = 4
OWN = 8
"""Of one's own pictures the newest: with the previews four rows on a sheet."""


@dataclass(frozen=True)
class Option:
    value: str
    """ "p2": preview 2, from 0; "i17": the picture of that id."""
    number: int
    """As it stands on the sheet, from 1."""
    is_preview: bool


@dataclass(frozen=True)
class ThumbnailCard:
    lora_id: int
    name: str
    sheet: Image
    options: tuple[Option, ...]


class Thumbnails:
    def __init__(self, desk: Desk, keeping: Keeping) -> None:
        self.desk = desk
        self.keeping = keeping

    @told
    async def card(self, who: Who, lora_id: int) -> ThumbnailCard:
        """The previews of the epoch that won, and the newest pictures `who` had painted with it."""
        lora = await self.keeping.governed(who, lora_id)
        previews = await self._previews(lora)
        pictures = await self._own_pictures(who, lora)
        data = previews + [data for _, data in pictures]
        if not data:
            raise NotFound(say("There is no picture of {name} to choose from. Paint one first.", name=lora.name))
        values = [*(f"p{n}" for n in range(len(previews))), *(f"i{picture.id}" for picture, _ in pictures)]
        options = [Option(value, number, number <= len(previews)) for number, value in enumerate(values, 1)]
        sheet = await asyncio.to_thread(sheets.shelf, data, [option.number for option in options])
        alt = say("{last} pictures by {name}, numbered", last=len(data), name=lora.name)
        return ThumbnailCard(lora_id, lora.name, Image("thumbnails.webp", sheet, alt), tuple(options))

    @told
    async def choose(self, who: Who, lora_id: int, value: str) -> LoraCard:
        """`value`: of an option of the card."""
        scope, store = Scope(who.guild_id), self.desk.store
        lora = await self.keeping.governed(who, lora_id)
        kind, number = value[:1], value[1:]
        if not number.isdecimal() or kind not in ("p", "i"):
            raise UserError(say("Choose one of the pictures on the sheet."))
        if kind == "i":
            picture = await store.pictures.get(scope, int(number))
            if picture.member_id != who.member_id:
                raise NotAllowed(say("Choose a picture that you had painted yourself."))
            await store.loras.show_as(scope, lora_id, picture.id)
        else:
            previews = await self._previews(lora)
            if int(number) >= len(previews):
                raise NotFound(say("That preview is not kept any more. Choose another picture."))
            small = await asyncio.to_thread(sheets.thumbnail, previews[int(number)])
            sha = await store.blobs.put(scope, lora.key_id, small)
            await store.loras.set_thumbnail(scope, lora_id, sha)
            if lora.thumbnail_sha256 not in (None, sha):
                await store.blobs.drop(scope, lora.key_id, lora.thumbnail_sha256 or "")
        return await self.keeping.card(who, lora_id)

    async def _previews(self, lora: Lora) -> list[bytes]:
        scope, store = Scope(lora.guild_id), self.desk.store
        epoch = await store.epochs.numbered(scope, lora.run_id, lora.epoch)
        return [await store.blobs.get(scope, lora.key_id, sha) for sha in epoch.previews[:PREVIEWS]]

    async def _own_pictures(self, who: Who, lora: Lora) -> Sequence[tuple[Picture, bytes]]:
        scope, store = Scope(lora.guild_id), self.desk.store
        found: list[tuple[Picture, bytes]] = []
        for job_id in await store.loras.painted_with(scope, lora.id):
            for picture in await store.pictures.of_job(scope, job_id):
                if len(found) == OWN:
                    return found
                if picture.member_id != who.member_id or await shown_picture(self.desk, scope, picture.id) is None:
                    continue
                try:
                    found.append((picture, await store.blobs.get(scope, picture.key_id, picture.sha256)))
                except (KeyForgotten, BlobMissing):  # deleted in this very moment
                    continue
        return found


async def thumbnail_of(desk: Desk, lora: Lora) -> Image | None:
    """None where there is nothing to show."""
    data = await _chosen(desk, lora) or await _own(desk, lora)
    return None if data is None else Image(f"{lora.name}.webp", data, say("A picture by {name}", name=lora.name))


async def shown_picture(desk: Desk, scope: Scope, picture_id: int) -> Picture | None:
    """The picture, unless it is gone, or hidden because somebody reported it."""
    try:
        picture = await desk.store.pictures.get(scope, picture_id)
        reported = await desk.store.reports.open_of(scope, picture.job_id)
    except (NoSuchRow, KeyForgotten):
        return None
    return picture if reported is None else None


async def _chosen(desk: Desk, lora: Lora) -> bytes | None:
    scope = Scope(lora.guild_id)
    if lora.thumbnail_picture_id is None:
        return None
    picture = await shown_picture(desk, scope, lora.thumbnail_picture_id)
    if picture is None:
        return None
    try:
        data = await desk.store.blobs.get(scope, picture.key_id, picture.sha256)
    except (KeyForgotten, BlobMissing):  # deleted in this very moment
        return None
    return await asyncio.to_thread(sheets.thumbnail, data)


async def _own(desk: Desk, lora: Lora) -> bytes | None:
    if lora.thumbnail_sha256 is None:
        return None
    return await desk.store.blobs.get(Scope(lora.guild_id), lora.key_id, lora.thumbnail_sha256)
