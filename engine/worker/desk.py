"""The work thread's desk: which job goes on next, one step at a time.

    taken ──▶ queued ──▶ begun ──▶ ended (Done, Cancelled, Parked, Failed)

Three lanes: pictures first, then photos to read, then one pass of a training. So a picture asked for in the middle of a
training is painted between two of its passes, on the base that is loaded already. Trainings of one base may run at a time, as
many as `joint_runs` says; they take turns, and those that can, learn in the same pass (see `worker.cohort`).

`take`, `cancel` and `park` may be called from any thread; they leave notes that `step` reads. Everything else belongs to the
one thread that calls `step`, which is the only one that touches torch.
"""

from __future__ import annotations

import errno
import gc
import queue
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from engine.errors import BadInput, BaseUnavailable, Diverged, EngineError
from engine.joint import joint_runs
from engine.protocol import (
    ENDS,
    Accepted,
    BaseModelRef,
    Cancelled,
    CancelMode,
    Done,
    EventBase,
    Failed,
    FailureKind,
    PaintJob,
    Parked,
    PrepareJob,
    Progress,
    TrainJob,
)
from engine.worker.memory import ran_out
from engine.worker.order import Order

AnyJob = PrepareJob | TrainJob | PaintJob
Blobs = Mapping[str, bytes]
Emit = Callable[[EventBase], None]
LANES = ("paint", "prepare", "train")


@dataclass(frozen=True, slots=True)
class Verbs:
    """What a worker can do. Each of the three gives an iterator that yields after every step of its work.

    It emits its own results and, if it has something to say there, its own end; the desk adds the end that is missing.
    """

    where: Callable[[str], str]
    """The device asked for ("auto", "cpu", "cuda", "mps") -> the one there is, with its name after a blank."""
    load: Callable[[BaseModelRef, str], Any]
    prepare: Callable[[PrepareJob, Blobs, Emit, Order], Iterator[None]]
    train: Callable[[Any, TrainJob, Blobs, Path, Emit, Order], Iterator[None]]
    paint: Callable[[Any, PaintJob, Blobs, Emit, Order], Iterator[None]]


class DeviceLost(BaseException):
    """The device cannot be used again in this process: the process must end. Not an Exception, so that nothing catches it."""


@dataclass(slots=True)
class Task:
    job: AnyJob
    blobs: Blobs
    order: Order = field(default_factory=Order)
    work: Iterator[None] | None = None
    begun: float = 0.0
    turn: int = 0
    """The desk's count at its last step."""
    ended: bool = False


class Desk:
    """`emit` is called on the work thread; `turn(job_id | None)` there too, before another job than before makes its step.

    `joint_runs`: trainings that may run at a time; None: as `engine.joint` says of the device.
    """

    def __init__(
        self,
        verbs: Verbs,
        scratch: Path,
        emit: Emit,
        *,
        device: str = "cpu",
        joint_runs: int | None = None,
        turn: Callable[[str | None], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verbs, self._scratch, self._emit, self._turn = verbs, scratch, emit, turn
        self.device, self._clock = device, clock
        self._joint_runs = joint_runs
        self._notes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._tasks: dict[str, Task] = {}
        self._bases: dict[BaseModelRef, Any] = {}
        self._on_turn: str | None = None
        self._step_s: deque[float] = deque(maxlen=64)
        self.parked = False
        """Told to park, and read so: nothing begins any more."""
        self.count = 0
        """Steps made so far; a heartbeat that shows the same number for long is a hang."""
        self.loading = False
        """A base is being loaded: one step that may take long."""

    # -- any thread ----------------------------------------------------------------------------------------------------

    def take(self, job: AnyJob, blobs: Blobs) -> None:
        """A job of a known id is taken again only as a later attempt, which replaces the earlier one without a word."""
        self._notes.put(lambda: self._take(job, blobs))

    def cancel(self, job_id: str, mode: CancelMode) -> None:
        self._notes.put(lambda: self._cancel(job_id, mode))

    def park(self) -> None:
        """Nothing new begins; a training in progress writes its checkpoint, everything else stops where it stands."""
        self._notes.put(self._park)

    @property
    def running(self) -> tuple[str, ...]:
        return tuple(id_ for id_, task in list(self._tasks.items()) if task.work is not None)

    @property
    def base(self) -> str | None:
        return next((ref.source for ref in reversed(list(self._bases))), None)

    @property
    def step_s(self) -> float:
        """Median of the last steps, in seconds."""
        return median(self._step_s) if self._step_s else 0.0

    # -- the work thread -----------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Read the notes, then make one step of the most urgent job. False: there is nothing to do."""
        while True:
            try:
                note = self._notes.get_nowait()
            except queue.Empty:
                break
            note()
        task = self._next()
        if task is None:
            self._give_turn(None)
            return False
        self._give_turn(task.job.job_id)
        started = self._clock()
        task.turn = self.count
        try:
            if task.work is None:
                task.begun = started
                task.work = self._begin(task)
            more = _makes_a_step(task.work)
        except Exception as error:  # noqa: BLE001  one job's failure is told and ends that job; the others go on
            more = False
            failed = failure(error, task.job)
            self._say(task, failed)
            if failed.failure is FailureKind.MEMORY:
                error.__traceback__ = None  # it holds the tensors that were too many
                _free_memory()
        self._step_s.append(self._clock() - started)
        self.count += 1
        if not more:
            self._end(task)
        return True

    def _next(self) -> Task | None:
        for lane in LANES:
            tasks = [task for task in self._tasks.values() if task.job.kind == lane]
            begun = [task for task in tasks if task.work is not None]
            waiting = next((task for task in tasks if task.work is None), None)
            if waiting and (not begun or self._may_join(waiting, begun)):
                return waiting
            if begun:
                return min(begun, key=lambda task: task.turn)
        return None

    def _may_join(self, task: Task, begun: list[Task]) -> bool:
        """Only the first in the line: one that waits for another base must not be overtaken for ever."""
        most = joint_runs(self.device, self._joint_runs)
        same_base = task.job.base == begun[0].job.base
        return isinstance(task.job, TrainJob) and len(begun) < most and same_base

    def _begin(self, task: Task) -> Iterator[None]:
        job = task.job
        if isinstance(job, PrepareJob):
            return self._verbs.prepare(job, task.blobs, lambda event: self._say(task, event), task.order)
        base = self._load(task)
        if isinstance(job, PaintJob):
            return self._verbs.paint(base, job, task.blobs, lambda event: self._say(task, event), task.order)
        return self._verbs.train(base, job, task.blobs, self._scratch, lambda event: self._say(task, event), task.order)

    def _load(self, task: Task) -> Any:
        """The base of `task`, kept from job to job; one that no begun job needs is dropped before another is loaded."""
        wanted = task.job.base
        if wanted in self._bases:
            self._bases[wanted] = self._bases.pop(wanted)  # the last one is the one in use
            return self._bases[wanted]
        needed = [other.job.base for other in self._tasks.values() if other.work is not None]
        for key in [key for key in self._bases if key not in needed]:
            del self._bases[key]
        if isinstance(task.job, TrainJob):
            self._say(
                task, Progress(job_id=task.job.job_id, attempt=task.job.attempt, phase="loading", step=0, total=1)
            )
        self.loading = True
        try:
            self._bases[wanted] = self._verbs.load(task.job.base, self.device)
        finally:
            self.loading = False
        return self._bases[wanted]

    def _end(self, task: Task) -> None:
        """Drop the task, with the last word it did not say itself."""
        job, order = task.job, task.order
        self._tasks.pop(job.job_id, None)
        if task.work is not None:
            close = getattr(task.work, "close", None)
            if close:
                close()
        if task.ended:
            return
        about: dict[str, Any] = {"job_id": job.job_id, "attempt": job.attempt}
        if order.cancel is CancelMode.NOW:
            self._say(task, Cancelled(**about))
        elif order.park:
            self._say(task, Parked(**about))
        else:
            self._say(task, Done(**about, seconds=self._clock() - task.begun))

    def _say(self, task: Task, event: EventBase) -> None:
        if task.ended:
            return
        task.ended = isinstance(event, ENDS)
        self._emit(event)

    def _give_turn(self, job_id: str | None) -> None:
        if job_id != self._on_turn:
            self._on_turn = job_id
            self._turn(job_id)

    # -- notes, read on the work thread --------------------------------------------------------------------------------

    def _take(self, job: AnyJob, blobs: Blobs) -> None:
        known = self._tasks.get(job.job_id)
        if known is not None:
            if known.job.attempt >= job.attempt:
                return
            known.ended = True
            self._end(known)
        task = self._tasks[job.job_id] = Task(job, blobs)
        self._say(task, Accepted(job_id=job.job_id, attempt=job.attempt))
        if self.parked:
            task.order.park = True
            self._end(task)

    def _cancel(self, job_id: str, mode: CancelMode) -> None:
        task = self._tasks.get(job_id)
        if task is None or task.order.cancel is CancelMode.NOW:
            return
        task.order.cancel = mode
        if mode is CancelMode.NOW:
            self._end(task)

    def _park(self) -> None:
        self.parked = True
        for task in list(self._tasks.values()):
            task.order.park = True
            if task.work is None or not isinstance(task.job, TrainJob):
                self._end(task)


def _free_memory() -> None:
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _makes_a_step(work: Iterator[None]) -> bool:
    for _ in work:
        return True
    return False


def failure(error: Exception, job: AnyJob) -> Failed:
    """`error` as the sentence a member reads, with type and place (never the message) for the owner's log."""
    kind, sentence = _kind(error)
    return Failed(job_id=job.job_id, attempt=job.attempt, failure=kind, sentence=sentence, detail=place(error))


def _kind(error: Exception) -> tuple[FailureKind, str]:
    torch: Any = sys.modules.get("torch")
    if torch is not None and isinstance(error, getattr(torch, "AcceleratorError", ())):
        raise DeviceLost from error
    if isinstance(error, MemoryError) or (torch is not None and ran_out(error)):
        return (
            FailureKind.MEMORY,
            "The engine ran out of memory. Try a smaller picture, fewer at once, or a lighter preset.",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            FailureKind.INTERNAL,
            "The disk of the engine's machine is full. What was saved is kept: tell its owner, then press Try again.",
        )
    if isinstance(error, BadInput):
        return FailureKind.INPUT, str(error)
    if isinstance(error, BaseUnavailable):
        return FailureKind.BASE, str(error)
    if isinstance(error, Diverged):
        return FailureKind.DIVERGED, str(error)
    if isinstance(error, EngineError):
        return FailureKind.INTERNAL, str(error)
    return (
        FailureKind.INTERNAL,
        "The engine met an error of its own. Nothing was lost; the owner finds the place in the log.",
    )


def place(error: BaseException) -> str:
    """ "ValueError at paint.py:120 in _sample": the innermost place in this project, or else the innermost at all."""
    frames: list[str] = []
    trace = error.__traceback__
    ours = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        spot = f"{Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_name}"
        frames.append(spot)
        if f"{Path('engine')}/" in Path(code.co_filename).as_posix():
            ours = spot
        trace = trace.tb_next
    spot = ours or (frames[-1] if frames else "an unknown place")
    return f"{type(error).__name__} at {spot}"
