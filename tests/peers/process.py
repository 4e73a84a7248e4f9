"""A trainer as a process of its own, watched from outside: when it says what, and how much memory it takes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.peers.marks import Marks

LOOK_S = 1.0
TAIL = 4000


@dataclass(slots=True)
class Watched:
    """One run of a trainer."""

    marks: Marks
    code: int | None = None
    seconds: float = 0.0
    """From its start to its end."""
    memory: int = 0
    """Most bytes of main memory of the process and its children together (PSS where the system tells)."""
    device_memory: int | None = None
    """Most bytes that were taken on the device beside what others had; None without nvidia-smi."""
    log: Path = field(default_factory=Path)

    @property
    def tail(self) -> str:
        return self.log.read_bytes()[-TAIL:].decode(errors="replace").replace("\r", "\n")


def watch(
    command: Sequence[str], marks: Marks, log: Path, *, cwd: Path, environment: Mapping[str, str], limit_s: float
) -> Watched:
    """Runs it to its end; after `limit_s` it is stopped, with all its children."""
    found = Watched(marks, log=log)
    device_before = device_bytes()
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    over = threading.Event()
    looker = threading.Thread(target=_look, args=(process.pid, found, device_before, over), daemon=True)
    timer = threading.Timer(limit_s, _stop, (process,))
    looker.start()
    timer.start()
    assert process.stdout is not None
    try:
        with process.stdout as said, log.open("wb") as written:
            while chunk := os.read(said.fileno(), 65536):
                marks.read(chunk, time.monotonic() - began)
                written.write(chunk)
        found.code = process.wait()
    finally:
        timer.cancel()
        _stop(process)
        over.set()
        looker.join()
    found.seconds = time.monotonic() - began
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The session it was started in, unless it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _look(pid: int, found: Watched, device_before: int | None, over: threading.Event) -> None:
    while not over.wait(LOOK_S):
        found.memory = max(found.memory, resident(pid))
        now = device_bytes()
        if now is not None and device_before is not None:
            found.device_memory = max(found.device_memory or 0, now - device_before)


def resident(pid: int) -> int:
    """Bytes of a process and its children, what they share counted once."""
    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for one in family:
        try:
            told = one.memory_full_info()
        except psutil.Error:
            continue
        total += getattr(told, "pss", told.rss)
    return total


def device_bytes() -> int | None:
    """Taken on all visible NVIDIA cards; None where there is none to ask."""
    asking = shutil.which("nvidia-smi")
    if asking is None:
        return None
    told = subprocess.run(
        [asking, "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
    )
    numbers = [int(line) for line in told.stdout.split() if line.isdigit()]
    return sum(numbers) * 2**20 if numbers else None
