"""The VAE's second half goes on learning after the latents are settled.

The encoder stays as the UNet knows it; only the way back to pixels gets sharper, from the cached latents. Never
changes what a latent means, so it may run while the UNet trains, or after it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from engine.miniature import WEIGHTS
from engine.miniature.training.gallery import open_gallery, open_snapshots
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.training.unet import cached_latents
from engine.miniature.training.vae import BATCH, face_weight


class Decoder(nn.Module):
    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = vae.post_quant_conv, vae.decoder

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.post_quant_conv(latents))


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(7)
    sources = [open_gallery(cache), open_snapshots(cache)]
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32)
    cached = [cached_latents(cache, gallery, vae) for gallery in sources]
    scale = vae.config["scaling_factor"]
    session = Session("decoder", Decoder(vae), cache, minutes, rate=1e-3)
    weight = face_weight() ** 0.5
    for step in session.steps():
        gallery, (means, spreads) = sources[step % 2], cached[step % 2]
        rows = np.random.default_rng([7, step]).integers(0, len(gallery), BATCH)
        pixels = to_tensor(gallery.pixels[rows])
        latents = (means[rows] + spreads[rows] * torch.randn(BATCH, 4, 16, 16)) / scale
        with autocast():
            drawn = session.model(latents)
        error = (drawn.float() - pixels) * weight
        edges = (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) * 0.5
        session.descend(error.abs().mean() + edges + 2 * error.square().mean())
    better = session.average
    vae.post_quant_conv.load_state_dict(better.post_quant_conv.state_dict())
    vae.decoder.load_state_dict(better.decoder.state_dict())
    vae.to(torch.float16).save_pretrained(WEIGHTS / "vae", safe_serialization=True)
