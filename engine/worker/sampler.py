"""Pictures from prompts, one denoising step at a time, so that other work can go in between."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engine import samplers
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.text import Text
from engine.guidance import PLAIN, LoraGuidance
from engine.shots import Hires
from engine.worker.slots import Mix, Mixture, table_of
from engine.worker.solvers import Solver, solver
from engine.worker.words import Spelling, tokens_of

Generators = Sequence[torch.Generator]
Watch = Callable[[Tensor], None]
"""Shown the latents as they would be if the denoiser were right now, after every step."""
SLICE_PIXELS = 4 * 512 * 512
"""Of pictures that go through the VAE at once: in full precision it needs more memory than the denoiser."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """The prompts, and the LoRAs that read them: N rows, or 2N where the first N are without the prompt."""

    text: Text
    mix: Mix | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the denoiser is asked at the steps of one size."""

    first: Said
    """Before the LoRAs come in."""
    then: Said
    start: float
    """The share of all steps that `first` is asked at."""
    told: Tensor | None
    guidance: Tensor | None
    """(N, 1, 1, 1); None where no picture is guided."""


def draw(
    base: LoadedBase,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    cfg: float | Sequence[float],
    width: int,
    height: int,
    negative: str | Sequence[str] = "",
    mixtures: Sequence[Mixture] | None = None,
    always: Mixture | None = None,
    lora_guidance: LoraGuidance = PLAIN,
    sampler: str | None = None,
    clip_skip: int = 0,
    spelling: Spelling | None = None,
    init: Image.Image | None = None,
    denoise: float = 1.0,
    hires: Hires | None = None,
    watch: Watch | None = None,
) -> Generator[None, None, list[Image.Image]]:
    """One RGB picture per (prompt, seed); yields after every denoising step and holds nothing of the base meanwhile.

    Each picture draws everything from its own generator and shares nothing with its neighbours, so it is the same in any
    batch, as far as floating point allows. `mixtures`: the slots each picture meets, with their strengths, in the way that
    `lora_guidance` says; None: the bare base. `always`: what every row meets at every step besides. `sampler`: None is the
    base's own. `spelling`: words that mean learned vectors. `init` (RGB, of the asked size) is varied as much as `denoise`
    says.
    BadInput for a sampler that this base or so few steps have no use for.
    """
    method = samplers.named(sampler or base.spec.sampler, base.prediction)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    asking = Asking(prompts, cfg, negative, mixtures, always or {}, lora_guidance, clip_skip, spelling)
    asked = _ask(base, asking, width, height)
    walk = solver(base, method, steps, (width, height), 1.0 if init is None else denoise)
    if init is None:
        shape = (len(seeds), base.spec.latent_channels, height // base.factor, width // base.factor)
        latents = walk.from_nothing(walk.noise(shape, generators, base.device))
    else:
        clean = _encoded(base, [init], walk, generators)
        latents = walk.over(clean, walk.noise(tuple(clean.shape), generators, base.device))
    latents = yield from _walk(base, walk, latents, asked, generators, watch)
    if hires is not None:
        width, height = larger(base, width, height, hires.upscale)
        walk = solver(base, method, hires.steps or steps, (width, height), hires.denoise)
        if hires.upscaler == "latent":
            clean = functional.interpolate(latents, size=(height // base.factor, width // base.factor), mode="bilinear")
        else:
            small = yield from _decoded(base, latents)
            large = [one.resize((width, height), Image.Resampling.LANCZOS) for one in small]
            clean = _encoded(base, large, walk, generators)
        latents = walk.over(clean, walk.noise(tuple(clean.shape), generators, base.device))
        asked = _ask(base, asking, width, height)
        latents = yield from _walk(base, walk, latents, asked, generators, watch)
    return (yield from _decoded(base, latents))


def larger(base: LoadedBase, width: int, height: int, upscale: float) -> tuple[int, int]:
    """The size of a hires pass, rounded down to what the base divides by."""
    wide, high = (max(side, int(side * upscale) // base.multiple * base.multiple) for side in (width, height))
    return wide, high


def pixels_of(pictures: Sequence[Image.Image], device: torch.device) -> Tensor:
    """(N, 3, H, W) in -1..1"""
    stacked = np.stack([np.asarray(one.convert("RGB")) for one in pictures])
    return torch.from_numpy(stacked).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def pictures_of(pixels: Tensor) -> list[Image.Image]:
    """(N, 3, H, W) in 0..1 -> RGB pictures."""
    whole = pixels.mul(255).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(one) for one in whole]


@dataclass(frozen=True, slots=True)
class Asking:
    """What `draw` was asked for, whatever the size."""

    prompts: Sequence[str]
    cfg: float | Sequence[float]
    negative: str | Sequence[str]
    mixtures: Sequence[Mixture] | None
    always: Mixture
    lora_guidance: LoraGuidance
    clip_skip: int
    spelling: Spelling | None


def _ask(base: LoadedBase, asking: Asking, width: int, height: int) -> Asked:
    count, cfg, negative = len(asking.prompts), asking.cfg, asking.negative
    scales = [float(cfg)] * count if isinstance(cfg, int | float) else [float(one) for one in cfg]
    against = [negative] * count if isinstance(negative, str) else list(negative)
    guided = max(scales) > 1
    said = [*(against if guided else ()), *asking.prompts]
    rows = list(asking.mixtures) if asking.mixtures is not None else [{}] * count
    how = asking.lora_guidance
    shares = [*([how.share_without] * count if guided else ()), *(how.share(scale) for scale in scales)]
    whole = [*(rows if guided else ()), *rows]
    then = _said(base, asking, said, [_weighed(row, share) for row, share in zip(whole, shares, strict=True)])
    first = _said(base, asking, said, [{}] * len(said)) if how.start and any(rows) else then
    told = base.family.conditions(base, [Framing.whole(width, height)] * len(said))
    # A scale of 1 is the prompt alone, also for a picture whose neighbours are guided.
    guidance = torch.tensor([max(one, 1.0) for one in scales]).view(-1, 1, 1, 1).to(base.device) if guided else None
    return Asked(first, then, how.start, told, guidance)


def _said(base: LoadedBase, asking: Asking, texts: Sequence[str], rows: Sequence[Mixture]) -> Said:
    table = table_of(base)
    mix = table.mix([{**row, **asking.always} for row in rows])
    with table.using(mix), torch.no_grad():
        return Said(base.family.encode_tokens(base, tokens_of(base, texts, asking.spelling), asking.clip_skip), mix)


def _weighed(mixture: Mixture, share: float) -> Mixture:
    return {slot: strength * share for slot, strength in mixture.items()}


def _walk(
    base: LoadedBase, walk: Solver, latents: Tensor, asked: Asked, generators: Generators, watch: Watch | None
) -> Generator[None, None, Tensor]:
    table, guided = table_of(base), asked.guidance is not None
    for number, timestep in enumerate(walk.timesteps, walk.skipped):
        now = asked.first if number < int(asked.start * walk.steps) else asked.then
        with table.using(now.mix), torch.no_grad():
            told = walk.told(latents, timestep)
            said = base.family.forward(
                base, torch.cat([told, told]) if guided else told, timestep, now.text, asked.told
            )
            if asked.guidance is not None:
                without, towards = said.chunk(2)
                said = without + asked.guidance * (towards - without)
            latents = walk.step(said, timestep, latents, generators)
            if watch is not None:
                watch(walk.clean(said, told, timestep))
        yield
    return latents


@torch.no_grad()
def _encoded(base: LoadedBase, pictures: Sequence[Image.Image], walk: Solver, generators: Generators) -> Tensor:
    """Latents of one picture for each generator (or of one for all), each a draw of its own from the posterior."""
    at_once = _slice(pictures[0].width, pictures[0].height)
    parts = [
        base.family.encode_latents(base, pixels_of(pictures[start : start + at_once], base.device))
        for start in range(0, len(pictures), at_once)
    ]
    mean, spread = (torch.cat(halves).expand(len(generators), -1, -1, -1) for halves in zip(*parts, strict=True))
    return mean + spread * walk.noise(tuple(mean.shape), generators, base.device)


def _decoded(base: LoadedBase, latents: Tensor) -> Generator[None, None, list[Image.Image]]:
    """Yields between slices of the batch."""
    at_once = _slice(latents.shape[3] * base.factor, latents.shape[2] * base.factor)
    pictures: list[Image.Image] = []
    for start in range(0, len(latents), at_once):
        if start:
            yield
        with torch.no_grad():
            pictures += pictures_of(base.family.decode_latents(base, latents[start : start + at_once]))
    return pictures


def _slice(width: int, height: int) -> int:
    return max(1, SLICE_PIXELS // (width * height))
