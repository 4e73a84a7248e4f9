"""Backgrounds of the world, painted over a whole picture of any size and shape."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from engine.miniature.palette import PLAIN, RGB, blend, darker, lighter, wobble


def paint(picture: Image.Image, background: str, rng: np.random.Generator) -> None:
    """Fill `picture` (RGB, in place) with `background`, a member of `world.BACKGROUNDS`; details vary with `rng`."""
    painters = {"moon": _moon, "beach": _beach, "forest": _forest, "city": _city}
    if background in PLAIN:
        tone = wobble(PLAIN[background], rng, 7)
        _gradient(picture, lighter(tone, 0.14), darker(tone, 0.12))
    else:
        painters[background](picture, rng)


def _gradient(picture: Image.Image, top: RGB, low: RGB, until: float = 1.0) -> None:
    strip = Image.new("RGB", (1, 16))
    for row in range(16):
        strip.putpixel((0, row), blend(top, low, row / 15))
    height = max(1, round(picture.height * until))
    picture.paste(strip.resize((picture.width, height), Image.Resampling.BICUBIC), (0, 0))


def _moon(picture: Image.Image, rng: np.random.Generator) -> None:
    wide, high = picture.size
    side = min(wide, high)
    _gradient(picture, (14, 14, 40), (38, 34, 80))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(20 * max(wide, high) / side)):
        x, y, r = rng.random() * wide, rng.random() * high * 0.7, side * rng.uniform(0.008, 0.014)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 252, 220))
    x, y, r = wide * rng.choice((0.12, 0.86)), high * rng.uniform(0.1, 0.24), side * 0.085
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(70, 140, 230))
    draw.ellipse((x - r * 0.6, y - r * 0.7, x + r * 0.2, y + r * 0.1), fill=(90, 200, 120))
    ground = high * rng.uniform(0.64, 0.72)
    draw.ellipse((-wide * 0.4, ground, wide * 1.4, ground + high * 1.1), fill=(186, 186, 196))
    for _ in range(9):
        x, y, r = rng.random() * wide, ground + high * rng.uniform(0.1, 0.34), side * rng.uniform(0.02, 0.055)
        draw.ellipse((x - r, y - r * 0.5, x + r, y + r * 0.5), fill=(150, 150, 164))


def _beach(picture: Image.Image, rng: np.random.Generator) -> None:
    wide, high = picture.size
    side = min(wide, high)
    _gradient(picture, (120, 204, 250), (206, 240, 255), 0.6)
    draw = ImageDraw.Draw(picture)
    sea, sand = high * rng.uniform(0.46, 0.54), high * rng.uniform(0.68, 0.76)
    x, y, r = wide * rng.choice((0.14, 0.86)), high * rng.uniform(0.1, 0.2), side * 0.08
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 232, 110))
    draw.rectangle((0, sea, wide, high), fill=(28, 140, 190))
    for _ in range(7):
        x, y = rng.random() * wide, sea + (sand - sea) * rng.random()
        draw.line((x, y, x + side * 0.12, y), fill=(120, 206, 232), width=max(1, round(side * 0.012)))
    draw.rectangle((0, sand, wide, high), fill=(244, 216, 150))
    draw.line((0, sand, wide, sand), fill=(255, 250, 240), width=max(1, round(side * 0.022)))


def _forest(picture: Image.Image, rng: np.random.Generator) -> None:
    wide, high = picture.size
    side = min(wide, high)
    _gradient(picture, (206, 236, 190), (140, 196, 130))
    draw = ImageDraw.Draw(picture)
    ground = high * 0.74
    draw.rectangle((0, ground, wide, high), fill=(74, 120, 60))
    step = side * 0.24
    for index in range(int(wide / step) + 2):
        x = (index - 0.5 + rng.uniform(-0.22, 0.22)) * step
        half, top = side * rng.uniform(0.13, 0.17), high * rng.uniform(0.06, 0.3)
        draw.rectangle((x - side * 0.018, top, x + side * 0.018, ground + side * 0.03), fill=(104, 70, 44))
        tone = wobble((36, 104, 58), rng, 10)
        for layer in range(3):
            y = top + (ground - top) * (0.02 + 0.26 * layer)
            draw.polygon(
                ((x, y - side * 0.06), (x - half, y + (ground - top) * 0.28), (x + half, y + (ground - top) * 0.28)),
                fill=blend(tone, (110, 170, 80), 0.12 * layer),
            )


def _city(picture: Image.Image, rng: np.random.Generator) -> None:
    wide, high = picture.size
    side = min(wide, high)
    _gradient(picture, (24, 22, 66), (108, 62, 128))
    draw = ImageDraw.Draw(picture)
    x, y, r = wide * rng.choice((0.14, 0.86)), high * rng.uniform(0.09, 0.16), side * 0.06
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 246, 214))
    left = -side * rng.random() * 0.1
    while left < wide:
        broad, top = side * rng.uniform(0.15, 0.21), high * rng.uniform(0.16, 0.5)
        tone = wobble((38, 36, 60), rng, 6)
        draw.rectangle((left, top, left + broad, high), fill=tone)
        cell = side * 0.078
        for row in np.arange(top + cell * 0.6, high, cell):
            for column in np.arange(left + cell * 0.5, left + broad - cell * 0.6, cell):
                if rng.random() < 0.6:
                    draw.rectangle((column, row, column + cell * 0.5, row + cell * 0.55), fill=(255, 214, 96))
        left += broad + side * rng.uniform(0.0, 0.03)
