"""Which square of a photo to show: around a face, or around what stands out. And how sharp it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.worker.finders import Rect
from engine.worker.saliency import extent, stands_out

if TYPE_CHECKING:
    from PIL import Image

HEAD_AND_SHOULDERS = 2.2
"""Side of the square as a share of the face box's longer side; a box reaches from brows to chin."""
DOWN = 0.12
"""How far below the face's middle the square's middle lies, as a share of the face: shoulders matter more than sky."""
SHARPNESS_SIDE = 256
ROOM_AROUND = 1.45
"""Side of a square around what stands out, against it: tails and ears stand out little."""
WHOLE, CLOSEST = 0.85, 0.6
"""Of the photo's short side: a square larger than the first is all of it, none is smaller than the second."""


def around_person(face: Rect, size: tuple[int, int]) -> Rect:
    left, top, right, low = face
    long = max(right - left, low - top)
    return _square((left + right) / 2, (top + low) / 2 + DOWN * long, HEAD_AND_SHOULDERS * long, size, face)


def around_cartoon(face: Rect, size: tuple[int, int]) -> Rect:
    """As the miniature's own portraits are framed."""
    from engine.miniature.senses import portrait_frame

    left, top, right, low = portrait_frame(face)
    return _square((left + right) / 2, (top + low) / 2, max(right - left, low - top), size, face)


def centre(size: tuple[int, int]) -> Rect:
    return _square(size[0] / 2, size[1] / 2, min(size), size)


def salient(picture: Image.Image, least: int = 1) -> Rect:
    """A square around what stands out, with room; where that is most of the photo, as much of the photo as a square holds.

    Never below `least` pixels where the photo has as many. Where nothing stands out, the middle.
    """
    shares = stands_out(picture)
    if shares is None:
        return centre(picture.size)
    wide, high = picture.size
    left, top, right, low = extent(shares)
    x0, x1, y0, y1 = left * wide, right * wide, top * high, low * high
    short = min(wide, high)
    side = ROOM_AROUND * max(x1 - x0, y1 - y0)
    side = short if side > WHOLE * short else max(side, CLOSEST * short, min(least, short))
    return _square((x0 + x1) / 2, (y0 + y1) / 2, side, picture.size)


def sharpness(picture: Image.Image, crop: Rect) -> float:
    """Variance of the Laplacian of the crop at 256 px, of 0..255 greys. A sharp face has hundreds, a blurred one less than 20."""
    import cv2
    import numpy as np

    side = (SHARPNESS_SIDE, SHARPNESS_SIDE)
    grey = np.asarray(picture.convert("L").resize(side, box=crop, reducing_gap=3.0))
    return round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 1)


def _square(x: float, y: float, side: float, size: tuple[int, int], face: Rect | None = None) -> Rect:
    """A square of about this side around (x, y), inside the photo: pushed inwards first, made smaller only where it must.

    It shows all of `face` where a square inside the photo can.
    """
    left, top, right, low = face or (round(x), round(y), round(x), round(y))
    whole = max(1, min(max(round(side), right - left, low - top), *size))
    return (
        (at := _pushed(round(x - whole / 2), whole, left, right, size[0])),
        (down := _pushed(round(y - whole / 2), whole, top, low, size[1])),
        at + whole,
        down + whole,
    )


def _pushed(start: int, whole: int, first: int, last: int, room: int) -> int:
    """Where a stretch of `whole` begins that wants to begin at `start`, covers first..last and stays in 0..room."""
    covering = min(max(start, last - whole), first)
    return min(max(0, covering), room - whole)
