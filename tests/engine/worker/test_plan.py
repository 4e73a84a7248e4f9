"""Every photo equally often, rates as drawn, and everything a function of the step alone."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocol import Box, Recipe
from engine.worker import plan
from engine.worker.crops import square_of
from engine.worker.objective import Diffusion, losses

CONFIG = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def drawn(recipe: Recipe, photos: int, index: int) -> list[int]:
    return plan.draw(recipe, plan.buckets([(64, 64)] * photos, [1] * photos), index)


@settings(deadline=None)
@given(photos=st.integers(1, 40), size=st.integers(1, 8), steps=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_photo_is_shown_equally_often(photos: int, size: int, steps: int, seed: int) -> None:
    recipe = Recipe(batch_size=size, seed=seed)
    shown = Counter(photo for step in range(steps) for photo in drawn(recipe, photos, step))
    counts = [shown[photo] for photo in range(photos)]
    assert sum(counts) == steps * size
    assert max(counts) - min(counts) <= 1


def test_the_order_changes_from_pass_to_pass_and_with_the_seed() -> None:
    passes = [drawn(Recipe(batch_size=8), 8, step) for step in range(3)]
    assert len({tuple(one) for one in passes}) == 3
    assert drawn(Recipe(batch_size=8, seed=1), 8, 0) != passes[0]
    assert drawn(Recipe(batch_size=8), 8, 0) == passes[0]


@settings(deadline=None)
@given(exposures=st.integers(1, 500), size=st.integers(1, 9), epochs=st.integers(1, 20))
def test_epochs_are_equal_parts_of_the_steps(exposures: int, size: int, epochs: int) -> None:
    recipe = Recipe(exposures=exposures, batch_size=size, epochs=epochs)
    ends = [recipe.epoch_end(epoch) for epoch in range(epochs + 1)]
    parts = [after - before for before, after in pairwise(ends)]
    assert ends[-1] == recipe.steps
    assert recipe.steps >= exposures / size
    assert min(parts) >= 1
    assert max(parts) - min(parts) <= 1


def test_the_rate_rises_then_falls_to_a_tenth() -> None:
    recipe = Recipe(exposures=400, batch_size=4, warmup=0.1)
    rates = [plan.rate(recipe, step) for step in range(recipe.steps)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 10
    assert rates[-1] == pytest.approx(recipe.schedule_floor, abs=0.01)
    assert all(later <= sooner for sooner, later in pairwise(rates[10:]))
    constant = Recipe(exposures=400, batch_size=4, warmup=0.1, schedule="constant")
    assert {plan.rate(constant, step) for step in range(10, 100)} == {1.0}


def test_generators_differ_by_purpose_step_and_seed() -> None:
    drawn = [
        torch.rand(1, generator=plan.generator(*key)).item()
        for key in ((0, "a", 0), (0, "b", 0), (0, "a", 1), (1, "a", 0), (0, "a", 0))
    ]
    assert len(set(drawn[:4])) == 4
    assert drawn[0] == drawn[4]


@settings(deadline=None)
@given(
    width=st.integers(8, 300),
    height=st.integers(8, 300),
    x=st.integers(-20, 320),
    y=st.integers(-20, 320),
    w=st.integers(1, 300),
    h=st.integers(1, 300),
)
def test_a_crop_is_a_square_inside_the_photo(width: int, height: int, x: int, y: int, w: int, h: int) -> None:
    left, top, right, low = square_of(Box(x0=x, y0=y, x1=x + w, y1=y + h), width, height)
    assert right - left == low - top == min(max(w, h), width, height)
    assert left >= 0
    assert top >= 0
    assert right <= width
    assert low <= height


def test_a_box_that_fits_is_kept_whole_in_the_middle_of_its_square() -> None:
    assert square_of(Box(x0=40, y0=40, x1=60, y1=80), 200, 200) == (30, 40, 70, 80)
    assert square_of(None, 200, 100) == (50, 0, 150, 100)
    assert square_of(Box(x0=0, y0=0, x1=20, y1=60), 200, 200) == (0, 0, 60, 60)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_objective_is_diffusers_own(prediction: str) -> None:
    scheduler = DDPMScheduler.from_config(CONFIG)
    ours = Diffusion(CONFIG, prediction == "v_prediction", None, torch.device("cpu"))
    draw = torch.Generator().manual_seed(2)
    clean, noise = (torch.randn(3, 4, 2, 2, generator=draw) for _ in range(2))
    at = torch.tensor([0, 500, 999])
    assert torch.allclose(ours.add_noise(clean, noise, at), scheduler.add_noise(clean, noise, at), atol=1e-6)
    target = noise if prediction == "epsilon" else scheduler.get_velocity(clean, noise, at)
    assert torch.allclose(ours.target(clean, noise, at), target, atol=1e-6)
    assert losses(ours, target, clean, noise, at).mean().item() == pytest.approx(0, abs=1e-9)
    assert losses(ours, target + 2, clean, noise, at).mean().item() == pytest.approx(4, rel=1e-4)


def test_min_snr_weighs_easy_timesteps_less() -> None:
    scheduler = DDPMScheduler.from_config(CONFIG)
    snr = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    zero = torch.zeros(1, 4, 2, 2)
    for prediction, part in (("epsilon", 0.0), ("v_prediction", 1.0)):
        ours = Diffusion(CONFIG, prediction == "v_prediction", 5.0, torch.device("cpu"))
        for at in (0, 100, 400, 999):
            said = ours.target(zero, zero, torch.tensor([at])) + 1
            expected = min(snr[at].item(), 5.0) / (snr[at].item() + part)
            assert losses(ours, said, zero, zero, torch.tensor([at])).mean().item() == pytest.approx(expected, rel=1e-4)
