"""Which of a photo's faces is the subject's, once people have had their say about the crop."""

from __future__ import annotations

from collections.abc import Sequence

from engine.protocol import Box, Face


def meant(faces: Sequence[Face], crop: Box | None) -> Box | None:
    """Of the faces whose middle lies inside the crop: the one that recurs across the set, else the largest; else None."""
    inside = [face for face in faces if crop is None or _holds(crop, face.box)]
    best = max(inside, key=lambda face: (face.likely_subject, _area(face.box)), default=None)
    return None if best is None else best.box


def _holds(crop: Box, face: Box) -> bool:
    x, y = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    return crop.x0 <= x < crop.x1 and crop.y0 <= y < crop.y1


def _area(box: Box) -> int:
    return (box.x1 - box.x0) * (box.y1 - box.y0)
