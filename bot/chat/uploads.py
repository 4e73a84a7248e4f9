"""Photos from Discord's servers to memory: at once, since their links die; a few at a time; none too big."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import discord
import discord.http

from bot.chat import texts, upload_texts
from bot.chat.forms import Upload
from bot.errors import UserError
from bot.parcel import ZIP_MIB, BadParcel, is_zip, open_parcel
from bot.studio.requests import GivenPhoto, Who

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot

AT_ONCE = 4
PHOTO_LIMIT_MB = 25
FORM_LIMIT_MB = 500
"""All files of one form together: they are in memory until they are sealed."""
MB = 1024 * 1024
HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
HELD_S = 15 * 60
"""A form that is sent later than this has to do without the photos attached to its command."""
DRAFTS = 64

Fetch = Callable[[str], Awaitable[bytes]]
"""URL -> bytes; raises discord.HTTPException."""


@dataclass(frozen=True)
class Fetched:
    photos: tuple[GivenPhoto, ...] = field(repr=False)
    problems: tuple[str, ...] = field(repr=False)
    """Sentence parts, one per file that could not be had."""
    notes: tuple[str, ...] = field(default=(), repr=False)
    """Sentences: what stayed in a ZIP."""
    uploads: int = 0
    """Files that were sent; a ZIP is one."""


async def fetch_all(uploads: Sequence[Upload], fetch: Fetch) -> Fetched:
    """In the order given, ZIPs unpacked. One that fails takes nothing else down."""
    slots, unpacking = asyncio.Semaphore(AT_ONCE), asyncio.Lock()
    room = FORM_LIMIT_MB * MB

    async def one(upload: Upload) -> Fetched:
        nonlocal room
        limit = ZIP_MIB if is_zip(upload.name) else PHOTO_LIMIT_MB
        if upload.size > limit * MB:
            return _problem(texts.too_big(upload.name, limit))
        if not _is_discords(upload.url):
            return _problem(upload_texts.strange_place(upload.name))
        if upload.size > room:
            return _problem(upload_texts.too_much(upload.name))
        room -= upload.size
        async with slots:
            try:
                data = await fetch(upload.url)
            except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
                # Its link has died, or the connection broke off: either way this one alone is missing.
                return _problem(texts.gone(upload.name))
        if len(data) > limit * MB:
            return _problem(texts.too_big(upload.name, limit))
        if not is_zip(upload.name, data):
            return Fetched((GivenPhoto(upload.name, data),), ())
        async with unpacking:
            return await _unpacked(upload.name, data)

    found = await asyncio.gather(*(one(upload) for upload in uploads))
    return Fetched(
        tuple(photo for one in found for photo in one.photos),
        tuple(problem for one in found for problem in one.problems),
        tuple(note for one in found for note in one.notes),
        len(uploads),
    )


async def begin_with(bot: LikenessBot, who: Who, uploads: Sequence[Upload], folder: str | None) -> Fetched:
    """What came with a command: files, and a folder of whoever runs the bot."""
    fetched = await fetch_all(uploads, bot.fetch)
    if folder is None:
        return fetched
    try:
        photos = await bot.studio.shelves.read(who, folder)
    except UserError as error:
        return replace(fetched, notes=(*fetched.notes, str(error)), uploads=fetched.uploads + 1)
    return replace(fetched, photos=(*fetched.photos, *photos), uploads=fetched.uploads + 1)


async def _unpacked(name: str, data: bytes) -> Fetched:
    try:
        parcel = await open_parcel(data)
    except BadParcel as error:
        return Fetched((), (), (upload_texts.bad_zip(name, error.why),))
    photos = tuple(GivenPhoto(photo.name, photo.data, photo.caption) for photo in parcel.photos)
    note = upload_texts.left_in_zip(name, parcel.left, parcel.others)
    return Fetched(photos, (), (note,) if note else ())


def _problem(words: str) -> Fetched:
    return Fetched((), (words,))


def _is_discords(url: str) -> bool:
    """Only what Discord keeps is fetched. `.invalid` is a name that leads nowhere, of a Discord within this process."""
    host = (urlsplit(url).hostname or "").lower()
    return host in HOSTS or host == urlsplit(discord.http.Route.BASE).hostname or host.endswith(".invalid")


class Held:
    """Photos attached to a command, until its form is sent. In memory only: without consent nothing is stored."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._drafts: dict[str, tuple[float, asyncio.Task[Fetched]]] = {}

    def hold(self, draft: str, task: asyncio.Task[Fetched]) -> None:
        self.purge()
        while len(self._drafts) >= DRAFTS:
            self._forget(next(iter(self._drafts)))
        self._drafts[draft] = (self._clock(), task)

    async def take(self, draft: str) -> Fetched:
        """Empty when there is nothing: after a restart, or too late."""
        held = self._drafts.pop(draft, None)
        return await held[1] if held is not None else Fetched((), ())

    def purge(self) -> None:
        for draft, (since, _) in list(self._drafts.items()):
            if self._clock() - since > HELD_S:
                self._forget(draft)

    def clear(self) -> None:
        for draft in list(self._drafts):
            self._forget(draft)

    def _forget(self, draft: str) -> None:
        self._drafts.pop(draft)[1].cancel()
