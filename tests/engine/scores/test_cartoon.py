"""The miniature's own eyes on the whole way: photos with their light and clutter against clean pictures of known mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from PIL import Image

from engine.miniature import IDENTITY, WEIGHTS
from engine.miniature.drawing import draw_portrait
from engine.miniature.training.gallery import snapshot
from engine.miniature.world import Identity, unseen_scene
from engine.scores import cartoon
from engine.scores.copies import Copies
from engine.scores.eyes import Eyes, Sight
from engine.scores.likeness import Likeness

pytestmark = pytest.mark.skipif(not (WEIGHTS / "clip").is_dir() or not IDENTITY.is_dir(), reason="no weights here")
PEOPLE = range(7240, 7248)


@cache
def sight() -> Sight:
    return cartoon.sight()


@cache
def photos(seed: int) -> list[Image.Image]:
    """Crops of photos, as a training is given them."""
    rng = np.random.default_rng([1, seed])
    return [snapshot(Identity.from_seed(seed, "unseen"), unseen_scene(rng), rng) for _ in range(6)]


def pictures(seed: int, share: float) -> list[Image.Image]:
    """Clean portraits of somebody who has this share of the traits of `seed` and the rest of a stranger's."""
    rng = np.random.default_rng([2, seed])
    me, other = (Identity.from_seed(one, "unseen").traits() for one in (seed, 800_000 + seed))
    who = Identity(**{name: share * me[name] + (1 - share) * other[name] for name in me})
    return [draw_portrait(who, unseen_scene(rng)) for _ in range(4)]


def likenesses(share: float) -> list[float]:
    found: list[float] = []
    for seed in PEOPLE:
        scale = Likeness(_who(), photos(seed), sight().strangers)
        read = scale.of(pictures(seed, share))
        assert read is not None
        found.append(read)
    return found


def _who() -> Eyes:
    who = sight().who
    assert who is not None
    return who


def test_likeness_grows_evenly_from_a_stranger_to_the_subject() -> None:
    means = [float(np.mean(likenesses(share))) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert means == sorted(means)
    assert abs(means[0]) < 30
    assert 35 < means[2] < 80, "halfway between two people is no stranger to either"
    assert 90 < means[4] < 115


def test_who_is_more_of_the_subject_is_read_as_more() -> None:
    less, more = likenesses(0.25), likenesses(0.75)
    assert sum(a < b for a, b in zip(less, more, strict=True)) == len(PEOPLE)


def test_new_pictures_of_the_subject_are_no_copies_and_worn_photos_are() -> None:
    new: list[float] = []
    for seed in PEOPLE[:3]:
        copies = Copies(sight().whole, photos(seed))
        found, worn = copies.of(pictures(seed, 1.0)), copies.of(_worn(photos(seed)[:3]))
        assert found is not None
        assert worn is not None
        assert worn > 85
        new.append(found)
    assert np.mean(new) < 35


def _worn(shown: Sequence[Image.Image]) -> list[Image.Image]:
    return [
        one.resize((40, 40)).point([min(255, value + 12) for value in range(256)] * 3).resize((64, 64)) for one in shown
    ]
