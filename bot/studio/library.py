"""The LoRAs a member may use: listed, named for autocompletion, found by name or by trigger word."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil

from bot.errors import NotAllowed, NotFound
from bot.studio.desk import Desk
from bot.studio.prompt import has_word
from bot.studio.requests import Who
from bot.studio.screens import Image, LoraLine, LoraList
from storage.records import Lora, Scope
from storage.states import Access, GrantKind

PER_PAGE = 10
NAMES = 25


@dataclass(frozen=True)
class Shelved:
    """A LoRA with everybody who may use it, as Loras.list decides it in the database."""

    lora: Lora
    members: frozenset[int]
    """Its owner, whoever is seen in it, and the members it was granted to."""
    roles: frozenset[int]

    def open_to(self, who: Who) -> bool:
        return self.lora.access is Access.SERVER or who.member_id in self.members or bool(self.roles & who.roles)


class Library:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._known: dict[int, tuple[Shelved, ...]] = {}
        """By guild, newest first: autocompletion has to answer faster than a busy database may."""

    def changed(self, scope: Scope) -> None:
        self._known.pop(scope.guild_id, None)

    async def usable(self, who: Who) -> tuple[Lora, ...]:
        """Own ones first, the newest of each first; others' where their rights say so."""
        scope = Scope(who.guild_id)
        found = await self.desk.store.loras.list(scope, for_member=who.member_id, roles=who.roles)
        return tuple(sorted(found, key=lambda lora: lora.owner_id != who.member_id))

    async def page(self, who: Who, page: int) -> LoraList:
        loras = await self.usable(who)
        pages = max(1, ceil(len(loras) / PER_PAGE))
        page = min(max(page, 1), pages)
        lines = [await self._line(who, lora) for lora in loras[(page - 1) * PER_PAGE : page * PER_PAGE]]
        return LoraList(tuple(lines), page, pages)

    async def names(self, who: Who, typed: str) -> tuple[str, ...]:
        if who.guild_id not in self._known:
            self._known[who.guild_id] = await self._shelve(Scope(who.guild_id))
        wanted = typed.strip().lower()
        may = [
            shelved.lora
            for shelved in self._known[who.guild_id]
            if shelved.open_to(who) and (wanted in shelved.lora.name.lower() or wanted in shelved.lora.trigger.lower())
        ]
        may.sort(key=lambda lora: (lora.owner_id != who.member_id, not lora.name.lower().startswith(wanted)))
        return tuple(lora.name for lora in may[:NAMES])

    async def check_may_use(
        self, scope: Scope, member_id: int, roles: Collection[int], lora_ids: Collection[int]
    ) -> None:
        """Raises NotAllowed once one of them is not this member's to use any more: rights are taken back at any time."""
        if not lora_ids:
            return
        found = await self.desk.store.loras.list(scope, for_member=member_id, roles=roles)
        if not set(lora_ids) <= {lora.id for lora in found}:
            raise NotAllowed(
                "You may not use that LoRA any more: whoever it belongs to, or whoever it shows, took it back. "
                "Nothing was painted."
            )

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

    async def _shelve(self, scope: Scope) -> tuple[Shelved, ...]:
        store = self.desk.store
        shelf: list[Shelved] = []
        for lora in await store.loras.list(scope):
            grants = await store.loras.grants(scope, lora.id)
            consent = await store.consents.of_subject(scope, await store.loras.subject_of(scope, lora.id))
            members = {grant.target_id for grant in grants if grant.kind is GrantKind.MEMBER}
            members |= {id for id in (lora.owner_id, consent.member_id) if id is not None}
            roles = frozenset(grant.target_id for grant in grants if grant.kind is GrantKind.ROLE)
            shelf.append(Shelved(lora, frozenset(members), roles))
        return tuple(shelf)

    async def _access(self, lora: Lora) -> str:
        """me, some or server: the list does not name the members and roles, the LoRA's own card does."""
        return "some" if await self.desk.store.loras.grants(Scope(lora.guild_id), lora.id) else lora.access

    async def _line(self, who: Who, lora: Lora) -> LoraLine:
        thumbnail = None
        if lora.thumbnail_sha256 is not None:
            data = await self.desk.store.blobs.get(Scope(lora.guild_id), lora.key_id, lora.thumbnail_sha256)
            thumbnail = Image(f"{lora.name}.webp", data, f"A picture by {lora.name}")
        return LoraLine(
            lora.id, lora.name, lora.trigger, lora.owner_id == who.member_id, await self._access(lora), thumbnail
        )


def _unknown(name: str, usable: Sequence[Lora]) -> str:
    nearest = difflib.get_close_matches(name.lower(), [lora.name for lora in usable], n=1, cutoff=0.4)
    if nearest:
        return f"There is no LoRA called {name} that you may use. Did you mean {nearest[0]}?"
    return f"There is no LoRA called {name} that you may use. /loras lists those there are."
