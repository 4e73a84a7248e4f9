"""Advice from facts: planted sets, each with what a careful friend would say and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.coaching import Act, Deed, Grade, Looked, Matter, advise, grade
from engine.facts import Pair, PhotoFacts
from engine.photos import PhotoFlag, SubjectKind

PERSON = SubjectKind.PERSON
FINE = PhotoFacts(
    face=300, crop=640, wanted=512, sharpness=300, darkest=40, middle=120, brightest=190, colourful=40, turn=0.1
)


def photo(number: int, facts: PhotoFacts = FINE, **more: object) -> Looked:
    """Photo `number` has the id 100 + number."""
    pairs = tuple(Pair(other=str(100 + other), bits=32, who=1.0) for other in range(1, number))
    facts = facts if facts.pairs else facts.model_copy(update={"pairs": pairs})
    return replace(Looked(100 + number, number, True, facts=facts), **more)  # type: ignore[arg-type]


def paired(number: int, facts: PhotoFacts = FINE, **pairs: dict[str, object]) -> Looked:
    """`_3={"bits": 4}`: how it compares to photo 3; to all others it is a stranger's picture of the same person."""
    told = {int(name[1:]): about for name, about in pairs.items()}
    every = [Pair(**{"other": str(100 + n), "bits": 32, "who": 1.0, **told.get(n, {})}) for n in range(1, number)]  # type: ignore[arg-type]
    return photo(number, facts.model_copy(update={"pairs": tuple(every)}))


def good(count: int) -> list[Looked]:
    """So many good photos, every third from the side."""
    return [photo(n, FINE.model_copy(update={"turn": 1.0 if n % 3 == 0 else 0.1})) for n in range(1, count + 1)]


def matters(photos: list[Looked], kind: SubjectKind = PERSON) -> dict[Matter, tuple[int, ...]]:
    return {one.matter: one.photos for one in advise(photos, kind, {})}


def test_a_good_set_needs_nothing() -> None:
    assert matters(good(12)) == {}
    assert grade(good(12), PERSON, {}) is Grade.GOOD and grade(good(16), PERSON, {}) is Grade.EXCELLENT


@pytest.mark.parametrize(
    ("matter", "change"),
    [
        (Matter.BLURRED, {"sharpness": 40.0}),
        (Matter.DARK, {"brightest": 60}),
        (Matter.BRIGHT, {"burnt": 0.5}),
        (Matter.SMALL, {"face": 90, "crop": 300}),
    ],
)
def test_one_bad_photo_is_named_and_can_be_left_out(matter: Matter, change: dict[str, object]) -> None:
    photos = good(12)
    photos[4] = photo(5, FINE.model_copy(update=change))
    (found,) = advise(photos, PERSON, {})
    assert (found.matter, found.photos) == (matter, (5,))
    assert found.acts == (Act("drop", Deed.DROP, (5,)), Act("keep", Deed.KEEP))
    assert advise(photos, PERSON, {matter: frozenset({105})}) == []


def test_what_is_right_for_a_drawing_is_no_fault_of_it() -> None:
    """White paper is burnt out, flat colours are soft, and drawings on paper look alike from afar."""
    white = FINE.model_copy(update={"burnt": 0.77, "brightest": 255, "sharpness": 30.0, "face": 0, "turn": None})
    photos = [photo(n, white) for n in range(1, 13)]
    photos[3] = paired(4, white, _1={"bits": 16, "glance": 0.97, "colours": 1.0, "who": None})
    assert matters(photos, SubjectKind.STYLE) == {}
    assert set(matters(photos)) == {Matter.BLURRED, Matter.BRIGHT, Matter.BURST}


def test_skin_may_be_dark_and_light_may_not() -> None:
    dark_skin = FINE.model_copy(update={"darkest": 12, "middle": 48, "brightest": 96})
    assert matters([*good(11), photo(12, dark_skin)]) == {}
    in_shadow = dark_skin.model_copy(update={"brightest": 52})
    assert matters([*good(11), photo(12, in_shadow)]) == {Matter.DARK: (12,)}


def test_a_small_face_is_not_called_blurred_too() -> None:
    far = FINE.model_copy(update={"face": 80, "crop": 300, "sharpness": 20.0})
    assert matters([*good(11), photo(12, far)]) == {Matter.SMALL: (12,)}


def test_of_a_burst_the_sharpest_stays() -> None:
    photos = good(12)
    photos[5] = paired(6, FINE.model_copy(update={"sharpness": 500, "turn": 1.0}), _5={"bits": 10})
    photos[6] = paired(7, FINE, _6={"bits": 15, "glance": 0.9})
    photos[8] = paired(9, FINE.model_copy(update={"turn": 1.0}), _8={"bits": 30, "eyes": 0.99})
    photos[9] = paired(10, FINE, _8={"bits": 16, "glance": 0.6}, _1={"bits": 20, "eyes": 0.98})
    (found,) = advise(photos, PERSON, {})
    assert found.matter is Matter.BURST and found.groups == ((5, 6, 7), (8, 9))
    assert found.acts[0] == Act("drop", Deed.DROP, (5, 7, 9)), "of two as sharp the first"


def test_copies_that_were_left_out_can_be_had_and_those_that_stayed_can_go() -> None:
    photos = good(12)
    photos[3] = replace(photo(4), kept=False, facts=None, copy_of=2)
    photos[7] = paired(8, FINE, _7={"bits": 0, "mirrored": True})
    found = {one.matter: one for one in advise(photos, PERSON, {})}
    assert set(found) == {Matter.COPIES, Matter.TWINS}
    assert found[Matter.COPIES].acts[0] == Act("take", Deed.TAKE, (4,))
    assert found[Matter.TWINS].acts[0] == Act("drop", Deed.DROP, (8,)) and found[Matter.TWINS].groups == ((7, 8),)


def stranger_from(first: int, count: int) -> list[Looked]:
    """Photos up to `first` show one person, those after it another."""
    return [
        paired(n, FINE.model_copy(update={"turn": 1.0 if n % 3 == 0 else 0.1}),
               **{f"_{other}": {"who": 0.9 if (other < first) == (n < first) else -0.1} for other in range(1, n)})
        for n in range(1, count + 1)
    ]  # fmt: skip


def test_somebody_else_is_left_out_by_one_press() -> None:
    (found,) = advise(stranger_from(10, 12), PERSON, {})
    assert (found.matter, found.photos) == (Matter.STRANGERS, (10, 11, 12))
    assert found.acts == (Act("drop", Deed.DROP, (10, 11, 12)), Act("keep", Deed.KEEP))
    assert grade(stranger_from(10, 12), PERSON, {}) is Grade.FAIR


def test_of_two_people_in_half_the_photos_each_it_is_asked_who_is_meant() -> None:
    photos = stranger_from(7, 12)
    (found,) = advise(photos, PERSON, {})
    assert found.groups == ((1, 2, 3, 4, 5, 6), (7, 8, 9, 10, 11, 12))
    one, other, same = found.acts
    assert (one.photos, other.photos) == ((7, 8, 9, 10, 11, 12), (1, 2, 3, 4, 5, 6)) and same.deed is Deed.KEEP
    assert grade(photos, PERSON, {}) is Grade.POOR
    said = {Matter.STRANGERS: frozenset(range(101, 113))}
    assert advise(photos, PERSON, said) == [] and grade(photos, PERSON, said) is Grade.GOOD


def test_all_into_the_camera_all_in_one_place_all_on_one_day() -> None:
    front = [photo(n) for n in range(1, 13)]
    assert matters(front) == {Matter.ANGLE: tuple(range(1, 13))}
    front[0] = photo(1, FINE.model_copy(update={"turn": 0.6}))
    assert matters(front) == {}
    front[1:] = [photo(n, FINE.model_copy(update={"turn": None})) for n in range(2, 13)]
    assert matters(front) == {}, "one that can be judged says nothing of the others"
    room = [
        paired(n, FINE.model_copy(update={"turn": 1.0}), **{f"_{o}": {"colours": 0.9} for o in range(1, n)})
        for n in range(1, 10)
    ]
    assert matters([*room, *(photo(n) for n in (10, 11, 12))]) == {Matter.PLACE: tuple(range(1, 10))}
    assert matters([*room[:6], *(photo(n, FINE.model_copy(update={"turn": 1.0})) for n in range(7, 13))]) == {}
    day = [
        paired(n, FINE.model_copy(update={"turn": 1.0}), **{f"_{o}": {"same_day": True} for o in range(1, n)})
        for n in range(1, 13)
    ]
    assert matters(day) == {Matter.DAY: tuple(range(1, 13))}
    assert grade(day, PERSON, {}) is Grade.FAIR


def test_doubts_of_the_finder_are_told() -> None:
    photos = good(12)
    photos[1] = replace(photos[1], flags=(PhotoFlag.SEVERAL_FACES,))
    photos[2] = replace(photos[2], flags=(PhotoFlag.CUT_FACE, PhotoFlag.GROUP))
    assert matters(photos) == {Matter.CROWD: (2,), Matter.CUT: (3,)}


def test_more_are_asked_for_and_asked_for_again_when_new_ones_came() -> None:
    few = good(6)
    (found,) = advise(few, PERSON, {})
    assert found.matter is Matter.FEW and found.acts[0].deed is Deed.MORE
    told = {Matter.FEW: frozenset(photo.id for photo in few)}
    assert advise(few, PERSON, told) == [] and grade(few, PERSON, told) is Grade.FAIR, "an answer makes no photo better"
    assert [one.matter for one in advise(good(7), PERSON, told)] == [Matter.FEW]
    assert advise([Looked(101, 1, True)], PERSON, {}) == [], "nothing was measured: nothing is said"


@given(
    st.lists(st.tuples(st.floats(0, 900), st.integers(0, 255), st.integers(20, 400), st.integers(0, 32)), max_size=12),
    st.sampled_from(list(SubjectKind)),
)
def test_every_press_settles_what_it_is_under(rows: list[tuple[float, int, int, int]], kind: SubjectKind) -> None:
    """Whatever is measured: after the press of each first button, or of "keep", that advice is gone."""
    photos: list[Looked] = []
    for n, (sharp, bright, face, bits) in enumerate(rows, 1):
        facts = FINE.model_copy(update={"sharpness": sharp, "brightest": bright, "face": face})
        photos.append(paired(n, facts, **({f"_{n - 1}": {"bits": bits}} if n > 1 else {})))
    for found in advise(photos, kind, {}):
        assert set(found.photos) <= {one.number for one in photos} and found.acts
        kept = {found.matter: frozenset(100 + n for n in found.photos)}
        assert found.matter not in [one.matter for one in advise(photos, kind, kept)]
        first = found.acts[0]
        if first.deed is Deed.DROP:
            left = [replace(one, kept=one.number not in first.photos) for one in photos]
            again = next((one for one in advise(left, kind, {}) if one.matter is found.matter), None)
            assert again is None or not set(again.photos) & set(first.photos)
