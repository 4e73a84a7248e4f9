"""An engine without torch, for tests: same promises as `LocalEngine`, real bytes, milliseconds.

It runs the worker's own desk inside the caller's event loop, with verbs that follow a `Script`: which photos are refused, at
which step of which kind of job the engine dies, hangs, waits or fails. What it makes is small but of the right kind: JPEG
photos, PNG pictures with their `parameters` text, LoRAs in the safetensors layout with kohya's names. The same job gives the
same bytes, also when it was interrupted.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import cast

from engine.errors import BadInput, EngineGone
from engine.ledger import CRASHED, MOST_CRASHES, AnyJob, Ledger
from engine.protocol import BlobSource, CancelMode, Event, EventBase, FailureKind, WorkerInfo
from engine.script import Died, Play, Script
from engine.worker.desk import Desk

MISSING = "A file this job needs is not stored any more. Start it again with photos that are."


class _Blobs(dict[str, bytes]):
    def __missing__(self, key: str) -> bytes:
        raise BadInput(MISSING)


class FakeEngine:
    """`Engine` by script. `scratch` keeps checkpoints from one instance to the next; without it they die with this one."""

    def __init__(self, script: Script | None = None, scratch: Path | None = None) -> None:
        self._script = script or Script()
        self._scratch = scratch
        self._own_scratch: tempfile.TemporaryDirectory[str] | None = None
        self._ledger = Ledger()
        self._events: asyncio.Queue[EventBase | None] = asyncio.Queue()
        self._inbox: list[AnyJob] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._desk: Desk | None = None
        self._play: Play | None = None
        self._released: set[str] = set()
        self._crash = False
        self._stopping = False
        self._away = False
        self.submitted: list[AnyJob] = []
        """Every job that `submit` was called with, in order."""
        self.restarts = 0

    # -- the port ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        if self._scratch is None:
            self._own_scratch = tempfile.TemporaryDirectory(prefix="likeness-fake-")
        self._task = asyncio.create_task(self._run(), name="fake engine")

    async def stop(self, *, drain_s: float = 20.0) -> None:
        if self._task is None or self._stopping:
            return
        self._stopping = True
        self._wake.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._task, drain_s)
        for event in self._ledger.park_all():
            self._events.put_nowait(event)
        self._close()

    async def submit(self, job: AnyJob, blobs: BlobSource) -> None:
        if self._task is None:
            raise EngineGone("The engine is not running.")
        self.submitted.append(job)
        ticket = self._ledger.enter(job, blobs)
        if ticket is None:
            return
        if job.crashes >= MOST_CRASHES:
            self._events.put_nowait(self._ledger.refuse(ticket, FailureKind.CRASHED, CRASHED, job.crashes))
            return
        self._inbox.append(job)
        self._idle.clear()
        self._wake.set()

    async def cancel(self, job_id: str, mode: CancelMode = CancelMode.NOW) -> None:
        ticket = self._ledger.ticket(job_id)
        if ticket is None:
            return
        ticket.cancel = mode
        if self._desk is not None:
            self._desk.cancel(job_id, mode)
        self._wake.set()

    async def events(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            yield cast(Event, event)

    async def workers(self) -> tuple[WorkerInfo, ...]:
        desk = self._desk
        return (
            WorkerInfo(
                worker_id="fake",
                pid=None,
                device="cpu" if desk else "",
                base=desk.base if desk else None,
                running=self._ledger.begun,
                restarts=self.restarts,
                away=self._away,
            ),
        )

    # -- for tests -----------------------------------------------------------------------------------------------------

    def release(self, kind: str) -> None:
        """Let jobs of `kind` ("prepare", "train", "paint") go on past the step at which the script holds them."""
        self._released.add(kind)
        self._wake.set()

    def hold(self, kind: str) -> None:
        """Hold them again, also jobs to come."""
        self._released.discard(kind)

    def crash(self) -> None:
        """The process dies now, under whatever it is doing."""
        self._crash = True
        self._wake.set()

    def leave(self) -> None:
        """The process dies now, and does not come up until `come_back`."""
        self._away = True
        self.crash()

    def come_back(self) -> None:
        self._away = False
        self._wake.set()

    async def idle(self) -> None:
        """Returns once nothing is left to do, or only what is held."""
        await asyncio.sleep(0)
        await self._idle.wait()

    async def kill(self) -> None:
        """Everything stops without a word, as when the bot's machine loses power."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._close()

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._new_desk()
        parked = False
        while True:
            while self._away and not self._crash and not self._stopping:
                self._idle.set()
                await self._wake.wait()
                self._wake.clear()
            await self._take_all()
            desk, play = self._desk, self._play
            assert desk is not None and play is not None
            if self._stopping and not parked:
                desk.park()
                parked = True
            play.waiting = False
            try:
                if self._crash:
                    self._crash = False
                    raise Died
                worked = desk.step()
            except Died:
                self._restart()
                parked = False
                continue
            if not worked and parked:
                return
            if worked and not play.waiting:
                await asyncio.sleep(0)
                continue
            if not self._wake.is_set():
                self._idle.set()
                await self._wake.wait()
            self._wake.clear()

    async def _take_all(self) -> None:
        while self._inbox and self._desk is not None:
            job = self._inbox.pop(0)
            ticket = self._ledger.ticket(job.job_id)
            if ticket is None or ticket.job.attempt != job.attempt:
                continue
            blobs = _Blobs()
            for sha256 in job.blobs():
                with suppress(Exception):  # a lost file is the job's failure, told when the job opens it
                    blobs[sha256] = await ticket.blobs(sha256)
            self._desk.take(ticket.job, blobs)
            if ticket.cancel is not None:
                self._desk.cancel(job.job_id, ticket.cancel)

    def _new_desk(self) -> None:
        scratch = self._scratch or Path(self._own_scratch.name if self._own_scratch else ".")
        scratch.mkdir(parents=True, exist_ok=True)
        self._play = Play(self._script, scratch, held=lambda kind: kind not in self._released)
        self._desk = Desk(self._play.verbs(), scratch, self._heard, turn=self._ledger.turn)

    def _restart(self) -> None:
        self.restarts += 1
        for event in self._ledger.died():
            self._events.put_nowait(event)
        self._inbox = [ticket.job for ticket in self._ledger.live]
        self._new_desk()

    def _heard(self, event: EventBase) -> None:
        if self._ledger.heard(event):
            self._events.put_nowait(event)

    def _close(self) -> None:
        self._task = None
        self._desk = None
        self._events.put_nowait(None)
        self._idle.set()
        if self._own_scratch is not None:
            self._own_scratch.cleanup()
            self._own_scratch = None
