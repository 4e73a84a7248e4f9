"""An engine for one person at a terminal: one job at a time, and Ctrl-C parks it.

The first SIGINT or SIGTERM stops the engine kindly: the running step is finished, a checkpoint is saved and the job ends
as `Stopped`. A second one ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.errors import UserError
from engine.errors import EngineGone
from engine.protocol import Cancelled, Engine, Event, Failed, FailureKind, PaintJob, Parked, PrepareJob, TrainJob

T = TypeVar("T")
INTERRUPTED = 130
OURS = frozenset({FailureKind.INTERNAL, FailureKind.CRASHED})


class Stopped(Exception):
    """The job was parked because the person asked to stop."""


class JobFailed(UserError):
    """The engine could not do the job; the message is its sentence."""

    def __init__(self, event: Failed) -> None:
        super().__init__(event.sentence)
        self.detail = event.detail
        self.our_mistake = event.failure in OURS


class Workbench:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._events = engine.events()
        self._stop: asyncio.Task[None] | None = None

    async def work(
        self, job: PrepareJob | TrainJob | PaintJob, files: Mapping[str, Path | bytes]
    ) -> AsyncIterator[Event]:
        """Every event of the job up to its Done. Raises JobFailed or Stopped. `files`: sha256 -> bytes or where they lie."""

        async def fetch(sha256: str) -> bytes:
            found = files[sha256]
            return found if isinstance(found, bytes) else await asyncio.to_thread(found.read_bytes)

        if self._stop is not None:
            raise Stopped
        await self._engine.submit(job, fetch)
        async for event in self._events:
            if event.job_id != job.job_id:
                continue
            if isinstance(event, Failed):
                raise JobFailed(event)
            if isinstance(event, Parked | Cancelled):
                raise Stopped
            yield event
            if event.kind == "done":
                return
        if self._stop is not None:
            raise Stopped
        raise EngineGone("The engine ended before the work was done. Run the same command again; --debug shows more.")

    async def device(self) -> str:
        """Where the engine works, "" before it said hello."""
        workers = await self._engine.workers()
        return workers[0].device if workers else ""

    def interrupt(self) -> None:
        if self._stop is not None:
            os._exit(INTERRUPTED)
        self._stop = asyncio.get_running_loop().create_task(self._engine.stop())

    async def close(self) -> None:
        await (self._stop or self._engine.stop())


def local_engine(scratch: Path, device: str) -> Engine:
    """The engine as a child process; what its libraries print goes to engine.log in `scratch`."""
    from engine.local import LocalEngine

    return LocalEngine(scratch, device=device, log=scratch / "engine.log")


def at_bench(scratch: Path, device: str, work: Callable[[Workbench], Awaitable[T]]) -> T:
    """What the work came to, with an engine of its own for as long as it takes. Raises what the work raises."""

    async def whole() -> T:
        async with open_bench(local_engine(scratch, device)) as bench:
            return await work(bench)

    return asyncio.run(whole())


@asynccontextmanager
async def open_bench(engine: Engine) -> AsyncGenerator[Workbench]:
    """The engine started, its signals taken; stopped in every case."""
    loop = asyncio.get_running_loop()
    await engine.start()
    bench = Workbench(engine)
    taken = (signal.SIGINT, signal.SIGTERM)
    for number in taken:
        loop.add_signal_handler(number, bench.interrupt)
    try:
        yield bench
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
        await bench.close()
