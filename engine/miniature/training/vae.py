"""The AutoencoderKL: 64 px portraits to 4x16x16 latents and back.

L1 plus the L1 of the picture's differences (edges), heavier where faces are, since eyes and mouths are what an
identity lives in; a small KL keeps the latents smooth. No adversary: vector drawings need none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from engine.miniature import WEIGHTS
from engine.miniature.training.gallery import Gallery, held_out, open_gallery
from engine.miniature.training.session import Session, autocast, to_tensor

KL_WEIGHT = 1e-4
BATCH = 16


def new_vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(32, 64, 128), layers_per_block=1, latent_channels=4, norm_num_groups=16, sample_size=64,
    )  # fmt: skip


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(1)
    gallery = open_gallery(cache)
    session = Session("vae", new_vae(), cache, minutes, rate=2e-3)
    vae = session.model
    weight = face_weight()
    for step in session.steps():
        rows = np.random.default_rng([1, step]).integers(0, len(gallery), BATCH)
        pixels = to_tensor(gallery.pixels[rows])
        with autocast():
            posterior = vae.encode(pixels).latent_dist
            drawn = vae.decode(posterior.sample()).sample
        error = (drawn.float() - pixels) * weight
        edges = (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) * 0.5
        session.descend(
            error.abs().mean() + edges + 0.5 * error.square().mean() + KL_WEIGHT * posterior.kl().mean() / 1024
        )
    save(session.average, gallery)


def face_weight() -> torch.Tensor:
    """(1, 1, 64, 64) with mean 1: three times as heavy in the middle of a portrait as at its rim."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing="ij")
    weight = 1 + 2 * torch.exp(-(((x - 0.5) / 0.24) ** 4) - ((y - 0.56) / 0.24) ** 4)
    return (weight / weight.mean())[None, None]


@torch.no_grad()
def save(vae: torch.nn.Module, gallery: Gallery, folder: Path = WEIGHTS / "vae") -> None:
    """Write the folder, with the scaling factor that gives the gallery's latents unit spread."""
    assert isinstance(vae, AutoencoderKL)
    latents = torch.cat(
        [
            vae.encode(to_tensor(gallery.pixels[i : i + 64])).latent_dist.mean
            for i in range(0, min(1024, len(gallery)), 64)
        ]
    )
    vae.register_to_config(scaling_factor=round(1.0 / float(latents.std()), 5))
    vae.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    vae.to(torch.float32)


@torch.no_grad()
def peak_signal(vae: AutoencoderKL, count: int = 200) -> float:
    """Mean PSNR (dB) of reconstructions of unseen identities in unseen scenes."""
    pixels = to_tensor(held_out(count).pixels)
    drawn = torch.cat([vae.decode(vae.encode(batch).latent_dist.mode()).sample for batch in pixels.split(50)]).clamp(
        -1, 1
    )
    error = ((drawn - pixels) / 2).square().flatten(1).mean(1)
    return float((-10 * error.log10()).mean())
