"""Scores in words, and as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from PIL import Image

from bot.studio import canvas, curve, scores


@dataclass(frozen=True)
class Epoch:
    likeness: float | None = None
    fidelity: float | None = None
    memorising: float | None = None
    leakage: float | None = None
    bleed: float | None = None


@pytest.mark.parametrize(
    ("epoch", "note", "column", "whole"),
    [
        (Epoch(), "", (), ""),
        (
            Epoch(71.4, 96),
            "likeness 71, prompt kept 96 %",
            ("likeness 71", "prompt 96 %"),
            "likeness 71, prompt kept 96 %",
        ),
        (
            Epoch(71, None, 10, 20, 30),
            "likeness 71",
            ("likeness 71",),
            "likeness 71, copies photos 10, leaks 20, bleeds 30",
        ),
        (
            Epoch(71, 96, 60, 90, 50),
            "likeness 71, prompt kept 96 %, copies photos 60, bleeds 50",
            ("likeness 71", "prompt 96 %", "copies photos 60", "bleeds 50"),
            "likeness 71, prompt kept 96 %, copies photos 60, leaks 90, bleeds 50",
        ),
    ],
)
def test_copying_and_bleeding_are_told_to_members_where_they_are_notable(
    epoch: Epoch, note: str, column: tuple[str, ...], whole: str
) -> None:
    assert (scores.note(epoch), scores.column(epoch), scores.whole(epoch)) == (note, column, whole)


def colours(data: bytes) -> set[tuple[int, int, int]]:
    """Those that cover more than a few pixels, WebP's rounding taken out."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    found: set[tuple[int, int, int]] = set()
    for colour in (canvas.TEAL, *curve.LINES.values()):
        near = sum(
            count
            for count, pixel in picture.getcolors(picture.width * picture.height) or ()
            if isinstance(pixel, tuple) and all(abs(a - b) < 36 for a, b in zip(pixel, colour, strict=True))
        )
        if near > 60:
            found.add(colour)
    return found


def test_the_curve_shows_every_score_that_was_read_twice() -> None:
    epochs = {1: Epoch(20, 99, 5), 2: Epoch(60, 97), 3: Epoch(80, 90)}
    drawn = curve.draw(epochs, 3)
    assert drawn is not None
    assert Image.open(io.BytesIO(drawn)).size == curve.SIZE
    assert colours(drawn) == {curve.LINES["likeness"], curve.LINES["fidelity"]}


def test_the_chosen_epoch_is_marked() -> None:
    epochs = {number: Epoch(10.0 * number, 99 - number) for number in range(1, 9)}
    assert curve.draw(epochs, 6) != curve.draw(epochs, None)
    assert curve.draw(epochs, 99) == curve.draw(epochs, None), "an epoch that is not there marks nothing"
    assert curve.draw(epochs, 6) != curve.draw(epochs, 6, "winner")


def test_names_of_lines_that_end_together_do_not_cover_each_other() -> None:
    epochs = {number: Epoch(50, 50, 50, 50, 50) for number in (1, 2)}
    drawn = curve.draw(epochs, 1)
    assert drawn is not None
    assert len(colours(drawn)) == len(curve.LINES)


@pytest.mark.parametrize("epochs", [{}, {1: Epoch(50, 90)}, {1: Epoch(), 2: Epoch()}])
def test_less_than_two_readings_make_no_curve(epochs: dict[int, Epoch]) -> None:
    assert curve.draw(epochs, 1) is None
