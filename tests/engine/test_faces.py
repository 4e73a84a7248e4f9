"""The face a masked training learns around."""

from __future__ import annotations

from engine.faces import meant
from engine.protocol import Box, Face

SMALL = Face(box=Box(x0=10, y0=10, x1=20, y1=20), score=0.9, likely_subject=True)
LARGE = Face(box=Box(x0=50, y0=10, x1=90, y1=50), score=0.9)
LEFT, RIGHT = Box(x0=0, y0=0, x1=40, y1=40), Box(x0=41, y0=0, x1=100, y1=60)


def test_the_face_that_recurs_is_meant_unless_the_crop_shows_another() -> None:
    assert meant([LARGE, SMALL], None) == SMALL.box
    assert meant([LARGE, SMALL], LEFT) == SMALL.box
    assert meant([LARGE, SMALL], RIGHT) == LARGE.box


def test_of_strangers_the_largest_and_of_nobody_none() -> None:
    stranger = SMALL.model_copy(update={"likely_subject": False})
    assert meant([stranger, LARGE], None) == LARGE.box
    assert meant([], LEFT) is None
    assert meant([LARGE], LEFT) is None
