"""How much pictures are like the subject, on a scale made of people and not of cosines.

0 is what strangers of the subject's class get, 100 how alike the subject's own photos are to each other. The strangers
are a fixed crowd where the eyes bring one, else what the bare base paints for the class: it knows nobody. Both ends are
measured for this subject, since some faces are nearer to everybody's than others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from engine.scores.eyes import Eyes, Vectors

LEAST_SPAN = 0.05
"""Where strangers are nearly as alike as the subject's own photos, these eyes cannot tell the subject apart."""
ODD = 0.4
"""A photo less than this part of the way from stranger to subject shows somebody else and is left out."""


class Likeness:
    """The scale of one subject. Without `strangers` it reads nothing until `meet` brings some."""

    def __init__(self, eyes: Eyes, crops: Sequence[Image.Image], strangers: Vectors | None = None) -> None:
        self._eyes = eyes
        vectors = eyes.embed(crops)
        self._subject = vectors[np.abs(vectors).sum(axis=1) > 0]
        self._stranger: float | None = None
        self._own = 1.0
        if strangers is not None:
            self._settle(strangers)

    def meet(self, strangers: Sequence[Image.Image]) -> None:
        """Pictures of others of the class, for eyes that bring no crowd of their own. Once; later calls change nothing."""
        if self._stranger is None and strangers and len(self._subject):
            vectors = self._eyes.embed(strangers)
            self._settle(vectors[np.abs(vectors).sum(axis=1) > 0])

    def of(self, pictures: Sequence[Image.Image]) -> float | None:
        """Points, below 0 and above 100 as it comes; None where these eyes cannot say."""
        if self._stranger is None or not pictures or self._own - self._stranger < LEAST_SPAN:
            return None
        alike = float((self._eyes.embed(pictures) @ self._subject.T).mean())
        return 100 * (alike - self._stranger) / (self._own - self._stranger)

    def _settle(self, strangers: Vectors) -> None:
        """Both ends of the scale, over the photos that show the subject."""
        if not len(strangers) or not len(self._subject):
            return
        if len(self._subject) > 2:
            apart = ~np.eye(len(self._subject), dtype=bool)
            alike = self._subject @ self._subject.T
            support = np.array([np.median(row[others]) for row, others in zip(alike, apart, strict=True)])
            zero = float((strangers @ self._subject.T).mean())
            kept = self._subject[support >= zero + ODD * (float(np.median(support)) - zero)]
            self._subject = kept if len(kept) > 1 else self._subject
        count = len(self._subject)
        alike = self._subject @ self._subject.T
        self._own = float((alike.sum() - np.trace(alike)) / (count * (count - 1))) if count > 1 else 1.0
        self._stranger = float((strangers @ self._subject.T).mean())
