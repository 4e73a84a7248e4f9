"""Pictures shown while they are painted, through a tiny VAE: for looking at, at a twentieth of the real one's cost."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.shots import Previews
from engine.worker.sampler import pictures_of


class Glimpses:
    """A `Watch` for a sampler. `latest` holds a JPEG for each picture of the batch, after every step that shows one."""

    def __init__(self, base: LoadedBase, wanted: Previews) -> None:
        """BadInput where the folder holds no tiny VAE that fits the base."""
        self._vae = _tiny_vae(wanted.tiny_vae, base.device)
        channels = self._vae.config.latent_channels
        if channels != base.spec.latent_channels:
            raise BadInput(
                f"The tiny VAE for previews is of another family: it reads {channels} channels, and {base.name} has "
                f"{base.spec.latent_channels}. Name another one, or none."
            )
        self._every, self._steps = wanted.every, 0
        self.latest: list[bytes] = []

    def __call__(self, latents: Tensor) -> None:
        self.latest = []
        self._steps += 1
        if self._steps % self._every:
            return
        with torch.no_grad():
            pixels = self._vae.decode(latents.to(self._vae.dtype)).sample.float()
        for picture in pictures_of((pixels / 2 + 0.5).clamp(0, 1)):
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=80)
            self.latest.append(buffer.getvalue())


@lru_cache(maxsize=1)
def _tiny_vae(folder: str, device: torch.device) -> Any:
    try:
        vae: Any = AutoencoderTiny.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise BadInput("The tiny VAE for previews cannot be loaded. Name its diffusers folder, or none.") from error
    return vae.requires_grad_(False).eval().to(device)
