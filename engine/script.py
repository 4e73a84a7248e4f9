"""What the fake engine plays: a script as data, and the three verbs that follow it."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from engine.errors import BadInput, BaseUnavailable, Diverged
from engine.facts import PhotoFacts
from engine.protocol import (
    BaseModelRef,
    Box,
    CancelMode,
    Checkpointed,
    Done,
    EpochReady,
    EventBase,
    Face,
    FailureKind,
    Message,
    Painted,
    PaintJob,
    Parked,
    PhotoFlag,
    PhotoRead,
    PrepareJob,
    Progress,
    TrainJob,
)
from engine.recipes.recipe import Method, Recipe
from engine.shots import Shot, longest
from engine.verdicts import SENTENCES as SENTENCES_OF
from engine.verdicts import Cause
from engine.worker.desk import Verbs
from engine.worker.order import Order

LAYERS = (
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q",
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v",
)


class Died(BaseException):
    """The fake process is gone. Not an Exception, as no `except` stops a SIGKILL either."""


class At(Message):
    step: int
    """Before the step of this number (from 0) is made."""
    times: int = 1
    """As long as the job counts fewer crashes than this."""


class Script(Message):
    """The keys of the mappings by kind are "prepare", "train" and "paint"; photos go by their place in the job."""

    steps_per_epoch: int = 2
    paint_steps: int = 2
    refuse: dict[int, str] = Field(default_factory=dict[int, str])
    moving: tuple[int, ...] = ()
    """Places of photos that are animated."""
    copies: dict[int, int] = Field(default_factory=dict[int, int])
    """A photo's place -> the place of the earlier photo that it is a copy of."""
    flags: dict[int, tuple[PhotoFlag, ...]] = Field(default_factory=dict[int, tuple[PhotoFlag, ...]])
    faces: dict[int, int] = Field(default_factory=dict[int, int])
    """How many faces are found, where it is not one."""
    measured: dict[int, PhotoFacts] = Field(default_factory=dict[int, PhotoFacts])
    """What is measured in a photo, by its place; nothing in the others. `Pair.other` is a place too."""
    caption: str = "smiling, wearing a red sweater, on a blue background"
    suggested: int | None = None
    """None: the last epoch but one."""
    reads: int | None = None
    """Words of a prompt that the base reads; None: all of them."""
    fail: dict[str, FailureKind] = Field(default_factory=dict[str, FailureKind])
    crash: dict[str, At] = Field(default_factory=dict[str, At])
    hang: dict[str, At] = Field(default_factory=dict[str, At])
    hold: dict[str, int] = Field(default_factory=dict[str, int])
    """Jobs of this kind wait before this step until they are released."""


SENTENCES: Mapping[FailureKind, str] = {
    FailureKind.INPUT: "The script says that this job cannot be done as asked. Change the script.",
    FailureKind.BASE: "The script says that the base model is missing. Change the script.",
    FailureKind.DIVERGED: "The script says that the training diverged. Change the script.",
}


def _die() -> None:
    raise Died


class Play:
    """The verbs of one life of the process. `die` and `hang` do not return."""

    def __init__(
        self,
        script: Script,
        scratch: Path,
        *,
        held: Callable[[str], bool],
        die: Callable[[], None] = _die,
        hang: Callable[[], None] = _die,
    ) -> None:
        self._script, self._scratch, self._held, self._die, self._hang = script, scratch, held, die, hang
        self.waiting = False
        """The last step was no step but waiting for a release."""

    def verbs(self) -> Verbs:
        return Verbs(where=lambda _: "cpu", load=self.load, prepare=self.prepare, train=self.train, paint=self.paint)

    def load(self, ref: BaseModelRef, device: str) -> str:
        if ref.source == "nowhere":
            raise BaseUnavailable(f"There is no base model at {ref.source}. Name a folder that holds one.")
        return ref.source

    def prepare(
        self, job: PrepareJob, blobs: Mapping[str, bytes], emit: Callable[[EventBase], None], order: Order
    ) -> Iterator[None]:
        total = len(job.photos)
        for place, photo in enumerate(job.photos):
            yield from self._cue(job, place, order)
            emit(self._judge(job, place, blobs[photo.sha256]))
            emit(Progress(job_id=job.job_id, attempt=job.attempt, phase="reading", step=place + 1, total=total))
            yield

    def train(
        self,
        base: str,
        job: TrainJob,
        blobs: Mapping[str, bytes],
        scratch: Path,
        emit: Callable[[EventBase], None],
        order: Order,
    ) -> Iterator[None]:
        about: dict[str, Any] = {"job_id": job.job_id, "attempt": job.attempt}
        epochs, each = job.recipe.epochs, self._script.steps_per_epoch
        start = hashlib.sha256(job.recipe.model_dump_json().encode() + base.encode())
        for image in job.images:
            start.update(blobs[image.sha256] + image.caption.encode())
        saved = self._scratch / f"{hashlib.sha256(job.job_id.encode()).hexdigest()[:16]}.json"
        bundle: dict[str, Any] = (
            json.loads(saved.read_text()) if saved.exists() else {"step": 0, "state": start.hexdigest()}
        )
        step, state = int(bundle["step"]), str(bundle["state"])
        ends: dict[str, str] = bundle.get("ends", {})
        if 0 not in job.have_epochs:
            emit(EpochReady(**about, epoch=0, blobs=self._previews(job, "")))
        for past in range(1, -(-step // each)):
            # Ended before the checkpoint, and the sender died before it had stored them.
            if past not in job.have_epochs:
                emit(self._epoch(job, past, ends[str(past)]))
        while True:
            if step % each == 0 and step and step // each not in job.have_epochs:
                emit(self._epoch(job, step // each, state))
            if step % each == 0 and step and order.cancel is CancelMode.AFTER_EPOCH:
                emit(self._done(job, step // each, early=True))
                return
            if step == epochs * each:
                emit(self._done(job, epochs, early=False))
                return
            yield from self._cue(job, step, order)
            if order.park:
                emit(Parked(**about, step=step))
                return
            step, state = step + 1, hashlib.sha256(f"{state}{step}".encode()).hexdigest()
            if step % each == 0:
                ends[str(step // each)] = state
            partial = saved.with_suffix(".part")
            partial.write_text(json.dumps({"step": step, "state": state, "ends": ends}))
            partial.replace(saved)
            emit(
                Progress(
                    **about, phase="training", step=step, total=epochs * each, epoch=(step - 1) // each + 1, epochs=epochs,
                    loss=round(0.2 / step, 6), seconds_left=float(epochs * each - step),
                )
            )  # fmt: skip
            if step % each == 0:
                emit(Checkpointed(**about, step=step))
            yield

    def paint(
        self, base: str, job: PaintJob, blobs: Mapping[str, bytes], emit: Callable[[EventBase], None], order: Order
    ) -> Iterator[None]:
        about: dict[str, Any] = {"job_id": job.job_id, "attempt": job.attempt}
        width, height = job.width or 64, job.height or 64
        for step in range(self._script.paint_steps):
            yield from self._cue(job, step, order)
            emit(Progress(**about, phase="painting", step=step + 1, total=self._script.paint_steps))
            yield
        start = hashlib.sha256(blobs[job.init]).hexdigest() if job.init else ""
        pictures: dict[str, bytes] = {}
        for place, seed in enumerate(job.seeds):
            shot = job.shots[place] if job.shots else Shot()
            own = job.model_copy(update=shot.model_dump(exclude_none=True, exclude={"loras"}))
            uses = job.loras if shot.loras is None else shot.loras
            used = "".join(hashlib.sha256(blobs[use.sha256]).hexdigest() + str(use.strength) for use in uses)
            how = f"{own.prompt}{own.negative}{own.cfg}{own.sampler}{own.steps}{seed}{used}{start}{own.hires}"
            pictures[f"picture_{place}"] = picture(f"{base}{how}", width, height, parameters(own, seed))
        cut, cut_negative = self._cut(longest(job)), self._cut(job.negative)
        emit(
            Painted(
                **about, seeds=job.seeds, width=width, height=height, blobs=pictures, cut=cut, cut_negative=cut_negative
            )
        )

    def _cut(self, text: str) -> str:
        return "" if self._script.reads is None else " ".join(text.split()[self._script.reads :])

    # -- the parts -----------------------------------------------------------------------------------------------------

    def _cue(self, job: PrepareJob | TrainJob | PaintJob, step: int, order: Order) -> Iterator[None]:
        """Whatever the script wants to happen before `step`."""
        script, kind = self._script, job.kind
        while script.hold.get(kind) == step and self._held(kind) and not order.park:
            self.waiting = True
            yield
        if kind in script.fail:
            raise _error(script.fail[kind])
        for at, happens in ((script.crash.get(kind), self._die), (script.hang.get(kind), self._hang)):
            if at is not None and at.step == step and job.crashes < at.times:
                happens()

    def _judge(self, job: PrepareJob, place: int, data: bytes) -> PhotoRead:
        from PIL import Image, UnidentifiedImageError

        script = self._script
        about: dict[str, Any] = {"job_id": job.job_id, "attempt": job.attempt, "photo_id": job.photos[place].photo_id}
        if place in script.refuse:
            return PhotoRead(**about, refused=script.refuse[place])
        if place in script.moving and not job.photos[place].first_frame:
            glimpse = {"glimpse": picture(f"glimpse {place}", 64, 64, "")}
            return PhotoRead(**about, refused=SENTENCES_OF[Cause.ANIMATED], cause=Cause.ANIMATED, blobs=glimpse)
        if place in script.copies and not job.photos[place].copy_too:
            earlier = job.photos[script.copies[place]].photo_id
            return PhotoRead(
                **about, refused="is a copy of another photo of this set", cause=Cause.COPY, duplicate_of=earlier
            )
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as file:
                photo = file.convert("RGB")
        except UnidentifiedImageError:
            return PhotoRead(**about, refused="is not a photo")
        except OSError:
            return PhotoRead(**about, refused="is an incomplete upload; send it again")
        wide, high = photo.size
        if min(wide, high) < job.min_side:
            return PhotoRead(
                **about,
                width=wide,
                height=high,
                refused=f"is {min(wide, high)} px on its short side; at least {job.min_side} are needed",
            )
        side = min(wide, high)
        crop = Box(x0=(wide - side) // 2, y0=(high - side) // 2, x1=(wide + side) // 2, y1=(high + side) // 2)
        faces = self._faces(script.faces.get(place, 1), wide, high)
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=95)
        return PhotoRead(
            **about, width=wide, height=high, faces=faces, crop=crop, flags=script.flags.get(place, ()),
            caption=script.caption if job.caption else "", sharpness=200.0, measured=self._measured(job, place),
            blobs={"photo": buffer.getvalue()},
        )  # fmt: skip

    def _measured(self, job: PrepareJob, place: int) -> PhotoFacts | None:
        """What the script says of the photo, its pairs turned from places into the ids of the job."""
        facts = self._script.measured.get(place)
        if facts is None:
            return None
        ids = [photo.photo_id for photo in job.photos]
        pairs = [
            pair.model_copy(update={"other": ids[int(pair.other)]})
            for pair in facts.pairs
            if int(pair.other) < len(ids)
        ]
        return facts.model_copy(update={"pairs": tuple(pairs)})

    @staticmethod
    def _faces(count: int, wide: int, high: int) -> tuple[Face, ...]:
        """`count` faces side by side; the first is the subject's."""
        size, gap = min(wide // (2 * max(count, 1)), high // 2), wide // (max(count, 1) + 1)
        return tuple(
            Face(
                box=Box(x0=x - size // 2, y0=high // 3 - size // 2, x1=x + size // 2, y1=high // 3 + size // 2),
                score=0.9,
                likely_subject=place == 0,
            )
            for place, x in ((place, gap * (place + 1)) for place in range(count))
        )

    def _previews(self, job: TrainJob, state: str) -> dict[str, bytes]:
        return {
            f"preview_{place}": picture(f"{preview.prompt}{preview.seed}{state}", 64, 64, preview.prompt)
            for place, preview in enumerate(job.previews)
        }

    def _epoch(self, job: TrainJob, epoch: int, state: str) -> EpochReady:
        files = epoch_files(state, job.recipe)
        late = epoch / job.recipe.epochs
        return EpochReady(
            job_id=job.job_id, attempt=job.attempt, epoch=epoch, loss=round(0.2 / epoch, 6), likeness=round(80 * late, 1),
            fidelity=round(100 - 15 * late, 1), sha256=hashlib.sha256(next(iter(files.values()))).hexdigest(),
            seconds=1.0, blobs={**files, **self._previews(job, state)},
        )  # fmt: skip

    def _done(self, job: TrainJob, reached: int, *, early: bool) -> Done:
        suggested = min(reached, self._script.suggested or max(1, job.recipe.epochs - 1))
        reason = f"Epoch {suggested} looks most like the photos while its pictures still follow the prompt."
        return Done(
            job_id=job.job_id,
            attempt=job.attempt,
            seconds=float(reached),
            suggested=suggested,
            reason=reason,
            stopped_early=early,
        )


def _error(kind: FailureKind) -> Exception:
    sentence = SENTENCES.get(kind, "")
    errors: dict[FailureKind, Exception] = {
        FailureKind.INPUT: BadInput(sentence),
        FailureKind.BASE: BaseUnavailable(sentence),
        FailureKind.DIVERGED: Diverged(sentence),
        FailureKind.MEMORY: MemoryError(),
    }
    return errors.get(kind, RuntimeError("by script"))


def parameters(job: PaintJob, seed: int) -> str:
    negative = f"\nNegative prompt: {job.negative}" if job.negative else ""
    size = f"{job.width or 64}x{job.height or 64}"
    return f"{job.prompt}{negative}\nSteps: {job.steps}, CFG scale: {job.cfg:g}, Seed: {seed}, Size: {size}"


def picture(about: str, width: int, height: int, text: str) -> bytes:
    """A PNG whose 8x8 coloured tiles follow from `about`; `text` stands in its `parameters` chunk."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from engine.files.picture import XMP, XMP_KEYWORD

    tiles = hashlib.shake_256(about.encode()).digest(8 * 8 * 3)
    info = PngInfo()
    info.add_text("parameters", text)
    info.add_itxt(XMP_KEYWORD, XMP)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (8, 8), tiles).resize((width, height), Image.Resampling.NEAREST).save(
        buffer, "PNG", pnginfo=info
    )
    return buffer.getvalue()


def epoch_files(state: str, recipe: Recipe) -> dict[str, bytes]:
    """What a training by this recipe leaves after an epoch, by the names of `EpochReady`'s blobs."""
    found: dict[str, bytes] = {}
    if recipe.method is not Method.EMBEDDING:
        found["lora"] = lora_file(state, recipe.rank)
    if recipe.learns_words:
        found["embedding"] = lora_file(f"word {state}", recipe.embedding_vectors)
    return found


def lora_file(state: str, rank: int) -> bytes:
    """A .safetensors with kohya's names: small float32 values that follow from `state`."""
    header: dict[str, Any] = {"__metadata__": {"ss_network_dim": str(rank), "ss_network_alpha": str(rank)}}
    body = b""
    for layer in LAYERS:
        for name, shape in (("lora_down.weight", (rank, 4)), ("lora_up.weight", (4, rank)), ("alpha", ())):
            count = 4 * rank if shape else 1
            noise = hashlib.shake_256(f"{state}{layer}{name}".encode()).digest(count)
            values = [(byte - 127.5) / 1275 for byte in noise] if shape else [float(rank)]
            data = struct.pack(f"<{count}f", *values)
            header[f"{layer}.{name}"] = {
                "dtype": "F32",
                "shape": list(shape),
                "data_offsets": [len(body), len(body) + len(data)],
            }
            body += data
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    return struct.pack("<Q", len(words)) + words + body
