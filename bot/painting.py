"""What paint and grid have in common: LoRA files as they are named on a command line, the job, the pictures on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bot.bars import Watch
from bot.bases import Base, settings_here
from bot.errors import UserError
from bot.studio.brush import check_sampler
from bot.workbench import Workbench
from engine import samplers
from engine.fast import pace
from engine.protocol import LoraUse, Painted, PaintJob, Progress
from engine.shots import Hires

STRONGEST = 4.0
LARGEST_LORA_BYTES = 1024**3
LARGEST_PICTURE_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Lora:
    path: Path
    strength: float
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def use(self) -> LoraUse:
        return LoraUse(sha256=self.sha256, strength=self.strength, name=self.path.stem)


@dataclass(frozen=True)
class Manner:
    """How it is painted, as the options say it."""

    sampler: str | None = None
    steps: int | None = None
    cfg: float | None = None
    clip_skip: int = 1
    """As A1111 counts."""
    hires: float | None = None
    hires_steps: int | None = None
    hires_denoise: float = 0.5
    upscaler: Literal["lanczos", "latent"] = "lanczos"
    is_fast: bool = False
    few_step: Path | None = None
    lora_guidance: float | None = None
    lora_start: float | None = None
    config: Path | None = None


def settings_of(manner: Manner, base: Base) -> dict[str, Any]:
    """The fields of a PaintJob. UserError or BadInput for what this base cannot do."""
    spec, record = base.record.spec, base.record
    sampler, few_step = manner.sampler and samplers.named(manner.sampler, spec.prediction).name, None
    if manner.few_step and not manner.is_fast:
        raise UserError("--few-step names the LoRA of the fast mode: give --fast with it.")
    sampler = sampler or (None if manner.is_fast else record.sampler)
    usual_steps, usual_cfg = record.steps, record.cfg
    if manner.is_fast:
        few_step = manner.few_step or settings_here(manner.config).painting.few_step_file
        if few_step is not None and not few_step.is_file():
            raise UserError(f"There is no LoRA file {few_step}: look at its path.")
        quick = pace(spec, few_step=few_step is not None)
        sampler, usual_steps, usual_cfg = sampler or quick.sampler, quick.steps, quick.cfg
    steps = usual_steps if manner.steps is None else manner.steps
    check_sampler(sampler, steps, spec)
    hires = None
    if manner.hires is not None and manner.hires > 1:
        hires = Hires(
            upscale=manner.hires, steps=manner.hires_steps, denoise=manner.hires_denoise, upscaler=manner.upscaler
        )
    return {
        "lora_guidance": record.lora_guidance.but(manner.lora_guidance, manner.lora_start),
        "sampler": sampler,
        "steps": steps,
        "cfg": usual_cfg if manner.cfg is None else manner.cfg,
        "clip_skip": manner.clip_skip - 1,
        "hires": hires,
        "few_step": str(few_step.resolve()) if few_step else None,
    }


async def pictures_of(
    job: PaintJob,
    files: Mapping[str, Path | bytes],
    bench: Workbench,
    watch: Watch,
    *,
    before: int = 0,
    total: int | None = None,
    heard: Callable[[Progress], None] = lambda _: None,
) -> Painted:
    """The job's pictures. Steps are counted on from `before` where several jobs make one bar of `total`."""
    painted: Painted | None = None
    async for event in bench.work(job, files):
        if isinstance(event, Progress):
            heard(event)
            watch.step(event.phase, before + event.step, total or event.total, seconds_left=event.seconds_left)
        elif isinstance(event, Painted):
            painted = event
    assert painted is not None, "a paint job that is done has painted"
    return painted


def cut_sentence(painted: Painted) -> str | None:
    """What of the prompt the base did not read, for whoever wrote it."""
    if painted.cut:
        return f'The prompt is too long for the base; not read was: "{painted.cut}".'
    if painted.cut_negative:
        return f'The negative prompt is too long for the base; not read was: "{painted.cut_negative}".'
    return None


def read_lora(text: str, strength: float = 1.0) -> Lora:
    """FILE or FILE:STRENGTH. Whether it is a LoRA that fits the base, the engine says."""
    path, given = Path(text), strength
    before, colon, after = text.rpartition(":")
    if colon and not path.exists():
        try:
            path, given = Path(before), float(after)
        except ValueError:
            path = Path(text)
    if not -STRONGEST <= given <= STRONGEST:
        raise UserError(
            f"The strength of {path.name} is {given:g}: give a number from -{STRONGEST:g} to {STRONGEST:g}."
        )
    if not path.is_file():
        raise UserError(f"There is no LoRA file {path}: look at its path.")
    if path.suffix != ".safetensors":
        raise UserError(
            f"{path.name} is not a .safetensors file, and no other kind is loaded: it could run code. Get it in that form."
        )
    if path.stat().st_size > LARGEST_LORA_BYTES:
        raise UserError(f"{path.name} has more than 1 GiB: that is not a LoRA. Name the LoRA's own file.")
    return Lora(path, given, _bytes(path))


def read_picture(path: Path) -> bytes:
    """A picture to start from. Whether it is one, the engine says."""
    if not path.is_file():
        raise UserError(f"There is no picture {path}: look at its path.")
    if path.stat().st_size > LARGEST_PICTURE_BYTES:
        raise UserError(f"{path.name} has more than 256 MiB: make it smaller first.")
    return _bytes(path)


def read_word(path: Path) -> bytes:
    """A learned word (embedding). Whether it is one, the engine says."""
    if not path.is_file():
        raise UserError(f"There is no learned word {path}: look at its path.")
    if path.suffix != ".safetensors":
        raise UserError(
            f"{path.name} is no .safetensors file: pickled embeddings can run code when opened. Get it in that form."
        )
    return _bytes(path)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}): let this user read it.") from None
