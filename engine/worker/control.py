"""The worker's control thread: answers the channel, beats, and passes on what the work thread says.

It never waits for the work thread and never touches torch, so that a heartbeat tells whether the *process* lives and the
counter in it tells whether the *work* goes on. When the channel ends the bot is gone: the work is parked and the process ends.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from engine.channel import BadFrame, Closed, Frame, receive, send
from engine.errors import BadInput, EngineGone
from engine.protocol import PROTOCOL, CancelMode, EventBase, Job
from engine.worker.desk import AnyJob, Desk, place

MISSING = "A file this job needs is not stored any more. Start it again with photos that are."
ORPHAN_S = 60.0
"""How long a worker without a bot may take to write its checkpoint."""
DEVICE_LOST, NO_DEVICE = 70, 71
"""Exit codes."""


class Remote(Mapping[str, bytes]):
    """The job's inputs, asked for over the channel one by one when they are needed, and not kept."""

    def __init__(self, names: tuple[str, ...], control: Control) -> None:
        self._names, self._control = names, control

    def __getitem__(self, sha256: str) -> bytes:
        if sha256 not in self._names:
            raise KeyError(sha256)
        return self._control.fetch(sha256)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Control:
    def __init__(self, peer: socket.socket, heartbeat_s: float) -> None:
        self._peer, self._heartbeat_s = peer, heartbeat_s
        self._outbox: queue.SimpleQueue[tuple[dict[str, Any], tuple[bytes, ...], threading.Event | None]] = (
            queue.SimpleQueue()
        )
        self._replies: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._alarm_read, self._alarm_write = os.pipe()
        os.set_blocking(self._alarm_read, False)
        os.set_blocking(self._alarm_write, False)
        self._jobs: TypeAdapter[AnyJob] = TypeAdapter(Job)
        self._closed = False
        self._terms = 0
        self._on_turn: str | None = None
        self._greeted = threading.Event()
        self.wake_work = threading.Event()
        self.finished = threading.Event()
        self.device = ""

    # -- called on the work thread -------------------------------------------------------------------------------------

    def emit(self, event: EventBase) -> None:
        names = tuple(event.blobs)
        header = {"type": "event", "event": event.model_dump(mode="json"), "names": names}
        self._post(header, tuple(event.blobs[name] for name in names))

    def turn(self, job_id: str | None) -> None:
        """Returns once it is written: should the next step kill the process, the bot knows whose step it was."""
        self._on_turn = job_id
        written = threading.Event()
        self._post({"type": "turn", "job_id": job_id}, (), written)
        written.wait()

    def fetch(self, sha256: str) -> bytes:
        """Raises BadInput where the bot has it no more, EngineGone where the bot itself is gone."""
        self._post({"type": "need", "sha256": sha256, "job_id": self._on_turn})
        while (reply := self._replies.get()) is not None:
            if reply.header.get("sha256") != sha256:
                continue
            if not reply.parts:
                raise BadInput(MISSING)
            return reply.parts[0]
        self._replies.put(None)
        raise EngineGone("The bot is gone.")

    def work(self, desk: Desk, where: Any, wanted: str) -> None:
        """The work thread, from beginning to end."""
        try:
            self._greeted.wait()
            self.device = where(wanted)
            desk.device = self.device.split()[0]
            while True:
                if desk.step():
                    continue
                if desk.parked:
                    break
                self.wake_work.wait()
                self.wake_work.clear()
        except BaseException as error:  # noqa: BLE001  whatever it is, the process cannot go on; the bot starts another
            print(f"The worker ends: {place(error)}", file=sys.stderr, flush=True)  # noqa: T201  stderr is the log
            os._exit(DEVICE_LOST if self.device else NO_DEVICE)
        finally:
            self.finished.set()
            self._alarm()

    # -- called in a signal handler ------------------------------------------------------------------------------------

    def term(self, *_: object) -> None:
        """First signal: park and exit 0. Second: exit at once."""
        self._terms += 1
        if self._terms > 1:
            os._exit(1)
        self._alarm()

    # -- the control thread --------------------------------------------------------------------------------------------

    def run(self, desk: Desk) -> int:
        """Until the work thread has finished; returns the exit status."""
        self._send({"type": "hello", "protocol": PROTOCOL, "pid": os.getpid()})
        self._greeted.set()
        next_beat, parking, give_up = 0.0, False, float("inf")
        while True:
            now = time.monotonic()
            if now >= next_beat:
                self._beat(desk)
                next_beat = now + self._heartbeat_s
            if now >= give_up:
                return 1
            channels: list[Any] = [self._alarm_read] if self._closed else [self._alarm_read, self._peer]
            ready, _, _ = select.select(channels, [], [], max(0.0, min(next_beat, give_up) - now))
            if self._alarm_read in ready:
                self._silence()
            if self._peer in ready:
                self._read(desk)
            self._flush()
            if (self._closed or self._terms) and not parking:
                parking = True
                self._park(desk)
            if self._closed and give_up == float("inf"):
                give_up = now + ORPHAN_S
            if self.finished.is_set():
                self._flush()
                return 0

    def _read(self, desk: Desk) -> None:
        try:
            frame = receive(self._peer)
        except (Closed, BadFrame):
            self._close()
            return
        try:
            self._obey(desk, frame)
        except (ValueError, KeyError):  # and no word of it into the log: it may quote a prompt
            self._close()
        self.wake_work.set()

    def _obey(self, desk: Desk, frame: Frame) -> None:
        header = frame.header
        match header.get("type"):
            case "submit":
                job = self._jobs.validate_python(header["job"])
                desk.take(job, Remote(job.blobs(), self))
            case "cancel":
                desk.cancel(str(header["job_id"]), CancelMode(header["mode"]))
            case "blob":
                self._replies.put(frame)
            case "stop":
                self._park(desk)
            case _:
                self._close()

    def _park(self, desk: Desk) -> None:
        desk.park()
        self.wake_work.set()

    def _beat(self, desk: Desk) -> None:
        self._send(
            {
                "type": "beat", "count": desk.count, "busy": self._on_turn is not None, "loading": desk.loading,
                "step_s": desk.step_s, "base": desk.base, "device": self.device,
            }
        )  # fmt: skip

    def _post(
        self, header: dict[str, Any], parts: tuple[bytes, ...] = (), written: threading.Event | None = None
    ) -> None:
        self._outbox.put((header, parts, written))
        self._alarm()

    def _flush(self) -> None:
        while True:
            try:
                header, parts, written = self._outbox.get_nowait()
            except queue.Empty:
                return
            self._send(header, parts)
            if written is not None:
                written.set()

    def _send(self, header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> None:
        if self._closed:
            return
        try:
            send(self._peer, header, parts)
        except Closed:
            self._close()

    def _close(self) -> None:
        """The bot is gone; nobody waits for an answer any more."""
        self._closed = True
        self._replies.put(None)

    def _alarm(self) -> None:
        try:
            os.write(self._alarm_write, b"!")
        except BlockingIOError:
            return  # it is full of alarms already

    def _silence(self) -> None:
        while True:
            try:
                if len(os.read(self._alarm_read, 4096)) < 4096:
                    return
            except BlockingIOError:
                return
