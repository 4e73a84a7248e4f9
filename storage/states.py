"""States, and what may follow what.

subject   live ──► retired                                (its trigger word is free again)

dataset   collecting ⇄ cropping ⇄ captioning ⇄ ready ──► frozen
              any of them ──► discarded                   (backwards at any distance: "add more" from the confirm card)

photo     given ──► kept ⇄ dropped                        (dropped by a person, who may take it back)
            └─────► refused                               (by the engine, with its reason)

run       queued ──► preparing ──► training ──► voting ──► published
             │           │            ├──────────────────────►┘     (no vote wanted)
             └───────────┴────────────┴──► cancelled | failed ──► queued   (a person's retry)
          A training that is cut short with epochs to offer goes to voting. A parked one goes back to queued.

job       queued ──► running ──► done
             │          ├──────► failed | dead ──► queued           (a person's retry; dead = killed the engine three times)
             │          ├──────► parked ──► queued                  (the engine stopped, its checkpoint is safe)
             │          └──────► queued                             (found running after a crash of the bot)
             └─ running, parked ─► cancelled

outbox    pending ──► sent | dropped

consent   open ──► asked ──► given ──► revoked            (open: whose word it is was not said yet; a "no" deletes the subject)
                     ▲                    │
                     └────────────────────┘               (asked anew, for a new version)

report    open ──► kept | removed
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from storage.errors import WrongState


class SubjectKind(StrEnum):
    PERSON = "person"
    CHARACTER = "character"
    PET = "pet"
    OBJECT = "object"
    STYLE = "style"


class Access(StrEnum):
    ME = "me"
    SERVER = "server"


class SubjectState(StrEnum):
    LIVE = "live"
    RETIRED = "retired"


class Depicts(StrEnum):
    """Who is in the photos, as seen from the one who brought them."""

    ME = "me"
    MEMBER = "member"
    AGREED = "agreed"
    """Somebody who is not asked here: the one who brought the photos answers for their word."""
    NOBODY = "nobody"
    """No real person: a drawing, an animal, a thing, a style."""


class ConsentState(StrEnum):
    OPEN = "open"
    ASKED = "asked"
    GIVEN = "given"
    REVOKED = "revoked"


class GrantKind(StrEnum):
    MEMBER = "member"
    ROLE = "role"


class ReportState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    REMOVED = "removed"


class DatasetState(StrEnum):
    COLLECTING = "collecting"
    CROPPING = "cropping"
    CAPTIONING = "captioning"
    READY = "ready"
    FROZEN = "frozen"
    DISCARDED = "discarded"


class PhotoState(StrEnum):
    GIVEN = "given"
    KEPT = "kept"
    REFUSED = "refused"
    DROPPED = "dropped"


class Origin(StrEnum):
    """How a photo came into its dataset."""

    GIVEN = "given"
    CARRIED = "carried"
    """It was in the version before."""
    PAINTED = "painted"
    """A picture that was painted here."""


class RunState(StrEnum):
    QUEUED = "queued"
    PREPARING = "preparing"
    TRAINING = "training"
    VOTING = "voting"
    PUBLISHED = "published"
    CANCELLED = "cancelled"
    FAILED = "failed"


class JobKind(StrEnum):
    PREPARE = "prepare"
    TRAIN = "train"
    PAINT = "paint"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


class Stop(StrEnum):
    """How a person asked a job to end; kept in the row, so that the wish survives a crash."""

    NOW = "now"
    AFTER_EPOCH = "after_epoch"


class Decided(StrEnum):
    """How a ballot came to its winner."""

    VOTES = "votes"
    SCORE = "score"
    """Level in votes: the better score."""
    OWNER = "owner"
    """Level in votes and score: its owner, or an admin, was asked."""
    RULE = "rule"
    """They were asked and did not answer in time."""
    NOBODY = "nobody"
    """Nobody voted."""
    HAND = "hand"
    """Its owner, or an admin, ended it with an epoch of their choice."""


class OutboxState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    DROPPED = "dropped"


LIVE_JOBS = (JobState.QUEUED, JobState.RUNNING, JobState.PARKED)
PRIORITY = {JobKind.PAINT: 0, JobKind.PREPARE: 1, JobKind.TRAIN: 2}
"""Lower is served first: seconds before minutes."""
CRASHES_ALLOWED = 3
"""At this many a job is dead and waits for a person."""

SUBJECT = {SubjectState.LIVE: {SubjectState.RETIRED}, SubjectState.RETIRED: set[SubjectState]()}

_D = DatasetState
DATASET = {
    _D.COLLECTING: {_D.CROPPING, _D.DISCARDED},
    _D.CROPPING: {_D.CAPTIONING, _D.COLLECTING, _D.DISCARDED},
    _D.CAPTIONING: {_D.READY, _D.CROPPING, _D.COLLECTING, _D.DISCARDED},
    _D.READY: {_D.FROZEN, _D.CAPTIONING, _D.CROPPING, _D.COLLECTING, _D.DISCARDED},
    _D.FROZEN: {_D.DISCARDED},
    _D.DISCARDED: set[DatasetState](),
}

_P = PhotoState
PHOTO = {
    _P.GIVEN: {_P.KEPT, _P.REFUSED},
    _P.KEPT: {_P.DROPPED},
    _P.DROPPED: {_P.KEPT},
    _P.REFUSED: {_P.GIVEN},
}

_R = RunState
RUN = {
    _R.QUEUED: {_R.PREPARING, _R.TRAINING, _R.CANCELLED, _R.FAILED},
    _R.PREPARING: {_R.TRAINING, _R.QUEUED, _R.CANCELLED, _R.FAILED},
    _R.TRAINING: {_R.VOTING, _R.PUBLISHED, _R.QUEUED, _R.CANCELLED, _R.FAILED},
    _R.VOTING: {_R.PUBLISHED, _R.CANCELLED},
    _R.CANCELLED: {_R.QUEUED},
    _R.FAILED: {_R.QUEUED},
    _R.PUBLISHED: set[RunState](),
}

_J = JobState
JOB = {
    _J.QUEUED: {_J.RUNNING, _J.CANCELLED, _J.FAILED},
    _J.RUNNING: {_J.DONE, _J.FAILED, _J.DEAD, _J.PARKED, _J.QUEUED, _J.CANCELLED},
    _J.PARKED: {_J.QUEUED, _J.CANCELLED},
    _J.FAILED: {_J.QUEUED},
    _J.DEAD: {_J.QUEUED},
    _J.DONE: set[JobState](),
    _J.CANCELLED: set[JobState](),
}

_C = ConsentState
CONSENT = {
    _C.OPEN: {_C.ASKED, _C.GIVEN},
    _C.ASKED: {_C.GIVEN, _C.REVOKED},
    _C.GIVEN: {_C.REVOKED},
    _C.REVOKED: {_C.ASKED},
}

_O = OutboxState
OUTBOX = {_O.PENDING: {_O.SENT, _O.DROPPED}, _O.SENT: set[OutboxState](), _O.DROPPED: set[OutboxState]()}

S = TypeVar("S", bound=StrEnum)


def allow(noun: str, table: Mapping[S, set[S]], old: S, new: S) -> None:
    """Raises WrongState unless `new` may follow `old`. Staying where one is counts as no change and is allowed."""
    if new is not old and new not in table[old]:
        raise WrongState(noun, old, new)
