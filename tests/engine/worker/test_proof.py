"""An epoch is announced only when its file reads back as it was written, and reading it back leaves the base alone."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import tiny
import torch

from engine.errors import EngineError
from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.worker.halves import blocks_of
from engine.worker.proof import Shell

RECIPE = tiny.RECIPE.model_copy(
    update={"rank": 2, "alpha": 3.0, "text_encoder_lr": 1e-3, "conv_rank": 3, "conv_alpha": 1.5}
)


def made(base: LoadedBase) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    """What a training of everything would write, with an up half that is not zero."""
    draw = torch.Generator().manual_seed(1)
    weights: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
    for block in blocks_of(base, RECIPE, draw, text=True):
        block.leaf.data += torch.randn(block.leaf.shape, generator=draw) * 0.1
        weights |= block.weights()
    return weights


def test_a_file_of_every_site_reads_back_and_the_base_does_not_notice(base: LoadedBase) -> None:
    weights, modules = made(base), [list(map(id, host.modules())) for host in base.hosts]
    state = torch.get_rng_state()
    assert {site.key for site in (*base.sites, *base.conv_sites)} == set(weights)
    shell = Shell(base)
    for _ in range(2):  # one shell serves every epoch
        file = shell.prove(lora.write(weights, {}), weights)
        for key, (down, up, alpha) in weights.items():
            assert torch.equal(file.weights[key][0], down.half()) and torch.equal(file.weights[key][1], up.half())
            assert file.weights[key][2] == alpha
    assert [list(map(id, host.modules())) for host in base.hosts] == modules
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("fault", ["alpha", "weight", "missing", "no file"])
def test_an_epoch_that_reads_back_differently_is_not_published(base: LoadedBase, fault: str) -> None:
    weights = made(base)
    key = next(key for key in weights if key.startswith("lora_unet_" if fault == "alpha" else "lora_te_"))
    down, up, alpha = weights[key]
    wrong = copy.copy(weights)
    wrong[key] = (down + 0.01, up, alpha) if fault == "weight" else (down, up, alpha + 1)
    if fault == "missing":
        del wrong[key]
    shell = Shell(base)
    with pytest.raises(EngineError, match="did not read back"):
        shell.prove(b"no file" if fault == "no file" else lora.write(wrong, {}), weights)
    shell.prove(lora.write(weights, {}), weights)


def test_a_live_module_is_found_on_either_layout_of_clip(base: LoadedBase) -> None:
    site = next(site for site in base.sites if site.part == "text_encoder")

    class Wrapped(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.text_model = inner

    older = replace(base, encoders=(Wrapped(base.encoders[0]),))
    assert older.part(site) is base.part(site)
