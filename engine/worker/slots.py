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
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase
    from engine.files.lora import Weights

Slot = int
Mixture = Mapping[Slot, float]
"""What one row meets: slots and their strengths; none is the bare base."""
Halves = tuple[Tensor, Tensor]
"""down (S, r, in) and up (S, r, out) of one site, a convolution's window flattened into `in`."""
BASE: Slot = 0
LEAST_RANK = 4


class Mix:
    """Which slots the rows of a batch meet: a plain object, so that a compiled graph takes its tensors as inputs."""

    __slots__ = ("learning", "pick", "strength")

    def __init__(self, pick: Tensor | None, strength: Tensor | None, *, learning: bool) -> None:
        self.pick = pick
        """(rows or 1, K) slots; 1: all rows meet the same. None: as many slots as equal parts of the batch, in order."""
        self.strength = strength
        """As `pick`; None: all at 1."""
        self.learning = learning
        """Of the layers' weights in training, not of their stacks."""

    def gather(self, halves: Halves) -> Halves:
        """Each row's own (G, K * r, in) and (G, K * r, out)."""
        down, up = halves
        if self.pick is None:
            return halves
        down, up = down[self.pick], up[self.pick]
        if self.strength is not None:
            up = up * self.strength.to(up.dtype)[:, :, None, None]
        return down.flatten(1, 2), up.flatten(1, 2)


class SlotLinear(nn.Linear):
    """A linear layer plus, for every row, its LoRAs."""

    table: Table
    stacks: Halves | None
    learnt: Halves | None

    def forward(self, input: Tensor) -> Tensor:
        said = functional.linear(input, self.weight, self.bias)
        mix = self.table.active
        if mix is None:
            return said
        halves = self.learnt if mix.learning else self.stacks
        if halves is None:
            return said
        down, up = mix.gather(halves)
        if len(down) == 1:
            low = functional.linear(input, down[0])
            return said.flatten(0, -2).addmm(low.flatten(0, -2), up[0]).view_as(said)
        low = torch.bmm(input.reshape(len(down), -1, self.in_features), down.transpose(1, 2))
        return said.reshape(len(up), -1, self.out_features).baddbmm(low, up).view_as(said)


class SlotConv(nn.Conv2d):
    """A convolution plus, for every row, its LoRAs: down with the convolution's own window, up with a window of one."""

    table: Table
    stacks: Halves | None
    learnt: Halves | None

    def forward(self, input: Tensor) -> Tensor:
        said = self._conv_forward(input, self.weight, self.bias)
        mix = self.table.active
        if mix is None:
            return said
        halves = self.learnt if mix.learning else self.stacks
        if halves is None:
            return said
        down, up = mix.gather(halves)
        rank, window = down.shape[1], self.weight.shape[1:]
        if len(down) == 1:
            low = self._low(input, down.view(rank, *window), 1)
            return said + functional.conv2d(low, up[0].t()[:, :, None, None])
        rows = len(input)
        if len(down) != rows:
            down, up = (one.repeat_interleave(rows // len(one), 0) for one in (down, up))
        if self.kernel_size == self.stride == (1, 1):
            low = torch.bmm(down, input.flatten(2))
        else:  # one group a row, so that each row has a window of its own
            grouped = input.reshape(1, rows * window[0], *input.shape[2:])
            low = self._low(grouped, down.reshape(rows * rank, *window), rows)
        return said.flatten(2).baddbmm(up.transpose(1, 2), low.view(rows, rank, -1)).view_as(said)

    def _low(self, input: Tensor, down: Tensor, groups: int) -> Tensor:
        return functional.conv2d(input, down, None, self.stride, self.padding, self.dilation, groups)


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
        pick = torch.tensor([[slot for slot, _ in row] for row in filled]).to(self._device)
        return Mix(pick, torch.tensor([[much for _, much in row] for row in filled]).to(self._device), learning=False)

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

        Forward and backward both belong inside. Rows of one number lie together, in order.
        """
        pick = None
        if len(set(rows)) > 1:
            pick = torch.arange(len(rows)).repeat_interleave(torch.tensor(rows))[:, None].to(self._device)
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
    layers = {site.key: base.part(site) for site in (*base.sites, *getattr(base, "conv_sites", ()))}
    first = next(iter(layers.values()))
    if isinstance(first, SlotLayer):
        return first.table
    table = Table(cast(dict[str, SlotLayer], layers), base.device)
    for key, layer in layers.items():
        if type(layer) not in SLOT_CLASSES:
            raise TypeError(f"{key} is a {type(layer).__name__}, which no LoRA can hang on")
        layer.__class__ = SLOT_CLASSES[type(layer)]
        layer.__dict__.update(table=table, stacks=None, learnt=None)
    return table


SLOT_CLASSES: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: SlotLinear, nn.Conv2d: SlotConv}


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
