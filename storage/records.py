"""The rows, as frozen records. Times are unix seconds; ids are the database's own and stand in buttons' custom ids.

Fields that hold people's words (captions, prompts, file names) are sealed on disk and left out of `repr`, so that they
cannot slip into a log. Once their key is forgotten they read as "" (or {}).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.states import (
    LIVE_JOBS,
    Access,
    DatasetState,
    Decided,
    JobKind,
    JobState,
    Origin,
    OutboxState,
    PhotoState,
    RunState,
    Stop,
    SubjectKind,
    SubjectState,
)


@dataclass(frozen=True)
class Scope:
    """The guild on whose behalf a query is made. Every query takes one and sees that guild's rows only."""

    guild_id: int


@dataclass(frozen=True)
class Subject:
    id: int
    guild_id: int
    owner_id: int
    name: str
    kind: SubjectKind
    class_word: str
    trigger: str
    """Unique in its guild among live subjects, whatever the case of its letters."""
    consent_version: str
    consented_at: int
    access: Access
    channel_id: int
    state: SubjectState
    created_at: int


@dataclass(frozen=True)
class Dataset:
    id: int
    guild_id: int
    subject_id: int
    generation: int
    """0 for the first training, one more for each retraining."""
    state: DatasetState
    preset: str
    wants_vote: bool
    thread_id: int | None
    draft: str
    """Id of the command that opened it; a second upload of the same command finds it by this."""
    key_id: str
    """Seals its photos, captions, epochs and LoRA."""
    created_at: int
    parent_id: int | None = None
    """The version it was opened from; None for the first."""
    from_pictures: bool = False
    """Taught, itself or an earlier version, from pictures that were painted here."""
    blind: bool = True
    """Whether its vote, if it wants one, says nothing of the epochs before the end."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left, top (inclusive), right, bottom (exclusive)."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Face:
    box: Box
    score: float
    likely_subject: bool = False


@dataclass(frozen=True)
class NewPhoto:
    """One upload, its bytes already in the blobs under the dataset's key."""

    given_name: str = field(repr=False)
    raw_sha256: str
    caption: str = field(default="", repr=False)
    """Given with it: kept in place of what the engine would say."""


@dataclass(frozen=True)
class Photo:
    id: int
    guild_id: int
    dataset_id: int
    number: int
    """From 1, in the order given; stays when others are dropped."""
    given_name: str = field(repr=False)
    raw_sha256: str
    clean_sha256: str | None
    """The cleaned picture; set once kept."""
    state: PhotoState
    reason: str
    """Why it was refused, as a sentence part: "is 240 px wide"."""
    duplicate_of: int | None
    """Id of the earlier copy."""
    width: int
    height: int
    faces: tuple[Face, ...]
    crop: Box | None
    flags: tuple[str, ...]
    sharpness: float
    caption: str = field(repr=False)
    origin: Origin = Origin.GIVEN
    cause: str = ""
    """Why it was refused, as a code; "" where only `reason` is known."""
    facts: Mapping[str, int | str] = field(default_factory=dict[str, int | str])
    glimpse_sha256: str | None = None
    """A refused photo, small, where it could be opened."""
    first_frame: bool = False
    """It moves, and somebody asked for its first frame."""


@dataclass(frozen=True)
class Run:
    id: int
    guild_id: int
    dataset_id: int
    state: RunState
    recipe: Mapping[str, object]
    base: str
    trigger: str
    class_word: str
    """As they were when the training was asked for."""
    suggested: int | None
    """The epoch the engine would take."""
    reason: str
    """Its reason, or why the run failed: one sentence."""
    seconds: float
    created_at: int


@dataclass(frozen=True)
class Epoch:
    id: int
    guild_id: int
    run_id: int
    number: int
    """0 is the base itself: previews and no LoRA."""
    loss: float | None
    likeness: float | None
    fidelity: float | None
    memorising: float | None
    leakage: float | None
    bleed: float | None
    lora_sha256: str | None
    previews: tuple[str, ...]
    """sha256 of each preview, in the order of the preview prompts."""
    seconds: float
    created_at: int


@dataclass(frozen=True)
class Ballot:
    id: int
    guild_id: int
    run_id: int
    channel_id: int
    message_id: int | None
    options: tuple[int, ...]
    """Epoch numbers in column order."""
    opened_at: int
    closes_at: int
    closed_at: int | None
    winner: int | None
    """An epoch number; set exactly when closed."""
    blind: bool
    """No column says its epoch before the end."""
    seed: int
    """What the order of the columns follows from."""
    tied: tuple[int, ...]
    """Epochs that are level: the votes are counted and its owner is asked."""
    decides_at: int | None
    """Until when the owner is waited for; set exactly when there are tied ones."""
    how: Decided | None
    decided_by: int | None
    """The member who chose; 0 is somebody who asked to be forgotten."""
    anew_at: int | None
    """When its message was found to be deleted; votes cast until then stay."""

    @property
    def due_at(self) -> int:
        """When it ends by itself, unless somebody does something."""
        return self.closes_at if self.decides_at is None else self.decides_at


@dataclass(frozen=True)
class Vote:
    ballot_id: int
    member_id: int
    epoch: int
    cast_at: int


@dataclass(frozen=True)
class Lora:
    id: int
    guild_id: int
    run_id: int
    epoch: int
    name: str
    trigger: str
    base: str
    sha256: str
    thumbnail_sha256: str | None
    key_id: str
    """Opens `sha256` and `thumbnail_sha256`: its dataset's key."""
    access: Access
    """What it is open to besides its grants."""
    owner_id: int
    created_at: int
    default_prompt: str = field(default="", repr=False)
    withdrawn_at: int | None = None
    """Set once whoever is seen in it took their word back: nobody may use it any more."""
    thumbnail_picture_id: int | None = None
    """A picture that is shown instead of its thumbnail, for as long as that picture is kept."""


@dataclass(frozen=True)
class NewPicture:
    """One painted picture, its bytes already in the blobs under the job's key."""

    seed: int
    sha256: str


@dataclass(frozen=True)
class Picture:
    id: int
    guild_id: int
    job_id: str
    number: int
    """From 0, in the order of the job's seeds."""
    lora_id: int | None
    member_id: int
    key_id: str
    prompt: str = field(repr=False)
    params: Mapping[str, object] = field(repr=False)
    """With prompt and seed: everything needed to make it again."""
    seed: int
    sha256: str
    created_at: int


@dataclass(frozen=True)
class Favourite:
    guild_id: int
    picture_id: int
    member_id: int
    shared: bool
    """Shown to the whole server; counts only where the member is the picture's painter."""
    kept_at: int


@dataclass(frozen=True)
class Job:
    id: str
    guild_id: int
    kind: JobKind
    state: JobState
    request_id: str
    member_id: int
    channel_id: int
    """Where the answer goes."""
    dataset_id: int | None
    run_id: int | None
    lora_id: int | None
    key_id: str
    spec: str = field(repr=False)
    """JSON, as the one who queued it wrote it."""
    priority: int
    attempt: int
    """0 until claimed. What the engine reports under a lower attempt is stale."""
    crashes: int
    stop: Stop | None
    progress: Mapping[str, object] | None
    error: str
    """A sentence for the member, once failed or dead."""
    queued_at: int
    started_at: int | None
    ended_at: int | None

    @property
    def live(self) -> bool:
        return self.state in LIVE_JOBS


@dataclass(frozen=True)
class Outgoing:
    """A message to be posted: marked sent only after Discord returned its id."""

    id: int
    """Also the message's nonce (decimal), so that a message posted just before a crash is not posted again."""
    guild_id: int
    channel_id: int
    purpose: str
    ref: str
    payload: str | None = field(repr=False)
    key_id: str | None
    state: OutboxState
    message_id: int | None
    reason: str
    created_at: int
    ended_at: int | None

    @property
    def nonce(self) -> str:
        return str(self.id)


@dataclass(frozen=True)
class Card:
    """Where the live message of a (purpose, ref) sits."""

    guild_id: int
    purpose: str
    ref: str
    channel_id: int
    message_id: int
    content_hash: str
    """Of what it shows now: an edit that would change nothing is not sent."""
    posted_at: int
    edited_at: int


@dataclass(frozen=True)
class Speed:
    """Measured: seconds per exposure (train), per picture (paint), per photo (prepare)."""

    base: str
    device: str
    kind: str
    seconds: float
    samples: int
    updated_at: int
