"""What the rooms say to the engine and hear from it: torch-free, frozen, versioned messages.

The bot submits a `Job` and reads `Event`s. Nothing else crosses the border: the engine never opens the database,
never sees a guild, a member or a token, and holds no truth but checkpoints it can lose.

Bytes (photos in, pictures and LoRAs out) never sit in JSON. A job names its inputs by sha256 and the engine fetches
them through the `BlobSource` given with the job; an event carries its outputs in `Event.blobs`.

Delivery is at least once and in order per job. `(job_id, attempt)` fences: whoever stores results drops events whose
attempt is older than the one on record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.captioning import CaptionerRef
from engine.facts import PhotoFacts
from engine.guidance import LoraGuidance
from engine.photos import Box as Box
from engine.photos import Face as Face
from engine.photos import PhotoFlag as PhotoFlag
from engine.photos import PhotoRef as PhotoRef
from engine.photos import SubjectKind as SubjectKind
from engine.recipes.recipe import Recipe as Recipe
from engine.shots import Hires, LoraUse, Previews, Shot, WordUse
from engine.verdicts import Cause

PROTOCOL = 1

BlobSource = Callable[[str], Awaitable[bytes]]
"""sha256 (hex) -> bytes. Called again on every resend, so that no bytes need to be kept in memory for a crash."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseModelRef(Message):
    """A base as the engine loads it. `source` is "miniature", a diffusers folder, a .safetensors checkpoint or a hub id."""

    family: str = "sd15"
    source: str = "miniature"
    revision: str | None = None
    sha256: str | None = None
    """Of its weights, as `engine.families.bases.checksum` counts it; weights that differ are not loaded. None: not known."""
    prediction: Literal["epsilon", "v_prediction"] | None = None
    """What its denoiser says, where its own scheduler config does not or says it wrong."""
    zero_snr: bool | None = None
    """Whether its noise schedule ends in pure noise, likewise."""


# ---- jobs -----------------------------------------------------------------------------------------------------------


class JobBase(Message):
    job_id: str
    attempt: int = 1
    crashes: int = 0
    """How often this job has killed an engine already; at three it is not sent again."""
    base: BaseModelRef = BaseModelRef()


class PrepareJob(JobBase):
    """Decode, clean, find faces, propose a crop, compare for duplicates, caption."""

    kind: Literal["prepare"] = "prepare"
    subject_kind: SubjectKind = SubjectKind.PERSON
    photos: tuple[PhotoRef, ...]
    """In the order they were given: of two copies the later one is the duplicate."""
    known: tuple[PhotoRef, ...] = ()
    """Photos already accepted into the same dataset, cleaned: compared for duplicates and for who recurs."""
    min_side: int = 256
    """Photos smaller than this on their short side, in pixels, are refused."""
    finder: Literal["auto", "cartoon", "haar", "yunet"] = "auto"
    caption: bool = True
    captioner: CaptionerRef = CaptionerRef()

    def blobs(self) -> tuple[str, ...]:
        return tuple(p.sha256 for p in (*self.photos, *self.known))


class TrainImage(Message):
    photo_id: str
    sha256: str
    """The cleaned photo, upright."""
    crop: Box | None = None
    """None: the whole picture, centre-cropped to a square."""
    face: Box | None = None
    """Where the subject's face is in the photo; a recipe with masked loss learns around it."""
    repeats: int = Field(default=1, ge=1, le=1000)
    """How often it is shown against the others: twice as often with 2."""
    caption: str
    """As trained, trigger word included."""


class PreviewPrompt(Message):
    prompt: str
    seed: int


class TrainJob(JobBase):
    kind: Literal["train"] = "train"
    trigger: str
    class_word: str
    subject_kind: SubjectKind = SubjectKind.PERSON
    recipe: Recipe
    images: tuple[TrainImage, ...]
    previews: tuple[PreviewPrompt, ...]
    """Painted by the base (epoch 0) and after every epoch: same prompts, same seeds."""
    lora_guidance: LoraGuidance | None = None
    """Of the previews, as pictures will be painted. None: the base's own."""
    have_epochs: tuple[int, ...] = ()
    """Epochs the sender already stored (0 = the base's previews); they are not announced again."""
    seal: str | None = None
    """Hex of a 32-byte key: checkpoints and epochs on the engine's disk are AES-GCM sealed with it."""

    def blobs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(i.sha256 for i in self.images))


class PaintJob(JobBase):
    kind: Literal["paint"] = "paint"
    prompt: str
    negative: str = ""
    seeds: tuple[int, ...] = Field(min_length=1, max_length=16)
    """One picture per seed; a picture depends on its own seed only, whatever the batch."""
    shots: tuple[Shot, ...] = ()
    """One per seed, or none at all: pictures that share steps, sampler and size are painted in one batch."""
    loras: tuple[LoraUse, ...] = ()
    words: tuple[WordUse, ...] = ()
    sampler: str | None = None
    """A name of `engine.samplers`; None: the base's own."""
    steps: int = Field(default=25, ge=1, le=150)
    cfg: float = Field(default=5.0, ge=0, le=30)
    clip_skip: int = Field(default=0, ge=0, le=11)
    """Last layers of the text encoder left out. A1111 counts from one more: its 2 is 1 here."""
    width: int | None = None
    height: int | None = None
    """None: the size of `init`, or the size the base was trained at. Pixels, rounded down to what the family divides by."""
    init: str | None = None
    """sha256 of a picture (PNG, JPEG, WebP) to start from instead of noise: a variation of it."""
    denoise: float = Field(default=0.6, gt=0, le=1)
    """Of a variation: how much of the noise is put back. 0.3 keeps the picture, 0.8 keeps little more than its colours."""
    hires: Hires | None = None
    lora_guidance: LoraGuidance | None = None
    """None: the base's own."""
    few_step: str | None = None
    """A .safetensors file on the engine's machine: a LoRA such as LCM-LoRA, at strength 1 beside `loras`."""
    previews: Previews | None = None
    """None: nothing is shown before the end."""

    @model_validator(mode="after")
    def _a_shot_for_every_seed(self) -> Self:
        if self.shots and len(self.shots) != len(self.seeds):
            raise ValueError("shots: give one for every seed, or none.")
        return self

    def blobs(self) -> tuple[str, ...]:
        uses = [*self.loras, *self.words, *(use for shot in self.shots for use in shot.loras or ())]
        return tuple(dict.fromkeys([*(use.sha256 for use in uses), *([self.init] if self.init else [])]))


Job = Annotated[PrepareJob | TrainJob | PaintJob, Field(discriminator="kind")]


# ---- events ---------------------------------------------------------------------------------------------------------


class EventBase(Message):
    job_id: str
    attempt: int
    blobs: dict[str, bytes] = Field(default_factory=dict[str, bytes], exclude=True, repr=False)
    """Binary parts by name; each event says which names it carries."""


class Accepted(EventBase):
    """The worker has the job."""

    kind: Literal["accepted"] = "accepted"


class Progress(EventBase):
    """Coalesced: at most a few per second. blobs: of a paint that asks for previews "preview_0" .. "preview_N" (JPEG), by
    the place in its seeds; those that are painted now."""

    kind: Literal["progress"] = "progress"
    phase: str
    """prepare: "reading"; train: "loading", "caching", "training", "preview"; paint: "painting"."""
    step: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    """Mean since the last progress event."""
    seconds_left: float | None = None
    note: str = ""
    """A sentence for the log, where something happened that people should know of."""
    photo_id: str = ""
    """reading: the photo that was opened last."""
    measured: PhotoFacts | None = None
    """What can be told of it by itself, before the set is known: without pairs, and only where one face is in it."""


class PhotoRead(EventBase):
    """One photo judged. blobs: "photo" = the cleaned picture (JPEG, upright, sRGB, no metadata), absent when refused; then
    "glimpse", the photo at 320 px, where it could be opened."""

    kind: Literal["photo_read"] = "photo_read"
    photo_id: str
    refused: str | None = None
    """A plain sentence part: "is 240 px wide; at least 256 are needed". None = kept."""
    cause: Cause | None = None
    """The same as a code, with its numbers in `facts`: `engine.verdicts` says which."""
    facts: dict[str, int | str] = Field(default_factory=dict[str, int | str])
    duplicate_of: str | None = None
    """photo_id of the earlier copy; `refused` is set too."""
    width: int = 0
    height: int = 0
    faces: tuple[Face, ...] = ()
    crop: Box | None = None
    flags: tuple[PhotoFlag, ...] = ()
    caption: str = ""
    """What should not be learnt, without trigger word: "smiling, wearing a red sweater, on a blue background"."""
    sharpness: float = 0.0
    """Variance of the Laplacian of the crop at 256 px."""
    measured: PhotoFacts | None = None
    """What coaching goes by; None where nothing was measured."""


class EpochReady(EventBase):
    """One saved LoRA, read back through diffusers before this was sent; epoch 0 is the base: previews only.

    blobs: "lora" (kohya-keyed) and, of a recipe that learns a word, "embedding" (alone or besides), "preview_0" .. (PNG).
    """

    kind: Literal["epoch"] = "epoch"
    epoch: int
    loss: float | None = None
    """Mean over the epoch."""
    likeness: float | None = None
    fidelity: float | None = None
    memorising: float | None = None
    leakage: float | None = None
    bleed: float | None = None
    """Points; what 0 and 100 are is said in `engine.scores.reading`."""
    sha256: str | None = None
    """Of the LoRA file, or of the embedding where that is all."""
    seconds: float = 0.0


class Checkpointed(EventBase):
    kind: Literal["checkpointed"] = "checkpointed"
    step: int


class Painted(EventBase):
    """blobs: "picture_0" .. "picture_N" (PNG with A1111 `parameters` text), in the order of the job's seeds."""

    kind: Literal["painted"] = "painted"
    seeds: tuple[int, ...]
    width: int
    height: int
    """Of the pictures, after a hires pass."""
    cut: str = ""
    """The end of the prompt that was over the text encoder's length, in the words of whoever wrote it."""
    cut_negative: str = ""


class Interrupted(EventBase):
    """The engine died under the job and was started again; the job goes on as attempt `attempt` from its last checkpoint."""

    kind: Literal["interrupted"] = "interrupted"
    crashes: int


class Parked(EventBase):
    """The engine is stopping; the job's checkpoint is safe and it can be submitted again."""

    kind: Literal["parked"] = "parked"
    step: int = 0


class Cancelled(EventBase):
    kind: Literal["cancelled"] = "cancelled"


class Done(EventBase):
    kind: Literal["done"] = "done"
    seconds: float = 0.0
    suggested: int | None = None
    """train: the epoch the engine would take, with its reason in one sentence."""
    reason: str = ""
    stopped_early: bool = False


class FailureKind(StrEnum):
    INPUT = "input"
    """The job cannot be done as asked; the sentence says why and how to mend it."""
    BASE = "base"
    """The base model is missing or unreadable."""
    MEMORY = "memory"
    DIVERGED = "diverged"
    CRASHED = "crashed"
    """Killed the engine three times."""
    INTERNAL = "internal"


class Failed(EventBase):
    kind: Literal["failed"] = "failed"
    failure: FailureKind
    sentence: str
    """For a member: what happened, what to do."""
    detail: str = ""
    """For the owner's log: exception type and place, never a prompt or a file name."""


AnyEvent = (
    Accepted
    | Progress
    | PhotoRead
    | EpochReady
    | Checkpointed
    | Painted
    | Interrupted
    | Parked
    | Cancelled
    | Done
    | Failed
)
Event = Annotated[AnyEvent, Field(discriminator="kind")]

ENDS = (Parked, Cancelled, Done, Failed)
"""After one of these a job sends nothing more."""


# ---- the port -------------------------------------------------------------------------------------------------------


class CancelMode(StrEnum):
    NOW = "now"
    """Drop the work; finished epochs stay announced."""
    AFTER_EPOCH = "after_epoch"
    """Finish the running epoch, then end with Done(stopped_early=True)."""


class WorkerInfo(Message):
    worker_id: str
    pid: int | None
    device: str
    """ "cpu", "cuda:0 NVIDIA ...", "mps"; "" until the worker said hello."""
    base: str | None
    """Source of the base it holds loaded."""
    running: tuple[str, ...]
    """Job ids."""
    restarts: int = 0
    away: bool = False
    """It has died and its next life has not said hello: what it was given waits."""


class Engine(Protocol):
    """The port. `engine.local.LocalEngine` is one child process; `engine.fake.FakeEngine` answers by script in tests."""

    async def start(self) -> None: ...

    async def stop(self, *, drain_s: float = 20.0) -> None:
        """Park running jobs at a checkpoint, end the child."""
        ...

    async def submit(self, job: PrepareJob | TrainJob | PaintJob, blobs: BlobSource) -> None:
        """Returns once the job is queued. Idempotent on (job_id, attempt)."""
        ...

    async def cancel(self, job_id: str, mode: CancelMode = CancelMode.NOW) -> None: ...

    def events(self) -> AsyncIterator[AnyEvent]:
        """All events of all jobs, in order, to one reader; ends after stop()."""
        ...

    async def workers(self) -> tuple[WorkerInfo, ...]: ...
