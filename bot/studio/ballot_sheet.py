"""The pictures of a vote: the columns in bands that a phone can show, and one column alone.

Four lettered columns to a band at most, the base beside them, smaller: it is there to compare with, not to choose. All
bands are equally wide, so that a tile is as large in the second as in the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from bot.studio import canvas

GAP = 12
TILE = 384
BASE = 240
"""Pixels of a tile of a lettered column, and of the base's beside it."""
ACROSS = 4
"""Lettered columns of a band."""
SMALL = 44
"""Pixels of the prompts over the rows: as small as a phone's width still lets one read."""
HEAD = 132
LARGE = 720
"""Pixels of a tile of one column alone."""


@dataclass(frozen=True)
class Column:
    letter: str
    """ "" for the base."""
    title: str
    """ "base", "epoch 3", or "" where that may not be said."""
    previews: tuple[bytes, ...] = field(repr=False)
    scores: tuple[str, ...] = ()
    marked: bool = False
    """The engine's suggestion, or the winner."""


def bands(columns: Sequence[Column]) -> tuple[tuple[Column, ...], ...]:
    """As few bands as ACROSS allows, as equally long as they can be."""
    count = max(1, ceil(len(columns) / ACROSS))
    sizes = [len(columns) // count + (number < len(columns) % count) for number in range(count)]
    starts = [sum(sizes[:number]) for number in range(count)]
    return tuple(tuple(columns[start : start + size]) for start, size in zip(starts, sizes, strict=True))


def grid(base: Column | None, columns: Sequence[Column], prompts: Sequence[str]) -> tuple[bytes, ...]:
    """A picture for each band: a row for each prompt, one seed along a row."""
    split = bands(columns)
    across = max(len(band) for band in split)
    return tuple(_band(base, band, prompts, across) for band in split)


def _band(base: Column | None, columns: Sequence[Column], prompts: Sequence[str], across: int) -> bytes:
    line = round(SMALL * 1.25)
    label = round(SMALL * 1.6)
    aside = 0 if base is None else BASE + 2 * GAP
    width = aside + across * (TILE + GAP) + GAP
    most = max((len(column.scores) for column in columns), default=0)
    foot = most * line + GAP if most else 0
    sheet = canvas.blank(width, HEAD + len(prompts) * (label + TILE) + foot + GAP)
    if base is not None:
        canvas.line(sheet, GAP + BASE / 2, HEAD / 2, base.title, SMALL, canvas.SOFT, anchor="mm")
    for place, column in enumerate(columns):
        _head(sheet, aside + GAP + place * (TILE + GAP), column)
    for row, prompt in enumerate(prompts):
        y = HEAD + row * (label + TILE)
        said = canvas.wrap(prompt, SMALL, width - 2 * GAP, most=1)
        canvas.line(sheet, GAP + 2, y + label / 2, said[0] if said else "", SMALL, canvas.SOFT, anchor="lm")
        if base is not None and row < len(base.previews):
            top = y + label + (TILE - BASE) // 2
            sheet.paste(canvas.fill(canvas.open_picture(base.previews[row]), BASE), (GAP, top))
        for place, column in enumerate(columns):
            if row < len(column.previews):
                x = aside + GAP + place * (TILE + GAP)
                sheet.paste(canvas.fill(canvas.open_picture(column.previews[row]), TILE), (x, y + label))
    for place, column in enumerate(columns):
        x = aside + GAP + place * (TILE + GAP) + TILE / 2
        for number, text in enumerate(column.scores):
            y = HEAD + len(prompts) * (label + TILE) + GAP / 2 + number * line
            canvas.line(sheet, x, y, text, round(SMALL * 0.86), canvas.SOFT, anchor="ma")
    return canvas.to_webp(sheet, by_ai=True)


def beneath(pictures: Sequence[bytes]) -> bytes:
    """The bands of one grid as one picture."""
    opened = [canvas.open_picture(data) for data in pictures]
    sheet = canvas.blank(max(picture.width for picture in opened), sum(picture.height for picture in opened))
    top = 0
    for picture in opened:
        sheet.paste(picture, (0, top))
        top += picture.height
    return canvas.to_webp(sheet, by_ai=True)


def alone(column: Column, prompts: Sequence[str]) -> bytes:
    """One column's pictures, two across and as large as they are looked at, each with its prompt under it."""
    size = 34
    across = 1 if len(column.previews) == 1 else 2
    label = round(size * 1.3) * 2 + GAP
    rows = ceil(len(column.previews) / across)
    sheet = canvas.blank(across * (LARGE + GAP) + GAP, HEAD + rows * (LARGE + label))
    if column.letter:
        _head(sheet, GAP, column, across * (LARGE + GAP) - GAP)
    else:
        canvas.line(sheet, sheet.width / 2, HEAD / 2, column.title, 56, canvas.SOFT, anchor="mm")
    for place, data in enumerate(column.previews):
        x = GAP + place % across * (LARGE + GAP)
        y = HEAD + place // across * (LARGE + label)
        sheet.paste(canvas.fill(canvas.open_picture(data), LARGE), (x, y))
        if place < len(prompts):
            for number, text in enumerate(canvas.wrap(prompts[place], size, LARGE - 4)):
                canvas.line(sheet, x + 2, y + LARGE + 6 + number * round(size * 1.3), text, size, canvas.SOFT)
    return canvas.to_webp(sheet, by_ai=True)


def _head(sheet: canvas.Picture, x: int, column: Column, width: int = TILE) -> None:
    """The letter as the reaction looks; what it is beside it, where that may be said. Marked by a star, not by colour alone."""
    side = HEAD - 4 * GAP
    if not column.title:
        canvas.keycap(sheet, x + (width - side) // 2, 2 * GAP, column.letter, side)
        return
    title = f"{column.title} *" if column.marked else column.title
    colour = canvas.TEAL if column.marked else canvas.INK
    wide = canvas.width_of(title, SMALL)
    left = x + max(0, (width - side - GAP - wide) // 2)
    canvas.keycap(sheet, left, 2 * GAP, column.letter, side)
    canvas.line(sheet, left + side + GAP, HEAD / 2, title, SMALL, colour, anchor="lm")
