"""From a cleaned photo to the picture the base is shown."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError
from torch import Tensor

from engine.errors import BadInput
from engine.families.framing import Framing
from engine.protocol import Box, TrainImage
from engine.recipes.recipe import Recipe
from engine.worker.buckets import cut_of, shape_of
from engine.worker.masks import face_mask


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


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One photo as the base is shown it."""

    picture: Image.Image
    """RGB, of the shape it is trained in."""
    framing: Framing
    mask: Tensor | None
    """(h, w) of its latents, under a masked loss."""


def show(image: TrainImage, data: bytes, recipe: Recipe, factor: int) -> Shown:
    """What the base is shown of `image`: its square, or under a recipe with buckets its crop in the nearest bucket's shape.

    `factor`: pixels per latent. BadInput where the photo cannot be read or the box shows nothing.
    """
    try:
        with Image.open(io.BytesIO(data)) as file:
            photo = file.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise BadInput("One of the photos cannot be read any more. Upload it again.") from error
    if recipe.buckets:
        region = _inside(image.crop, photo.width, photo.height)
        shape = shape_of(region[2] - region[0], region[3] - region[1], recipe.resolution, recipe.bucket_step)
        region = cut_of(region, shape)
    else:
        shape = recipe.resolution, recipe.resolution
        region = square_of(image.crop, photo.width, photo.height)
    left, top, right, low = region
    if right - left < 8:
        raise BadInput("The crop of one of the photos is empty. Fix its crop, then train again.")
    picture = photo.resize(shape, Image.Resampling.LANCZOS, box=region)
    grid = shape[0] // factor, shape[1] // factor
    mask = face_mask(image.face, region, grid, recipe.unmasked_weight) if recipe.masked_loss else None
    return Shown(picture, Framing(*shape, right - left, low - top), mask)


def _inside(crop: Box | None, width: int, height: int) -> tuple[int, int, int, int]:
    if crop is None:
        return 0, 0, width, height
    return max(0, crop.x0), max(0, crop.y0), min(width, crop.x1), min(height, crop.y1)
