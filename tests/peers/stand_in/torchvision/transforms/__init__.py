"""What a trainer does to a photo before it is encoded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import torch
from PIL import Image

from torchvision.transforms import functional

__all__ = [
    "CenterCrop",
    "Compose",
    "InterpolationMode",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Resize",
    "ToTensor",
    "functional",
]


class InterpolationMode(Enum):
    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class Compose:
    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, thing: Any) -> Any:
        for transform in self.transforms:
            thing = transform(thing)
        return thing


class Resize:
    def __init__(self, size: int, interpolation: InterpolationMode = InterpolationMode.BILINEAR) -> None:
        self.size, self.interpolation = size, interpolation

    def __call__(self, picture: Image.Image) -> Image.Image:
        return functional.resize(picture, self.size, self.interpolation.name)


class CenterCrop:
    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, picture: Image.Image) -> Image.Image:
        left, top = (picture.width - self.size) // 2, (picture.height - self.size) // 2
        return functional.crop(picture, top, left, self.size, self.size)


class RandomCrop:
    def __init__(self, size: int) -> None:
        self.size = size

    @staticmethod
    def get_params(picture: Image.Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Top, left, height, width."""
        height, width = size
        return random.randint(0, picture.height - height), random.randint(0, picture.width - width), height, width

    def __call__(self, picture: Image.Image) -> Image.Image:
        return functional.crop(picture, *self.get_params(picture, (self.size, self.size)))


class RandomHorizontalFlip:
    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, picture: Image.Image) -> Image.Image:
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < self.p else picture


class ToTensor:
    def __call__(self, picture: Any) -> torch.Tensor:
        return functional.to_tensor(picture)


class Normalize:
    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = (torch.tensor(values).view(-1, 1, 1) for values in (mean, std))

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        return (picture - self.mean) / self.std
