"""From a cleaned photo to the square the base is shown."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from engine.errors import BadInput
from engine.families.framing import Framing
from engine.protocol import Box, TrainImage


def square_of(crop: Box | None, width: int, height: int) -> tuple[int, int, int, int]:
    """The square (left, top, right, bottom) inside a photo of this size that shows `crop` best.

    As wide as the longer side of the box where the photo allows, around its middle, pushed inwards at the edges.
    No box: the middle of the photo.
    """
    box = crop or Box(x0=0, y0=0, x1=width, y1=height)
    side = min(max(box.x1 - box.x0, box.y1 - box.y0), width, height)
    left = min(max(0, round((box.x0 + box.x1 - side) / 2)), width - side)
    top = min(max(0, round((box.y0 + box.y1 - side) / 2)), height - side)
    return left, top, left + side, top + side


def cut(image: TrainImage, data: bytes, resolution: int) -> tuple[Image.Image, Framing]:
    """The RGB square of `image`, `resolution` px wide, and what it shows of the photo.

    BadInput where the photo cannot be read or the box shows nothing.
    """
    try:
        with Image.open(io.BytesIO(data)) as file:
            photo = file.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise BadInput("One of the photos cannot be read any more. Upload it again.") from error
    left, top, right, low = square_of(image.crop, photo.width, photo.height)
    if right - left < 8:
        raise BadInput("The crop of one of the photos is empty. Fix its crop, then train again.")
    square = photo.resize((resolution, resolution), Image.Resampling.LANCZOS, box=(left, top, right, low))
    return square, Framing(resolution, resolution, right - left, low - top)
