"""Drawing with Pillow: one dark card, one font, a few marks. The pictures people see are composed of these."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from math import ceil

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from engine.files.picture import XMP
from storage.records import Box

LIMIT_BYTES = 8 * 1024 * 1024
BACK = (30, 31, 34)
CARD = (43, 45, 49)
INK = (242, 243, 245)
SOFT = (172, 176, 186)
TEAL = (64, 201, 190)
AMBER = (255, 184, 77)
GREY = (128, 132, 142)
RGB = tuple[int, int, int]
Picture = Image.Image
SPELT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "×": "x", "·": "-", "–": "-", "—": "-",
     "„": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "…": "..."}
)  # fmt: skip
"""What the font lacks, and how it is written instead."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's built-in Aileron: Latin letters only, so people's own words go beside a picture, not into it."""
    return ImageFont.load_default(size)


def open_picture(data: bytes, longest: int | None = None) -> Picture:
    """RGB pixels of a stored picture. With `longest` a JPEG is decoded no larger than needed for that side."""
    picture = Image.open(io.BytesIO(data))
    if longest is not None:
        picture.draft("RGB", (longest, longest))
    return picture.convert("RGB")


def blank(width: int, height: int) -> Picture:
    return Image.new("RGB", (width, height), BACK)


def fit(picture: Picture, side: int) -> Picture:
    """As large as goes into a square of `side`, its shape kept."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, _filter(scale))


def cut(picture: Picture, crop: Box, side: int) -> Picture:
    """The crop as a square of `side`. `crop` counts in pixels of `picture`."""
    part = (crop.x0, crop.y0, crop.x1, crop.y1)
    return picture.resize((side, side), _filter(side / max(1, crop.x1 - crop.x0)), box=part)


def fill(picture: Picture, side: int) -> Picture:
    """The middle square, scaled to `side`."""
    short = min(picture.size)
    left, top = (picture.width - short) / 2, (picture.height - short) / 2
    return picture.resize((side, side), _filter(side / short), box=(left, top, left + short, top + short))


def dim_outside(picture: Picture, box: Box, colour: RGB, line: int) -> Picture:
    """What is inside `box` as it is, framed; the rest dark and soft."""
    dark = picture.filter(ImageFilter.GaussianBlur(max(1, line))).point([int(v * 0.38) for v in range(256)] * 3)
    inside = (box.x0, box.y0, box.x1, box.y1)
    dark.paste(picture.crop(inside), (box.x0, box.y0))
    ImageDraw.Draw(dark).rectangle((box.x0, box.y0, box.x1 - 1, box.y1 - 1), outline=colour, width=line)
    return dark


def legible(text: str) -> str:
    """In letters that the font has: umlauts written out, accents dropped, other signs as a question mark."""
    spelt = unicodedata.normalize("NFKD", text.translate(SPELT))
    return "".join(letter for letter in spelt if not unicodedata.combining(letter)).encode("ascii", "replace").decode()


def badge(sheet: Picture, x: int, y: int, text: str, size: int, colour: RGB = INK) -> None:
    """A rounded label with its top left corner at (x, y)."""
    draw, text = ImageDraw.Draw(sheet), legible(text)
    face = font(size)
    width = round(draw.textlength(text, font=face))
    pad = max(4, size // 3)
    box = (x, y, x + width + 2 * pad, y + round(size * 1.45))
    draw.rounded_rectangle(box, radius=pad, fill=(20, 21, 23), outline=colour, width=max(2, size // 12))
    draw.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), text, font=face, fill=colour, anchor="mm")


def keycap(sheet: Picture, x: int, y: int, text: str, side: int) -> None:
    """A key with a letter or a digit, drawn like the emoji that people react with."""
    draw = ImageDraw.Draw(sheet)
    draw.rounded_rectangle((x, y, x + side, y + side), radius=side // 5, fill=(59, 136, 195))
    draw.text((x + side / 2, y + side / 2), text, font=font(round(side * 0.72)), fill=INK, anchor="mm")


def line(sheet: Picture, x: float, y: float, text: str, size: int, colour: RGB = INK, anchor: str = "la") -> None:
    ImageDraw.Draw(sheet).text((x, y), legible(text), font=font(size), fill=colour, anchor=anchor)


def width_of(text: str, size: int) -> int:
    return ceil(ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(legible(text), font=font(size)))


def no_picture(sheet: Picture, x: int, y: int, side: int) -> None:
    """A crossed-out frame: there is no picture to show."""
    draw, wide = ImageDraw.Draw(sheet), max(3, side // 40)
    draw.rounded_rectangle((x, y, x + side, y + side), radius=side // 10, outline=GREY, width=wide)
    draw.line((x + side * 0.3, y + side * 0.3, x + side * 0.7, y + side * 0.7), fill=GREY, width=wide * 2)
    draw.line((x + side * 0.7, y + side * 0.3, x + side * 0.3, y + side * 0.7), fill=GREY, width=wide * 2)


def wrap(text: str, size: int, width: int, most: int = 2) -> tuple[str, ...]:
    """`text` in at most `most` lines no wider than `width` pixels; the last one ends in "..." where words are left. A
    word too long for a line goes on in the next one."""
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))

    def fits(words: Sequence[str]) -> bool:
        return draw.textlength(" ".join(words), font=font(size)) <= width

    lines: list[str] = []
    words = [part for word in legible(text).split() for part in _parts(word, lambda part: fits([part]))]
    while words and len(lines) < most:
        count = max(1, next((n for n in range(len(words), 0, -1) if fits(words[:n])), 1))
        lines.append(" ".join(words[:count]))
        words = words[count:]
    if words and lines:
        last = lines[-1].split()
        while last[0] and not fits([*last, "..."]):
            last = last[:-1] if len(last) > 1 else [last[0][:-1]]
        lines[-1] = " ".join([*last, "..."])
    return tuple(lines)


def _parts(word: str, fits: Callable[[str], bool]) -> list[str]:
    """A word too long for a line in several: after a hyphen where there is one, else anywhere."""
    parts: list[str] = []
    while word and not fits(word):
        most = max(1, next((n for n in range(len(word) - 1, 0, -1) if fits(word[:n])), 1))
        hyphen = max(word.rfind(mark, 0, most) for mark in "-_") + 1
        parts.append(word[: hyphen or most])
        word = word[hyphen or most :]
    return [*parts, word] if word else parts


def to_webp(sheet: Picture, *, by_ai: bool = False) -> bytes:
    """Under 8 MiB, at the best quality that fits. `by_ai`: the file says, as IPTC has it, that a trained model made it."""
    more = {"xmp": XMP.encode()} if by_ai else {}
    for quality in (88, 75, 60, 40, 20):
        out = io.BytesIO()
        sheet.save(out, "WEBP", quality=quality, method=3, **more)
        if out.tell() < LIMIT_BYTES:
            return out.getvalue()
    return to_webp(sheet.resize((sheet.width // 2, sheet.height // 2)), by_ai=by_ai)


def _filter(scale: float) -> Image.Resampling:
    """Small pictures are enlarged smoothly, large ones reduced sharply."""
    return Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS
