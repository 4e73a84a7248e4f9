"""What a training compares: noisy latents, the target in the base's own terms, the weight of a moment in time.

Two worlds. Diffusion counts timesteps 0..999 on a noise schedule and predicts the noise or a velocity; a flow goes straight
from picture to noise along sigma in 0..1 and predicts the difference of the two.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from engine.families.loaded import LoadedBase


class Objective(Protocol):
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) moments, on the CPU, as this objective counts them."""
        ...

    def clock(self, moments: Tensor) -> Tensor:
        """`moments` as a denoiser is told them: 0..1000."""
        ...

    def add_noise(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor: ...

    def target(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor: ...

    def weigh(self, moments: Tensor) -> Tensor:
        """(N,)"""
        ...


def objective_of(base: LoadedBase, min_snr_gamma: float | None, *, debiased: bool = False) -> Objective:
    if base.prediction == "flow":
        return Flow(base.scheduler_config)
    is_velocity = base.prediction == "v_prediction"
    return Diffusion(base.scheduler_config, is_velocity, min_snr_gamma, base.device, debiased=debiased)


def losses(
    objective: Objective, said: Tensor, clean: Tensor, noise: Tensor, moments: Tensor, mask: Tensor | None = None
) -> Tensor:
    """(N,) weighted mean squared errors, one a picture. `mask`: (N, 1, h, w), what each place counts."""
    error = (said - objective.target(clean, noise, moments)).square()
    if mask is not None:
        error = error * mask
    return error.mean(dim=(1, 2, 3)) * objective.weigh(moments)


class Diffusion:
    """Epsilon or v prediction (Salimans and Ho 2022) on a noise schedule, with tables resident on the device."""

    def __init__(
        self,
        scheduler_config: dict[str, Any],
        is_velocity: bool,
        min_snr_gamma: float | None,
        device: torch.device,
        *,
        debiased: bool = False,
    ) -> None:
        scheduler = DDPMScheduler.from_config(scheduler_config)
        assert isinstance(scheduler, DDPMScheduler)
        signal = scheduler.alphas_cumprod.to(torch.float32)
        self.is_velocity, self._count = is_velocity, len(signal)
        self._root_signal = signal.sqrt().to(device)
        self._root_noise = (1 - signal).sqrt().to(device)
        snr = signal / (1 - signal)
        self._weights = (self._debiased(snr) if debiased else self._loss_weights(snr, min_snr_gamma)).to(device)

    def _loss_weights(self, snr: Tensor, gamma: float | None) -> Tensor:
        """Min-SNR (Hang et al. 2023, arXiv:2303.09556): min(snr, gamma)/snr for epsilon, min(snr, gamma)/(snr + 1) for v."""
        if gamma is None:
            return torch.ones_like(snr)
        return snr.clamp(max=gamma) / (snr + 1 if self.is_velocity else snr)

    def _debiased(self, snr: Tensor) -> Tensor:
        """Yu et al. 2023, arXiv:2310.08442: 1/sqrt(snr) for epsilon; a velocity needs 1/(snr + 1)."""
        snr = snr.clamp(min=1e-4, max=1000)
        return 1 / (snr + 1) if self.is_velocity else snr.rsqrt()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self._count, (count,), generator=generator)

    def clock(self, moments: Tensor) -> Tensor:
        return moments

    def add_noise(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor:
        return _at(self._root_signal, moments) * clean + _at(self._root_noise, moments) * noise

    def target(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor:
        if not self.is_velocity:
            return noise
        return _at(self._root_signal, moments) * noise - _at(self._root_noise, moments) * clean

    def weigh(self, moments: Tensor) -> Tensor:
        return self._weights[moments]


class Flow:
    """Rectified flow (Liu et al. 2022): x = (1 - sigma) clean + sigma noise, and the answer is noise - clean.

    Sigmas are drawn logit-normal (Esser et al. 2024, arXiv:2403.03206, section 3.1) and shifted as the base's own sampler
    shifts them.
    """

    def __init__(self, scheduler_config: dict[str, Any]) -> None:
        self._shift = float(scheduler_config.get("shift") or 1.0)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        sigmas = torch.randn(count, generator=generator).sigmoid()
        return self._shift * sigmas / (1 + (self._shift - 1) * sigmas)

    def clock(self, moments: Tensor) -> Tensor:
        return moments * 1000

    def add_noise(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor:
        sigmas = moments.view(-1, 1, 1, 1)
        return (1 - sigmas) * clean + sigmas * noise

    def target(self, clean: Tensor, noise: Tensor, moments: Tensor) -> Tensor:
        return noise - clean

    def weigh(self, moments: Tensor) -> Tensor:
        return torch.ones_like(moments)


def _at(table: Tensor, timesteps: Tensor) -> Tensor:
    return table[timesteps].view(-1, 1, 1, 1)
