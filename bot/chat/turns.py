"""Several presses on one message: the last one draws it, and what it draws is how things stand after all of them.

A turn is taken when the press has had its effect. Drawing goes one after the other, and whoever finds that somebody came
later leaves it to them: so a button pressed ten times is drawn once or twice, and never by what was true before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class _Message:
    last: int = 0
    waiting: int = 0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """By message id; nothing is remembered of a message that nobody draws."""

    def __init__(self) -> None:
        self._messages: dict[int, _Message] = {}

    @asynccontextmanager
    async def take(self, message_id: int) -> AsyncGenerator[bool]:
        """True for the one who has to draw; nobody else draws meanwhile."""
        message = self._messages.setdefault(message_id, _Message())
        message.last += 1
        message.waiting += 1
        mine = message.last
        try:
            async with message.drawing:
                yield mine == message.last
        finally:
            message.waiting -= 1
            if not message.waiting:
                self._messages.pop(message_id, None)


class Underway:
    """What members asked for and is not answered yet: a kind stop lets it be done."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def one(self) -> Generator[None]:
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    @property
    def busy(self) -> bool:
        return self._count > 0

    async def done(self, within_s: float) -> None:
        """Returns when nothing is under way any more, or after that many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
