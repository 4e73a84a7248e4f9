"""`likeness try`: the real bot in a browser, in a Discord that exists only in this process.

One server, one channel, four members, photos drawn and ready to be attached. Whoever opens the page chooses as whom they
act, types commands and presses what they see. The address carries a key of its own and answers on this machine only.
"""

from __future__ import annotations

import asyncio
import signal
import time
import webbrowser
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import simcord
import typer
from simcord.backend.errors import SetupError
from simcord.preview import Preview

from bot.app import App, open_app
from bot.demo.stage import SETTLE_S, PatientEnv, members_speaking
from bot.errors import UserError
from bot.language import say, speaking
from bot.studio.settings import StudioSettings
from engine.local import LocalEngine
from engine.miniature.photos import write_photos

ROUND_S = 0.5
"""How often that Discord's clock is moved on and the page is told what is new."""
SITTERS = {"ada": (7, 12), "ben": (21, 10)}
"""Folder of photos -> the seed of who is seen, how many. Among twelve there are a friend in the frame and broken ones."""
MEMBERS = ("Ada", "Ben", "Chloe", "Dev")
ADMIN = "Ada"
LOCALES = {"en": "en-US", "de": "de"}
NO_THREADS = discord.PermissionOverwrite(create_private_threads=False, create_public_threads=False)
"""The page shows one channel: everything has to happen there."""


@dataclass(frozen=True)
class Trial:
    """What is open: the page's address, and where the photos lie."""

    app: App
    env: simcord.Env
    preview: Preview
    photos: tuple[Path, ...]

    @property
    def url(self) -> str:
        return self.preview.url


@asynccontextmanager
async def open_trial(folder: Path, *, port: int = 0, language: str = "en") -> AsyncGenerator[Trial]:
    """Everything that is kept lies in `folder`. `port` 0: any that is free. UserError where it is taken."""
    photos = await asyncio.to_thread(_draw_photos, folder / "photos")
    world: list[simcord.Env] = []

    def now() -> float:
        return world[0].now().timestamp() if world else time.time()

    engine = LocalEngine(folder / "scratch", log=folder / "engine.log")
    async with open_app(folder, engine, StudioSettings(attested=True), clock=now) as app:
        env = PatientEnv(app.bot, settle_timeout=SETTLE_S)
        # That Discord begins in a past of its own: rows that are kept from one trial to the next need ours.
        env.backend.clock._epoch = datetime.now(UTC)  # pyright: ignore[reportPrivateUsage]
        world.append(env)
        with members_speaking(LOCALES[language]):
            await env.start()
            try:
                env.backend.edit_bot_profile("Likeness")
                async with await _page(env, port, LOCALES[language]) as preview:
                    yield Trial(app, env, preview, photos)
            except SetupError as error:
                if "could not bind" not in str(error):
                    raise
                raise UserError(f"Port {port} is taken. Name another one with --port, or leave it out.") from None
            finally:
                await env.shutdown()


async def _page(env: simcord.Env, port: int, locale: str) -> Preview:
    guild = env.create_guild("Try Likeness", preferred_locale=locale)
    bots = guild.create_role("Likeness")
    channel = guild.create_text_channel("studio", overwrites={bots: NO_THREADS, guild.default_role: NO_THREADS})
    admins = guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    members = [guild.add_member(env.create_user(name), roles=(admins,) if name == ADMIN else ()) for name in MEMBERS]
    with speaking(locale):
        await members[-1].send(channel, say("Hello! Try /train with the photos that were drawn for us, or /help."))
    return env.preview(channel, viewers=members, layout="channel", locale=locale, port=port)


def _draw_photos(folder: Path) -> tuple[Path, ...]:
    for name, (seed, count) in SITTERS.items():
        if not (folder / name).is_dir():
            write_photos(folder / name, seed, count)
    return tuple(folder / name for name in SITTERS)


async def keep_going(trial: Trial, stopping: asyncio.Event) -> None:
    """Let time pass in that Discord, and tell the page what is new, until `stopping` is set or the page ends the session."""
    turn = asyncio.Lock()
    _take_turns(trial.preview, turn)
    ended = asyncio.create_task(trial.preview.wait_closed(), name="page")
    stopped = asyncio.create_task(stopping.wait(), name="stop")
    seen, last = "", time.monotonic()
    try:
        while not (ended.done() or stopped.done()):
            await asyncio.wait({ended, stopped}, timeout=ROUND_S, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() or stopped.done():
                break
            async with turn:
                now = time.monotonic()
                await trial.env.advance_time(now - last)
                last = now
                # Only where something changed: what somebody is about to press belongs to what was told last.
                if (shown := _look(trial.env)) != seen:
                    seen = shown
                    await trial.preview.refresh()
    finally:
        ended.cancel()
        stopped.cancel()
        await asyncio.gather(ended, stopped, return_exceptions=True)


def _take_turns(preview: Preview, turn: asyncio.Lock) -> None:
    """What is pressed waits for the clock, and the clock for what is pressed: the library takes one of them at a time."""
    act: Callable[[Any, Any], Awaitable[dict[str, Any]]] = preview._action  # pyright: ignore[reportPrivateUsage]

    async def in_turn(context_id: Any, body: Any) -> dict[str, Any]:
        async with turn:
            return await act(context_id, body)

    preview._action = in_turn  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


def _look(env: simcord.Env) -> str:
    """What stands in the channels, in short."""
    return "|".join(
        f"{message.id}:{message.edited_timestamp}:{len(message.reactions)}"
        for channel in env.backend.messages.values()
        for message in channel.values()
    )


async def run_trial(
    folder: Path, *, port: int = 0, language: str = "en", browser: bool = True, tell: Callable[[str], None] = typer.echo
) -> None:
    """Until Ctrl-C, or until the session is ended on its page."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with open_trial(folder, port=port, language=language) as trial:
            tell(f"Likeness is at {trial.url}")
            tell("Choose who you are in the bar of the page, then type /train. Photos to attach:")
            for place in trial.photos:
                tell(f"  {place}")
            tell("Ctrl-C ends it.")
            if browser:
                await asyncio.to_thread(webbrowser.open, trial.url)
            await keep_going(trial, stopping)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    tell("Stopped.")
