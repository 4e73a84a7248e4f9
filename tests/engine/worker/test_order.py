"""Buckets, repeats, schedules and tags: all of it a function of the recipe and the number of the batch."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.recipes.recipe import Recipe, Schedule
from engine.worker import plan

SQUARE, TALL, WIDE = (512, 512), (448, 576), (576, 448)


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    size=st.integers(1, 4),
    seed=st.integers(0, 5),
    often=st.integers(1, 3),
)
def test_batches_never_mix_shapes_and_a_cycle_shows_every_photo_equally_often(
    sizes: list[int], size: int, seed: int, often: int
) -> None:
    shapes = [(64 * (bucket + 1), 64) for bucket, count in enumerate(sizes) for _ in range(count)]
    repeats = [often if photo == 0 else 1 for photo in range(len(shapes))]
    among = plan.buckets(shapes, repeats)
    recipe = Recipe(batch_size=size, seed=seed)
    batches = [plan.draw(recipe, among, index) for index in range(2 * sum(repeats))]
    assert all(len({shapes[photo] for photo in one}) == 1 and len(one) == size for one in batches)
    shown = Counter(photo for one in batches for photo in one)
    assert [shown[photo] for photo in range(len(shapes))] == [2 * size * times for times in repeats]


def test_a_batch_depends_on_its_number_and_the_seed_alone() -> None:
    among = plan.buckets([SQUARE, TALL, SQUARE, WIDE, TALL], [1] * 5)
    later = plan.draw(Recipe(), among, 37)
    assert [plan.draw(Recipe(), among, index) for index in range(60)][37] == later
    assert [plan.draw(Recipe(seed=1), among, n) for n in range(9)] != [plan.draw(Recipe(), among, n) for n in range(9)]


def test_one_shape_and_no_repeats_is_the_plain_order() -> None:
    among = plan.buckets([SQUARE] * 7, [1] * 7)
    recipe = Recipe(batch_size=3)
    shown = [photo for index in range(7) for photo in plan.draw(recipe, among, index)]
    assert [sorted(shown[turn : turn + 7]) for turn in (0, 7, 14)] == [list(range(7))] * 3


@pytest.mark.parametrize("schedule", Schedule)
def test_every_schedule_rises_and_ends_as_its_name_says(schedule: Schedule) -> None:
    recipe = Recipe(exposures=400, batch_size=4, warmup=0.1, schedule=schedule, schedule_floor=0.2, schedule_power=2.0)
    rates = [plan.rate(recipe, step) for step in range(recipe.steps)]
    assert min(rates) > 0 and max(rates) == pytest.approx(1.0)
    if schedule is Schedule.CONSTANT:
        assert set(rates) == {1.0}
        return
    assert rates[0] == pytest.approx(1 / 11) and rates[10] == pytest.approx(1.0)
    if schedule is Schedule.CONSTANT_WITH_WARMUP:
        assert set(rates[10:]) == {1.0}
    elif schedule is Schedule.COSINE_WITH_RESTARTS:
        jumps = [step for step, (before, after) in enumerate(pairwise(rates[10:]), 11) if after > before]
        assert jumps == [40, 70], "three cosines of thirty steps"
        assert rates[39] == pytest.approx(0.2, abs=0.01) and rates[40] == pytest.approx(1.0)
    else:
        assert all(later < sooner for sooner, later in pairwise(rates[10:]))
        assert rates[-1] == pytest.approx(0.2, abs=0.02)
    middle = {Schedule.LINEAR: 0.6, Schedule.COSINE: 0.6, Schedule.POLYNOMIAL: 0.4}.get(schedule)
    assert middle is None or rates[55] == pytest.approx(middle)


def test_warm_up_is_a_share_below_one_and_steps_above() -> None:
    assert plan.warmup_steps(Recipe(exposures=400, batch_size=4, warmup=0.25)) == 25
    assert plan.warmup_steps(Recipe(exposures=400, batch_size=4, warmup=12)) == 12
    assert plan.warmup_steps(Recipe(exposures=400, batch_size=4, warmup=5000)) == 100


def test_accumulation_makes_fewer_steps_of_the_same_exposures() -> None:
    assert (Recipe(exposures=400, batch_size=2, accumulation=4, epochs=5).steps, Recipe(exposures=400).steps) == (
        50,
        100,
    )


def test_tags_are_shuffled_behind_the_kept_ones() -> None:
    recipe = Recipe(shuffle_caption=True, keep_tokens=2)
    caption = "ohwx girl,  solo, red hair, smiling , outdoors, hat"
    said = [plan.reworded(recipe, caption, turn) for turn in range(12)]
    assert all(one.startswith("ohwx girl, solo, ") for one in said)
    assert {tuple(sorted(one.split(", "))) for one in said} == {
        tuple(sorted(part.strip() for part in caption.split(",")))
    }
    assert len(set(said)) > 6
    assert plan.reworded(recipe, caption, 7) == said[7]
    assert plan.reworded(recipe, "ohwx", 0) == "ohwx"
