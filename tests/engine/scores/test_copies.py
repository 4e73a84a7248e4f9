"""Memorising: copies are found through noise and size, new pictures of the same thing are none."""

from __future__ import annotations

import pytest
import sights
from PIL import ImageEnhance

from engine.scores.copies import Copies
from engine.scores.eyes import Glance

PHOTOS = [sights.drawn(seed) for seed in range(6)]


def test_a_copy_is_a_hundred_and_something_new_is_nothing() -> None:
    copies = Copies(Glance(), PHOTOS)
    assert copies.of(PHOTOS[:2]) == pytest.approx(100, abs=0.5)
    new = copies.of([sights.drawn(seed) for seed in range(20, 40)])
    assert new is not None
    assert new < 10


def test_a_worn_copy_is_still_one() -> None:
    worn = ImageEnhance.Brightness(sights.drawn(3, noise=12)).enhance(0.85).resize((50, 50))
    found = Copies(Glance(), PHOTOS).of([worn])
    assert found is not None
    assert found > 80


def test_one_copy_among_four_counts_a_quarter() -> None:
    copies = Copies(Glance(), PHOTOS)
    new = [sights.drawn(seed) for seed in (20, 21, 22)]
    none, one = copies.of(new), copies.of([PHOTOS[0], *new])
    assert none is not None
    assert one == pytest.approx(25 + 0.75 * none, abs=1)


def test_one_photo_or_copies_of_one_cannot_say() -> None:
    assert Copies(Glance(), PHOTOS[:1]).of(PHOTOS) is None
    assert Copies(Glance(), [PHOTOS[0], sights.drawn(0, noise=1)]).of(PHOTOS) is None
