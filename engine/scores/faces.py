"""Real faces as vectors: YuNet finds the face, SFace describes it, both by OpenCV from files the owner names.

opencv_zoo's face_detection_yunet (MIT) and face_recognition_sface (Apache-2.0). SFace was trained for cosines: two
photos of one person mostly reach 0.36 and more (its authors' own threshold).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from engine.scores.eyes import Vectors, unit

SURE = 0.7
SIDE = 640
"""Faces are looked for in a picture at most this many pixels long."""
FEATURES = 128
AROUND = 1.0
"""A face is looked for again in a square that reaches so far from its middle, as a share of its longer side."""
STRANGER, SAME = 0.1, 0.62
"""Cosines of two strangers and of two photos of one person; their middle is where its authors part them."""


class FaceEyes:
    """`finder` and `recognizer` as cv2.FaceDetectorYN and cv2.FaceRecognizerSF offer them."""

    def __init__(self, finder: Any, recognizer: Any) -> None:
        self._finder, self._recognizer = finder, recognizer

    @classmethod
    def open(cls, finder: Path, recognizer: Path) -> Self:
        import cv2

        found: Any = cv2.FaceDetectorYN.create(str(finder), "", (320, 320), SURE)
        return cls(found, cv2.FaceRecognizerSF.create(str(recognizer), ""))

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        """(N, 128) of the largest face of each; zeros where no face is found."""
        return unit(np.stack([self._face(picture) for picture in pictures]))

    def among(self, picture: Image.Image, boxes: Sequence[tuple[int, int, int, int]]) -> Vectors:
        """(boxes, 128): the face in each of these boxes of one picture; zeros where none is found there again."""
        vectors = np.zeros((len(boxes), FEATURES), dtype=np.float32)
        for place, (left, top, right, low) in enumerate(boxes):
            room = AROUND * max(right - left, low - top)
            x, y = (left + right) / 2, (top + low) / 2
            region = picture.crop((round(x - room), round(y - room), round(x + room), round(y + room)))
            vectors[place] = self._face(region, nearest_middle=True)
        return unit(vectors)

    def _face(self, picture: Image.Image, *, nearest_middle: bool = False) -> Vectors:
        shown = picture.convert("RGB")
        scale = min(1.0, SIDE / max(shown.size))
        if scale < 1:
            shown = shown.resize((max(1, round(shown.width * scale)), max(1, round(shown.height * scale))))
        pixels = np.asarray(shown)[:, :, ::-1].copy()
        self._finder.setInputSize(shown.size)
        _, rows = self._finder.detect(pixels)
        if rows is None or not len(rows):
            return np.zeros(FEATURES, dtype=np.float32)
        meant = max(rows, key=lambda row: float(row[2] * row[3]))
        if nearest_middle:
            wide, high = shown.size
            meant = min(rows, key=lambda row: abs(row[0] + row[2] / 2 - wide / 2) + abs(row[1] + row[3] / 2 - high / 2))
        return self._recognizer.feature(self._recognizer.alignCrop(pixels, meant)).reshape(-1).astype(np.float32)
