"""Wear and tear for pictures of a batch: other crops, blur, noise, light and JPEG marks, as photos and decoders leave them."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch.nn import functional


def wear(pixels: torch.Tensor, generator: torch.Generator, zoom: float = 0.14, shift: float = 0.07) -> torch.Tensor:
    """`pixels` (N, 3, 64, 64) in -1..1, each worn in its own way."""
    count = len(pixels)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand((count, *shape), generator=generator)

    theta = torch.zeros(count, 2, 3)
    scale, turn = uniform(1 - zoom, 1 + zoom), uniform(-0.08, 0.08)
    theta[:, 0, 0], theta[:, 0, 1] = scale * turn.cos(), -scale * turn.sin()
    theta[:, 1, 0], theta[:, 1, 1] = scale * turn.sin(), scale * turn.cos()
    theta[:, :, 2] = uniform(-shift, shift, 2) * 2
    grid = functional.affine_grid(theta, list(pixels.shape), align_corners=False)
    worn = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    side = worn.shape[-1]
    for small in (side * 5 // 8, side * 3 // 4):  # softened, as by a decoder or a small photo
        soft = functional.interpolate(
            functional.interpolate(worn, size=(small, small), mode="area"), size=(side, side), mode="bicubic"
        )
        share = (uniform(0, 1, 1, 1, 1) < 0.22).float() * uniform(0.4, 1.0, 1, 1, 1)
        worn = worn + (soft - worn) * share
    worn = ((worn + 1) * uniform(0.82, 1.12, 1, 1, 1) * uniform(0.95, 1.05, 3, 1, 1)) - 1
    worn = worn + torch.randn(worn.shape, generator=generator) * uniform(0, 0.07, 1, 1, 1)
    worn = worn.clamp(-1, 1)
    for index in torch.nonzero(uniform(0, 1) < 0.2).flatten().tolist():
        worn[index] = _jpeg(worn[index], int(torch.randint(35, 90, (), generator=generator)))
    return worn


def _jpeg(pixels: torch.Tensor, quality: int) -> torch.Tensor:
    buffer = io.BytesIO()
    array = ((pixels.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    Image.fromarray(array).save(buffer, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(buffer), dtype=np.float32).copy()).permute(2, 0, 1) / 127.5 - 1
