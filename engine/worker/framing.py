"""Which square of a photo to show: around a face, or around what stands out. And how sharp it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.worker.finders import Rect

if TYPE_CHECKING:
    from PIL import Image

HEAD_AND_SHOULDERS = 2.2
"""Side of the square as a share of the face box's longer side; a box reaches from brows to chin."""
DOWN = 0.12
"""How far below the face's middle the square's middle lies, as a share of the face: shoulders matter more than sky."""
SHARPNESS_SIDE = 256


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


def salient(picture: Image.Image) -> Rect:
    """The largest square, slid along the photo to where most of what stands out is.

    What stands out: spectral residual, Hou and Zhang, CVPR 2007. Where nothing does, the middle.
    """
    import numpy as np

    small = np.asarray(picture.convert("L").resize((64, 64)), dtype=np.float64)
    spectrum = np.fft.fft2(small)
    size = np.log(np.abs(spectrum) + 1e-9)
    padded = np.pad(size, 1, mode="wrap")
    mean = sum(padded[y : y + 64, x : x + 64] for y in range(3) for x in range(3)) / 9
    stands_out = np.abs(np.fft.ifft2(np.exp(size - mean + 1j * np.angle(spectrum)))) ** 2
    wide, high = picture.size
    along = stands_out.sum(axis=0 if wide >= high else 1)
    along = np.convolve(along, np.ones(5) / 5, mode="same")
    total = float(along.sum())
    if total <= 0 or float(along.std()) < 1e-6 * float(along.mean()):
        return centre(picture.size)
    middle = float((along * (np.arange(64) + 0.5)).sum()) / total / 64
    x, y = (middle * wide, high / 2) if wide >= high else (wide / 2, middle * high)
    return _square(x, y, min(wide, high), picture.size)


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
