"""What a LoRA looks like in lists: its own thumbnail, or a picture somebody chose, for as long as that picture is kept.

A chosen picture is never copied: it is made small each time it is shown, so that forgetting it reaches here too.
"""

from __future__ import annotations

import asyncio

from bot.language import say
from bot.studio import sheets
from bot.studio.desk import Desk
from bot.studio.screens import Image
from storage.errors import BlobMissing, KeyForgotten, NoSuchRow
from storage.records import Lora, Picture, Scope


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
