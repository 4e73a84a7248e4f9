"""What painting costs: one LoRA, several in one batch, and several one after another as diffusers loads and unloads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.worker.sampler import draw
from engine.worker.slots import table_of

CFG = 5.0
PROMPT = "a portrait of ohwx on the moon"


def random_lora(base: LoadedBase, rank: int, seed: int) -> lora.Weights:
    """A LoRA on every site of the denoiser, small enough to leave a picture."""
    generator = torch.Generator().manual_seed(seed)

    def half(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.02

    return {
        site.key: (half(rank, *site.shape[1:]), half(site.shape[0], rank, *(1,) * (len(site.shape) - 2)), float(rank))
        for site in base.sites
        if site.part == "denoiser"
    }


class Ours:
    """`count` pictures in one call, picture n with LoRA n modulo their number. The LoRAs lie in slots already."""

    def __init__(self, base: LoadedBase, loras: Sequence[lora.Weights], count: int, side: int, steps: int) -> None:
        self._base, self._count, self._side, self._steps = base, count, side, steps
        table = table_of(base)
        self.slots = [table.take(one) for one in loras]

    def __call__(self) -> None:
        mixtures = [{self.slots[number % len(self.slots)]: 1.0} for number in range(self._count)]
        work = draw(
            self._base, [PROMPT] * self._count, range(self._count), steps=self._steps, cfg=CFG, width=self._side,
            height=self._side, mixtures=mixtures,
        )  # fmt: skip
        for _ in work:
            pass


class FromFiles:
    """Pictures with LoRAs that are read, put into slots, used in one call, and taken out again."""

    def __init__(self, base: LoadedBase, loras: Sequence[lora.Weights], count: int, side: int, steps: int) -> None:
        self._arguments = base, loras, count, side, steps

    def __call__(self) -> None:
        ours = Ours(*self._arguments)
        ours()
        table = table_of(self._arguments[0])
        for slot in ours.slots:
            table.give_back(slot)


class OneAfterAnother:
    """The same pictures as diffusers' users make them: load a LoRA, paint its pictures in a batch, unload it, next."""

    def __init__(self, twin: LoadedBase, loras: Sequence[lora.Weights], count: int, side: int, steps: int) -> None:
        from diffusers import DPMSolverMultistepScheduler

        pipe: Any = twin.family.pipeline_of(twin)
        pipe.set_progress_bar_config(disable=True)
        pipe.scheduler = DPMSolverMultistepScheduler.from_config(twin.scheduler_config, use_karras_sigmas=True)
        self._pipe, self._files = pipe, [lora.kohya(one) for one in loras]
        self._each, self._side, self._steps, self._base = count // len(loras), side, steps, twin

    def __call__(self) -> None:
        for number, file in enumerate(self._files):
            self._pipe.load_lora_weights(dict(file), adapter_name=f"lora_{number}")
            latents = self._pipe(
                [PROMPT] * self._each, height=self._side, width=self._side, num_inference_steps=self._steps,
                guidance_scale=CFG, output_type="latent",
            ).images  # fmt: skip
            with torch.no_grad():
                self._base.family.decode_latents(self._base, latents)
            self._pipe.unload_lora_weights()
