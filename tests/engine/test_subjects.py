"""The parts that reading a set is made of: squares, who recurs, what explains what, and what a caption may say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.worker import framing, subjects
from engine.worker.captions import surely, without_identity
from engine.worker.finders import Found, explains, overlap
from engine.worker.subjects import Alike
from tests.engine.conftest import unit


@given(data=st.data())
def test_every_square_lies_in_the_photo_and_shows_the_whole_face(data: st.DataObject) -> None:
    wide, high = (data.draw(st.integers(64, 3000)) for _ in range(2))
    left, top = data.draw(st.integers(0, wide - 8)), data.draw(st.integers(0, high - 8))
    most = min(wide, high)
    right = data.draw(st.integers(left + 4, min(wide, left + most)))
    low = data.draw(st.integers(top + 4, min(high, top + most)))
    for around in (framing.around_person, framing.around_cartoon):
        x0, y0, x1, y1 = around((left, top, right, low), (wide, high))
        assert 0 <= x0 < x1 <= wide and 0 <= y0 < y1 <= high and x1 - x0 == y1 - y0
        if around is framing.around_person or 0.6 < (right - left) / (low - top) < 1.2:
            assert x0 <= left and y0 <= top and x1 >= right and y1 >= low


ALIKE = Alike(stranger=0.0, same=0.9)


def test_who_recurs_is_the_subject() -> None:
    me, friend, other = (1, 0.1, 0), (0, 1, 0.1), (0.1, 0, 1)
    photos = [
        np.stack([unit(*friend), unit(*me)]),
        np.stack([unit(1, 0.2, 0.1)]),
        np.stack([unit(*me), unit(*other)]),
        np.zeros((0, 3), dtype=np.float32),
        np.stack([unit(1, 0, 0.15)]),
    ]
    chosen = subjects.recurring(photos, ALIKE)
    assert [choice and (choice.index, choice.sure) for choice in chosen] == [
        (1, True),
        (0, True),
        (0, True),
        None,
        (0, True),
    ]


def test_two_alike_are_asked_about_and_so_is_a_photo_by_itself() -> None:
    twins = np.stack([unit(1, 0.1, 0), unit(1, 0, 0.1)])
    (first, _) = subjects.recurring([twins, np.stack([unit(1, 0, 0)])], ALIKE)
    assert first is not None and not first.sure
    (single,) = subjects.recurring([np.stack([unit(1, 0, 0), unit(0, 1, 0)])], ALIKE)
    assert single is not None and not single.sure
    assert subjects.recurring([np.zeros((0, 3), dtype=np.float32)], ALIKE) == [None]


def test_the_foremost_face_is_large_whole_and_near_the_middle() -> None:
    small, large, cut = (
        Found((400, 200, 460, 260), 0.9),
        Found((380, 180, 580, 380), 0.9),
        Found((0, 0, 230, 230), 0.9, cut=True),
    )
    assert subjects.foremost([small, large, cut], (900, 600)) == 1


def test_overlap_and_explaining() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    sure, crowd = [Found((0, 0, 9, 9), 0.9)], [Found((0, 0, 9, 9), 0.5)] * 5
    assert explains([sure, sure]) > explains([sure, []]) and explains([sure, sure]) > explains([crowd, crowd])


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        (
            "a portrait of a person, smiling, wearing a red sweater, on the moon",
            "smiling, wearing a red sweater, on the moon",
        ),
        ("a portrait of a person, sad, with brown hair, blue eyes, in a forest.", "sad, in a forest"),
        ("a photo of a woman wearing sunglasses", "wearing sunglasses"),
        ("a portrait of a person", ""),
        ("an elderly man, at the beach", "at the beach"),
        ("", ""),
    ],
)
def test_a_caption_never_says_what_somebody_looks_like(said: str, caption: str) -> None:
    assert without_identity(said) == caption


@pytest.mark.parametrize(
    ("unsure", "caption"),
    [
        ((), "smiling, wearing a red sweater and round glasses, on the moon"),
        (("smiling",), "wearing a red sweater and round glasses, on the moon"),
        (("round",), "smiling, wearing a red sweater, on the moon"),
        (("red",), "smiling, on the moon"),
        (("and",), "smiling, wearing a red sweater, on the moon"),
        (("smiling", "red", "moon"), ""),
    ],
)
def test_what_the_captioner_is_not_sure_of_is_left_out(unsure: tuple[str, ...], caption: str) -> None:
    words = ["smiling", ",", "wearing", "a", "red", "sweater", "and", "round", "glasses", ",", "on", "the", "moon"]
    assert surely(words, [0.3 if word in unsure else 0.9 for word in words]) == caption
