"""The stage: an in-process Discord with one server, its members, and the bot; acting and waiting on it.

Members act as people do: they run a command, press what they see, fill in a form, react. Nothing here reaches into the
bot. Time in that Discord is moved along with real time, since its clock stands still by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, TypeVar

import discord
import simcord
from simcord import interactions
from simcord.results import InteractionResult, ResponseMessage

from bot.demo.transcript import Act, Component, Said, Transcript, walk

TICK_S = 0.5
SETTLE_S = 120.0
"""How long one thing the bot does may take on a slow machine: many times what it needs."""
Found = TypeVar("Found")

Uploads = list[tuple[str, bytes]]


class StageError(RuntimeError):
    """Something that the story waits for did not come, or was not there to press."""


class PatientEnv(simcord.Env):
    """Waits for the bot as long as a busy machine needs; the library gives a start five seconds."""

    async def _settle_internal(self, *, timeout: float | None = None, **more: Any) -> None:  # noqa: ASYNC109
        await super()._settle_internal(timeout=SETTLE_S, **more)


@contextmanager
def members_speaking(locale: str) -> Generator[None]:
    """Every interaction inside comes from a client in `locale`; the library's members speak English otherwise."""
    begin = interactions.base_payload

    def spoken(*args: Any, **more: Any) -> Any:
        record, payload = begin(*args, **more)
        payload["locale"] = locale
        if "guild_locale" in payload:
            payload["guild_locale"] = locale
        return record, payload

    interactions.base_payload = spoken
    try:
        yield
    finally:
        interactions.base_payload = begin


@asynccontextmanager
async def imitated_discord(bot: discord.Client, begins: datetime | None = None) -> AsyncGenerator[simcord.Env]:
    """A Discord inside this process, with `bot` logged in. What the bot raised and nobody caught is raised at the end.

    Its clock stands still by itself; `begins`: where.
    """
    env = PatientEnv(bot, settle_timeout=SETTLE_S)
    if begins is not None:
        env.backend.clock._epoch = begins  # pyright: ignore[reportPrivateUsage]
    await env.start()
    try:
        yield env
        env.raise_errors()
    finally:
        await env.shutdown()


class Stage:
    """`async with imitated_discord(bot) as env: stage = Stage(env, ...)`."""

    def __init__(self, env: simcord.Env, members: tuple[str, ...], on_line: Callable[[Act | Said], None]) -> None:
        self.env = env
        guild = env.create_guild("The birthday plot")
        self.channel = guild.create_text_channel("birthday-plot")
        self.members = {name: guild.add_member(env.create_user(name)) for name in members}
        self.started = time.monotonic()
        self.transcript = Transcript(env.backend, lambda: time.monotonic() - self.started, on_line)

    # -- what stands in the channels

    def messages(self) -> Iterator[Any]:
        """Newest first."""
        found = [m for channel in self.env.backend.messages.values() for m in channel.values()]
        yield from sorted(found, key=lambda m: m.id, reverse=True)

    def pressable(self, verb: str) -> tuple[Any, Component] | None:
        """The newest message with something enabled whose custom id has this verb."""
        for message in self.messages():
            for part in walk(message.components):
                if _verb(part) == verb and not part.get("disabled"):
                    return message, part
        return None

    def bytes_of(self, message: Any) -> list[tuple[str, bytes]]:
        """File name and content of every file of a message."""
        files = [(a["filename"], self.env.backend.cdn.get(a["url"])) for a in message.attachments]
        return [(name, data) for name, data in files if data is not None]

    # -- waiting

    async def pass_time(self, seconds: float) -> None:
        """Let real time pass and the clock of that Discord with it, so that the bot's rounds are made."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            step = min(TICK_S, left)
            await asyncio.sleep(step)
            await self.env.advance_time(step)
            self.transcript.collect()

    async def until(self, look: Callable[[], Found | None], what: str, seconds: float) -> Found:
        """Wait until `look` finds something. StageError when it does not within `seconds`."""
        end = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > end:
                raise StageError(f"waited {seconds:.0f} s for {what}, and it did not come")
            await self.pass_time(TICK_S)
        return found

    async def until_pressable(self, verb: str, what: str, seconds: float) -> None:
        await self.until(lambda: self.pressable(verb), what, seconds)

    # -- acting

    async def command(self, who: str, name: str, /, **options: Any) -> InteractionResult:
        words = " ".join(f"{key}:{value}" for key, value in options.items() if isinstance(value, str | int | float))
        files = sum(isinstance(value, tuple) for value in options.values())
        attached = f" with {files} photos" if files else ""
        self.transcript.act(who, f"used **/{name}** {words}{attached}".rstrip(), self.channel.id)
        result = await self.members[who].slash(self.channel, name, **options)
        self.transcript.collect()
        return result

    async def press(self, who: str, verb: str, argument: str | None = None) -> InteractionResult:
        """Press the newest button of this verb (and argument, where several differ only in that)."""
        message, part = self._target(verb, argument)
        self.transcript.act(who, f"pressed **{part['label']}**", message.channel_id)
        result = await self.members[who].click(ResponseMessage(self.env, message), custom_id=part["custom_id"])
        self.transcript.collect()
        return result

    async def pick(self, who: str, verb: str, value: str) -> InteractionResult:
        message, part = self._target(verb)
        option = next(o for o in part["options"] if o["value"] == value)
        self.transcript.act(who, f"chose **{option['label']}**", message.channel_id)
        target = ResponseMessage(self.env, message)
        result = await self.members[who].select(target, [value], custom_id=part["custom_id"])
        self.transcript.collect()
        return result

    async def fill(self, who: str, shown: InteractionResult, told: str, /, **values: Any) -> InteractionResult:
        if shown.modal is None:
            raise StageError(f"no form was opened for {who}")
        self.transcript.act(who, told, self.channel.id)
        result = await self.members[who].submit_modal(shown, {k.replace("__", "."): v for k, v in values.items()})
        self.transcript.collect()
        return result

    async def react(self, who: str, message: Any, emoji: str) -> None:
        self.transcript.act(who, f"reacted {emoji}", message.channel_id)
        await self.members[who].react(self._real(message), emoji)
        self.transcript.collect()

    async def unreact(self, who: str, message: Any, emoji: str) -> None:
        self.transcript.act(who, f"took {emoji} back", message.channel_id)
        await self.members[who].unreact(self._real(message), emoji)
        self.transcript.collect()

    def _real(self, message: Any) -> discord.Message:
        return ResponseMessage(self.env, message).message

    def _target(self, verb: str, argument: str | None = None) -> tuple[Any, Component]:
        for message in self.messages():
            for part in walk(message.components):
                fits = argument is None or str(part.get("custom_id", "")).endswith(f":{argument}")
                if _verb(part) == verb and fits and not part.get("disabled"):
                    return message, part
        raise StageError(f"there is nothing to press for {verb}")


def _verb(part: Component) -> str:
    pieces = str(part.get("custom_id") or "").split(":")
    return pieces[1] if len(pieces) > 1 else ""
