"""Slots against PEFT: the same outputs, the same gradients; and no row of a batch notices another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import tiny
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from tiny_families import KINDS
from torch import Tensor

from engine.families import load
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.text import Text
from engine.protocol import BaseModelRef
from engine.worker.halves import Block, stacked
from engine.worker.slots import Mix, SlotConv, SlotLinear, Table, table_of

ROWS = 4
CLOSE = 1e-5
"""Relative to the largest number: what the order of fp32 sums may change."""


def weights_for(
    base: LoadedBase, seed: int, *, rank: int = 4, alpha: float = 3.0
) -> dict[str, tuple[Tensor, Tensor, float]]:
    draw = torch.Generator().manual_seed(seed)
    found: dict[str, tuple[Tensor, Tensor, float]] = {}
    for site in (*base.sites, *base.conv_sites):
        out, *window = site.shape
        found[site.key] = (
            torch.randn(rank, *window, generator=draw) * 0.1,
            torch.randn(out, rank, *(1 for _ in window[1:]), generator=draw) * 0.1,
            alpha,
        )
    return found


def inputs(base: LoadedBase) -> tuple[Tensor, Tensor, list[str]]:
    draw = torch.Generator().manual_seed(9)
    latents = torch.randn(ROWS, base.spec.latent_channels, 8, 8, generator=draw)
    return latents, torch.randint(1000, (ROWS,), generator=draw), [f"ohwx number {row}" for row in range(ROWS)]


def answer(base: LoadedBase, rows: slice = slice(None)) -> Tensor:
    latents, moments, texts = inputs(base)
    text = base.family.encode_tokens(base, base.family.tokens_of(base, texts[rows]))
    told = base.family.conditions(base, [Framing.whole(tiny.SIDE, tiny.SIDE)] * len(text))
    return base.family.forward(base, latents[rows], moments[rows], text, told)


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def with_peft(
    base: LoadedBase, weights: Mapping[str, tuple[Tensor, Tensor, float]], name: str = "theirs"
) -> dict[str, tuple[Tensor, Tensor]]:
    """PEFT's own layers on the base, with these weights; its parameters by site key."""
    sites = [site for site in (*base.sites, *base.conv_sites) if site.key in weights]
    rank, alpha = len(next(iter(weights.values()))[0]), next(iter(weights.values()))[2]
    for part in dict.fromkeys(site.part for site in sites):
        paths = [site.path for site in sites if site.part == part]
        host = base.host(part)
        if part != "denoiser" and hasattr(host, "text_model"):
            paths = [f"text_model.{path}" for path in paths]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=paths), host, name)
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for site in sites:
        layer = cast(Any, base.part(site))
        halves = layer.lora_A[name].weight, layer.lora_B[name].weight
        for parameter, value in zip(halves, weights[site.key][:2], strict=True):
            parameter.data = value.clone()
        found[site.key] = halves
    return found


@pytest.fixture(scope="module", params=KINDS)
def fresh(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> Callable[[], LoadedBase]:
    """A new copy of one family's base at every call."""
    return lambda: load(BaseModelRef(family=request.param, source=str(folder_of(request.param))))


def test_a_mixed_batch_says_what_peft_says_of_each_row_alone(fresh: Callable[[], LoadedBase]) -> None:
    """Of rank 4 and rank 7, at several strengths, two on one row, none on another."""
    base = fresh()
    loras = {"a": weights_for(base, 1), "b": weights_for(base, 2, rank=7, alpha=7.0)}
    table = table_of(base)
    slots = {name: table.take(weights) for name, weights in loras.items()}
    rows: list[dict[str, float]] = [{"a": 0.8}, {}, {"a": 0.5, "b": 1.0}, {"b": -0.7}]
    with torch.no_grad():
        bare = answer(base)
        with table.using(table.mix([{slots[name]: much for name, much in row.items()} for row in rows])):
            mixed = answer(base)
        assert torch.equal(answer(base), bare), "nothing stays behind"
    for place, row in enumerate(rows):
        theirs = fresh()
        for name, much in row.items():
            with_peft(theirs, {key: (down, up * much, alpha) for key, (down, up, alpha) in loras[name].items()}, name)
        for layer in [module for host in theirs.hosts for module in host.modules() if isinstance(module, LoraLayer)]:
            layer._active_adapter = list(row)  # pyright: ignore[reportPrivateUsage]
        here = slice(place, place + 1)
        with torch.no_grad():
            alone = answer(theirs, here)
        assert apart(mixed[here], alone) < CLOSE, (place, apart(mixed[here], alone))
        assert not row or apart(mixed[here], bare[here]) > 0.02, "nothing was compared"


@pytest.mark.parametrize("sizes", [(4,), (2, 2), (3, 1)])
def test_gradients_are_those_of_peft_training_alone(fresh: Callable[[], LoadedBase], sizes: tuple[int, ...]) -> None:
    """One training, two of equal parts, two of unequal parts: in the denoiser, its convolutions and the text encoders."""
    base = fresh()
    table, runs = table_of(base), list[list[Block]]()
    parts = [slice(sum(sizes[:n]), sum(sizes[: n + 1])) for n in range(len(sizes))]
    kinds = [[s for s in base.sites if s.part == part] for part in dict.fromkeys(s.part for s in base.sites)]
    for seed in range(len(sizes)):
        draw, weights = torch.Generator().manual_seed(seed), weights_for(base, seed)
        runs.append([Block(kind, 4, 3.0, draw=draw, device=base.device) for kind in (*kinds, base.conv_sites) if kind])
        for block in runs[-1]:
            for key, (down, up, _) in block.weights().items():
                down.copy_(weights[key][0])
                up.copy_(weights[key][1])
    with table.learning(stacked(runs, torch.float32), sizes):
        said = answer(base)
        total = torch.stack([said[part].square().mean() for part in parts]).sum()
        gradients = list(torch.autograd.grad(total, [block.leaf for run in runs for block in run]))
    worst, heard = 0.0, 0
    for number, (run, part) in enumerate(zip(runs, parts, strict=True)):
        theirs = fresh()
        halves = with_peft(theirs, weights_for(base, number))
        answer(theirs, part).square().mean().backward()
        for block in run:
            for key, (down, up, _) in block.weights(gradients.pop(0)).items():
                for ours, parameter in zip((down, up), halves[key], strict=True):
                    if parameter.grad is None or not parameter.grad.any():  # a text encoder's last layer, say, left out
                        assert not ours.any()
                        continue
                    worst, heard = max(worst, apart(ours, parameter.grad)), heard + 1
    assert heard > 1.5 * len(sizes) * len(base.sites)
    assert worst < 5e-5, f"largest relative difference of a gradient: {worst:.1e}"


def test_a_neighbours_nan_reaches_nobody(base: LoadedBase) -> None:
    table = table_of(base)
    sound, broken = table.take(weights_for(base, 1)), table.take(weights_for(base, 2))
    for layer in table.layers.values():
        assert layer.stacks is not None
        layer.stacks[0][broken] = torch.nan
    with torch.no_grad(), table.using(table.mix([{sound: 1.0}, {broken: 1.0}, {}, {sound: 0.5}])):
        said = answer(base)
    assert [bool(row.isfinite().all()) for row in said] == [True, False, True, True]
    for slot in (sound, broken):
        table.give_back(slot)


def test_slots_grow_and_are_taken_again(base: LoadedBase) -> None:
    """A larger rank, more slots, and a slot that another LoRA had before: each still plays as alone."""
    table, some = table_of(base), base.sites[0].key

    def plays(slot: int) -> Tensor:
        with torch.no_grad(), table.using(table.mix([{slot: 1.0}] * ROWS)):
            return answer(base)

    first = table.take(weights_for(base, 1))
    before = plays(first)
    others = [table.take(weights_for(base, seed, rank=4 * seed)) for seed in (2, 3)]
    assert apart(plays(first), before) < CLOSE
    table.give_back(others[0])
    only = {some: weights_for(base, 1)[some]}
    again = table.take(only)
    assert again == others[0]
    played = plays(again)
    table.give_back(again)
    table.give_back(others[1])
    table.give_back(first)
    assert apart(plays_alone(base, table, only), played) < CLOSE


def plays_alone(base: LoadedBase, table: Table, weights: Mapping[str, tuple[Tensor, Tensor, float]]) -> Tensor:
    slot = table.take(weights)
    with torch.no_grad(), table.using(table.mix([{slot: 1.0}] * ROWS)):
        said = answer(base)
    table.give_back(slot)
    return said


def test_the_base_looks_as_it_did(base: LoadedBase, tiny_folder: Path) -> None:
    names = {name for name, _ in base.denoiser.named_parameters()}
    table = table_of(base)
    assert table_of(base) is table
    assert {name for name, _ in base.denoiser.named_parameters()} == names == set(base.denoiser.state_dict())
    layers = list(table.layers.values())
    assert all(isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) for layer in layers)
    assert {type(layer) for layer in layers} == {SlotLinear, SlotConv}
    with torch.no_grad():
        assert torch.equal(answer(base), answer(tiny.base(tiny_folder)))


def test_mixes_that_play_nothing_are_the_bare_base() -> None:
    table = Table({}, torch.device("cpu"))
    assert table.mix([{}, {0: 1.0}, {3: 0.0}]) is None
    same, mixed = table.mix([{3: 0.5}] * 4), table.mix([{3: 0.5}, {}, {1: 1.0, 2: 1.0, 3: 1.0}])
    assert isinstance(same, Mix) and isinstance(mixed, Mix)
    assert same.pick is not None and same.pick.tolist() == [[3]]
    assert mixed.pick is not None and mixed.pick.tolist() == [[3, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 0]]


@pytest.mark.slow
def test_one_compiled_graph_serves_every_mixture(base: LoadedBase) -> None:
    """And new weights in a slot: Inductor would compile once for a size of batch."""
    table, graphs = table_of(base), 0

    def count(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        nonlocal graphs
        graphs += 1
        return graph

    latents, moments, texts = inputs(base)
    with torch.no_grad():
        text = base.family.encode_tokens(base, base.family.tokens_of(base, texts))
    compiled = torch.compile(base.family.forward, backend=count, fullgraph=True)
    a, b = table.take(weights_for(base, 1)), table.take(weights_for(base, 2))
    mixtures: list[list[dict[int, float]]] = [[{a: 1.0}, {}, {b: 0.5}, {a: -0.3}], [{}, {b: 1.0}, {}, {b: 0.2}]]
    torch._dynamo.reset()

    def check(rows: list[dict[int, float]]) -> Tensor:
        with torch.no_grad(), table.using(table.mix(rows)):
            said = compiled(base, latents, moments, Text(text.hidden))
            assert apart(said, base.family.forward(base, latents, moments, text)) < CLOSE
        return said

    first = [check(rows) for rows in mixtures]
    table.give_back(b)
    assert table.take(weights_for(base, 3)) == b
    assert apart(check(mixtures[0]), first[0]) > 1e-3
    assert graphs == 1
    table.give_back(a)
    table.give_back(b)
    torch._dynamo.reset()
