"""Memorising: does a picture repeat one of the photos, rather than show their subject anew?

A picture's nearest photo is looked up by what the whole of it shows and by a perceptual hash of its layout. 0 is as near
as the subject's photos are to each other, 100 is the photo itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.scores.eyes import Eyes, Vectors

LEAST_SPAN = 0.05
UNRELATED_BITS = 32
"""Of 64: how many bits of the hashes of two unrelated pictures differ."""


class Copies:
    """`crops` without repetition: a photo that is shown twice is no neighbour of itself."""

    def __init__(self, eyes: Eyes, crops: Sequence[Image.Image]) -> None:
        self._eyes = eyes
        self._vectors, self._prints = eyes.embed(crops), _prints(crops)
        alike = self._near(self._vectors, self._prints)
        np.fill_diagonal(alike, -1.0)
        self._own = float(alike.max(axis=1).mean()) if len(crops) > 1 else 1.0

    def of(self, pictures: Sequence[Image.Image]) -> float | None:
        """The mean over the pictures, each between 0 and 100. None where the photos are copies of each other themselves."""
        if 1 - self._own < LEAST_SPAN or not pictures:
            return None
        nearest = self._near(self._eyes.embed(pictures), _prints(pictures)).max(axis=1)
        return float(np.clip(100 * (nearest - self._own) / (1 - self._own), 0, 100).mean())

    def _near(self, vectors: Vectors, prints: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(pictures, photos), 1 for the same picture."""
        differing = (prints[:, None, :] != self._prints[None, :, :]).sum(axis=2)
        layout = np.clip(1 - differing / UNRELATED_BITS, 0, 1)
        return ((vectors @ self._vectors.T + layout) / 2).astype(np.float32)


def _prints(pictures: Sequence[Image.Image]) -> NDArray[np.bool_]:
    """(N, 64)"""
    return np.stack([imagehash.phash(picture).hash.reshape(-1) for picture in pictures])
