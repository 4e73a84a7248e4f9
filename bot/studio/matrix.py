"""The picture of a comparison: every value's name over its picture, four beside each other, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.studio import canvas
from bot.studio.commission import Matrix
from bot.studio.plot import plot

ACROSS = 4
"""Pictures beside each other, at most: phones show a picture as wide as their screen."""
WIDEST = 2048
LEAST_PX = 384
"""Of a tile's longer side: labels stay readable over the miniature's small pictures."""
GAP = 12
SMALLEST = 18
"""Of a label, in pixels."""


def drawn_of(matrix: Matrix, pictures: Mapping[int, bytes]) -> bytes:
    """`pictures` by their number; one that is gone leaves its place empty."""
    labels = matrix.columns.labels
    across = len(labels) if matrix.rows else _across(len(labels))
    opened = {number: canvas.open_picture(data) for number, data in pictures.items()}
    longest = max(max(picture.size) for picture in opened.values())
    side = min(max(longest, LEAST_PX), WIDEST // across - GAP)
    shown = {
        place: canvas.fit(opened[number], side)
        for number, places in enumerate(matrix.cells)
        for place in places
        if number in opened
    }
    if matrix.rows is not None:
        return canvas.to_webp(plot(labels, matrix.rows.labels, shown), by_ai=True)
    return canvas.to_webp(_wrapped(labels, {column: one for (column, _), one in shown.items()}, across), by_ai=True)


def _wrapped(labels: Sequence[str], pictures: Mapping[int, canvas.Picture], across: int) -> canvas.Picture:
    """One axis, in lines of at most `across`, each picture under its name."""
    wide, high = (max(picture.size[axis] for picture in pictures.values()) for axis in (0, 1))
    size = max(wide // 12, SMALLEST)
    step = round(size * 1.3)
    names = [canvas.wrap(label, size, wide, 2) for label in labels]
    head = step * max(len(lines) for lines in names) + GAP
    rows = -(-len(labels) // across)
    sheet = canvas.blank(across * (wide + GAP) + GAP, rows * (head + high + GAP) + GAP)
    for place, lines in enumerate(names):
        x, y = GAP + place % across * (wide + GAP), GAP + place // across * (head + high + GAP)
        for number, text in enumerate(lines):
            below = len(lines) - number - 0.5
            canvas.line(sheet, x + wide / 2, y + head - GAP / 2 - below * step, text, size, anchor="mm")
        picture = pictures.get(place)
        if picture is not None:
            sheet.paste(picture, (x + (wide - picture.width) // 2, y + head + (high - picture.height) // 2))
    return sheet


def _across(count: int) -> int:
    """As many beside each other as leave the fewest places empty, and of those the most."""
    if count <= ACROSS:
        return count
    return min(range(ACROSS, 1, -1), key=lambda across: -count % across)
