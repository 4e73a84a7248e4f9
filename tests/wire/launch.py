"""The bot's process as `likeness run` starts it, pointed at the loopback Discord, with a scripted engine.

python -m tests.wire.launch PORT FOLDER [--stuck]      --stuck: the engine never finishes stopping
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import discord
import yarl
from pydantic import SecretStr

import engine.local
from bot.app import run_bot
from bot.config import EngineSettings, Settings, StorageSettings
from bot.errors import UserError
from engine.fake import FakeEngine


class StuckEngine(FakeEngine):
    async def stop(self, *, drain_s: float = 20.0) -> None:
        await asyncio.Event().wait()


def main() -> int:
    port, folder = sys.argv[1], Path(sys.argv[2])
    kind = StuckEngine if "--stuck" in sys.argv else FakeEngine

    def scripted(scratch: Path, **_: Any) -> FakeEngine:
        return kind(scratch=scratch)

    engine.local.LocalEngine = scripted  # type: ignore[assignment, misc]
    discord.http.Route.BASE = f"http://127.0.0.1:{port}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/gateway/")
    settings = Settings(
        storage=StorageSettings(folder=folder / "data"), engine=EngineSettings(scratch_folder=folder / "scratch")
    )
    try:
        asyncio.run(run_bot(settings, SecretStr(os.environ["TOKEN"])))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
