"""The scale from a stranger to the subject."""

from __future__ import annotations

import numpy as np
import pytest
import sights
from sights import picture

from engine.scores.likeness import Likeness

RIGHT_ANGLES = sights.crowd(100 + 157, 100 + 157)


def test_the_subjects_own_photos_are_a_hundred_and_a_stranger_is_nothing() -> None:
    scale = Likeness(sights.Eyes(), [picture(angle) for angle in (70, 100, 130)], RIGHT_ANGLES)
    # Photo against photo leaves out each one's likeness to itself, a new picture of the subject has none to leave out.
    assert scale.of([picture(angle) for angle in (70, 100, 130)]) == pytest.approx(102, abs=3)
    assert scale.of([picture(0), picture(200)]) == pytest.approx(100 * np.cos(1.0), abs=5)
    assert scale.of([picture(255)]) == pytest.approx(0, abs=4)


def test_the_strangers_are_measured_for_this_subject() -> None:
    """A crowd that happens to be near the subject raises the level of nothing, and no stranger scores for it."""
    photos = [picture(angle) for angle in (90, 100, 110)]
    assert Likeness(sights.Eyes(), photos, sights.crowd(200)).of([picture(200)]) == pytest.approx(0, abs=0.5)
    assert Likeness(sights.Eyes(), photos, sights.crowd(255)).of([picture(200)]) == pytest.approx(53, abs=3)


def test_one_photo_of_somebody_else_hardly_moves_the_scale() -> None:
    photos = [picture(angle) for angle in (92, 96, 100, 104, 108)]
    alone = Likeness(sights.Eyes(), photos, RIGHT_ANGLES).of([picture(100)])
    with_a_friend = Likeness(sights.Eyes(), [*photos, picture(250)], RIGHT_ANGLES).of([picture(100)])
    assert alone is not None
    assert with_a_friend == pytest.approx(alone, abs=1)


def test_photos_that_show_nobody_are_left_out() -> None:
    photos = [picture(90, blue=1), picture(110, blue=1), picture(200)]
    scale = Likeness(sights.Blindfold(), photos, RIGHT_ANGLES)
    assert scale.of([picture(100, blue=1)]) == pytest.approx(101, abs=2)
    assert scale.of([picture(100)]) == pytest.approx(0, abs=3), "a picture without a face is no likeness"


def test_nothing_is_read_before_strangers_are_known_nor_where_all_look_alike() -> None:
    photos = [picture(100), picture(101)]
    scale = Likeness(sights.Eyes(), photos)
    assert scale.of([picture(100)]) is None
    scale.meet([picture(100), picture(102)])
    assert scale.of([picture(100)]) is None
    assert Likeness(sights.Blindfold(), photos, RIGHT_ANGLES).of([picture(100, blue=1)]) is None


def test_one_photo_alone_is_compared_with_itself() -> None:
    assert Likeness(sights.Eyes(), [picture(100)], RIGHT_ANGLES).of([picture(100)]) == pytest.approx(100)
