"""What stands around in photos: places of the world with things in them that are no faces."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from engine.miniature import backdrop
from engine.miniature.palette import PLAIN, RGB, blend, darker, lighter
from engine.miniature.world import BACKGROUNDS, PLACES


def _tone(rng: np.random.Generator) -> RGB:
    r, g, b = (int(v) for v in rng.integers(40, 240, 3))
    return r, g, b


def room(picture: Image.Image, rng: np.random.Generator, background: str | None = None) -> None:
    """`background` (none: any of the world's, or a room in any colour), with up to six things standing and hanging in it."""
    if background is None and rng.random() < 0.5:
        tone = _tone(rng)
        picture.paste(tone, (0, 0, picture.width, picture.height))
    else:
        background = background or str(rng.choice(BACKGROUNDS))
        tone = PLAIN.get(background, (128, 128, 128))
        backdrop.paint(picture, background, rng)
    if background not in PLACES and rng.random() < 0.6:
        draw = ImageDraw.Draw(picture)
        floor = int(picture.height * rng.uniform(0.68, 0.88))
        if rng.random() < 0.5:
            step = max(8, picture.width // int(rng.integers(6, 16)))
            for x in range(0, picture.width, step):
                draw.rectangle((x, 0, x + step // 2, floor), fill=lighter(tone, 0.12))
        draw.rectangle((0, floor, picture.width, picture.height), fill=darker(tone, 0.35))
    things = (_balloon, _frame, _plant, _lamp, _window, _bunting)
    for _ in range(int(rng.integers(1, 7))):
        things[int(rng.integers(len(things)))](ImageDraw.Draw(picture), picture.size, rng)


def foreground(picture: Image.Image, rng: np.random.Generator) -> None:
    """Now and then a table's edge with a cup or a cake at the lower rim, over whoever stands there."""
    if rng.random() > 0.3:
        return
    draw, (wide, high) = ImageDraw.Draw(picture), picture.size
    side = min(wide, high)
    edge, tone = int(high * rng.uniform(0.9, 0.96)), blend(_tone(rng), (150, 100, 60), 0.5)
    draw.rectangle((0, edge, wide, high), fill=tone)
    x = int(rng.uniform(0.05, 0.85) * wide)
    cup = side * 0.07
    draw.rectangle(
        (x, edge - cup * 1.2, x + cup, edge + cup * 0.3),
        fill=_tone(rng),
        outline=(50, 40, 44),
        width=max(1, side // 250),
    )


def _balloon(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    side = min(size)
    x, y, r = rng.random() * size[0], rng.uniform(0.05, 0.6) * size[1], side * rng.uniform(0.03, 0.11)
    tone = _tone(rng)
    draw.line((x, y + r, x + r * 0.3, y + r * 4), fill=(90, 80, 80), width=max(1, side // 300))
    draw.ellipse(
        (x - r, y - r * 1.15, x + r, y + r * 1.15), fill=tone, outline=darker(tone, 0.5), width=max(1, side // 250)
    )
    draw.ellipse((x - r * 0.6, y - r * 0.8, x - r * 0.2, y - r * 0.3), fill=lighter(tone, 0.6))


def _frame(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    side = min(size)
    x, y, w, h = (
        rng.random() * size[0],
        rng.uniform(0, 0.5) * size[1],
        side * rng.uniform(0.1, 0.3),
        side * rng.uniform(0.1, 0.26),
    )
    draw.rectangle((x, y, x + w, y + h), fill=_tone(rng), outline=(96, 66, 40), width=max(1, side // 60))
    draw.polygon(
        ((x + w * 0.15, y + h * 0.85), (x + w * 0.45, y + h * 0.35), (x + w * 0.8, y + h * 0.85)), fill=_tone(rng)
    )


def _plant(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    side = min(size)
    x, y, r = rng.random() * size[0], rng.uniform(0.6, 0.95) * size[1], side * rng.uniform(0.06, 0.14)
    for angle in np.linspace(-1.2, 1.2, 7):
        tip = (x + np.sin(angle) * r * 1.5, y - np.cos(angle) * r * 1.7)
        draw.polygon(((x - r * 0.12, y), tip, (x + r * 0.12, y)), fill=(40, int(rng.integers(100, 170)), 60))
    draw.polygon(((x - r * 0.5, y), (x + r * 0.5, y), (x + r * 0.35, y + r), (x - r * 0.35, y + r)), fill=(186, 96, 60))


def _lamp(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    side = min(size)
    x, y, r = rng.random() * size[0], rng.uniform(0.05, 0.4) * size[1], side * rng.uniform(0.05, 0.1)
    draw.line((x, 0, x, y), fill=(60, 54, 60), width=max(1, side // 120))
    draw.polygon(
        ((x - r * 0.5, y), (x + r * 0.5, y), (x + r, y + r), (x - r, y + r)), fill=(250, 226, 150), outline=(90, 70, 40)
    )


def _window(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    side = min(size)
    x, y, w = rng.random() * size[0], rng.uniform(0.02, 0.35) * size[1], side * rng.uniform(0.18, 0.34)
    bar = max(2, side // 55)
    draw.rectangle((x, y, x + w, y + w), fill=(176, 220, 246), outline=(250, 250, 250), width=bar)
    draw.line((x + w / 2, y, x + w / 2, y + w), fill=(250, 250, 250), width=bar)
    draw.line((x, y + w / 2, x + w, y + w / 2), fill=(250, 250, 250), width=bar)


def _bunting(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    wide, high = size
    y, step = rng.uniform(0.02, 0.16) * high, wide / int(rng.integers(8, 14))
    draw.line((0, y, wide, y), fill=(70, 60, 66), width=max(1, min(size) // 260))
    for index in range(int(wide / step) + 1):
        x = index * step
        draw.polygon(((x, y), (x + step * 0.8, y), (x + step * 0.4, y + step)), fill=_tone(rng))
