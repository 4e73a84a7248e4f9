"""LoRAs on a base that several jobs share: stacked weights, and for every row of a batch which of them it meets.

Every site of a base is made a slot layer once, in place: the live module keeps its weight, its name and its place in
`state_dict`, and only what it computes changes. A layer holds stacks down[S, r, in] and up[S, r, out] (up lies transposed
and carries alpha / rank, so that several LoRAs on one row lie side by side without a copy). Slot 0 is zeros: the bare base.

    table = table_of(base)
    slot = table.take(file.weights)
    mix = table.mix([{slot: 0.8}, {}, {slot: 1.0, other: 0.5}])       # one mapping a row
    with table.using(mix):                                            # never held over a yield
        base.family.forward(...)                                      # three rows
    table.give_back(slot)

A batch that guidance doubles has twice the rows. What a row computes depends on that row alone: neither a neighbour's LoRA
nor a neighbour's NaN reaches it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.families.shipping import shipped
from engine.worker.cpu import winograd

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase
    from engine.files.lora import Weights

Slot = int
Mixture = Mapping[Slot, float]
"""What one row meets: slots and their strengths; none is the bare base."""
Halves = tuple[Tensor, Tensor]
"""down (S, r, in) and up (S, r, out) of one site, a convolution's window flattened into `in`.

What a batch meets has the same form, S being equal parts of its rows; or (r, in) and (r, out) where all rows meet the same.
"""
BASE: Slot = 0
LEAST_RANK = 4


class Mix:
    """Which slots the rows of a batch meet: a plain object, so that a compiled graph takes its tensors as inputs."""

    __slots__ = ("learning", "pick", "strength")

    def __init__(self, pick: Tensor | None, strength: Tensor | None, *, learning: bool) -> None:
        self.pick = pick
        """(rows or 1, K) slots; 1: all rows meet the same. None: the halves are what the batch meets."""
        self.strength = strength
        """As `pick`; None: all at 1."""
        self.learning = learning
        """Of the layers' weights in training, not of their stacks."""

    def gather(self, halves: Halves) -> Halves:
        """What the batch meets, several LoRAs of one row side by side in the rank."""
        if self.pick is None:
            return halves
        same = len(self.pick) == 1
        pick = self.pick[0] if same else self.pick
        down, up = halves[0][pick], halves[1][pick]
        if self.strength is not None:
            strength = self.strength[0] if same else self.strength
            up = up * strength.to(up.dtype)[..., None, None]
        return down.flatten(-3, -2), up.flatten(-3, -2)


class SlotLinear(nn.Linear):
    """A linear layer plus, for every row, its LoRAs."""

    table: Table
    stacks: Halves | None
    learnt: Halves | None

    def forward(self, input: Tensor) -> Tensor:
        halves = _met(self)
        if halves is None:
            return functional.linear(input, self.weight, self.bias)
        down, up = halves
        return meet(input, self.weight, self.bias, down, up)


class SlotConv(nn.Conv2d):
    """A convolution plus, for every row, its LoRAs: down with the convolution's own window, up with a window of one."""

    table: Table
    stacks: Halves | None
    learnt: Halves | None

    def forward(self, input: Tensor) -> Tensor:
        halves = _met(self)
        if halves is None:
            return self._frozen(input)
        down, up = halves
        said, rows = self._frozen(input), len(input)
        if self.kernel_size == self.stride == (1, 1) and self.padding == (0, 0):
            low = torch.bmm(_for_each(down, rows), input.to(down.dtype).flatten(2))
        elif down.dim() == 2:
            low = self._low(input, down, 1).flatten(2)
        else:  # one group a row, so that each row has a window of its own
            grouped = input.reshape(1, rows * self.in_channels, *input.shape[2:])
            low = self._low(grouped, _for_each(down, rows).flatten(0, 1), rows).view(rows, down.shape[1], -1)
        return said.flatten(2).baddbmm(_for_each(up, rows).transpose(1, 2), low).view_as(said)

    def _frozen(self, input: Tensor) -> Tensor:
        if torch.is_grad_enabled() and winograd.suits(self, input):
            return winograd.convolved(self, input)
        return self._conv_forward(input, self.weight, self.bias)

    def _low(self, input: Tensor, down: Tensor, groups: int) -> Tensor:
        window = down.view(len(down), *self.weight.shape[1:])
        return functional.conv2d(input, window, None, self.stride, self.padding, self.dilation, groups)


def meet(input: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor) -> Tensor:
    """(..., in) through a frozen linear layer and, part by part of its rows, through down and up."""
    input, weight = input.to(down.dtype), weight.to(down.dtype)
    bias = None if bias is None else bias.to(down.dtype)
    if torch.is_grad_enabled():
        return cast(Tensor, _Meeting.apply(input, weight, bias, down, up))
    return _meeting(input, weight, bias, down, up)[0]


def _meeting(
    input: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What is said, the rows as they were seen, and their low-rank middle."""
    rows = input.reshape(*down.shape[:-2], -1, input.shape[-1])
    said = functional.linear(rows, weight, bias)
    if down.dim() == 2:
        low = rows.mm(down.t())
        said.addmm_(low, up)
    else:
        low = rows.bmm(down.transpose(1, 2))
        said.baddbmm_(low, up)
    return said.view(*input.shape[:-1], -1), rows, low


class _Meeting(torch.autograd.Function):
    """`meet` with its derivative by hand: the two ways back to the input meet in one matrix product instead of in a sum."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor) -> Tensor:
        said, rows, low = _meeting(input, weight, bias, down, up)
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.shape = input.shape
        return said

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, Tensor, Tensor]:
        rows, weight, down, up, low = ctx.saved_tensors
        gradient, back = gradients[0].reshape(*rows.shape[:-1], -1), None
        if down.dim() == 2:
            of_low = gradient.mm(up.t())
            if ctx.needs_input_grad[0]:
                back = gradient.mm(weight).addmm_(of_low, down).view(ctx.shape)
            return back, None, None, of_low.t().mm(rows), low.t().mm(gradient)
        of_low = gradient.bmm(up.transpose(1, 2))
        if ctx.needs_input_grad[0]:
            back = gradient.matmul(weight).baddbmm_(of_low, down).view(ctx.shape)
        return back, None, None, of_low.transpose(1, 2).bmm(rows), low.transpose(1, 2).bmm(gradient)


SlotLayer = SlotLinear | SlotConv


class Table:
    """All slots of one base."""

    def __init__(self, layers: Mapping[str, SlotLayer], device: torch.device) -> None:
        self.layers = dict(layers)
        """By site key."""
        self.active: Mix | None = None
        self._device = device
        self._taken: set[Slot] = set()

    def take(self, weights: Weights) -> Slot:
        """A slot that holds `weights` (as `files.lora.read` gives them) until it is given back."""
        slot = next(number for number in range(1, len(self._taken) + 2) if number not in self._taken)
        room = 1 << max(slot, *self._taken, 1).bit_length()
        with torch.no_grad():
            for key, layer in self.layers.items():
                if key in weights:
                    _put(layer, slot, room, *weights[key])
                elif layer.stacks is not None:
                    for stack in _grow(layer, room, 0):
                        stack[slot].zero_()
        self._taken.add(slot)
        return slot

    def give_back(self, slot: Slot) -> None:
        """The slot may be taken again; what it holds plays no more. With the last one all memory goes."""
        self._taken.discard(slot)
        if not self._taken:
            for layer in self.layers.values():
                layer.stacks = None

    def mix(self, rows: Sequence[Mixture]) -> Mix | None:
        """For a batch of these rows; None where all of it is the bare base."""
        plays = [[(slot, strength) for slot, strength in row.items() if strength and slot != BASE] for row in rows]
        most = max((len(row) for row in plays), default=0)
        if most == 0:
            return None
        if all(row == plays[0] for row in plays):
            plays = plays[:1]
        else:
            most = 1 << (most - 1).bit_length()  # few shapes, so few compiled graphs
        filled = [[*row, *[(BASE, 0.0)] * (most - len(row))] for row in plays]
        pick = shipped(torch.tensor([[slot for slot, _ in row] for row in filled]), self._device)
        strength = shipped(torch.tensor([[much for _, much in row] for row in filled]), self._device)
        return Mix(pick, strength, learning=False)

    @contextmanager
    def using(self, mix: Mix | None) -> Generator[None, None, None]:
        """What is computed inside meets `mix`; None: the bare base."""
        before, self.active = self.active, mix
        try:
            yield
        finally:
            self.active = before

    @contextmanager
    def learning(self, learnt: Mapping[str, Halves], rows: Sequence[int]) -> Generator[None, None, None]:
        """What is computed inside meets weights that learn: `rows[n]` rows of the batch meet number n of every stack.

        Forward and backward both belong inside. Rows of one number lie together, in order. Of one training alone the halves
        come without stacks.
        """
        pick = None
        if len(set(rows)) > 1:
            pick = shipped(torch.arange(len(rows)).repeat_interleave(torch.tensor(rows))[:, None], self._device)
        for key, halves in learnt.items():
            self.layers[key].__dict__["learnt"] = halves  # a module's own way to set a tensor takes ten times as long
        try:
            with self.using(Mix(pick, None, learning=True)):
                yield
        finally:
            for key in learnt:
                self.layers[key].__dict__["learnt"] = None


def table_of(base: LoadedBase) -> Table:
    """The base's table; the first call makes its sites slot layers."""
    first = base.part(base.sites[0])
    if isinstance(first, SlotLayer):
        return first.table
    layers = {site.key: base.part(site) for site in (*base.sites, *getattr(base, "conv_sites", ()))}
    table = Table(cast(dict[str, SlotLayer], layers), base.device)
    for key, layer in layers.items():
        if type(layer) not in SLOT_CLASSES:
            raise TypeError(f"{key} is a {type(layer).__name__}, which no LoRA can hang on")
        layer.__class__ = SLOT_CLASSES[type(layer)]
        layer.__dict__.update(table=table, stacks=None, learnt=None)
    return table


SLOT_CLASSES: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: SlotLinear, nn.Conv2d: SlotConv}


def _met(layer: SlotLayer) -> Halves | None:
    """What the batch that is being computed meets at `layer`: down (G, r, in) and up (G, r, out); None: the bare base."""
    mix = layer.table.active
    if mix is None:
        return None
    halves = layer.learnt if mix.learning else layer.stacks
    return None if halves is None else mix.gather(halves)


def _for_each(halves: Tensor, rows: int) -> Tensor:
    """(G, a, b) -> (rows, a, b): each part's own for each of its rows. (a, b): the same for all."""
    if halves.dim() == 2:
        return halves.expand(rows, -1, -1)
    return halves[:, None].expand(-1, rows // len(halves), -1, -1).flatten(0, 1)


def _put(layer: SlotLayer, slot: Slot, room: int, down: Tensor, up: Tensor, alpha: float) -> None:
    rank = len(down)
    stacks = _grow(layer, room, rank)
    for stack, half in zip(stacks, (down.flatten(1), up.flatten(1).t().float() * (alpha / rank)), strict=True):
        stack[slot].zero_()
        stack[slot, :rank] = half.to(stack.dtype)


def _grow(layer: SlotLayer, room: int, rank: int) -> Halves:
    """The layer's stacks, with `room` slots of `rank` at least; both grow by doubling, so that shapes change seldom."""
    weight, had = layer.weight, layer.stacks
    slots, ranks = had[0].shape[:2] if had is not None else (0, LEAST_RANK)
    room, ranks = max(room, slots), max(ranks, 1 << max(0, rank - 1).bit_length())
    if had is not None and had[0].shape[:2] == (room, ranks):
        return had
    down, up = (weight.new_zeros(room, ranks, size) for size in (weight[0].numel(), len(weight)))
    if had is not None:
        for new, old in zip((down, up), had, strict=True):
            new[: old.shape[0], : old.shape[1]] = old
    layer.stacks = down, up
    return down, up
