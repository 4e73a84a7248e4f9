"""The picture that a variation starts from, opened and brought to size."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import BadInput

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 64_000_000
LARGEST = 2.0
"""Times the area of the base's own square: a picture up to there keeps its size, a larger one is taken smaller."""


def open_start(data: bytes) -> Image.Image:
    """RGB, upright; BadInput with a sentence for what is no picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as file:
                if file.width * file.height > MOST_PIXELS:
                    raise BadInput("The picture to start from is over 64 megapixels: make it smaller first.")
                return ImageOps.exif_transpose(file).convert("RGB")
    except UnidentifiedImageError as error:
        raise BadInput("The picture to start from is no PNG, JPEG or WebP. Give another one.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput("The picture to start from is broken. Save it again, or give another one.") from error


def own_size(picture: Image.Image, native: int) -> tuple[int, int]:
    """Width and height to paint it at where nobody says: its own, or its shape at the base's area if it is much larger."""
    area = picture.width * picture.height
    scale = 1.0 if area <= LARGEST * native * native else native / area**0.5
    return round(picture.width * scale), round(picture.height * scale)


def fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Exactly of that size: scaled until it covers it, then cut around its middle."""
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
