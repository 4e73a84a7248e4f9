"""The bot's process, and what it is started with: one life after another on the same folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.script import Script
from tests.wire.discord_server import PATIENCE_S, Wire

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests" / "engine"
"""Where the verbs of the engine's child lie: they play a script."""
TOKEN = "a.b.c"


@asynccontextmanager
async def running(port: int, folder: Path, *more: str, token: str = TOKEN) -> AsyncIterator[asyncio.subprocess.Process]:
    """One life, its last words on a pipe."""
    process = await _spawn(port, folder, *more, token=token, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process, within_s: float) -> tuple[int | None, str]:
    _, said = await asyncio.wait_for(process.communicate(), within_s)
    return process.returncode, said.decode()


@dataclass
class Bot:
    """`async with Bot(wire, folder):` the first life has begun inside, the last one ends kindly."""

    wire: Wire
    folder: Path
    script: Script = field(default_factory=Script)
    engine: str = "--child"
    """As tests/wire/launch.py has it; "": scripted, in the bot's own process."""
    lives: int = 0
    _process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Bot:
        self.scratch.mkdir(parents=True)
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    async def start(self) -> None:
        self.lives += 1
        (self.scratch / "script.json").write_text(self.script.model_dump_json())
        with self.log.open("ab") as log:
            options = (self.engine,) if self.engine else ()
            self._process = await _spawn(self.wire.port, self.folder, *options, stderr=log)
        ready = asyncio.create_task(self.wire.ready.wait())
        over = asyncio.create_task(self._process.wait())
        await asyncio.wait({ready, over}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        over.cancel()
        assert ready.done() and not ready.cancelled(), f"it did not come up:\n{self.log.read_text()}"

    async def kill(self) -> None:
        """SIGKILL: no last word, nothing saved, nobody told. Its engine ends by itself."""
        assert self._process is not None
        children = children_of(self._process.pid)
        self._process.kill()
        await self._process.wait()
        self.wire.gateway.forget()
        for child in children:
            await gone(child)

    async def stop(self) -> None:
        """SIGTERM, and a good end."""
        assert self._process is not None
        self._process.terminate()
        code = await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        assert code == 0, self.log.read_text()

    def release(self, kind: str) -> None:
        """Held jobs of this kind go on."""
        (self.scratch / f"release-{kind}").touch()


async def _spawn(port: int, folder: Path, *more: str, token: str = TOKEN, stderr: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.wire.launch",
        str(port),
        str(folder),
        *more,
        cwd=ROOT,
        env={**os.environ, "TOKEN": token, "PYTHONPATH": str(TOY)},
        stderr=stderr,  # type: ignore[arg-type]
    )


def children_of(pid: int) -> list[int]:
    """Linux tells; elsewhere nothing is known of them."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


async def gone(pid: int) -> None:
    """Returns once that process has ended. Raises TimeoutError where it goes on."""
    with contextlib.suppress(ProcessLookupError):
        handle, ended = os.pidfd_open(pid), asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(handle, ended.set)
        try:
            await asyncio.wait_for(ended.wait(), PATIENCE_S)
        finally:
            loop.remove_reader(handle)
            os.close(handle)
