"""A gated feed-forward with a LoRA on both of its layers as one function with one derivative by hand.

What lies between the layers is eight times as wide as what comes in, so each time that nothing passes over it counts: both halves
of its gradient are written where they belong, and what they are made from is overwritten. The widest products back go through
oneDNN where there is one, which reads in place what the BLAS would pack first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

Met = tuple[Tensor, Tensor, Tensor, Tensor]
"""A frozen layer's weight and bias, and the down (r, in) and up (r, out) that the whole batch meets there."""
HAS_ONEDNN = torch.backends.mkldnn.is_available()


def feeds(host: nn.Module) -> Iterator[Any]:
    """Every feed-forward of diffusers in `host` that is gated by GELU and ends with its second layer, both with a bias."""
    from diffusers.models.activations import GEGLU
    from diffusers.models.attention import FeedForward

    for module in host.modules():
        if type(module) is FeedForward and type(module.net[0]) is GEGLU and len(module.net) == 3:
            net: Any = module.net
            if net[0].proj.bias is not None and net[2].bias is not None:
                yield module


def suits(input: Tensor, down: Tensor, other: Tensor, first: nn.Linear, second: nn.Linear) -> bool:
    """Whether `fed` is right here: gradients are wanted, and all rows meet the same halves, in float32."""
    return (
        torch.is_grad_enabled()
        and input.device.type == "cpu"
        and down.dim() == other.dim() == 2
        and input.dtype is first.weight.dtype is second.weight.dtype is down.dtype is torch.float32
    )


def fed(input: Tensor, first: Met, second: Met) -> Tensor:
    """(..., in) -> (..., out): second(hidden * gelu(gate)), where first says (..., hidden and gate)."""
    return cast(Tensor, _Feeding.apply(input, *first, *second))


class _Feeding(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, wide: Tensor, wide_bias: Tensor, wide_down: Tensor, wide_up: Tensor, narrow: Tensor,
        narrow_bias: Tensor, narrow_down: Tensor, narrow_up: Tensor,
    ) -> Tensor:  # fmt: skip
        rows = input.reshape(-1, input.shape[-1])
        wide_low = rows.mm(wide_down.t())
        both = torch.addmm(wide_bias, rows, wide.t()).addmm_(wide_low, wide_up)
        hidden, gate = both.chunk(2, dim=-1)
        opened = torch.nn.functional.gelu(gate)
        passed = hidden * opened
        narrow_low = passed.mm(narrow_down.t())
        said = torch.addmm(narrow_bias, passed, narrow.t()).addmm_(narrow_low, narrow_up)
        ctx.save_for_backward(
            rows, wide, wide_down, wide_up, wide_low, both, opened, passed, narrow, narrow_down, narrow_up, narrow_low
        )
        ctx.shape = input.shape
        return said.view(*input.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (
            rows, wide, wide_down, wide_up, wide_low, both, opened, passed, narrow, narrow_down, narrow_up, narrow_low,
        ) = ctx.saved_tensors  # fmt: skip
        gradient = gradients[0].reshape(len(rows), -1)
        hidden, gate = both.chunk(2, dim=-1)
        of_narrow = gradient.mm(narrow_up.t())
        of_passed = _product(gradient, narrow).addmm_(of_narrow, narrow_down)
        of_narrow_down = of_narrow.t().mm(passed)
        of_both = torch.empty_like(both)
        of_hidden, of_gate = of_both.chunk(2, dim=-1)
        torch.mul(of_passed, opened, out=of_hidden)
        torch.ops.aten.gelu_backward.grad_input(of_passed.mul_(hidden), gate, grad_input=of_gate)
        of_wide = _product(of_both, wide_up.t())
        back = None
        if ctx.needs_input_grad[0]:
            back = _product(of_both, wide).addmm_(of_wide, wide_down).view(ctx.shape)
        return (
            back, None, None, of_wide.t().mm(rows), wide_low.t().mm(of_both),
            None, None, of_narrow_down, narrow_low.t().mm(gradient),
        )  # fmt: skip


def _product(left: Tensor, right: Tensor) -> Tensor:
    if HAS_ONEDNN:
        return torch.ops.mkldnn._linear_pointwise(left, right.t(), None, "none", [], "")
    return left.mm(right)
