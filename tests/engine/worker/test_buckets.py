"""Shapes of about one area; no photo made larger; little cut away."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.worker import buckets


@pytest.mark.parametrize("resolution, step", [(512, 64), (1024, 64), (768, 32), (64, 8)])
def test_shapes_have_about_one_area(resolution: int, step: int) -> None:
    every = buckets.shapes(resolution, step)
    assert (resolution, resolution) in every
    assert len(every) == len(set(every)) >= 7
    for width, height in every:
        assert width % step == height % step == 0
        assert resolution**2 - step * max(width, height) < width * height <= resolution**2
        assert max(width, height) <= 2 * resolution
        assert (height, width) in every


def test_sdxl_shapes_are_among_them() -> None:
    known = {(1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216), (1344, 768), (768, 1344)}
    assert known <= set(buckets.shapes(1024, 64))


@settings(deadline=None)
@given(
    width=st.integers(64, 4000),
    height=st.integers(64, 4000),
    resolution=st.sampled_from([256, 512, 1024]),
    step=st.sampled_from([8, 32, 64]),
)
def test_a_photo_is_never_made_larger(width: int, height: int, resolution: int, step: int) -> None:
    wide, high = buckets.shape_of(width, height, resolution, step)
    assert step <= wide <= max(width, step) and step <= high <= max(height, step)
    assert wide % step == high % step == 0
    assert wide * high <= resolution**2
    left, top, right, low = buckets.cut_of((10, 20, 10 + width, 20 + height), (wide, high))
    assert 10 <= left < right <= 10 + width and 20 <= top < low <= 20 + height
    assert right - left >= wide and low - top >= high, "shown smaller or as it is, never larger"
    assert (right - left) / (low - top) == pytest.approx(wide / high, rel=0.03)


@settings(deadline=None)
@given(aspect=st.floats(0.55, 1.8), side=st.integers(600, 3000))
def test_little_of_an_ordinary_photo_is_cut_away(aspect: float, side: int) -> None:
    width, height = round(side * math.sqrt(aspect)), round(side / math.sqrt(aspect))
    left, top, right, low = buckets.cut_of((0, 0, width, height), buckets.shape_of(width, height, 512, 64))
    assert (right - left) * (low - top) > 0.85 * width * height


def test_portraits_share_a_bucket() -> None:
    assert len({buckets.shape_of(width, 1200, 512, 64) for width in (880, 900, 930, 950)}) == 1


def test_a_crop_smaller_than_a_step_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match="40 x 300 px, less than a bucket step of 64 px"):
        buckets.shape_of(40, 300, 512, 64)
