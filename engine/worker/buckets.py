"""Aspect buckets: which shape a photo is trained in, so that no head is cut off to make a square, and nothing is enlarged.

Shapes have about the area of the recipe's resolution and sides that divide by the step (NovelAI's and SDXL's way). A
photo takes the one nearest to its own aspect. One too small for that keeps its own size, cut down to the step.
"""

from __future__ import annotations

import math

from engine.errors import BadInput
from engine.worker.plan import Shape

LONGEST = 2.0
"""A bucket's longer side, against the resolution; the shorter one is at least half of it."""

Cut = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the photo."""


def shapes(resolution: int, step: int) -> tuple[Shape, ...]:
    """Every (width, height), from the tallest to the widest: as much area as fits into resolution x resolution."""
    area = resolution * resolution
    widths = range(_down(resolution / LONGEST, step) or step, round(resolution * LONGEST) + 1, step)
    tall = {(width, min(_down(area / width, step), _down(resolution * LONGEST, step))) for width in widths}
    return tuple(sorted((shape for shape in tall | {(h, w) for w, h in tall} if min(shape) >= step), key=_aspect))


def shape_of(width: int, height: int, resolution: int, step: int) -> Shape:
    """The shape for a crop of this size. Never wider or higher than the crop; BadInput for one smaller than a step."""
    if min(width, height) < step:
        raise BadInput(
            f"One of the crops is {width} x {height} px, less than a bucket step of {step} px. Leave that photo out, or set "
            "bucket_reso_steps lower."
        )
    aspect = _aspect((width, height))
    fitting = [shape for shape in shapes(resolution, step) if shape[0] <= width and shape[1] <= height]
    nearest = min(fitting, key=lambda shape: abs(math.log(_aspect(shape) / aspect)), default=None)
    # Nothing of full area fits well: a smaller shape of its own loses less of the picture than a wrong one.
    own = _own(width, height, resolution, step)
    if nearest is None or _loss(own, aspect) < _loss(nearest, aspect) - 0.25:
        return own
    return nearest


def cut_of(region: Cut, shape: Shape) -> Cut:
    """The largest part of `region` with the aspect of `shape`, around its middle."""
    left, top, right, low = region
    width, height = right - left, low - top
    scale = min(width / shape[0], height / shape[1])
    wide, high = min(width, round(shape[0] * scale)), min(height, round(shape[1] * scale))
    at, down = left + (width - wide) // 2, top + (height - high) // 2
    return at, down, at + wide, down + high


def _own(width: int, height: int, resolution: int, step: int) -> Shape:
    scale = min(1.0, resolution / math.sqrt(width * height), LONGEST * resolution / max(width, height))
    return _down(width * scale, step) or step, _down(height * scale, step) or step


def _loss(shape: Shape, aspect: float) -> float:
    """How much of a picture of this aspect a cut to `shape` leaves out, as a share."""
    return 1 - math.exp(-abs(math.log(_aspect(shape) / aspect)))


def _aspect(shape: Shape) -> float:
    return shape[0] / shape[1]


def _down(pixels: float, step: int) -> int:
    return int(pixels) // step * step
