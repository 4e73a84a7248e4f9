"""What the bot's side of an engine knows of its jobs: enough to send them again to a new process.

    submitted ──▶ live ──▶ ended
                   │  ▲
        process dies  └── sent again as the next attempt (at most three deaths may be this job's fault)

Torch-free and without input or output; `LocalEngine` and `FakeEngine` both keep one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.protocol import (
    ENDS,
    Accepted,
    BlobSource,
    CancelMode,
    EpochReady,
    EventBase,
    Failed,
    FailureKind,
    Interrupted,
    PaintJob,
    Parked,
    PrepareJob,
    TrainJob,
)

AnyJob = PrepareJob | TrainJob | PaintJob
MOST_CRASHES = 3
REMEMBERED = 4096
CRASHED = (
    "This job made the engine stop three times, so it was set aside. The other jobs go on; the owner has to look at it."
)


@dataclass(slots=True)
class Ticket:
    job: AnyJob
    blobs: BlobSource
    begun: bool = False
    accepted: int = 0
    """The attempt that was said to be accepted."""
    cancel: CancelMode | None = None


class Ledger:
    def __init__(self) -> None:
        self._live: dict[str, Ticket] = {}
        self._ended: dict[str, int] = {}
        self.on_turn: str | None = None
        """The job whose step is being made: whose fault a death is."""

    def enter(self, job: AnyJob, blobs: BlobSource) -> Ticket | None:
        """A new ticket, or None where this job is known at this attempt or a later one."""
        known = self._live.get(job.job_id)
        latest = known.job.attempt if known else self._ended.get(job.job_id, 0)
        if latest >= job.attempt:
            return None
        ticket = self._live[job.job_id] = Ticket(job, blobs)
        return ticket

    def ticket(self, job_id: str) -> Ticket | None:
        return self._live.get(job_id)

    def turn(self, job_id: str | None) -> None:
        self.on_turn = job_id
        if job_id in self._live:
            self._live[job_id].begun = True

    @property
    def begun(self) -> tuple[str, ...]:
        return tuple(job_id for job_id, ticket in self._live.items() if ticket.begun)

    @property
    def live(self) -> tuple[Ticket, ...]:
        return tuple(self._live.values())

    def heard(self, event: EventBase) -> bool:
        """Enter what `event` says. False: it is of an older attempt, of an ended job, or said already: to be dropped."""
        ticket = self._live.get(event.job_id)
        if ticket is None or ticket.job.attempt != event.attempt:
            return False
        if isinstance(event, Accepted):
            if ticket.accepted == event.attempt:
                return False
            ticket.accepted = event.attempt
        if (
            isinstance(event, EpochReady)
            and isinstance(ticket.job, TrainJob)
            and event.epoch not in ticket.job.have_epochs
        ):
            ticket.job = ticket.job.model_copy(update={"have_epochs": (*ticket.job.have_epochs, event.epoch)})
        if isinstance(event, ENDS):
            self._drop(ticket)
        return True

    def died(self, *, fault: bool = True) -> list[EventBase]:
        """The process is gone: what is to be told about the jobs that had begun. Those still live are to be sent again.

        fault=False: it was told to go (SIGTERM from outside), so that nobody is to blame.
        """
        told: list[EventBase] = []
        for ticket in self.live:
            if not ticket.begun:
                continue
            blamed = fault and ticket.job.job_id == self.on_turn
            crashes = ticket.job.crashes + blamed
            if crashes >= MOST_CRASHES:
                told.append(self.refuse(ticket, FailureKind.CRASHED, CRASHED, crashes))
                continue
            ticket.job = ticket.job.model_copy(update={"attempt": ticket.job.attempt + 1, "crashes": crashes})
            ticket.begun = False
            told.append(Interrupted(job_id=ticket.job.job_id, attempt=ticket.job.attempt, crashes=crashes))
        self.on_turn = None
        return told

    def refuse(self, ticket: Ticket, kind: FailureKind, sentence: str, crashes: int = 0) -> Failed:
        """End `ticket` as failed."""
        self._drop(ticket)
        detail = f"{crashes} crashes" if crashes else ""
        return Failed(
            job_id=ticket.job.job_id, attempt=ticket.job.attempt, failure=kind, sentence=sentence, detail=detail
        )

    def park_all(self) -> Iterable[EventBase]:
        """End every live ticket as parked: the engine stops and did not get to say so itself."""
        for ticket in self.live:
            self._drop(ticket)
            yield Parked(job_id=ticket.job.job_id, attempt=ticket.job.attempt)

    def _drop(self, ticket: Ticket) -> None:
        self._live.pop(ticket.job.job_id, None)
        self._ended[ticket.job.job_id] = ticket.job.attempt
        while len(self._ended) > REMEMBERED:
            self._ended.pop(next(iter(self._ended)))
