from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bot.studio import canvas
from bot.studio.plot import GAP, WIDEST, plot

COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta"]


def tiles(columns: int, rows: int, size: tuple[int, int]) -> dict[tuple[int, int], Image.Image]:
    places = [(column, row) for row in range(rows) for column in range(columns)]
    return {place: Image.new("RGB", size, COLOURS[number % 6]) for number, place in enumerate(places)}


def box(sheet: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """Where the pixels of that colour are."""
    mask = (np.asarray(sheet) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))).all(axis=2)
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_every_picture_stands_whole_at_its_place() -> None:
    sheet = plot(["CFG 3", "CFG 5", "CFG 7"], ["strength 0.4", "strength 1"], tiles(3, 2, (96, 128)))
    boxes = [box(sheet, colour) for colour in COLOURS]
    assert [(right - left, bottom - top) for left, top, right, bottom in boxes] == [(96, 128)] * 6
    assert [left for left, *_ in boxes[:3]] == [left for left, *_ in boxes[3:]]
    assert boxes[1][0] - boxes[0][2] == GAP and boxes[3][1] - boxes[0][3] == GAP


def test_labels_stand_over_columns_and_beside_rows_and_nowhere_else() -> None:
    columns, rows = ["moon", "a bar at night, with rain on its windows"], ["Euler a", "DPM++ 2M Karras"]
    sheet = plot(columns, rows, tiles(2, 2, (128, 128)), title="ohwx")
    first = box(sheet, "red")
    ink = np.asarray(sheet) == canvas.INK
    inked = ink.all(axis=2)
    assert inked[: first[1], first[0] :].any() and inked[first[1] :, : first[0]].any()
    assert not inked[first[1] :, first[0] :].any()
    bare = plot(["", ""], ["", ""], tiles(2, 2, (128, 128)))
    assert bare.width < sheet.width and bare.height < sheet.height
    assert not (np.asarray(bare) == canvas.INK).all(axis=2).any()


@pytest.mark.parametrize("size", [(1024, 1024), (64, 64)])
def test_a_large_plot_is_reduced_to_what_opens(size: tuple[int, int]) -> None:
    sheet = plot([f"epoch {n}" for n in range(12)], [""], tiles(12, 1, size))
    assert sheet.width <= WIDEST + 2 * GAP
    assert (sheet.width > 12 * size[0]) == (size == (64, 64))
