"""The chat's ports on the studio's tables: the outbox and the cards are the database's, the rest is one small file.

It stands outside both rooms: the chat knows no storage, and the studio no chat.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from pathlib import Path
from typing import cast

from bot.chat.ports import Due, Erasure, Place
from bot.studio.screens import Purpose
from storage.errors import NoSuchRow, WrongState
from storage.records import Card, Scope
from storage.store import Store


class StorePost:
    """`Post` on the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def pending(self) -> tuple[Due, ...]:
        rows = await self._store.outbox.pending_everywhere()
        return tuple(
            Due(row.id, row.guild_id, row.channel_id, Purpose(row.purpose), row.ref, row.created_at) for row in rows
        )

    async def sent(self, due: Due, place: Place) -> None:
        scope = Scope(due.guild_id)
        async with self._store.write():
            await self._posted(place)
            try:
                await self._store.outbox.sent(scope, due.id, place.message_id)
            except (NoSuchRow, WrongState):
                # Forgotten or dropped while it was being sent: the message stands, and is found by its card.
                return

    async def drop(self, due: Due, reason: str) -> None:
        try:
            await self._store.outbox.dropped(Scope(due.guild_id), due.id, reason)
        except (NoSuchRow, WrongState):
            return

    async def add(self, guild_id: int, channel_id: int, purpose: Purpose, ref: str) -> None:
        await self._store.outbox.add(Scope(guild_id), channel_id=channel_id, purpose=purpose, ref=ref)

    async def place(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        card = await self._store.cards.get(Scope(guild_id), purpose=purpose, ref=ref)
        return None if card is None else _place(card)

    async def put(self, place: Place) -> None:
        scope = Scope(place.guild_id)
        async with self._store.write():
            card = await self._store.cards.get(scope, purpose=place.purpose, ref=place.ref)
            if card is not None and card.message_id == place.message_id:
                await self._store.cards.edited(
                    scope, purpose=place.purpose, ref=place.ref, content_hash=place.content_hash
                )
            else:
                await self._posted(place)

    async def remove(self, place: Place) -> None:
        scope = Scope(place.guild_id)
        async with self._store.write():
            card = await self._store.cards.get(scope, purpose=place.purpose, ref=place.ref)
            if card is not None and card.message_id == place.message_id:
                await self._store.cards.gone(scope, purpose=place.purpose, ref=place.ref)

    async def posted(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        sent = [
            row for row in await self._store.outbox.list(Scope(guild_id), purpose=purpose, ref=ref) if row.message_id
        ]
        if not sent:
            return None
        last = sent[-1]
        at = last.ended_at or last.created_at
        return Place(guild_id, purpose, ref, last.channel_id, last.message_id or 0, "", posted_at=at, edited_at=at)

    async def erasures(self) -> tuple[Erasure, ...]:
        found = await self._store.erasures.due_everywhere()
        return tuple(Erasure(row.guild_id, row.channel_id, row.message_id) for row in found)

    async def erased(self, erasure: Erasure) -> None:
        await self._store.erasures.done(Scope(erasure.guild_id), erasure.channel_id, erasure.message_id)

    async def at(self, guild_id: int, message_id: int) -> Place | None:
        card = await self._store.cards.by_message(Scope(guild_id), message_id)
        return None if card is None else _place(card)

    async def places(self, purposes: Collection[Purpose]) -> tuple[Place, ...]:
        return tuple(_place(card) for card in await self._store.cards.of_purposes_everywhere(purposes))

    async def _posted(self, place: Place) -> None:
        await self._store.cards.posted(
            Scope(place.guild_id),
            purpose=place.purpose,
            ref=place.ref,
            channel_id=place.channel_id,
            message_id=place.message_id,
            content_hash=place.content_hash,
        )


def _place(card: Card) -> Place:
    return Place(
        card.guild_id,
        Purpose(card.purpose),
        card.ref,
        card.channel_id,
        card.message_id,
        card.content_hash,
        card.posted_at,
        card.edited_at,
    )


class MemoryFile:
    """`Memory` as one JSON file. Losing it costs one more sync of the commands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def recall(self, key: str) -> str | None:
        return (await asyncio.to_thread(self._read)).get(key)

    async def keep(self, key: str, value: str) -> None:
        await asyncio.to_thread(self._write, key, value)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return cast("dict[str, str]", found) if isinstance(found, dict) else {}

    def _write(self, key: str, value: str) -> None:
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps({**self._read(), key: value}, indent=1), encoding="utf-8")
        temporary.replace(self._path)
