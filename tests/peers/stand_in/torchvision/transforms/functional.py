"""The same as plain functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image


def resize(picture: Image.Image, size: int, interpolation: str = "BILINEAR") -> Image.Image:
    """The shorter side becomes `size`."""
    scale = size / min(picture.size)
    sides = (round(picture.width * scale), round(picture.height * scale))
    return picture.resize(sides, Image.Resampling[interpolation])


def crop(picture: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    return picture.crop((left, top, left + width, top + height))


def pil_to_tensor(picture: Image.Image) -> torch.Tensor:
    """(channels, height, width), 0 to 255."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def to_tensor(picture: Any) -> torch.Tensor:
    """(channels, height, width), 0 to 1; a picture of Pillow's, or an array (height, width, channels)."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float() / 255
