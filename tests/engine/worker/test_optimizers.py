"""Every optimizer learns, and one taken up from its kept state goes on to the bit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.recipes.recipe import Optimizer, Recipe
from engine.worker.optimizers import optimizer_for, restore, state
from engine.worker.prodigy import Prodigy

CPU = torch.device("cpu")
HERE = [Optimizer.ADAMW, Optimizer.PRODIGY, Optimizer.ADAFACTOR]


def recipe_of(optimizer: Optimizer) -> Recipe:
    rate = 1.0 if optimizer is Optimizer.PRODIGY else 1e-2
    return Recipe(optimizer=optimizer, unet_lr=rate, weight_decay=0.01)


def start() -> list[nn.Parameter]:
    draw = torch.Generator().manual_seed(1)
    return [
        nn.Parameter(torch.randn(4, 6, generator=draw)),
        nn.Parameter(torch.zeros(5, 4)),
        nn.Parameter(torch.ones(3)),
    ]


def loss_of(parameters: list[nn.Parameter], step: int) -> Tensor:
    draw = torch.Generator().manual_seed(100 + step)
    into = torch.randn(8, 6, generator=draw)
    return ((into @ parameters[0].T @ parameters[1].T - into[:, :5]).square().mean()) + (
        parameters[2] - 2
    ).square().mean()


def run(parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        loss_of(parameters, step).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def made(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    groups = [{"params": parameters[:1], "lr": recipe.unet_lr}, {"params": parameters[1:], "lr": recipe.unet_lr / 2}]
    return optimizer_for(recipe, groups, CPU)


@pytest.mark.parametrize("name", HERE)
def test_it_learns(name: Optimizer) -> None:
    parameters = start()
    before = sum(loss_of(parameters, step).item() for step in range(20))
    run(parameters, made(parameters, recipe_of(name)), range(600))
    assert sum(loss_of(parameters, step).item() for step in range(20)) < 0.6 * before


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("at", [0, 7])
def test_a_kept_state_goes_on_to_the_bit(name: Optimizer, at: int) -> None:
    recipe = recipe_of(name)
    whole = start()
    run(whole, made(whole, recipe), range(12))
    first = start()
    optimizer = made(first, recipe)
    run(first, optimizer, range(at))
    tensors, facts = state(optimizer, first)
    second = [nn.Parameter(p.detach().clone()) for p in first]
    again = made(second, recipe)
    restore(again, second, {name: tensor.clone() for name, tensor in tensors.items()}, facts)
    run(second, again, range(at, 12))
    assert all(torch.equal(one, other) for one, other in zip(whole, second, strict=True))


def test_options_reach_the_optimizer() -> None:
    parameters = start()
    made_with = optimizer_for(Recipe(optimizer_args={"betas": (0.5, 0.6)}), [{"params": parameters, "lr": 1e-3}], CPU)
    assert made_with.param_groups[0]["betas"] == (0.5, 0.6)
    assert made_with.param_groups[0]["weight_decay"] == 0.01


def test_eight_bits_are_refused_where_they_cannot_run() -> None:
    with pytest.raises(BadInput, match='runs on NVIDIA cards only, and this is "cpu"'):
        optimizer_for(Recipe(optimizer=Optimizer.ADAMW_8BIT), [{"params": start(), "lr": 1e-3}], CPU)


def test_prodigy_finds_a_rate_and_grows_no_faster_than_told() -> None:
    found: dict[float, float] = {}
    for growth in (math.inf, 1.02):
        parameters = start()
        optimizer = Prodigy(parameters, growth_rate=growth)
        run(parameters, optimizer, range(100))
        found[growth] = optimizer.found()
    assert found[math.inf] > 1e-3
    assert found[1.02] <= 1.2e-6 * 1.02**100


def test_prodigy_is_the_papers() -> None:
    """Algorithm 4 of the paper, written out with plain numbers for one weight."""
    weight = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = Prodigy([weight], use_bias_correction=False, safeguard_warmup=False, weight_decay=0.1, d0=1e-3)
    x = x0 = 2.0
    d = d_max = 1e-3
    mean = square = s = r = 0.0
    third = math.sqrt(0.999)
    for step in range(30):
        gradient = 2 * (x - 1) + 0.1 * step
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        mean = 0.9 * mean + 0.1 * d * gradient
        square = 0.999 * square + 0.001 * d * d * gradient**2
        r = third * r + d / 1e-3 * d * gradient * (x0 - x)
        s = third * s + d / 1e-3 * d * gradient
        hat = r / abs(s)
        used = d
        d = max(d, hat) if d == 1e-3 else d
        d_max = max(d_max, hat)
        d = d_max
        x = x * (1 - used * 0.1) - used * mean / (math.sqrt(square) + d * 1e-8)
        assert weight.item() == pytest.approx(x, rel=1e-5)
    assert optimizer.found() == pytest.approx(d, rel=1e-5)
    assert d > 1e-3
