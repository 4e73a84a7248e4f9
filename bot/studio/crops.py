"""Crop arithmetic: squares inside a photo. Pure: boxes in, boxes out, all in pixels of the cleaned photo."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from storage.records import Box, Face

SMALLEST_PX = 96
"""A crop's side is never below this (or the photo's own short side): less is no picture to learn from."""
STEP = 0.08
"""Of the crop's side: how far one nudge goes."""
ZOOM = 0.85
ROOM_ROUND_FACE = 2.2
"""A face's longer side times this is a head-and-shoulders crop."""

BELOW_FACE = 0.06
"""Of the crop's side: how much lower than the face its middle is."""


class Verb(StrEnum):
    TIGHTER = "tighter"
    LOOSER = "looser"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    NEXT_FACE = "next_face"
    CENTRE = "centre"
    ORIGINAL = "original"
    """As much of the photo as a square holds."""
    DROP = "drop"
    KEEP = "keep"


MOVES = {Verb.LEFT: (-1, 0), Verb.RIGHT: (1, 0), Verb.UP: (0, -1), Verb.DOWN: (0, 1)}


def square(width: int, height: int, cx: float, cy: float, side: float) -> Box:
    """The square round (cx, cy), made to fit: shrunk to the photo, grown to SMALLEST_PX, moved inside."""
    short = min(width, height)
    side_px = max(min(round(side), short), min(SMALLEST_PX, short))
    x0 = min(max(round(cx - side_px / 2), 0), width - side_px)
    y0 = min(max(round(cy - side_px / 2), 0), height - side_px)
    return Box(x0, y0, x0 + side_px, y0 + side_px)


def whole(width: int, height: int) -> Box:
    """The largest square, in the middle."""
    return square(width, height, width / 2, height / 2, min(width, height))


def round_face(width: int, height: int, face: Box) -> Box:
    """Head and shoulders: the face a little above the middle, and never cut by it."""
    longer = max(face.x1 - face.x0, face.y1 - face.y0)
    side = min(longer * ROOM_ROUND_FACE, width, height)
    cx, cy = _centre(face)
    below = min(side * BELOW_FACE, max(0.0, side - longer) / 3)
    return square(width, height, cx, cy + below, side)


def adjust(width: int, height: int, crop: Box | None, faces: Sequence[Face], verb: Verb) -> Box:
    """The crop after one press. `crop` None stands for the largest square. DROP and KEEP leave it as it is."""
    now = crop or whole(width, height)
    cx, cy = _centre(now)
    side = min(now.x1 - now.x0, now.y1 - now.y0) if verb is Verb.TIGHTER else max(now.x1 - now.x0, now.y1 - now.y0)
    if verb in MOVES:
        dx, dy = MOVES[verb]
        step = max(1, round(side * STEP))
        return square(width, height, cx + dx * step, cy + dy * step, side)
    if verb is Verb.TIGHTER:
        return square(width, height, cx, cy, side * ZOOM)
    if verb is Verb.LOOSER:
        return square(width, height, cx, cy, max(side + 1, side / ZOOM))
    if verb is Verb.ORIGINAL:
        return whole(width, height)
    if verb is Verb.CENTRE:
        face = faces[_nearest(now, faces)] if faces else None
        return round_face(width, height, face.box) if face else whole(width, height)
    if verb is Verb.NEXT_FACE and faces:
        return round_face(width, height, faces[(_nearest(now, faces) + 1) % len(faces)].box)
    return now


def _nearest(crop: Box, faces: Sequence[Face]) -> int:
    """Index of the face whose middle is nearest the crop's."""
    cx, cy = _centre(crop)

    def distance(index: int) -> float:
        fx, fy = _centre(faces[index].box)
        return (fx - cx) ** 2 + (fy - cy) ** 2

    return min(range(len(faces)), key=distance)


def _centre(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
