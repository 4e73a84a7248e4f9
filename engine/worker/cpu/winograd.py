"""Frozen 3x3 convolutions with fewer multiplications, forwards and back to the input.

Winograd's F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308): of a tile of six places a side and a window of three come four
answers a side, with 36 multiplications where 144 are usual. The window's own share is counted once and kept beside the layer,
since what is frozen never changes. The tiles' and the answers' shares are a matrix for each side of the map, padding included,
so that all of it is four or five matrix products and nothing is ever moved. Back to the input they are the same, transposed.

Rounding is 4e-6 of the largest answer, where a plain convolution's is 3e-7. What a row of the batch says depends on it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn

STEP, TILE, WINDOW = 4, 6, 3
"""Answers of a tile, places it looks at, places of the window."""
POINTS = (0.0, 1.0, -1.0, 2.0, -0.5)
"""Where the polynomials are looked at, beside infinity: of the usual choices the one that rounds least."""
MOST_NUMBERS = 2**20
"""Of a window: its share is four times as large, which a large base has no memory for."""
DENSE = 80
"""Places of a map up to which the answers' share is one product: two would have too little to do each."""
LEAST_GAIN = 0.75
"""What it has to come down to. The costs were fitted to 14 sizes between 4 and 64 places a side, and 48 and 640 channels."""
USUAL = 4
"""Rows that a pass has, for telling what pays."""
THIN, READ = 2, 720
"""A share's FLOP against another; what reading a window's share costs, in FLOPs for each of its 36 places."""


@dataclass(frozen=True, slots=True)
class _Share:
    """The window's share, and what it was counted from."""

    value: Tensor
    """(36, in, out)."""
    weight: Tensor
    """Held, so that no other weight can come to lie where it lies."""
    version: int

    def is_of(self, weight: Tensor) -> bool:
        return self.weight.data_ptr() == weight.data_ptr() and self.version == weight._version


@dataclass(frozen=True, slots=True)
class _Side:
    """What the tiles of one side see, padding included, and what its answers hear of them: (6 * tiles, places) each."""

    sees: Tensor
    hears: Tensor


def suits(layer: nn.Conv2d, input: Tensor) -> bool:
    """Whether `convolved` says what `layer` does, and sooner."""
    weight = layer.weight
    return (
        input.device.type == "cpu"
        and input.dtype is weight.dtype is torch.float32
        and not weight.requires_grad
        and layer.kernel_size == (WINDOW, WINDOW)
        and layer.stride == layer.dilation == layer.padding == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and len(input) > 0
        and _pays(*input.shape[1:], len(weight))
    )


def convolved(layer: nn.Conv2d, input: Tensor) -> Tensor:
    """(N, in, H, W) -> (N, out, H, W): what `layer` says. The gradient goes to the input alone."""
    return cast(Tensor, _Convolving.apply(input, _share_of(layer), layer.bias))


@lru_cache(maxsize=1024)
def _pays(channels: int, height: int, width: int, out: int) -> bool:
    """Of USUAL rows, however many there are: a training alone and in a batch with others rounds the same way."""
    if 9 * channels * out > MOST_NUMBERS:
        return False
    rows = USUAL
    down, across = -(-height // STEP), -(-width // STEP)
    both = 2 * TILE * across * width * height + 2 * TILE * TILE * down * height * across
    heard = 2 * TILE * TILE * down * across * height * width if height * width <= DENSE else both
    products = 2 * TILE * TILE * down * across * rows + READ
    ours = products * channels * out + THIN * rows * (both * channels + heard * out)
    return ours <= LEAST_GAIN * 2 * 9 * channels * out * height * width * rows


class _Convolving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, share: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(share)
        return _through(input, share, bias, back=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (share,) = ctx.saved_tensors
        return _through(gradients[0], share.transpose(1, 2), None, back=True), None, None


def _through(maps: Tensor, share: Tensor, bias: Tensor | None, *, back: bool) -> Tensor:
    """(N, in, H, W) and (36, in, out) -> (N, out, H, W)."""
    rows, channels, height, width = maps.shape
    high, wide = _side(height), _side(width)
    into_high, into_wide = (high.hears, wide.hears) if back else (high.sees, wide.sees)
    columns = into_wide.mm(maps.reshape(-1, width).t()).view(TILE, -1, height)
    tiles = torch.bmm(into_high.expand(TILE, -1, -1), columns.transpose(1, 2)).view(TILE * TILE, -1, channels)
    met, count = torch.bmm(tiles, share), rows * share.shape[2]
    if height * width <= DENSE:
        left, right = met.view(-1, count).t(), _dense(height, width, back)
    else:
        out, right = (high.sees, wide.sees) if back else (high.hears, wide.hears)
        left = (
            torch.bmm(met.view(TILE, len(out), -1).transpose(1, 2), out.expand(TILE, -1, -1)).view(len(right), -1).t()
        )
    if bias is None:
        return left.mm(right).view(rows, -1, height, width)
    each = bias[None, :, None].expand(rows, -1, len(left) // count).reshape(-1, 1)
    return torch.addmm(each, left, right).view(rows, -1, height, width)


def _share_of(layer: nn.Conv2d) -> Tensor:
    """Counted again where the weight is another than it was, or was changed in place."""
    weight, had = layer.weight, layer.__dict__.get("winograd")
    if isinstance(had, _Share) and had.is_of(weight):
        return had.value
    _, window, _ = _algebra()
    value = (
        torch.einsum("ai,bj,ocji->abco", window, window, weight.detach().double()).flatten(0, 1).float().contiguous()
    )
    layer.__dict__["winograd"] = _Share(value, weight.detach(), weight._version)
    return value


@lru_cache(maxsize=64)
def _side(places: int) -> _Side:
    """Of a map with so many places."""
    answers, _, sight = _algebra()
    tiles = -(-places // STEP)
    sees, hears = (torch.zeros(TILE, tiles, places, dtype=torch.float64) for _ in range(2))
    for tile in range(tiles):
        for number in range(TILE):
            if 0 <= (place := tile * STEP + number - 1) < places:
                sees[:, tile, place] = sight[:, number]
        for number in range(STEP):
            if (place := tile * STEP + number) < places:
                hears[:, tile, place] = answers[:, number]
    return _Side(sees.flatten(0, 1).float(), hears.flatten(0, 1).float())


@lru_cache(maxsize=64)
def _dense(height: int, width: int, back: bool) -> Tensor:
    """(36 * tiles, H * W): both sides in one."""
    sides = _side(height), _side(width)
    high, wide = ((side.sees if back else side.hears).unflatten(0, (TILE, -1)) for side in sides)
    return torch.einsum("btp,asq->abtspq", high, wide).reshape(-1, height * width).contiguous()


@lru_cache(maxsize=1)
def _algebra() -> tuple[Tensor, Tensor, Tensor]:
    """(6, 4), (6, 3) and (6, 6) with answers = first.T @ ((second @ window) * (third @ tile)), by Toom and Cook."""

    def powers(count: int) -> Tensor:
        infinity = [0.0] * (count - 1) + [1.0]
        return torch.tensor([*([point**power for power in range(count)] for point in POINTS), infinity]).double()

    sight = torch.linalg.inv(powers(TILE)).t()
    size = sight.abs().sum(1, keepdim=True)
    return powers(STEP), powers(WINDOW) * size, sight / size
