"""Made-up eyes, of which a test knows the answer: what they see is written in a picture's colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Eyes:
    """A picture's identity is an angle, written in its red: a hundredth of a radian each."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        angles = np.array([_colour(picture)[0] for picture in pictures]) / 100
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


class Blindfold(Eyes):
    """Sees nothing in a picture without blue."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        seen = np.array([[_colour(picture)[2] > 0] for picture in pictures])
        return (super().embed(pictures) * seen).astype(np.float32)


class Matcher:
    """How well a picture matches its own prompt is written in its green; it matches other prompts at 0.1."""

    def match(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> NDArray[np.float32]:
        found = np.full((len(pictures), len(prompts)), 0.1, dtype=np.float32)
        for index, picture in enumerate(pictures):
            found[index, index] = _colour(picture)[1] / 100
        return found


def picture(angle: int, match: int = 50, blue: int = 0) -> Image.Image:
    return Image.new("RGB", (2, 2), (angle, match, blue))


def crowd(*angles: int) -> NDArray[np.float32]:
    """Strangers, as `Eyes` would see them."""
    return Eyes().embed([picture(angle) for angle in angles])


def drawn(seed: int, side: int = 64, noise: float = 0.0) -> Image.Image:
    """A picture with a layout of its own for every seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    if not noise:
        return small
    worn = np.asarray(small, dtype=np.float32) + np.random.default_rng(seed + 1).normal(0, noise, (side, side, 3))
    return Image.fromarray(np.clip(worn, 0, 255).astype(np.uint8))


def _colour(picture: Image.Image) -> tuple[int, int, int]:
    red, green, blue = picture.getpixel((0, 0))  # pyright: ignore[reportGeneralTypeIssues, reportAssignmentType]
    return red, green, blue
