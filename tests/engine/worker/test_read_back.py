"""An epoch is announced only when its file reads back as it was written."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.errors import EngineError
from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.worker import adapters
from engine.worker.train import read_back


@pytest.mark.parametrize("fault", ["alpha", "weight", "missing"])
def test_an_epoch_that_reads_back_differently_is_not_published(base: LoadedBase, fault: str) -> None:
    adapters.attach(base, "in_training", rank=2, alpha=3.0, text_encoder=True, seed=1)
    live = adapters.state(base, "in_training")
    good = lora.write(live, {})
    read_back(base, "check", good, live)
    adapters.detach(base, "check")

    key = next(key for key in live if key.startswith("lora_unet_" if fault == "alpha" else "lora_te_"))
    down, up, alpha = live[key]
    wrong = dict(live)
    wrong[key] = (down + 0.01, up, alpha) if fault == "weight" else (down, up, alpha + 1)
    if fault == "missing":
        del wrong[key]
    with pytest.raises(EngineError, match="did not read back"):
        read_back(base, "check", lora.write(wrong, {}), live)
    adapters.detach(base, "in_training")


def test_a_live_module_is_found_on_either_layout_of_clip(base: LoadedBase) -> None:
    site = next(site for site in base.sites if site.part == "text_encoder")

    class Wrapped(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.text_model = inner

    older = replace(base, encoders=(Wrapped(base.encoders[0]),))
    assert older.part(site) is base.part(site)
