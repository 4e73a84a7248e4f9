"""Photos from Discord's servers to memory: at once, since their links die; a few at a time; none too big."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import discord

from bot.chat import texts
from bot.chat.forms import Upload
from bot.studio.requests import GivenPhoto

AT_ONCE = 4
PHOTO_LIMIT_MB = 25
HELD_S = 15 * 60
"""A form that is sent later than this has to do without the photos attached to its command."""
DRAFTS = 64

Fetch = Callable[[str], Awaitable[bytes]]
"""URL -> bytes; raises discord.HTTPException."""


@dataclass(frozen=True)
class Fetched:
    photos: tuple[GivenPhoto, ...] = field(repr=False)
    problems: tuple[str, ...] = field(repr=False)
    """Sentence parts, one per photo that could not be had."""


async def fetch_all(uploads: Sequence[Upload], fetch: Fetch) -> Fetched:
    """In the order given. One that fails takes nothing else down."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(upload: Upload) -> GivenPhoto | str:
        if upload.size > PHOTO_LIMIT_MB * 1024 * 1024:
            return texts.too_big(upload.name, PHOTO_LIMIT_MB)
        async with slots:
            try:
                return GivenPhoto(upload.name, await fetch(upload.url))
            except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
                # Its link has died, or the connection broke off: either way this one alone is missing.
                return texts.gone(upload.name)

    results = await asyncio.gather(*(one(upload) for upload in uploads))
    return Fetched(
        tuple(r for r in results if isinstance(r, GivenPhoto)), tuple(r for r in results if isinstance(r, str))
    )


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
