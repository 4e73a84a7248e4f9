"""Pictures for a prompt: batched, each from its own seed, with LoRAs by strength, and the recipe written into the PNG."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from PIL import Image

from engine.families.loaded import LoadedBase
from engine.files import lora, picture
from engine.files.parameters import LoraTag, Parameters
from engine.protocol import CancelMode, EventBase, Painted, PaintJob, Progress
from engine.worker import adapters
from engine.worker.order import Order
from engine.worker.sampler import draw

AT_ONCE = 4
"""Pictures in one batch: enough to fill a small GPU, few enough to let others in between."""
PROGRESS_S = 0.5
LEAST_SIDE = 4
"""Latents along a side; smaller than this a UNet has nothing to halve."""

Emit = Callable[[EventBase], None]


def paint(
    base: LoadedBase,
    job: PaintJob,
    blobs: Mapping[str, bytes],
    emit: Emit,
    order: Order,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Emits Progress and Painted; yields between denoising steps. Raises BadInput for a LoRA that cannot be used."""
    width, height = size_of(base, job.width, job.height)
    said, done, total = clock(), 0, job.steps * len(job.seeds)
    hung = [adapters.name_of(f"paint{index}", job.job_id) for index in range(len(job.loras))]
    names: dict[str, float] = {}
    tags: list[LoraTag] = []
    pictures: list[Image.Image] = []
    try:
        for name, use in zip(hung, job.loras, strict=True):
            file = lora.read(blobs[use.sha256], lora.target_of(base))
            adapters.load(base, name, lora.kohya(file.weights))
            adapters.heed_alphas(base, name, file.weights)
            names[name] = use.strength
            tags.append(LoraTag(file.trigger or "lora", use.strength, file.short_hash))
            yield
        for start in range(0, len(job.seeds), AT_ONCE):
            seeds = job.seeds[start : start + AT_ONCE]
            painting = draw(
                base, [job.prompt] * len(seeds), seeds, steps=job.steps, cfg=job.cfg, width=width, height=height,
                negative=job.negative, strengths=names,
            )  # fmt: skip
            while True:
                try:
                    next(painting)
                except StopIteration as end:
                    pictures += end.value
                    break
                done += len(seeds)
                if clock() - said >= PROGRESS_S:
                    said = clock()
                    emit(Progress(job_id=job.job_id, attempt=job.attempt, phase="painting", step=done, total=total))
                if order.park or order.cancel is CancelMode.NOW:
                    return
                yield
        emit(
            Painted(
                job_id=job.job_id,
                attempt=job.attempt,
                seeds=job.seeds,
                width=width,
                height=height,
                blobs={
                    f"picture_{index}": picture.png(image, parameters(base, job, seed, width, height, tags))
                    for index, (image, seed) in enumerate(zip(pictures, job.seeds, strict=True))
                },
            )
        )
    finally:
        for name in hung:
            adapters.detach(base, name)


def size_of(base: LoadedBase, width: int | None, height: int | None) -> tuple[int, int]:
    """Pixels, rounded down to what the base divides by; the base's own size where none is given."""
    step = base.multiple
    least = max(step, base.factor * LEAST_SIDE)
    wide, high = (max(least, (side or base.native) // step * step) for side in (width, height))
    return wide, high


def parameters(
    base: LoadedBase, job: PaintJob, seed: int, width: int, height: int, loras: list[LoraTag]
) -> Parameters:
    return Parameters(
        prompt=job.prompt, negative=job.negative, steps=job.steps, sampler=base.spec.sampler, cfg=job.cfg, seed=seed,
        width=width, height=height, model=base.name, model_hash=base.fingerprint[:10], loras=tuple(loras),
    )  # fmt: skip
