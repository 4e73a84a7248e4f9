"""/inspire: prompts of this server with their pictures, and of the book, found by words.

Whose pictures: one's own, and those whose message stands in a channel one can read. Nothing that was reported, withdrawn,
deleted or forgotten. Prompts are sealed on disk and stay so: they are looked through in an index in memory, which is made
when somebody asks, made anew when a picture came or went, and dropped when nobody has asked for a while. Whatever the index
says, what may be shown is decided by the rows at that moment.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bot.errors import NotFound
from bot.language import say
from bot.studio import promptbook, sheets
from bot.studio.commission import commission_of
from bot.studio.desk import Desk
from bot.studio.inspiration_screens import Idea, InspireCard
from bot.studio.library import Library
from bot.studio.prompt import has_word, with_trigger
from bot.studio.requests import Who
from bot.studio.rulebook import DAY
from bot.studio.screens import Image
from bot.studio.sentences import told
from bot.studio.thumbnails import shown_picture
from bot.studio.wordindex import WordIndex
from storage.errors import BlobMissing, KeyForgotten
from storage.prompts import Standing
from storage.records import Lora, Scope

PICTURES = 6
"""With a picture, on one page."""
IDEAS = 10
"""On one page, all together: two rows of buttons."""
LOOKED_AT = 120
"""Paintings, and prompts of the book, that are taken into account."""
INDEXED = 3000
"""Paintings of one server, the newest."""
IDLE_S = 600
LOOK_EVERY_S = 10
LONGEST_WORDS = 80
TILE = 384
"""Pixels of a picture before it is put on the sheet."""


@dataclass
class Indexed:
    marks: tuple[int, int]
    """Storage's, when it was made."""
    index: WordIndex
    newest: tuple[str, ...]
    asked_at: int


@dataclass(frozen=True)
class Meant:
    """Whom the prompts are to be about."""

    lora: Lora
    class_word: str
    section: str

    @property
    def words(self) -> str:
        return f"{self.lora.trigger} {self.class_word}".strip()


class Inspiration:
    def __init__(self, desk: Desk, library: Library) -> None:
        self.desk = desk
        self.library = library
        self._indexed: dict[int, Indexed] = {}
        self._making = asyncio.Lock()
        self._looked_at = 0

    @told
    async def card(self, who: Who, words: str, sees: frozenset[int], *, lora: str = "", page: int = 1) -> InspireCard:
        """`sees`: the channels this member can read. `lora`: by name, the one the prompts are to be about."""
        words = " ".join(words.replace("`", " ").split())[:LONGEST_WORDS]
        meant = await self._meant(who, await self.library.named(who, lora)) if lora else None
        paintings = await self._paintings(who, words, sees)
        book = self._book(who, words, meant)
        found = bool(paintings or book) or not words
        if not found:
            book = self._book(who, "", meant)
        page = max(1, page)
        taken = [paintings[PICTURES * n : PICTURES * (n + 1)] for n in range(page)]
        first = sum(IDEAS - len(part) for part in taken[:-1])
        shown, others = taken[-1], book[first : first + IDEAS - len(taken[-1])]
        pictures: list[bytes] = []
        ideas: list[Idea] = []
        spoiler = False
        for standing in shown:
            data = await self._small(who, standing)
            if data is not None:
                spec = commission_of(await self.desk.store.jobs.get(Scope(who.guild_id), standing.job_id))
                spoiler = spoiler or spec.spoiler
                pictures.append(data)
                ideas.append(
                    Idea(standing.job_id, await self._adapted(who, standing.job_id, meant), standing.member_id)
                )
        ideas += [Idea(entry.id, entry.about(meant.words if meant else ""), None) for entry in others]
        return InspireCard(
            words=words,
            lora_id=meant.lora.id if meant else None,
            lora=meant.lora.name if meant else "",
            ideas=tuple(ideas),
            sheet=await self._sheet(pictures),
            page=page,
            has_more=len(paintings) > PICTURES * page or len(book) > first + len(others),
            spoiler=spoiler,
            found=found,
        )

    @told
    async def prompt(self, who: Who, source: str, lora_id: int | None, sees: frozenset[int]) -> str:
        """The prompt of an idea in full, the trigger word in place, if it may still be shown."""
        meant = None
        for lora in await self.library.usable(who):
            if lora.id == lora_id:
                meant = await self._meant(who, lora)
        entry = promptbook.entry(source)
        if entry is not None:
            return entry.about(meant.words if meant else "")
        standing = await self.desk.store.prompts.standing(Scope(who.guild_id), [source])
        if not any(self._may_see(who, one, sees) for one in standing):
            raise NotFound(say("That picture is not here any more. Look for another with /inspire."))
        return await self._adapted(who, source, meant)

    async def tidy(self) -> None:
        """What was deleted leaves the memory as well; called every second, done every ten."""
        now = self.desk.clock()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        for guild_id, indexed in list(self._indexed.items()):
            old = now - indexed.asked_at >= IDLE_S
            if old or await self.desk.store.prompts.marks(Scope(guild_id)) != indexed.marks:
                self._drop(guild_id)

    # -- the server's own

    async def _paintings(self, who: Who, words: str, sees: frozenset[int]) -> list[Standing]:
        """What fits best first; with no words the newest."""
        scope = Scope(who.guild_id)
        indexed = await self._index(scope)
        found = indexed.index.find(words, LOOKED_AT) if words else indexed.newest[:LOOKED_AT]
        standing = await self.desk.store.prompts.standing(scope, found)
        return [one for one in standing if self._may_see(who, one, sees)]

    def _may_see(self, who: Who, standing: Standing, sees: frozenset[int]) -> bool:
        return standing.member_id == who.member_id or bool(standing.channel_ids & sees)

    async def _index(self, scope: Scope) -> Indexed:
        async with self._making:
            marks = await self.desk.store.prompts.marks(scope)
            known = self._indexed.get(scope.guild_id)
            if known is None or known.marks != marks:
                self._drop(scope.guild_id)
                found = await self.desk.store.prompts.newest(scope, INDEXED)
                pairs = [(one.job_id, one.prompt) for one in found]
                known = Indexed(marks, await asyncio.to_thread(WordIndex, pairs), tuple(id for id, _ in pairs), 0)
                self._indexed[scope.guild_id] = known
            known.asked_at = self.desk.clock()
            return known

    def _drop(self, guild_id: int) -> None:
        known = self._indexed.pop(guild_id, None)
        if known is not None:
            known.index.close()

    async def _small(self, who: Who, standing: Standing) -> bytes | None:
        """None where it went this very moment."""
        scope, store = Scope(who.guild_id), self.desk.store
        for picture in (await store.pictures.of_job(scope, standing.job_id))[:1]:
            if await shown_picture(self.desk, scope, picture.id) is None:
                return None
            try:
                data = await store.blobs.get(scope, picture.key_id, picture.sha256)
            except (KeyForgotten, BlobMissing):
                return None
            return await asyncio.to_thread(sheets.thumbnail, data, TILE)
        return None

    async def _sheet(self, pictures: Sequence[bytes]) -> Image | None:
        if not pictures:
            return None
        data = await asyncio.to_thread(sheets.shelf, pictures, range(1, len(pictures) + 1))
        return Image("ideas.webp", data, say("Pictures 1 to {last} of this server, numbered", last=len(pictures)))

    # -- about whom

    async def _meant(self, who: Who, lora: Lora) -> Meant:
        scope, store = Scope(who.guild_id), self.desk.store
        run = await store.runs.get(scope, lora.run_id)
        subject = await store.subjects.get(scope, await store.loras.subject_of(scope, lora.id))
        return Meant(lora, run.class_word, promptbook.SECTIONS[subject.kind])

    async def _adapted(self, who: Who, job_id: str, meant: Meant | None) -> str:
        """The prompt of a painting, about `meant`; without one about whoever it shows, where that one is open to `who`."""
        scope, store = Scope(who.guild_id), self.desk.store
        spec = commission_of(await store.jobs.get(scope, job_id))
        prompt, usable = spec.work.prompt, {lora.id for lora in await self.library.usable(who)}
        placed = False
        for used in spec.loras:
            if meant is None and used.lora_id in usable:
                continue
            lora = await store.loras.get(scope, used.lora_id)
            run = await store.runs.get(scope, lora.run_id)
            # Of several that were in the picture, the one that is meant takes the first one's place.
            instead = meant.words if meant is not None and not placed else f"a {run.class_word}"
            prompt, placed = _in_place_of(prompt, lora.trigger, run.class_word, instead), True
        if meant is None or has_word(prompt, meant.lora.trigger):
            return prompt
        return with_trigger(prompt, meant.lora.trigger, meant.class_word)

    # -- the book

    def _book(self, who: Who, words: str, meant: Meant | None) -> list[promptbook.Entry]:
        """Of the kind that is meant; with no words in an order of this member's, another one every day."""
        entries = [entry for entry in promptbook.entries() if meant is None or entry.section == meant.section]
        if not words:
            Random(f"{who.member_id} {self.desk.clock() // DAY}").shuffle(entries)
            return entries[:LOOKED_AT]
        order = {id: place for place, id in enumerate(promptbook.index().find(words, LOOKED_AT))}
        return sorted((entry for entry in entries if entry.id in order), key=lambda entry: order[entry.id])


def _in_place_of(prompt: str, trigger: str, class_word: str, words: str) -> str:
    """`words` wherever the trigger stands, with its class word and its article."""
    noun = rf"(?:\s+{re.escape(class_word)})?" if class_word else ""
    named = re.compile(rf"(?:\b(?:an?|the)\s+)?(?<![\w-]){re.escape(trigger)}{noun}(?![\w-])", re.IGNORECASE)
    return named.sub(lambda _: words, prompt)
