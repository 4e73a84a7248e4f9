"""Pictures for a prompt: batched, each from its own seed, with its own LoRAs, and the recipe written into the PNG."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from engine import samplers
from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.families.sites import ENCODERS
from engine.files import embedding, lora, parameters, picture
from engine.files.parameters import LoraTag, Parameters
from engine.guidance import LoraGuidance, usual
from engine.protocol import CancelMode, EventBase, Painted, PaintJob, Progress, TrainJob
from engine.shots import LoraUse, longest
from engine.worker.cut import cut
from engine.worker.fewstep import few_step_of
from engine.worker.glimpses import Glimpses
from engine.worker.memory import free_bytes, ran_out
from engine.worker.order import Order
from engine.worker.sampler import draw, larger
from engine.worker.slots import Slot, table_of
from engine.worker.solvers import walked
from engine.worker.starts import fitted, open_start, own_size
from engine.worker.words import words_of

AT_ONCE = 16
"""Pictures in one batch, at most."""
CPU_AT_ONCE = 4
"""Enough to share what a step costs once, few enough to let others in between."""
ROW_BYTES = 96 * 1024
"""Memory that one latent pixel of one row takes at the widest place of a UNet, in bfloat16, with room to spare."""
PROGRESS_S = 0.5
LEAST_SIDE = 4
"""Latents along a side; smaller than this a UNet has nothing to halve."""
LARGEST_PX = 4096

Emit = Callable[[EventBase], None]


@dataclass(frozen=True, slots=True)
class Hung:
    """A LoRA that is on the base."""

    slot: Slot
    name: str
    hash: str


@dataclass(frozen=True, slots=True)
class Wish:
    """One picture of the job, with all that is its own."""

    place: int
    seed: int
    prompt: str
    negative: str
    cfg: float
    loras: tuple[tuple[Hung, float], ...]
    few_step: Hung | None = None
    """Met by every row at every step: it belongs to how the base paints, not to what is painted."""

    @property
    def always(self) -> dict[Slot, float]:
        return {} if self.few_step is None else {self.few_step.slot: 1.0}

    @property
    def mixture(self) -> dict[Slot, float]:
        """The same LoRA named twice adds up."""
        mixed: dict[Slot, float] = {}
        for one, strength in self.loras:
            mixed[one.slot] = mixed.get(one.slot, 0.0) + strength
        return mixed


def paint(
    base: LoadedBase,
    job: PaintJob,
    blobs: Mapping[str, bytes],
    emit: Emit,
    order: Order,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Emits Progress and Painted; yields between denoising steps. Raises BadInput for what cannot be used."""
    samplers.named(job.sampler or base.spec.sampler, base.prediction)
    _check_clip_skip(base, job.clip_skip)
    start = open_start(blobs[job.init]) if job.init else None
    width, height = size_of(base, job, start)
    start = start and fitted(start, width, height)
    final = larger(base, width, height, job.hires.upscale) if job.hires else (width, height)
    if max(final) > LARGEST_PX:
        raise BadInput(f"A picture of {final[0]}x{final[1]} is too large; {LARGEST_PX} along a side is the most.")
    glimpses = Glimpses(base, job.previews) if job.previews else None
    hung: dict[str, Hung] = {}
    spelling: dict[str, tuple[int, ...]] = {}
    said, pace = clock(), Pace(len(job.seeds) * steps_of(job), clock)
    try:
        yield from _hang(base, job, blobs, hung)
        for use in job.words:
            spelling[use.word] = _spelled(base, blobs[use.sha256])
        waiting, painted = _wishes(job, hung), dict[int, bytes]()
        at_once = batch_of(base, *final)
        steps = steps_of(job)
        while waiting:
            some = waiting[:at_once]
            painting = draw(
                base, [wish.prompt for wish in some], [wish.seed for wish in some], steps=job.steps, width=width,
                height=height, cfg=[wish.cfg for wish in some], negative=[wish.negative for wish in some],
                mixtures=[wish.mixture for wish in some], always=some[0].always, lora_guidance=guidance_of(base, job),
                sampler=job.sampler, clip_skip=job.clip_skip, init=start, denoise=job.denoise, hires=job.hires,
                watch=glimpses, spelling=spelling,
            )  # fmt: skip
            step = 0
            while True:
                try:
                    next(painting)
                except StopIteration as end:
                    pictures: Sequence[Image.Image] = end.value
                    break
                except RuntimeError as error:
                    if len(some) == 1 or not ran_out(error):
                        raise
                    pictures, at_once = (), len(some) // 2
                    break
                step = min(step + 1, steps)
                shown = glimpses.latest if glimpses else []
                if clock() - said >= PROGRESS_S or shown:
                    said, reached = clock(), len(painted) * steps + step * len(some)
                    emit(
                        Progress(
                            job_id=job.job_id, attempt=job.attempt, phase="painting", step=reached,
                            total=pace.total, seconds_left=pace.seconds_left(reached),
                            blobs={f"preview_{wish.place}": data for wish, data in zip(some, shown, strict=False)},
                        )
                    )  # fmt: skip
                if order.park or order.cancel is CancelMode.NOW:
                    return
                yield
            if not pictures:  # too many at once: what they took goes back first
                gc.collect()
                torch.cuda.empty_cache()
                continue
            waiting = waiting[len(some) :]
            for wish, image in zip(some, pictures, strict=True):
                painted[wish.place] = picture.png(image, parameters_of(base, job, wish, width, height))
        emit(
            Painted(
                job_id=job.job_id, attempt=job.attempt, seeds=job.seeds, width=final[0], height=final[1],
                blobs={f"picture_{place}": painted[place] for place in range(len(job.seeds))},
                cut=cut(base, longest(job)), cut_negative=cut(base, job.negative) if job.cfg > 1 else "",
            )
        )  # fmt: skip
    finally:
        for one in hung.values():
            table_of(base).give_back(one.slot)
        for ids in spelling.values():
            words_of(base).give_back(ids)


class Pace:
    """How long the rest takes, by how long the steps since the first one took: that one also warms the device up."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self.total = total
        self._clock = clock
        self._first: tuple[int, float] | None = None

    def seconds_left(self, reached: int) -> float | None:
        """None before there is anything to go by."""
        if self._first is None:
            self._first = (reached, self._clock())
        step, at = self._first
        if reached <= step:
            return None
        return round((self._clock() - at) / (reached - step) * (self.total - reached), 1)


def size_of(base: LoadedBase, job: PaintJob, start: Image.Image | None) -> tuple[int, int]:
    """Pixels, rounded down to what the base divides by; the start's or the base's own size where none is given."""
    step = base.multiple
    least = max(step, base.factor * LEAST_SIDE)
    usual = own_size(start, base.native) if start else (base.native, base.native)
    asked = (job.width or usual[0], job.height or usual[1])
    wide, high = (max(least, side // step * step) for side in asked)
    return wide, high


def batch_of(base: LoadedBase, width: int, height: int) -> int:
    """How many pictures of this size are painted at once; a batch that is too large after all is halved."""
    if base.device.type != "cuda":
        return max(1, CPU_AT_ONCE * base.native**2 // max(base.native**2, width * height))
    free = free_bytes(base.device) or 0.0
    latents = (width // base.factor) * (height // base.factor)
    return max(1, min(AT_ONCE, int(free * 0.8) // (2 * latents * ROW_BYTES)))


def steps_of(job: PaintJob) -> int:
    """Denoising steps of one picture, both passes."""
    second = walked(job.hires.steps or job.steps, job.hires.denoise) if job.hires else 0
    return walked(job.steps, job.denoise if job.init else 1.0) + second


def guidance_of(base: LoadedBase, job: PaintJob | TrainJob) -> LoraGuidance:
    return job.lora_guidance or usual(base.ref.source)


def parameters_of(base: LoadedBase, job: PaintJob, wish: Wish, width: int, height: int) -> Parameters:
    hires = job.hires and parameters.Hires(
        job.hires.upscale, job.hires.upscaler.capitalize(), job.hires.denoise, job.hires.steps
    )
    tags = [LoraTag(one.name, strength, one.hash) for one, strength in wish.loras]
    if wish.few_step is not None:
        tags.append(LoraTag(wish.few_step.name, 1.0, wish.few_step.hash))
    return Parameters(
        prompt=wish.prompt, negative=wish.negative, steps=job.steps, cfg=wish.cfg, seed=wish.seed, width=width,
        height=height, sampler=samplers.named(job.sampler or base.spec.sampler).name, clip_skip=job.clip_skip,
        denoising=job.denoise if job.init else None, hires=hires, model=base.name, model_hash=base.fingerprint[:10],
        loras=tuple(tags), more=guidance_of(base, job).words if wish.loras else {},
    )  # fmt: skip


def _hang(
    base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes], hung: dict[str, Hung]
) -> Generator[None, None, None]:
    """Every LoRA of the job into a slot of its own, by what names it in `hung`. Yields after each."""
    target, table = lora.target_of(base), table_of(base)
    for use in _uses(job):
        if use.sha256 not in hung:
            file = lora.read(blobs[use.sha256], target)
            name = re.sub(r"[:<>,]", "_", use.name) or file.trigger or "lora"
            hung[use.sha256] = Hung(table.take(file.weights), name, file.short_hash)
            yield
    if job.few_step:
        file = few_step_of(base, job.few_step)
        hung[job.few_step] = Hung(table.take(file.weights), Path(job.few_step).stem, file.short_hash)
        yield


def _spelled(base: LoadedBase, data: bytes) -> tuple[int, ...]:
    """The learned word of a file, ready to be met in prompts."""
    if not base.spec.words.is_trained:
        raise BadInput(
            f"{base.spec.title} reads prompts with a language model that knows no learned words. Leave it out."
        )
    widths = [encoder.get_input_embeddings().weight.shape[1] for encoder in base.encoders]
    vectors = embedding.read(data, widths).vectors
    return words_of(base).take([vectors[part] for part in ENCODERS[: len(widths)]])


def _uses(job: PaintJob) -> list[LoraUse]:
    return [*job.loras, *(use for shot in job.shots for use in shot.loras or ())]


def _wishes(job: PaintJob, hung: Mapping[str, Hung]) -> list[Wish]:
    """The guided pictures first, so that as few as can be walk both ways."""
    wishes: list[Wish] = []
    for place, seed in enumerate(job.seeds):
        shot = job.shots[place] if job.shots else None
        prompt, negative, cfg, uses = job.prompt, job.negative, job.cfg, job.loras
        if shot is not None:
            prompt = prompt if shot.prompt is None else shot.prompt
            negative = negative if shot.negative is None else shot.negative
            cfg = cfg if shot.cfg is None else shot.cfg
            uses = uses if shot.loras is None else shot.loras
        loras = tuple((hung[use.sha256], use.strength) for use in uses)
        wishes.append(Wish(place, seed, prompt, negative, cfg, loras, hung[job.few_step] if job.few_step else None))
    return sorted(wishes, key=lambda wish: wish.cfg <= 1)


def _check_clip_skip(base: LoadedBase, skipped: int) -> None:
    layers = min(encoder.config.num_hidden_layers for encoder in base.encoders)
    if skipped >= layers:
        raise BadInput(
            f"Clip skip {skipped + 1} leaves nothing of {base.name}'s text encoder, which has {layers} layers. "
            f"Give 1 to {layers}."
        )
