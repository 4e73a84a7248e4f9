"""The engine as one child process on this machine.

    start ──▶ spawn ──▶ hello ──▶ jobs, events ──▶ stop: park, exit 0
                ▲                     │
                └── back-off ◀── died, hung (SIGTERM, SIGKILL)

A death costs the steps since the last checkpoint: the jobs that had begun are told as `Interrupted` and sent again as the next
attempt, the waiting ones are sent again as they were, and the bytes are asked for again. The job whose step was being made is to
blame; at three deaths it is set aside. Linux and macOS; on Windows there is no way yet to hand the socket to the child.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import TypeAdapter

from engine.channel import BadFrame, Closed, receive_async, send_async
from engine.errors import EngineGone
from engine.ledger import CRASHED, MOST_CRASHES, AnyJob, Ledger, Ticket
from engine.protocol import (
    PROTOCOL,
    BlobSource,
    CancelMode,
    Event,
    EventBase,
    FailureKind,
    Parked,
    WorkerInfo,
)

HELLO_S = 60.0
"""A child that has not said hello by then is taken for dead."""
LOADING_PATIENCE = 5
"""Loading a base is one step; it may take this many times longer than another one."""
TERM_GRACE_S = 5.0
MOST_BACK_OFF_S = 30.0
BARREN_LIVES = 5
"""After so many lives in a row in which no job was begun, the waiting jobs are told that the engine does not run."""
NO_LIFE = 127
MOST_LOG_BYTES = 8 << 20
INHERITED = (
    "PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME", "VIRTUAL_ENV",
    "LIKENESS_YUNET", "LIKENESS_SFACE", "LIKENESS_CLIP", "LIKENESS_DINO",
)  # fmt: skip
INHERITED_FAMILIES = (
    "LC_",
    "HF_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "TORCH",
    "PYTORCH_",
    "ROCM_",
    "HIP_",
    "HSA_",
    "COVERAGE_",
)
NOT_RUNNING = "The engine does not start, so nothing can be painted or trained. The owner finds the reason in its log."


class LocalEngine:
    """`Engine` in a child process. `scratch` holds sealed checkpoints; `log` gets what libraries print (None: nobody).

    `joint_runs`: trainings of one base at a time; None: one on a CPU, four on an accelerator.
    """

    def __init__(
        self,
        scratch: Path,
        *,
        device: str = "auto",
        hang_timeout_s: float = 120.0,
        python: str = sys.executable,
        heartbeat_s: float = 1.0,
        log: Path | None = None,
        verbs: str = "engine.worker.verbs",
        joint_runs: int | None = None,
    ) -> None:
        self._scratch, self._device, self._python, self._log, self._verbs = scratch, device, python, log, verbs
        self._joint = () if joint_runs is None else ("--joint-runs", str(joint_runs))
        self._hang_timeout_s, self._heartbeat_s = hang_timeout_s, heartbeat_s
        self._ledger = Ledger()
        self._events: asyncio.Queue[EventBase | None] = asyncio.Queue()
        self._parse: TypeAdapter[EventBase] = TypeAdapter(Event)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._sending = asyncio.Lock()
        self._ending = asyncio.Lock()
        self._supervisor: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._greeted = False
        self._stopping = False
        self._hung = False
        self._barren = 0
        self._restarts = 0
        self._beat: dict[str, Any] = {}
        self._beat_at = self._progress_at = 0.0

    # -- the port ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Returns once the child has said hello. Raises EngineGone where it does not."""
        if sys.platform == "win32":
            raise EngineGone("The engine does not run on Windows yet. Use WSL.")
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._supervisor = asyncio.create_task(self._supervise(), name="engine supervisor")
        await self._ready.wait()
        if not self._greeted:
            await self.stop(drain_s=0)
            raise EngineGone(NOT_RUNNING)

    async def stop(self, *, drain_s: float = 20.0) -> None:
        """The child parks what it does and exits; after `drain_s` it is killed. Then the events end."""
        async with self._ending:
            if self._supervisor is not None:
                await self._stop(self._supervisor, drain_s)
                self._supervisor = None

    async def _stop(self, supervisor: asyncio.Task[None], drain_s: float) -> None:
        self._stopping = True
        process = self._process
        try:
            await self._send({"type": "stop"})
        except Closed:
            if process is not None:
                _signal(process, signal.SIGTERM)
        if process is not None:
            try:
                await asyncio.wait_for(process.wait(), drain_s)
            except TimeoutError:
                _signal(process, signal.SIGKILL)
                await process.wait()
            await supervisor
        else:
            supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await supervisor
        for event in self._ledger.park_all():
            self._events.put_nowait(event)
        self._events.put_nowait(None)

    async def submit(self, job: AnyJob, blobs: BlobSource) -> None:
        if self._supervisor is None or self._stopping:
            raise EngineGone("The engine is not running.")
        ticket = self._ledger.enter(job, blobs)
        if ticket is None:
            return
        if job.crashes >= MOST_CRASHES:
            self._events.put_nowait(self._ledger.refuse(ticket, FailureKind.CRASHED, CRASHED, job.crashes))
            return
        with suppress(Closed):  # it is sent again to the next child
            await self._send({"type": "submit", "job": ticket.job.model_dump(mode="json")})

    async def cancel(self, job_id: str, mode: CancelMode = CancelMode.NOW) -> None:
        ticket = self._ledger.ticket(job_id)
        if ticket is None:
            return
        ticket.cancel = mode
        with suppress(Closed):
            await self._send({"type": "cancel", "job_id": job_id, "mode": mode.value})

    async def events(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            yield cast(Event, event)

    async def workers(self) -> tuple[WorkerInfo, ...]:
        process = self._process
        return (
            WorkerInfo(
                worker_id="local",
                pid=process.pid if process else None,
                device=str(self._beat.get("device", "")),
                base=self._beat.get("base"),
                running=self._ledger.begun,
                restarts=self._restarts,
                away=self._writer is None,
            ),
        )

    # -- one life of the child after the other -------------------------------------------------------------------------

    async def _supervise(self) -> None:
        while True:
            self._barren += 1
            status = await self._live()
            if self._stopping:
                return
            self._restarts += 1
            for event in self._ledger.died(fault=self._hung or status != 0):
                self._events.put_nowait(event)
            if self._barren >= BARREN_LIVES:
                for ticket in self._ledger.live:
                    self._events.put_nowait(self._ledger.refuse(ticket, FailureKind.INTERNAL, NOT_RUNNING))
            self._ready.set()
            await asyncio.sleep(min(MOST_BACK_OFF_S, 0.1 * 2 ** min(self._barren, 10)) if self._barren > 1 else 0)

    async def _live(self) -> int:
        """Spawn a child and follow it to its end; its exit status, negative for a signal."""
        ours, theirs = socket.socketpair()
        self._hung = False
        with theirs, _open_log(self._log) as log, suppress(OSError):  # no memory, no such Python: no life
            self._process = await asyncio.create_subprocess_exec(
                self._python, "-m", "engine.worker", "--fd", str(theirs.fileno()), "--scratch", str(self._scratch.absolute()),
                "--device", self._device, "--heartbeat-s", str(self._heartbeat_s), "--verbs", self._verbs, *self._joint,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(), pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )  # fmt: skip
        process = self._process
        if process is None:
            ours.close()
            return NO_LIFE
        reader, writer = await asyncio.open_connection(sock=ours)
        self._beat, self._beat_at = {}, time.monotonic()
        self._progress_at = self._beat_at
        watch = asyncio.create_task(self._watch(process))
        try:
            await self._listen(reader, writer)
        except (Closed, BadFrame, ValueError, KeyError):
            pass  # it closed, or speaks of things that do not exist: either way this life is over
        finally:
            watch.cancel()
            self._writer = None
            for errand in list(self._errands):
                errand.cancel()
            writer.close()
            if process.returncode is None and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), TERM_GRACE_S)
            if process.returncode is None and not self._stopping:
                _signal(process, signal.SIGKILL)
            await process.wait()
            self._process = None
        return process.returncode or 0

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            frame = await receive_async(reader)
            header = frame.header
            match header.get("type"):
                case "hello":
                    if header.get("protocol") != PROTOCOL:
                        raise BadFrame("The child speaks another protocol.")
                    self._writer = writer
                    self._beat_at = self._progress_at = time.monotonic()
                    self._greeted = True
                    self._ready.set()
                    self._errand(self._send_all())
                case "beat":
                    self._heed(header)
                case "turn":
                    self._ledger.turn(header.get("job_id"))
                    self._barren = 0
                case "need":
                    self._errand(self._give(str(header.get("job_id")), str(header.get("sha256"))))
                case "event":
                    blobs = dict(zip(header["names"], frame.parts, strict=True))
                    self._hear(self._parse.validate_python({**header["event"], "blobs": blobs}))
                case _:
                    raise BadFrame("The child said something unknown.")

    def _hear(self, event: EventBase) -> None:
        if isinstance(event, Parked) and not self._stopping:
            return  # somebody else told the child to go: the job is sent to the next one
        if self._ledger.heard(event):
            self._events.put_nowait(event)

    def _heed(self, beat: dict[str, Any]) -> None:
        self._beat_at = time.monotonic()
        if beat.get("count") != self._beat.get("count") or not beat.get("busy"):
            self._progress_at = self._beat_at
        self._beat = beat

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """End a child that does not beat, or whose work does not go on."""
        while True:
            await asyncio.sleep(min(self._heartbeat_s, self._hang_timeout_s / 4))
            if self._writer is None:
                late = time.monotonic() - self._beat_at > HELLO_S
            else:
                limit = max(self._hang_timeout_s, 20 * float(self._beat.get("step_s", 0.0)))
                patience = LOADING_PATIENCE if self._beat.get("loading") else 1
                now = time.monotonic()
                late = now - self._beat_at > limit or now - self._progress_at > limit * patience
            if late:
                self._hung = True
                # Only SIGKILL surely ends a hung step; SIGTERM first lets a merely slow one write its checkpoint.
                _signal(process, signal.SIGTERM)
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), TERM_GRACE_S)
                _signal(process, signal.SIGKILL)
                return

    # -- talking to the child ------------------------------------------------------------------------------------------

    async def _send(self, header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> None:
        """Raises Closed where there is no child to hear it."""
        async with self._sending:
            if self._writer is None:
                raise Closed("There is no child.")
            await send_async(self._writer, header, parts)

    async def _send_all(self) -> None:
        with suppress(Closed):
            for ticket in self._ledger.live:
                await self._send({"type": "submit", "job": ticket.job.model_dump(mode="json")})
                if ticket.cancel is not None:
                    await self._send({"type": "cancel", "job_id": ticket.job.job_id, "mode": ticket.cancel.value})

    async def _give(self, job_id: str, sha256: str) -> None:
        """Answer the child's need with the bytes, or with none where they are not to be had."""
        ticket = self._ledger.ticket(job_id)
        parts: tuple[bytes, ...] = ()
        if ticket is not None:
            parts = await _fetch(ticket, sha256)
        with suppress(Closed):
            await self._send({"type": "blob", "sha256": sha256}, parts)

    def _errand(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


async def _fetch(ticket: Ticket, sha256: str) -> tuple[bytes, ...]:
    try:
        return (await ticket.blobs(sha256),)
    except Exception:  # noqa: BLE001  whoever keeps the bytes has errors of their own; here it only matters that there are none
        return ()


def _environment() -> dict[str, str]:
    """What the child may know: no token and no key of the bot's, and no way to the network's model hub."""
    kept = {
        name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_FAMILIES)
    }
    kept = {name: value for name, value in kept.items() if "TOKEN" not in name}
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    kept.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    return {
        **kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip


def _open_log(path: Path | None) -> BinaryIO:
    if path is None:
        return Path(os.devnull).open("ab")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MOST_LOG_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return path.open("ab")


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)
