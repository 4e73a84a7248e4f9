from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.studio import crops
from bot.studio.crops import SMALLEST_PX, Verb
from storage.records import Box, Face

WIDTH, HEIGHT = 1000, 800
FACE = Face(Box(400, 200, 500, 320), 0.9)
OTHER = Face(Box(700, 200, 780, 290), 0.8)


def side(box: Box) -> int:
    assert box.x1 - box.x0 == box.y1 - box.y0
    return box.x1 - box.x0


def middle(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def test_tighter_and_looser_keep_the_middle() -> None:
    start = Box(300, 200, 700, 600)
    tight = crops.adjust(WIDTH, HEIGHT, start, (), Verb.TIGHTER)
    assert side(tight) == 340 and middle(tight) == middle(start)
    loose = crops.adjust(WIDTH, HEIGHT, tight, (), Verb.LOOSER)
    assert side(loose) == 400 and middle(loose) == middle(start)


def test_a_nudge_moves_by_a_part_of_the_side_and_stops_at_the_edge() -> None:
    start = Box(20, 200, 420, 600)
    assert crops.adjust(WIDTH, HEIGHT, start, (), Verb.LEFT) == Box(0, 200, 400, 600)
    assert crops.adjust(WIDTH, HEIGHT, start, (), Verb.RIGHT) == Box(52, 200, 452, 600)
    assert crops.adjust(WIDTH, HEIGHT, start, (), Verb.UP) == Box(20, 168, 420, 568)
    assert crops.adjust(WIDTH, HEIGHT, start, (), Verb.DOWN) == Box(20, 232, 420, 632)


def test_next_face_goes_round_and_centre_takes_the_nearest() -> None:
    first = crops.adjust(WIDTH, HEIGHT, None, (FACE, OTHER), Verb.CENTRE)
    second = crops.adjust(WIDTH, HEIGHT, first, (FACE, OTHER), Verb.NEXT_FACE)
    assert first == crops.round_face(WIDTH, HEIGHT, FACE.box)
    assert second == crops.round_face(WIDTH, HEIGHT, OTHER.box)
    assert crops.adjust(WIDTH, HEIGHT, second, (FACE, OTHER), Verb.NEXT_FACE) == first


def test_the_original_framing_is_as_much_as_a_square_holds() -> None:
    for crop in (None, Box(300, 200, 700, 600)):
        assert crops.adjust(WIDTH, HEIGHT, crop, (FACE,), Verb.ORIGINAL) == Box(100, 0, 900, 800)


def test_without_a_face_centre_is_the_middle_and_next_face_nothing() -> None:
    crop = Box(0, 0, 200, 200)
    assert crops.adjust(WIDTH, HEIGHT, crop, (), Verb.CENTRE) == Box(100, 0, 900, 800)
    assert crops.adjust(WIDTH, HEIGHT, crop, (), Verb.NEXT_FACE) == crop


SIDES = st.integers(1, 5000)


@st.composite
def boxes(draw: st.DrawFn, width: int, height: int) -> Box:
    """Any box inside, as an engine may propose it: also thin ones and single pixels."""
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Box(x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height)))


@given(st.data(), SIDES, SIDES, st.lists(st.sampled_from(Verb), min_size=1, max_size=30))
def test_a_crop_stays_a_square_inside_the_photo(
    data: st.DataObject, width: int, height: int, verbs: list[Verb]
) -> None:
    crop = data.draw(st.none() | boxes(width, height))
    faces = tuple(Face(box, 0.9) for box in data.draw(st.lists(boxes(width, height), max_size=3)))
    pressed = False
    for verb in verbs:
        before = crop
        crop = crops.adjust(width, height, crop, faces, verb)
        pressed = pressed or verb not in (Verb.DROP, Verb.KEEP, Verb.NEXT_FACE) or before is None
        assert 0 <= crop.x0 < crop.x1 <= width and 0 <= crop.y0 < crop.y1 <= height
        if pressed:
            assert side(crop) >= min(SMALLEST_PX, width, height)


@given(st.integers(200, 3000), st.integers(200, 3000), st.data())
def test_the_crop_round_a_face_contains_it(width: int, height: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.integers(0, width - 100)), data.draw(st.integers(0, height - 100))
    size = data.draw(st.integers(20, min(width - x0, height - y0)))
    face = Box(x0, y0, x0 + size, y0 + size)
    crop = crops.round_face(width, height, face)
    if size <= min(width, height) - 2:
        assert crop.x0 <= face.x0 and crop.y0 <= face.y0 and face.x1 <= crop.x1 and face.y1 <= crop.y1
