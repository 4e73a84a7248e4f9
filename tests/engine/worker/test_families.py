"""A training from photos to checked LoRA files, on every family's own classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import tiny_flow
import tiny_xl
import torch

from engine.families import load
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.protocol import BaseModelRef, Done, EpochReady, EventBase
from engine.worker.order import Order
from engine.worker.slots import table_of
from engine.worker.train import train

KINDS = {"sdxl": tiny_xl, "zimage": tiny_flow}


def answer(base: LoadedBase) -> torch.Tensor:
    """What the base says on one input, with whatever LoRA plays."""
    shape = (1, base.spec.latent_channels, 8, 8)
    text = base.family.encode_tokens(base, base.family.tokens_of(base, ["ohwx person"]))
    told = base.family.conditions(base, [Framing.whole(tiny.SIDE, tiny.SIDE)])
    return base.family.forward(base, torch.ones(shape), torch.tensor([500.0]), text, told)


@pytest.mark.parametrize("family", sorted(KINDS))
def test_a_lora_is_trained_written_and_read_back(family: str, tmp_path: Path) -> None:
    folder = KINDS[family].folder(tmp_path)
    ref = BaseModelRef(family=family, source=str(folder))
    base = load(ref)
    base = replace(base, spec=replace(base.spec, preview_steps=2))
    recipe = tiny.RECIPE.model_copy(
        update={"epochs": 2, "exposures": 8, "text_encoder_lr": 1e-3, "conv_rank": 2 if base.conv_sites else 0}
    )
    before = answer(base).detach()
    events: list[EventBase] = []
    for _ in train(base, tiny.job(recipe, base=ref), tiny.PHOTOS, tmp_path / "scratch", events.append, Order()):
        pass
    assert isinstance(events[-1], Done)
    epochs = [event for event in events if isinstance(event, EpochReady)]
    assert [event.epoch for event in epochs] == [0, 1, 2]
    assert all("preview_1" in event.blobs for event in epochs)
    assert all(event.loss is not None and 0 < event.loss < 100 for event in epochs[1:])
    file = lora.read(epochs[-1].blobs["lora"], lora.target_of(base))
    trained = {site.part for site in base.sites if site.key in file.weights}
    assert trained == ({"denoiser"} if family == "zimage" else {"denoiser", "text_encoder", "text_encoder_2"})
    assert {site.key for site in base.conv_sites} <= set(file.weights)
    assert file.metadata["ss_base_model_version"] == base.spec.file_base_version
    assert any(up.abs().max() > 0 for _, up, _ in file.weights.values())
    with torch.no_grad():
        assert torch.equal(answer(base), before), "the base is as it was"
        table = table_of(base)
        slot = table.take(file.weights)
        with table.using(table.mix([{slot: 1.0}])):
            assert not torch.allclose(answer(base), before, atol=1e-4), "and the LoRA changes it"
        table.give_back(slot)
