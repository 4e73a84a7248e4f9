"""The LoRAs a member may use: listed, named for autocompletion, found by name or by trigger word."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil

from bot.errors import NotAllowed, NotFound
from bot.language import say
from bot.studio.commission import PaintSpec
from bot.studio.desk import Desk
from bot.studio.prompt import has_word
from bot.studio.requests import Who
from bot.studio.screens import LoraLine, LoraList
from bot.studio.thumbnails import thumbnail_of
from storage.records import Lora, Scope
from storage.states import Access

PER_PAGE = 10
NAMES = 25
LONGEST_CHOICE = 100
"""Characters of one line of an autocompletion."""
ALIKE = 0.5


@dataclass
class Shelf:
    """A guild's LoRAs with everybody who may use them, as Loras.list decides it in the database, and who used them when."""

    loras: tuple[Lora, ...]
    """Newest first."""
    members: dict[int, frozenset[int]]
    """By LoRA: its owner, whoever is seen in it, and the members it was granted to."""
    roles: dict[int, frozenset[int]]
    used: dict[tuple[int, int], int]
    """(member, LoRA) -> when they last painted with it."""

    def open_to(self, who: Who) -> list[Lora]:
        return [
            lora
            for lora in self.loras
            if lora.access is Access.SERVER
            or who.member_id in self.members.get(lora.id, ())
            or self.roles.get(lora.id, frozenset[int]()) & who.roles
        ]


class Library:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._shelves: dict[int, Shelf] = {}
        """By guild: autocompletion has to answer faster than a busy database may."""
        self._changes: Counter[int] = Counter()

    async def warm(self) -> None:
        """So that the first autocompletion after a start comes from memory as well."""
        for scope in await self.desk.store.loras.guilds_everywhere():
            await self._shelf(scope)

    def changed(self, scope: Scope) -> None:
        self._changes[scope.guild_id] += 1
        self._shelves.pop(scope.guild_id, None)

    def was_used(self, scope: Scope, member_id: int, lora_ids: Collection[int]) -> None:
        shelf = self._shelves.get(scope.guild_id)
        if shelf is not None:
            shelf.used |= dict.fromkeys(((member_id, id) for id in lora_ids), self.desk.clock())

    async def usable(self, who: Who) -> tuple[Lora, ...]:
        """Own ones first, the newest of each first; others' where their rights say so."""
        scope = Scope(who.guild_id)
        found = await self.desk.store.loras.list(scope, for_member=who.member_id, roles=who.roles)
        return tuple(sorted(found, key=lambda lora: lora.owner_id != who.member_id))

    async def page(self, who: Who, page: int, own: bool = False) -> LoraList:
        """`own`: only those that belong to this member."""
        loras = [lora for lora in await self.usable(who) if not own or lora.owner_id == who.member_id]
        pages = max(1, ceil(len(loras) / PER_PAGE))
        page = min(max(page, 1), pages)
        lines = [await self._line(who, lora) for lora in loras[(page - 1) * PER_PAGE : page * PER_PAGE]]
        return LoraList(tuple(lines), page, pages, own)

    async def names(self, who: Who, typed: str) -> tuple[str, ...]:
        """What may stand in the field instead: own ones first, then those used last, at most 25. Behind a comma the next
        name is completed, what stands before stays; so does a strength behind a colon."""
        before, comma, last = typed.rpartition(",")
        last, colon, strength = last.strip().partition(":")
        taken = {part.partition(":")[0].strip().lower() for part in before.split(",")} if comma else set[str]()
        start = f"{before.strip()}, " if comma else ""
        shelf = await self._shelf(Scope(who.guild_id))
        may = [lora for lora in shelf.open_to(who) if lora.name.lower() not in taken]
        shown = [f"{start}{lora.name}{colon}{strength}" for lora in _found(shelf, who, may, last.strip().lower())]
        return tuple([text for text in shown if len(text) <= LONGEST_CHOICE][:NAMES])

    async def check_may_use(
        self, scope: Scope, member_id: int, roles: Collection[int], lora_ids: Collection[int]
    ) -> None:
        """Raises NotAllowed once one of them is not this member's to use any more: rights are taken back at any time."""
        if not lora_ids:
            return
        found = await self.desk.store.loras.list(scope, for_member=member_id, roles=roles)
        if not set(lora_ids) <= {lora.id for lora in found}:
            raise NotAllowed(
                say(
                    "You may not use that LoRA any more: whoever it belongs to, or whoever it shows, took "
                    "it back. Nothing was painted; /loras lists those you may use."
                )
            )

    async def check_commission(self, scope: Scope, member_id: int, spec: PaintSpec) -> None:
        """Raises NotAllowed once something in it is not this member's to paint with any more."""
        await self.check_may_use(scope, member_id, spec.roles, [used.lora_id for used in spec.loras])
        if spec.epochs is None:
            return
        store = self.desk.store
        subject = await store.subjects.get(scope, spec.epochs.subject_id)
        consent = await store.consents.of_subject(scope, subject.id)
        if subject.owner_id != member_id or not consent.given:
            raise NotAllowed(
                say(
                    "The epochs of that training are not yours to use any more. Nothing was painted; /loras lists "
                    "what you may use."
                )
            )

    async def named(self, who: Who, name: str) -> Lora:
        """NotFound also for what exists but is somebody's own: who may not use it need not know of it."""
        usable = await self.usable(who)
        for lora in usable:
            if lora.name.lower() == name.strip().lower():
                return lora
        raise NotFound(_unknown(name, usable))

    async def known(self, who: Who, lora_ids: Collection[int]) -> tuple[Lora, ...]:
        """In this order. NotFound when one of them is not this member's to use."""
        usable = {lora.id: lora for lora in await self.usable(who)}
        if not set(lora_ids) <= set(usable):
            raise NotFound(say("A LoRA of that picture is not one you may use. /loras lists those there are for you."))
        return tuple(usable[id] for id in lora_ids)

    async def triggered(self, who: Who, words: str) -> tuple[Lora, ...]:
        """One for each trigger word that stands in `words`."""
        found: dict[str, Lora] = {}
        for lora in await self.usable(who):
            if has_word(words, lora.trigger):
                found.setdefault(lora.trigger.lower(), lora)
        return tuple(found.values())

    async def _shelf(self, scope: Scope) -> Shelf:
        known = self._shelves.get(scope.guild_id)
        while known is None:
            seen = self._changes[scope.guild_id]
            known = await self._read(scope)
            if seen != self._changes[scope.guild_id]:
                known = None  # something was taken back while it was read
            else:
                self._shelves[scope.guild_id] = known
        return known

    async def _read(self, scope: Scope) -> Shelf:
        loras = self.desk.store.loras
        members, roles = await loras.rights(scope)
        return Shelf(await loras.list(scope), members, roles, await loras.last_used(scope))

    async def _access(self, lora: Lora) -> str:
        """me, some or server: the list does not name the members and roles, the LoRA's own card does."""
        return "some" if await self.desk.store.loras.grants(Scope(lora.guild_id), lora.id) else lora.access

    async def _line(self, who: Who, lora: Lora) -> LoraLine:
        mine, thumbnail = lora.owner_id == who.member_id, await thumbnail_of(self.desk, lora)
        return LoraLine(lora.id, lora.name, lora.trigger, mine, await self._access(lora), thumbnail)


def _found(shelf: Shelf, who: Who, may: Sequence[Lora], typed: str) -> list[Lora]:
    """Those that `typed` is a part of, or where there is none those that look like it."""
    found = [lora for lora in may if typed in lora.name.lower() or typed in lora.trigger.lower()]
    if not found and len(typed) > 2:
        alike = difflib.get_close_matches(typed, [lora.name.lower() for lora in may], n=NAMES, cutoff=ALIKE)
        found = [lora for lora in may if lora.name.lower() in alike]
    latest: Counter[int] = Counter()
    for (_, lora_id), at in shelf.used.items():
        latest[lora_id] = max(latest[lora_id], at)

    def order(lora: Lora) -> tuple[bool, bool, int, int, int]:
        mine = shelf.used.get((who.member_id, lora.id), 0)
        return (
            lora.owner_id != who.member_id,
            not lora.name.lower().startswith(typed),
            -mine,
            -latest[lora.id],
            -lora.id,
        )

    return sorted(found, key=order)


def _unknown(name: str, usable: Sequence[Lora]) -> str:
    nearest = difflib.get_close_matches(name.lower(), [lora.name for lora in usable], n=1, cutoff=0.4)
    if nearest:
        return say(
            "There is no LoRA called {name} that you may use. Did you mean {nearest}?", name=name, nearest=nearest[0]
        )
    return say("There is no LoRA called {name} that you may use. /loras lists those there are.", name=name)
