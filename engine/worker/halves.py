"""The weights of a LoRA in training: float32, its own, wherever the base's own weights live.

Sites that share a rank, an alpha and a rate are one *block*, and all weights of a block are one tensor: every down half, then
every up half. So an optimizer, a gradient's length and a checkpoint deal with two or three tensors, not with four hundred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.families.sites import Site
from engine.recipes.recipe import Recipe, Targets
from engine.worker.slots import Halves

ATTENTION = ("attn", "attention")
FEED_FORWARD = ("ff", "mlp", "feed_forward")


class Block:
    """down (rank, in) of every site, then up (rank, out) of every site, in `leaf`; up lies transposed, as in a slot."""

    def __init__(
        self, sites: Sequence[Site], rank: int, alpha: float, *, draw: torch.Generator, device: torch.device
    ) -> None:
        """Down is Kaiming's uniform (the same as kohya and PEFT), drawn from `draw`; up is zero: it begins as the bare base."""
        self.sites, self.rank, self.alpha = tuple(sites), rank, alpha
        ins = [math.prod(site.shape[1:]) for site in sites]
        self.ins, self.outs = [rank * size for size in ins], [rank * site.shape[0] for site in sites]
        downs = [torch.empty(rank * size).uniform_(-(size**-0.5), size**-0.5, generator=draw) for size in ins]
        self.leaf = nn.Parameter(torch.cat([*downs, torch.zeros(sum(self.outs))]).to(device))

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    @property
    def part(self) -> str:
        return self.sites[0].part

    def fits(self, other: Block) -> bool:
        """Whether both have the same places for the same numbers."""
        return self.rank == other.rank and self.sites == other.sites

    def pieces(self, values: Tensor | None = None) -> list[Tensor]:
        """`values` (or the leaf's) as matrices: (rank, in) of every site, then (rank, out) of every site. Views."""
        return [
            part.view(self.rank, -1)
            for part in (self.leaf.data if values is None else values).split([*self.ins, *self.outs])
        ]

    def weights(self, values: Tensor | None = None) -> dict[str, tuple[Tensor, Tensor, float]]:
        """As `files.lora.write` takes them. Views of `values`, or of the leaf."""
        pieces = self.pieces(values)
        found: dict[str, tuple[Tensor, Tensor, float]] = {}
        for site, down, up in zip(self.sites, pieces, pieces[len(self.sites) :], strict=False):
            window = (1,) * (len(site.shape) - 2)
            found[site.key] = (
                down.view(self.rank, *site.shape[1:]), up.t().reshape(site.shape[0], self.rank, *window), self.alpha
            )  # fmt: skip
        return found


def blocks_of(base: LoadedBase, recipe: Recipe, draw: torch.Generator, *, text: bool) -> list[Block]:
    """What a training by `recipe` teaches: blocks of the denoiser, its convolutions, and with `text` of each text encoder."""
    kinds = [(base.sites, recipe.rank, recipe.alpha), (base.conv_sites, recipe.conv_rank, recipe.conv_alpha)]
    blocks: list[Block] = []
    for sites, rank, alpha in kinds:
        for part in dict.fromkeys(site.part for site in sites):
            if rank and (part == "denoiser" or text):
                chosen = [
                    site
                    for site in sites
                    if site.part == part and (sites is base.conv_sites or _is_target(site, recipe))
                ]
                blocks.append(Block(chosen, rank, alpha, draw=draw, device=base.device))
    return blocks


def stacked(runs: Sequence[Sequence[Block]], dtype: torch.dtype) -> dict[str, Halves]:
    """The blocks of several trainings as a slot layer takes them: number n of each stack is training n's; of one, no stack.

    Gradients flow back to each training's own leaves. Ranks that differ are padded, sites that one has alone are zeros for
    the others.
    """
    first = runs[0]
    if all(len(run) == len(first) and all(map(Block.fits, run, first)) for run in runs):
        found: dict[str, Halves] = {}
        for same in zip(*runs, strict=True):
            found |= _stack(same, dtype)
        return found
    alone = [{key: (down[None], up[None]) for key, (down, up) in stacked([run], dtype).items()} for run in runs]
    return {key: _padded([one.get(key) for one in alone]) for key in dict.fromkeys(key for one in alone for key in one)}


def _stack(blocks: Sequence[Block], dtype: torch.dtype) -> dict[str, Halves]:
    """Of blocks that fit each other."""
    halves = cast(tuple[Tensor, ...], _Unpacking.apply(blocks, dtype, *(block.leaf for block in blocks)))
    sites = blocks[0].sites
    return {site.key: pair for site, pair in zip(sites, zip(halves, halves[len(sites) :], strict=False), strict=True)}


class _Unpacking(torch.autograd.Function):
    """Leaves to every site's halves, downs first: a few operations on large tensors there and back, and views of those."""

    @staticmethod
    def forward(ctx: Any, blocks: Sequence[Block], dtype: torch.dtype, *leaves: Tensor) -> tuple[Tensor, ...]:
        block, scales = blocks[0], [one.scale for one in blocks]
        ctx.scale = scales[0] if len(set(scales)) == 1 else shipped(torch.tensor(scales)[:, None], leaves[0].device)
        ctx.blocks = blocks
        rows = leaves[0] if len(leaves) == 1 else torch.stack(leaves)
        downs, ups = rows.split([sum(block.ins), sum(block.outs)], dim=-1)
        ups = ups if isinstance(ctx.scale, float) and ctx.scale == 1.0 else ups * ctx.scale
        parts = [*downs.to(dtype).split(block.ins, dim=-1), *ups.to(dtype).split(block.outs, dim=-1)]
        return tuple(part.view(*part.shape[:-1], block.rank, -1) for part in parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        flat, count = [one.flatten(-2) for one in gradients], len(gradients) // 2
        ups = torch.cat(flat[count:], dim=-1).float() * ctx.scale
        whole = torch.cat([torch.cat(flat[:count], dim=-1).float(), ups], dim=-1)
        return None, None, *([whole] if whole.dim() == 1 else whole.unbind())


def _padded(several: Sequence[Halves | None]) -> Halves:
    some = [halves for halves in several if halves is not None]
    rank = max(down.shape[1] for down, _ in some)
    down, up = (
        torch.cat([
            half.new_zeros(1, rank, half.shape[2]) if halves is None
            else functional.pad(halves[which], (0, 0, 0, rank - halves[which].shape[1]))
            for halves in several
        ])
        for which, half in enumerate(some[0])
    )  # fmt: skip
    return down, up


def _is_target(site: Site, recipe: Recipe) -> bool:
    levels = site.path.split(".")
    attends = any(level.removeprefix("self_").startswith(ATTENTION) and level != "attentions" for level in levels)
    match recipe.targets:
        case Targets.ATTN:
            return attends
        case Targets.ATTN_MLP:
            return attends or any(level in FEED_FORWARD for level in levels)
        case Targets.FULL:
            return True
