"""diffusers' schedulers behind the samplers' names, set up from the base's own noise schedule.

Every scheduler keeps a position inside it, so a `Solver` serves one batch of pictures from its first step to its last. What
a sampler draws on the way comes from the pictures' own generators: a picture is the same in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from engine import samplers
from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.samplers import Sampler

PLAIN: dict[str, object] = {
    "use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False, "clip_sample": False,
}  # fmt: skip
"""Against what a base's config may say for its own favourite scheduler: a name means the same with every base."""


@dataclass(frozen=True, slots=True, eq=False)
class Solver:
    scheduler: Any
    timesteps: Tensor
    """(S,) on the device; of a variation the last ones only."""
    skipped: int
    """Steps before the first of them."""
    is_flow: bool

    @property
    def steps(self) -> int:
        """All, from pure noise on."""
        return self.skipped + len(self.timesteps)

    def noise(self, shape: tuple[int, ...], generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
        """(N, ...) float32, each row from its own generator."""
        return randn_tensor(shape, generator=list(generators), device=device, dtype=torch.float32)

    def from_nothing(self, noise: Tensor) -> Tensor:
        return noise if self.is_flow else noise * self.scheduler.init_noise_sigma

    def over(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Latents of a picture as they are before the first of `timesteps`."""
        if self.is_flow:
            return self.scheduler.scale_noise(clean, self.timesteps[:1], noise)
        return self.scheduler.add_noise(clean, noise, self.timesteps[:1])

    def told(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """What the denoiser is shown: some samplers walk in another scale than it was trained in."""
        return latents if self.is_flow else self.scheduler.scale_model_input(latents, timestep)

    def step(self, said: Tensor, timestep: Tensor, latents: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        drawn: dict[str, Any] = {"generator": list(generators)} if self._draws else {}
        return self.scheduler.step(said, timestep, latents, return_dict=False, **drawn)[0]

    def clean(self, said: Tensor, told: Tensor, timestep: Tensor) -> Tensor:
        """The finished latents as the denoiser sees them now: what a preview shows. Nearly exact, as times are rounded."""
        if self.is_flow:
            return told - timestep / 1000 * said
        signal = self.scheduler.alphas_cumprod.to(told.device)[timestep.round().long()]
        if self.scheduler.config.prediction_type == "v_prediction":
            return signal.sqrt() * told - (1 - signal).sqrt() * said
        return (told - (1 - signal).sqrt() * said) / signal.sqrt()

    @property
    def _draws(self) -> bool:
        return not isinstance(self.scheduler, diffusers.UniPCMultistepScheduler)


def solver(base: LoadedBase, sampler: Sampler, steps: int, pixels: tuple[int, int], denoise: float = 1.0) -> Solver:
    """Ready for the first step. With `denoise` below 1 only that part of the steps is walked, and at least one of them.

    BadInput where the sampler cannot walk so many steps.
    """
    is_flow = base.prediction == "flow"
    kind: Any = getattr(diffusers, (sampler.flow if is_flow else sampler.scheduler) or "")
    if is_flow:
        scheduler = kind.from_config(base.scheduler_config, **PLAIN)
        # Evenly from 1, so that the last step ends at 0 and none is lost there (Esser et al. 2024).
        shift = {"mu": _shift(scheduler.config, base, pixels)} if scheduler.config.use_dynamic_shifting else {}
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=base.device, **shift)
    else:
        scheduler = kind.from_config(
            base.scheduler_config, **PLAIN | dict(sampler.options), prediction_type=base.prediction
        )
        most = samplers.most_steps(sampler.name)
        if most is not None and steps > most:
            raise BadInput(
                f"The sampler {sampler.name} walks at most {most} steps, and does best with 4 to 8: write `--steps 6`."
            )
        scheduler.set_timesteps(steps, device=base.device)
    count = walked(steps, denoise)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(steps - count)
    return Solver(scheduler, scheduler.timesteps[steps - count :], steps - count, is_flow)


def walked(steps: int, denoise: float) -> int:
    """Steps that are left of `steps`, as diffusers and web UIs count them."""
    return min(steps, max(1, int(steps * denoise)))


def _shift(config: Any, base: LoadedBase, pixels: tuple[int, int]) -> float:
    """How much later a larger picture's noise goes: a line through the two sizes that the base's config names."""
    pieces = (pixels[0] // base.factor // 2) * (pixels[1] // base.factor // 2)
    slope = (config.max_shift - config.base_shift) / (config.max_image_seq_len - config.base_image_seq_len)
    return config.base_shift + slope * (pieces - config.base_image_seq_len)
