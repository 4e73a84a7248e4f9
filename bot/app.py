"""The whole house put together: store, engine, studio and bot, started in this order and stopped in the other.

run_bot       what `likeness run` does: until SIGTERM, or until Discord does not want us
open_app      the same without a connection: the demo and the tests bring their own Discord
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from bot.bases import in_use, records
from bot.config import Settings
from bot.errors import UserError
from bot.post import MemoryFile, StorePost
from bot.studio.recipes import PresetChange
from bot.studio.settings import Counter, Retention, StudioSettings
from bot.studio.studio import Studio
from bot.waste import collect_daily
from engine.captioning import Captioner, CaptionerRef
from engine.protocol import Engine
from storage.store import Store
from storage.vault import Vault

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.chat.bot import LikenessBot

log = logging.getLogger(__name__)

DATABASE = "likeness.db"
VAULT = "vault"
MEMORY = "discord.json"
INTERRUPTED = 130

BAD_TOKEN = (
    "Discord does not accept this bot token. Fix: copy it again from the Bot page of your application at "
    "https://discord.com/developers/applications (Reset Token makes a new one)."
)
NO_DISCORD = "Discord cannot be reached. Fix: check the network and https://discordstatus.com, then start again."


@dataclass
class App:
    """What is running. `bot` is made anew by `new_bot` where one process plays several lives."""

    store: Store
    engine: Engine
    studio: Studio
    post: StorePost
    memory: MemoryFile
    clock: Callable[[], float]
    bot: LikenessBot

    def new_bot(self) -> LikenessBot:
        self.bot = _bot(self.studio, self.post, self.memory, self.clock)
        return self.bot


def _bot(studio: Studio, post: StorePost, memory: MemoryFile, clock: Callable[[], float]) -> LikenessBot:
    # discord.py takes half a second to import: not before it is needed.
    from bot.chat.bot import LikenessBot

    return LikenessBot(studio, post, memory, clock=clock)


@asynccontextmanager
async def open_app(
    folder: Path,
    engine: Engine,
    settings: StudioSettings,
    *,
    vault: Vault | None = None,
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    random: Random | None = None,
) -> AsyncGenerator[App]:
    """Everything but the connection to Discord, with the studio already at work. `folder` holds all that is kept."""

    def seconds() -> int:
        return int(clock())

    vault = vault or await asyncio.to_thread(Vault.open, folder / VAULT)
    async with Store.open(folder / DATABASE, vault=vault, clock=seconds) as store:
        studio = Studio(store, engine, settings, seconds, new_id, random or SystemRandom())
        post, memory = StorePost(store), MemoryFile(folder / MEMORY)
        app = App(store, engine, studio, post, memory, clock, _bot(studio, post, memory, clock))
        waste = asyncio.create_task(collect_daily(store), name="waste")
        try:
            await studio.start()
            yield app
        finally:
            waste.cancel()
            await asyncio.gather(waste, return_exceptions=True)
            # First nothing new comes in and nothing goes out, then what runs is parked, then the database closes.
            await app.bot.close()
            await studio.stop()


async def run_bot(settings: Settings, token: SecretStr) -> None:
    """Run until the first SIGINT or SIGTERM, then stop kindly; a second one ends the process at once.

    Raises UserError when Discord does not know the token or cannot be reached at the start.
    """
    import aiohttp
    import discord

    from engine.local import LocalEngine

    _log_to_stderr(settings.log.level)
    folder, scratch = settings.storage.folder, settings.engine.scratch_folder
    await asyncio.to_thread(scratch.mkdir, mode=0o700, parents=True, exist_ok=True)
    engine = LocalEngine(
        scratch,
        device=settings.engine.device,
        hang_timeout_s=settings.engine.hang_timeout_s,
        joint_runs=settings.engine.joint_runs,
        log=scratch / "engine.log",
    )
    vault = await asyncio.to_thread(
        lambda: Vault.open(folder / VAULT, environ=os.environ, secret_file=settings.storage.master_key_file)
    )
    stopping = _on_signals()
    async with open_app(folder, engine, studio_settings(settings), vault=vault) as app:
        connection = asyncio.create_task(app.bot.start(token.get_secret_value()), name="discord")
        asked = asyncio.create_task(stopping.wait(), name="stop signal")
        try:
            await asyncio.wait({connection, asked}, return_when=asyncio.FIRST_COMPLETED)
            if connection.done():
                await connection
            else:
                log.info("stopping: the running step is finished and saved")
        except discord.LoginFailure:
            raise UserError(BAD_TOKEN) from None
        except (aiohttp.ClientError, discord.GatewayNotFound, discord.DiscordServerError):
            raise UserError(NO_DISCORD) from None
        finally:
            asked.cancel()
            await app.bot.close()
            connection.cancel()
            await asyncio.gather(connection, asked, return_exceptions=True)
    log.info("stopped")


def studio_settings(settings: Settings) -> StudioSettings:
    """What config.toml says, as the studio takes it."""
    training, presets, kept = settings.training, settings.training.presets, settings.retention
    changes = {
        name: PresetChange(exposures=given.exposures, epochs=given.epochs, rank=given.rank)
        for name, given in (("quick", presets.quick), ("balanced", presets.balanced), ("thorough", presets.thorough))
    }
    base = in_use(settings)
    licences = {record.ref.source: record.terms for record in records(settings).values()}
    return StudioSettings(
        base=base.ref,
        usual_steps=base.defaults.steps,
        usual_cfg=base.defaults.cfg,
        usual_sampler=base.sampler,
        usual_lora_guidance=base.lora_guidance,
        terms=tuple((source, terms) for source, terms in licences.items() if terms is not None),
        preset=training.preset,
        changes=tuple(changes.items()),
        min_photos=training.min_photos,
        max_photos=training.max_photos,
        trainings_per_member=training.queue_per_member,
        trainings_per_server=training.queue_per_server,
        paintings_per_member=settings.painting.queue_per_member,
        pictures=settings.painting.pictures,
        few_step=str(settings.painting.few_step_file) if settings.painting.few_step_file else None,
        attested=settings.people.attested,
        retention=Retention(kept.photos_days or None, kept.epochs_days or None, kept.pictures_days or None),
        counter=settings.export and Counter(settings.export.folder, settings.export.url, settings.export.hours),
        ballot_seconds=round(settings.ballot.hours * 3600),
        folders=tuple((folder.name, str(folder.path)) for folder in settings.folders),
        finder=settings.faces.finder,
        captioner=CaptionerRef(kind=Captioner(settings.captions.captioner), source=settings.captions.model),
        joint_runs=settings.engine.joint_runs,
    )


def _on_signals() -> asyncio.Event:
    """Set by the first signal; the second ends the process without a word."""
    asked = asyncio.Event()

    def heard() -> None:
        if asked.is_set():
            os._exit(INTERRUPTED)
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard)
    return asked


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    # The library's own debug lines quote whole payloads, prompts and file names among them.
    logging.getLogger("discord").setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
