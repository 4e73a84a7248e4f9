"""The bot's process as `likeness run` starts it, pointed at the loopback Discord, with a scripted engine.

python -m tests.wire.launch PORT FOLDER [--child | --stuck | --real]
    --child   the engine is a real child process whose verbs play FOLDER/scratch/script.json
    --stuck   the engine never finishes stopping
    --real    the real engine on the miniature, and the bot's own pace; "quick" is short, "thorough" is long
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import sys
from pathlib import Path
from typing import Any

import discord
import yarl
from pydantic import SecretStr

import bot.app
import bot.chat.presenter
import engine.local
from bot.app import run_bot
from bot.config import EngineSettings, PresetSettings, PresetsSettings, Settings, StorageSettings, TrainingSettings
from bot.errors import UserError
from engine.fake import FakeEngine

EPOCHS = 3
ROUND_S = 0.05
GUILDS_S = 0.05
"""How long it waits for one more server before it calls itself ready. Two seconds against the real Discord."""


class StuckEngine(FakeEngine):
    async def stop(self, *, drain_s: float = 20.0) -> None:
        await asyncio.Event().wait()


class Loaded(random.Random):
    """Dice that always fall alike: two lives that come to the same place by different ways draw the same."""

    def random(self) -> float:
        return 0.5

    def getrandbits(self, k: int, /) -> int:
        return 5


def main() -> int:
    port, folder = sys.argv[1], Path(sys.argv[2])
    presets = PresetsSettings(balanced=PresetSettings(epochs=EPOCHS))
    if "--real" in sys.argv:
        presets = PresetsSettings(
            quick=PresetSettings(exposures=48, epochs=2), thorough=PresetSettings(exposures=20_000, epochs=4)
        )
    else:
        _engine_of(*sys.argv[3:])
        _hurry()
        bot.app.SystemRandom = Loaded  # type: ignore[assignment, misc]
    discord.http.Route.BASE = f"http://127.0.0.1:{port}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/gateway/")
    settings = Settings(
        storage=StorageSettings(folder=folder / "data"),
        engine=EngineSettings(scratch_folder=folder / "scratch"),
        training=TrainingSettings(presets=presets),
    )
    try:
        asyncio.run(run_bot(settings, SecretStr(os.environ["TOKEN"])))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _engine_of(*options: str) -> None:
    if "--child" in options:
        child = functools.partial(engine.local.LocalEngine, verbs="toy_worker", heartbeat_s=0.05)
        engine.local.LocalEngine = child  # type: ignore[assignment, misc]
        return
    kind = StuckEngine if "--stuck" in options else FakeEngine

    def scripted(scratch: Path, **_: Any) -> FakeEngine:
        return kind(scratch=scratch)

    engine.local.LocalEngine = scripted  # type: ignore[assignment, misc]


def _hurry() -> None:
    """What it does once a second it does at once, and it does not wait for servers that do not come."""
    bot.chat.presenter.EDIT_EVERY_S = 0
    bot.chat.presenter.Presenter._round.change_interval(seconds=ROUND_S)
    begin = discord.state.ConnectionState.__init__

    def soon(self: Any, **options: Any) -> None:
        begin(self, guild_ready_timeout=GUILDS_S, **options)

    discord.state.ConnectionState.__init__ = soon  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
