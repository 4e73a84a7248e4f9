"""The LoRAs a member may use: listed, named for autocompletion, found by name or by trigger word."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from math import ceil

from bot.errors import NotFound
from bot.studio.desk import Desk
from bot.studio.prompt import has_word
from bot.studio.requests import Who
from bot.studio.screens import Image, LoraLine, LoraList
from storage.records import Lora, Scope
from storage.states import Access

PER_PAGE = 10
NAMES = 25


class Library:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._known: dict[int, tuple[Lora, ...]] = {}
        """By guild, newest first: autocompletion has to answer faster than a busy database may."""

    def changed(self, scope: Scope) -> None:
        self._known.pop(scope.guild_id, None)

    async def usable(self, who: Who) -> tuple[Lora, ...]:
        """Own ones first, the newest of each first; others' where they are open to the server."""
        scope = Scope(who.guild_id)
        found = await self.desk.store.loras.list(scope, for_member=who.member_id)
        return tuple(sorted(found, key=lambda lora: lora.owner_id != who.member_id))

    async def page(self, who: Who, page: int) -> LoraList:
        loras = await self.usable(who)
        pages = max(1, ceil(len(loras) / PER_PAGE))
        page = min(max(page, 1), pages)
        lines = [await self._line(who, lora) for lora in loras[(page - 1) * PER_PAGE : page * PER_PAGE]]
        return LoraList(tuple(lines), page, pages)

    async def names(self, who: Who, typed: str) -> tuple[str, ...]:
        scope = Scope(who.guild_id)
        if who.guild_id not in self._known:
            self._known[who.guild_id] = await self.desk.store.loras.list(scope)
        wanted = typed.strip().lower()
        may = [
            lora
            for lora in self._known[who.guild_id]
            if (lora.owner_id == who.member_id or lora.access is Access.SERVER)
            and (wanted in lora.name.lower() or wanted in lora.trigger.lower())
        ]
        may.sort(key=lambda lora: (lora.owner_id != who.member_id, not lora.name.lower().startswith(wanted)))
        return tuple(lora.name for lora in may[:NAMES])

    async def named(self, who: Who, name: str) -> Lora:
        """NotFound also for what exists but is somebody's own: who may not use it need not know of it."""
        usable = await self.usable(who)
        for lora in usable:
            if lora.name.lower() == name.strip().lower():
                return lora
        raise NotFound(_unknown(name, usable))

    async def triggered(self, who: Who, words: str) -> tuple[Lora, ...]:
        """One for each trigger word that stands in `words`."""
        found: dict[str, Lora] = {}
        for lora in await self.usable(who):
            if has_word(words, lora.trigger):
                found.setdefault(lora.trigger.lower(), lora)
        return tuple(found.values())

    async def _line(self, who: Who, lora: Lora) -> LoraLine:
        thumbnail = None
        if lora.thumbnail_sha256 is not None:
            data = await self.desk.store.blobs.get(Scope(lora.guild_id), lora.key_id, lora.thumbnail_sha256)
            thumbnail = Image(f"{lora.name}.webp", data, f"A picture by {lora.name}")
        return LoraLine(lora.id, lora.name, lora.trigger, lora.owner_id == who.member_id, lora.access, thumbnail)


def _unknown(name: str, usable: Sequence[Lora]) -> str:
    nearest = difflib.get_close_matches(name.lower(), [lora.name for lora in usable], n=1, cutoff=0.4)
    if nearest:
        return f"There is no LoRA called {name} that you may use. Did you mean {nearest[0]}?"
    return f"There is no LoRA called {name} that you may use. /loras lists those there are."
