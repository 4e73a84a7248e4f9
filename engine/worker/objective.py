"""What a diffusion training compares: noisy latents, the target in the base's own terms, the weight of a timestep."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor


class Objective:
    """Epsilon or v prediction on a noise schedule, with tables resident on the device."""

    def __init__(
        self, scheduler_config: dict[str, Any], prediction: str, min_snr_gamma: float | None, device: torch.device
    ) -> None:
        scheduler = DDPMScheduler.from_config(scheduler_config)
        assert isinstance(scheduler, DDPMScheduler)
        signal = scheduler.alphas_cumprod.to(torch.float32)
        self.timesteps = len(signal)
        self.is_velocity = prediction == "v_prediction"
        self._root_signal = signal.sqrt().to(device)
        self._root_noise = (1 - signal).sqrt().to(device)
        self._weights = self._loss_weights(signal / (1 - signal), min_snr_gamma).to(device)

    def _loss_weights(self, snr: Tensor, gamma: float | None) -> Tensor:
        """Min-SNR (Hang et al. 2023, arXiv:2303.09556): min(snr, gamma)/snr for epsilon, min(snr, gamma)/(snr + 1) for v."""
        if gamma is None:
            return torch.ones_like(snr)
        return snr.clamp(max=gamma) / (snr + 1 if self.is_velocity else snr)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return self._at(self._root_signal, timesteps) * clean + self._at(self._root_noise, timesteps) * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        if not self.is_velocity:
            return noise
        return self._at(self._root_signal, timesteps) * noise - self._at(self._root_noise, timesteps) * clean

    def loss(self, said: Tensor, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The weighted mean squared error of a batch; a scalar."""
        error = (said - self.target(clean, noise, timesteps)).square().mean(dim=(1, 2, 3))
        return (error * self._weights[timesteps]).mean()

    @staticmethod
    def _at(table: Tensor, timesteps: Tensor) -> Tensor:
        return table[timesteps].view(-1, 1, 1, 1)
