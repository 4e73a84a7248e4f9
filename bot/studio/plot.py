"""The XYZ plot: pictures along two axes, labelled as the web UIs do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from bot.studio import canvas

GAP = 8
WIDEST = 8192
"""Of the whole plot, in pixels: what browsers and chats still open."""
LEAST_TILE = 48
LINES = 4
"""That a label may have."""


def plot(
    columns: Sequence[str], rows: Sequence[str], pictures: Mapping[tuple[int, int], Image.Image], title: str = ""
) -> Image.Image:
    """Every picture at its (column, row), at its own size while that fits into `WIDEST`; labels wrapped to their cells.

    A plot of one row may have no row label: `rows` is then ("",). Pictures of different shapes stand in the middle of cells as
    large as the largest.
    """
    wide = max(picture.width for picture in pictures.values())
    high = max(picture.height for picture in pictures.values())
    scale = min(1.0, (WIDEST / max(len(columns), 1) - GAP) / wide, (WIDEST / max(len(rows), 1) - GAP) / high)
    tile = (max(LEAST_TILE, int(wide * scale)), max(LEAST_TILE, int(high * scale)))
    size = max(13, min(36, min(tile) // 9))
    line = round(size * 1.35)
    longest = max((canvas.width_of(word, size) for text in rows for word in text.split()), default=0)
    margin = max(4 * size, tile[0] // 3, min(longest + 2 * GAP, tile[0] // 2)) if any(rows) else 0
    heads = [canvas.wrap(text, size, tile[0] - GAP, LINES) for text in columns]
    head = line * max((len(lines) for lines in heads), default=0) + GAP
    width = margin + len(columns) * (tile[0] + GAP) + GAP
    titles = canvas.wrap(title, size, width - 2 * GAP, 3) if title else ()
    top = len(titles) * line + (GAP if titles else 0)
    sheet = canvas.blank(width, top + head + len(rows) * (tile[1] + GAP) + GAP)
    for number, text in enumerate(titles):
        canvas.line(sheet, GAP, GAP + number * line, text, size)
    for column, lines in enumerate(heads):
        x = margin + GAP + column * (tile[0] + GAP) + tile[0] / 2
        for number, text in enumerate(lines):
            y = top + head - (len(lines) - number) * line
            canvas.line(sheet, x, y, text, size, canvas.INK, anchor="ma")
    for row, label in enumerate(rows):
        lines = canvas.wrap(label, size, margin - GAP, LINES) if label else ()
        y = top + head + row * (tile[1] + GAP) + tile[1] / 2 - (len(lines) - 1) * line / 2
        for number, text in enumerate(lines):
            canvas.line(sheet, (margin + GAP) / 2, y + number * line, text, size, canvas.INK, anchor="mm")
    for (column, row), picture in pictures.items():
        shown = picture.convert("RGB")
        if scale < 1:
            shown = shown.resize(
                (max(1, int(shown.width * scale)), max(1, int(shown.height * scale))), Image.Resampling.LANCZOS
            )
        x = margin + GAP + column * (tile[0] + GAP) + (tile[0] - shown.width) // 2
        y = top + head + row * (tile[1] + GAP) + (tile[1] - shown.height) // 2
        sheet.paste(shown, (x, y))
    return sheet
