"""What the comparison with the peers (tests/peers) makes of a base, and ours in it, on tiny ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_families
import torch
from safetensors import safe_open

from engine.families import load
from engine.protocol import BaseModelRef
from tests.peers import trainers
from tests.peers.__main__ import judged
from tests.peers.process import watch
from tests.peers.trainers import Job
from tests.peers.weights import Weights, write
from tests.peers.workload import Workload, lay_out

WORK = Workload("sd15", "cpu", side=32, batch=2, rank=4, photos=3, repeats=2, epochs=2, warm=0, rounds=1)


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_weights_are_the_same_base_in_both_layouts(name: str, tmp_path: Path) -> None:
    pipe: Any = tiny_families.KINDS[name].pipeline()
    before = {part: getattr(pipe, part).state_dict() for part in ("unet", "vae", "text_encoder")}
    weights = Weights(tmp_path / name, tmp_path / f"{name}.safetensors", tmp_path)
    write(pipe, weights)
    with safe_open(weights.folder / "text_encoder" / "model.safetensors", "pt") as file:
        assert all(tensor.startswith("text_model.") for tensor in file.keys())  # noqa: SIM118  it is no dict
    with safe_open(weights.file, "pt") as file:
        names = set(file.keys())
        shared = file.get_tensor("model.diffusion_model.input_blocks.0.0.weight")
    assert torch.equal(shared, before["unet"]["conv_in.weight"])
    assert len(names) >= len(before["unet"]) + len(before["vae"]) + len(before["text_encoder"])
    # The folder's tokenizer is the published one, too large for a tiny encoder; its weights are what counts here.
    base = load(BaseModelRef(family=name, source=str(weights.folder)))
    for part, module in (("unet", base.denoiser), ("vae", base.vae), ("text_encoder", base.encoders[0])):
        for tensor, value in module.state_dict().items():
            assert torch.equal(value, before[part][tensor]), tensor


@pytest.mark.slow
def test_ours_is_the_real_engine(tmp_path: Path) -> None:
    folder = tiny_families.KINDS["sd15"].folder(tmp_path)
    photos = lay_out(WORK, tmp_path / "photos")
    (ours, *_) = trainers.trainers({}, WORK, compiled=False)
    job = Job(WORK, Weights(folder, tmp_path, tmp_path), photos, tmp_path / "out")
    job.out.mkdir()
    seen = watch(
        ours.command(job), ours.pattern(), tmp_path / "log.txt", cwd=ours.cwd, environment=ours.environment, limit_s=200
    )
    found = judged(ours, 0, WORK, seen, job.out)
    assert not found.wrong, seen.tail
    assert found.again_s is not None and found.again_s < seen.seconds
    assert found.memory > 2**27
