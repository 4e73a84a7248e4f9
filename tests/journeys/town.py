"""The real bot, studio and store with a scripted engine, in an in-process Discord: a process that can die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import discord
import simcord

from bot.app import App, open_app
from bot.chat.layout import shown_texts
from bot.demo.stage import SETTLE_S, PatientEnv
from bot.studio.settings import StudioSettings
from engine.fake import FakeEngine
from engine.script import Script
from storage.records import Scope
from storage.states import JobState
from tests.journeys.documented import as_invited, documented
from tests.studio.house import photo, short


@dataclass
class Town:
    folder: Path
    script: Script = field(default_factory=Script)
    settings: StudioSettings = field(default_factory=lambda: StudioSettings(recipe=short, min_side_px=64))
    numbers: count[int] = field(default_factory=lambda: count(1))
    dice: Random = field(default_factory=lambda: Random(7))
    """One for all lives: an evening in which the process died draws as one in which it did not."""
    locale: str = "en-US"
    """What the server is set to in Discord."""
    app: App = field(init=False)
    engine: FakeEngine = field(init=False)
    env: simcord.Env = field(init=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Town]:
        await self._begin()
        self.env = PatientEnv(self.app.bot, settle_timeout=SETTLE_S)
        self.guild = self.env.create_guild(preferred_locale=self.locale)
        self.people = as_invited(self.env, self.guild)
        self.channel = self.guild.create_text_channel("studio")
        self.alice, self.bob = (self.add_member(name) for name in ("alice", "bob"))
        with documented():
            await self.env.start()
            try:
                yield self
            finally:
                await self.env.shutdown()
                await self._stack.aclose()
        self.env._raise_errors_since(self.env._errors_acknowledged)

    def add_member(self, name: str) -> simcord.MemberActor:
        return self.guild.add_member(self.env.create_user(name), roles=[self.people])

    async def stop_and_start(self) -> None:
        """SIGTERM, and a new process."""
        await self._stack.aclose()
        await self._come_back()

    async def kill_and_start(self) -> None:
        """Power off under everything, and a new process."""
        dispatch = self.app.studio.dispatch
        for task in dispatch._tasks:
            task.cancel()
        await asyncio.gather(*dispatch._tasks, return_exceptions=True)
        dispatch._tasks = []
        await self.engine.kill()
        await self._stack.aclose()
        await self._come_back()

    async def _begin(self) -> None:
        self._stack = AsyncExitStack()
        self.engine = FakeEngine(self.script, scratch=self.folder / "scratch")
        self.app = await self._stack.enter_async_context(
            open_app(self.folder, self.engine, self.settings, clock=self.now, new_id=self._new_id, random=self.dice)
        )
        self._stored = asyncio.Condition()
        self._watch()

    async def _come_back(self) -> None:
        await self._begin()
        await self.env.restart_bot(self.app.bot)

    def now(self) -> float:
        """Discord's clock is everybody's."""
        return self.env.now().timestamp() if hasattr(self, "env") else 1_767_225_600.0

    def _new_id(self) -> str:
        return f"job{next(self.numbers)}"

    def _watch(self) -> None:
        take, send = self.app.studio.dispatch._take, self.app.studio.dispatch._send_next

        async def taken(event: Any) -> None:
            await take(event)
            await self._tell()

        async def sent() -> bool:
            more = await send()
            await self._tell()
            return more

        self.app.studio.dispatch._take = taken  # type: ignore[method-assign]
        self.app.studio.dispatch._send_next = sent  # type: ignore[method-assign]

    async def _tell(self) -> None:
        async with self._stored:
            self._stored.notify_all()

    # -- waiting, never sleeping

    async def until(self, wanted: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(30), self._stored:
            while not await wanted():
                await self._stored.wait()

    async def engine_done(self) -> None:
        """No job waits or runs; and the round after that has posted what came of it."""

        async def quiet() -> bool:
            live = await self.app.store.jobs.live(Scope(self.guild.id))
            return not [job for job in live if job.state is not JobState.PARKED]

        await self.until(quiet)
        await self.round()

    async def round(self, seconds: float = 1.0) -> None:
        await self.env.advance_time(seconds)

    # -- what stands there

    @property
    def room(self) -> simcord.ChannelHandle:
        return self.channel.threads[-1]

    def find(self, text: str) -> list[discord.Message]:
        """Everywhere, oldest first."""
        places = (self.channel, *self.channel.threads)
        return [m for place in places for m in place.history() if text in words(m)]

    def the(self, text: str) -> discord.Message:
        found = self.find(text)
        assert len(found) == 1, f"{text!r} stands there {len(found)} times"
        return found[0]

    def press(self, label: str, on: str, who: simcord.MemberActor | None = None) -> Awaitable[Any]:
        return (who or self.alice).click(self.the(on), label=label)

    # -- what people do

    async def train(
        self, photos: int = 8, first: int = 1, name: str = "Kat3r1na", kind: str = "me"
    ) -> simcord.InteractionResult:
        shown = await self.alice.slash(self.channel, "train", name=name)
        files = [(f"IMG_{n}.jpg", photo(n)) for n in range(first, first + photos)]
        filled = {"name": name, "kind": kind, "consent": True, "photos": files[:10]}
        if files[10:]:
            filled["more"] = files[10:]
        return await self.alice.submit_modal(shown, filled)


def words(message: Any) -> str:
    parts = message.message.components if isinstance(message, simcord.ResponseMessage) else message.components
    return "\n".join(part for part in (message.content, *shown_texts(parts)) if part)
