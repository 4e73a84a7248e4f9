"""What a training computes otherwise on a CPU is what the plain modules compute, but for rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.bench import bases
from engine.bench.training import Scene, learner
from engine.families.loaded import LoadedBase
from engine.worker.cohort import learn
from engine.worker.cpu import winograd
from engine.worker.slots import table_of

CLOSE = 1e-5
"""Relative to the largest number."""
SIZES = [
    (4, 96, 96, 16, 16),
    (4, 160, 96, 8, 8),
    (1, 64, 128, 24, 16),
    (3, 20, 7, 13, 18),
    (2, 5, 9, 3, 10),
    (1, 3, 4, 1, 2),
]
"""Rows, in, out, height, width."""


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def frozen(channels: int, out: int, **options: Any) -> nn.Conv2d:
    settings: dict[str, Any] = {"kernel_size": 3, "padding": 1, **options}
    layer = nn.Conv2d(channels, out, **settings).requires_grad_(False)
    for parameter in layer.parameters():
        parameter.copy_(drawn(*parameter.shape, seed=1) * 0.05)
    return layer


def said(layer: Callable[[Tensor], Tensor], input: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """What it says and what comes back to the input."""
    input = input.detach().requires_grad_()
    answer = layer(input)
    return answer.detach(), torch.autograd.grad(answer, input, gradient.to(answer.dtype))[0]


def never(*_: object) -> bool:
    return False


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_with_fewer_multiplications_is_the_convolution(size: tuple[int, ...], bias: bool) -> None:
    rows, channels, out, height, width = size
    layer = frozen(channels, out, bias=bias)
    input, gradient = drawn(rows, channels, height, width), drawn(rows, out, height, width, seed=2)
    ours = said(lambda given: winograd.convolved(layer, given), input, gradient)
    theirs = said(frozen(channels, out, bias=bias).double(), input.double(), gradient)
    assert all(one.is_contiguous() and apart(one, other) < CLOSE for one, other in zip(ours, theirs, strict=True))
    ways = [
        said(lambda given: winograd.convolved(layer, given), *turned)
        for turned in [
            (input.contiguous(memory_format=torch.channels_last), gradient),
            (input, gradient.contiguous(memory_format=torch.channels_last)),
        ]
    ]
    assert all(apart(one, other.double()) < 1e-6 for way in ways for one, other in zip(way, ours, strict=True))


def test_what_one_row_says_reaches_no_other() -> None:
    layer, input, gradient = frozen(96, 96), drawn(4, 96, 16, 16), drawn(4, 96, 16, 16, seed=2)
    before = said(lambda given: winograd.convolved(layer, given), input, gradient)
    input[1], gradient[1] = torch.nan, torch.nan
    after = said(lambda given: winograd.convolved(layer, given), input, gradient)
    for one, other in zip(before, after, strict=True):
        assert not other[1].isfinite().any()
        assert torch.equal(one[[0, 2, 3]], other[[0, 2, 3]])


def test_a_weight_that_changes_is_counted_again() -> None:
    layer, input = frozen(96, 96), drawn(1, 96, 16, 16)

    def is_right() -> bool:
        return apart(winograd.convolved(layer, input), layer(input).double()) < CLOSE

    assert is_right()
    first = layer.__dict__["winograd"]
    assert is_right() and layer.__dict__["winograd"] is first, "counted once"
    with torch.no_grad():
        layer.weight.mul_(2).add_(0.1)
    assert is_right()
    layer.weight = nn.Parameter(layer.weight.flip(0).clone(), requires_grad=False)
    assert is_right()
    layer.to(torch.float64).to(torch.float32)
    assert is_right()
    assert "winograd" not in layer.state_dict()


def test_it_is_left_alone_where_it_would_be_wrong_or_slow() -> None:
    input = drawn(4, 96, 16, 16)
    assert winograd.suits(frozen(96, 96), input)
    for wrong in (
        frozen(96, 96, stride=2), frozen(96, 96, padding=0), frozen(96, 96, dilation=2, padding=2), frozen(96, 96, groups=2),
        frozen(96, 96, kernel_size=1, padding=0), frozen(96, 96, padding_mode="circular"), frozen(96, 96).requires_grad_(),
        frozen(96, 96).double(), frozen(96, 4), frozen(96, 2048),
    ):  # fmt: skip
        assert not winograd.suits(wrong, input), wrong
    assert not winograd.suits(frozen(96, 96), input.to("meta"))
    assert not winograd.suits(frozen(96, 96), input.bfloat16())
    assert not winograd.suits(frozen(96, 96), input[..., :4, :4]) and not winograd.suits(frozen(96, 96), input[:0])


def miniature() -> LoadedBase:
    return bases.named("miniature", torch.device("cpu"))


def stepped(base: LoadedBase, steps: int) -> tuple[Tensor, ...]:
    one = learner(base, Scene(base.native, 2, 4), 3)
    for _ in range(steps):
        learn([one])
    return tuple(leaf.detach().clone() for leaf in one.leaves)


def test_a_training_of_the_miniature_uses_it_and_is_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = stepped(miniature(), 3)
    base = miniature()
    assert all(torch.equal(one, other) for one, other in zip(ours, stepped(base, 3), strict=True))
    counted = [key for key, layer in table_of(base).layers.items() if "winograd" in layer.__dict__]
    assert len(counted) > 8
    monkeypatch.setattr(winograd, "suits", never)
    plain = stepped(miniature(), 3)
    for one, other in zip(ours, plain, strict=True):
        assert not torch.equal(one, other) and apart(one, other.double()) < 1e-3


def test_gradients_of_the_miniature_are_those_of_its_own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    def gradients() -> Tensor:
        base = miniature()
        one = learner(base, Scene(base.native, 2, 4), 3)
        with torch.no_grad():
            one.leaves[0].add_(0.02 * drawn(*one.leaves[0].shape))
        held: list[Tensor] = []

        def take(loss: Tensor, found: Sequence[Tensor]) -> None:
            held.extend(found)

        monkeypatch.setattr(one, "take", take)
        learn([one])
        return held[0]

    ours = gradients()
    monkeypatch.setattr(winograd, "suits", never)
    assert apart(ours, gradients().double()) < 5e-5


def test_pictures_are_painted_through_the_plain_modules() -> None:
    base, twin = miniature(), miniature()
    table_of(base)
    noisy, moments = drawn(2, 4, 16, 16), torch.tensor([100, 900])
    with torch.no_grad():
        text = base.family.encode_tokens(base, base.family.tokens_of(base, ["a person", ""]))
        answers = [one.family.forward(one, noisy, moments, text) for one in (base, twin)]
    assert torch.equal(*answers)
