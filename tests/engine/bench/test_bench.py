"""Every row of the benchmark appears, with sound numbers. How fast anything is, no test says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
import torch

from engine.bench import bases, painting, report, stopwatch
from engine.bench.report import Plan, measure
from engine.families import load
from engine.protocol import BaseModelRef


def test_every_row_is_measured(tiny_folder: Path) -> None:
    base = load(BaseModelRef(source=str(tiny_folder)))
    before = {name: weight.clone() for name, weight in base.denoiser.named_parameters()}
    told: list[str] = []
    found = measure(base, 1.0, Plan(rounds=2, side=tiny.SIDE, batch=2, steps=2), told.append)
    names = [row.name for row in found.rows]
    assert names[:3] == ["bare forward and backward", "our step", "PEFT's step"]
    assert names[3:7] == ["1 training, one picture a step", *(f"{runs} trainings together" for runs in (2, 4, 8))]
    assert names[7:12] == [
        "1 picture, one LoRA", "4 pictures, one LoRA", "4 pictures, 4 LoRAs", "8 pictures, one LoRA", "8 pictures, 8 LoRAs",
    ]  # fmt: skip
    assert names[-2:] == ["16 pictures, 8 LoRAs, diffusers load and unload", "16 pictures, 8 LoRAs, one call"]
    assert all(row.seconds > 0 and row.rate > 0 for row in found.rows)
    assert {row.name: row.against for row in found.rows}["our step"] == "bare forward and backward"
    assert found.step_tflop > 0 and found.mfu > 0 and found.matmul_tflops > 0 and found.peak_memory_gib > 0
    assert found.first_step_s > 0 and found.first_picture_s > 0
    assert json.loads(json.dumps(found.as_json()))["rows"][0]["images_per_second"] > 0
    assert len(told) == 6
    assert all(torch.equal(weight, before[name]) for name, weight in base.denoiser.named_parameters())


def test_both_ways_paint_the_same_pictures(tiny_folder: Path) -> None:
    """Or the comparison would compare nothing: the LoRA changes diffusers' answer as it changes ours."""
    base = load(BaseModelRef(source=str(tiny_folder)))
    twin = bases.twin(base)
    weights = painting.random_lora(base, 4, 1)
    pipe = twin.family.pipeline_of(twin)
    pipe.load_lora_weights(painting.lora.kohya(weights), adapter_name="one")
    ours = painting.Ours(base, [weights], 1, tiny.SIDE, 2)
    noisy = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    table = painting.table_of(base)
    with torch.no_grad():
        text = base.family.encode_tokens(base, base.family.tokens_of(base, ["ohwx"]))
        with table.using(table.mix([{ours.slots[0]: 1.0}])):
            mine = base.family.forward(base, noisy, torch.tensor([500]), text)
        theirs = twin.family.forward(twin, noisy, torch.tensor([500]), text)
        bare = base.family.forward(base, noisy, torch.tensor([500]), text)
    assert torch.allclose(mine, theirs, atol=1e-4)
    assert not torch.allclose(mine, bare, atol=1e-3)


def test_the_plan_is_small_where_there_is_no_accelerator(tiny_folder: Path) -> None:
    base = load(BaseModelRef(source=str(tiny_folder)))
    assert Plan.of(base, quick=True) == Plan(3, 32, 1, 4)
    assert Plan.of(base, quick=False).rounds > 3


def test_rounds_alternate_and_ratios_compare_within_a_round() -> None:
    order: list[str] = []
    found = stopwatch.rounds(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, torch.device("cpu"), 3, warm=1
    )
    assert order == ["a", "b"] * 4 and [len(times) for times in found.values()] == [3, 3]
    assert stopwatch.ratio([2.0, 30.0, 6.0], [1.0, 10.0, 2.0]) == 3.0


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_random_bases_are_built_from_the_published_configs(
    family: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the layout's numbers swapped for a small base's, since the real ones have gigabytes of weights."""
    import shutil

    import tiny_xl

    from engine.families import sd15, sdxl

    module, small = {"sd15": (sd15, tiny), "sdxl": (sdxl, tiny_xl)}[family]
    folder = small.folder(tmp_path)
    layout = Path(shutil.copytree(module.LAYOUT, tmp_path / "layout"))
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if (folder / part).is_dir():
            config = json.loads((folder / part / "config.json").read_text())
            if part.startswith("text"):
                config |= {"vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407}
            (layout / part / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(module, "LAYOUT", layout)
    base = bases.named(f"random-{family}", torch.device("cpu"))
    assert (base.spec.name, base.name, base.native) == (family, f"random-{family}", tiny.SIDE)
    assert report.step_flops(base, report.Scene(tiny.SIDE, 1)) > 0
