"""A picture is its seed's and its prompt's own, the same that diffusers paints, and leaves the base as it was."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.files import lora as files
from engine.files import picture as png
from engine.protocol import CancelMode, EventBase, LoraUse, Painted, PaintJob
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.slots import table_of

SHA = "cd" * 32
JOB = PaintJob(job_id="paint1", prompt="ohwx on the moon", negative="hat", seeds=(7,), steps=5, cfg=4.5)


def lora(base: LoadedBase, *, rank: int = 4, alpha: float = 2.0, loud: float = 0.6, text_encoder: bool = True) -> bytes:
    """A LoRA that changes the picture without a doubt, in the UNet and the text encoder."""
    draw = torch.Generator().manual_seed(4)
    weights: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
    for site in base.sites:
        if site.part == "denoiser" or text_encoder:
            out, *window = site.shape
            down = torch.randn(rank, *window, generator=draw) / math.prod(window) ** 0.5
            up = torch.randn(out, rank, *(1 for _ in window[1:]), generator=draw) * loud
            weights[site.key] = down, up, alpha
    return files.write(weights, {"modelspec.trigger_phrase": "ohwx"})


def pictures(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> list[NDArray[np.int16]]:
    return [np.asarray(picture.convert("RGB")).astype(np.int16) for picture in opened(base, job, blobs)]


def opened(base: LoadedBase, job: PaintJob, blobs: Mapping[str, bytes] | None = None) -> list[Image.Image]:
    told: list[EventBase] = []
    for _ in paint(base, job, blobs or {}, told.append, Order()):
        pass
    (painted,) = [event for event in told if isinstance(event, Painted)]
    assert painted.seeds == job.seeds
    return [Image.open(io.BytesIO(painted.blobs[f"picture_{index}"])) for index in range(len(job.seeds))]


@pytest.mark.parametrize("text_encoder", [False, True])
def test_an_exported_lora_paints_the_same_in_a_fresh_diffusers_pipeline(
    base: LoadedBase, tiny_folder: Path, tmp_path: Path, text_encoder: bool
) -> None:
    data = lora(base, text_encoder=text_encoder)
    (ours,) = pictures(base, JOB.model_copy(update={"loras": (LoraUse(sha256=SHA, strength=0.8),)}), {SHA: data})

    (tmp_path / "lora.safetensors").write_bytes(data)
    pipe = StableDiffusionPipeline.from_pretrained(tiny_folder, safety_checker=None, requires_safety_checker=False)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, use_karras_sigmas=True)
    pipe.load_lora_weights(tmp_path / "lora.safetensors", adapter_name="a")
    pipe.set_adapters(["a"], [0.8])
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(
        JOB.prompt, negative_prompt=JOB.negative, num_inference_steps=JOB.steps, guidance_scale=JOB.cfg, width=32, height=32,
        generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    assert np.abs(ours - np.asarray(theirs).astype(np.int16)).max() <= 2

    (bare,) = pictures(base, JOB)
    assert np.abs(ours - bare).max() > 20, "the LoRA changed nothing, so nothing was compared"


def test_a_picture_depends_on_its_own_seed_only(base: LoadedBase) -> None:
    seeds = (7, 1, 2, 3, 4, 5)  # more than one batch
    together = pictures(base, JOB.model_copy(update={"seeds": seeds}))
    for seed, picture in zip(seeds, together, strict=True):
        (alone,) = pictures(base, JOB.model_copy(update={"seeds": (seed,)}))
        assert np.abs(picture - alone).max() <= 1, seed
    assert np.abs(together[0] - together[1]).max() > 20


def test_strength_scales_and_zero_is_the_bare_base(base: LoadedBase) -> None:
    blobs = {SHA: lora(base)}

    def at(strength: float) -> NDArray[np.int16]:
        return pictures(base, JOB.model_copy(update={"loras": (LoraUse(sha256=SHA, strength=strength),)}), blobs)[0]

    (bare,) = pictures(base, JOB)
    assert np.array_equal(at(0.0), bare)
    assert np.abs(at(0.5) - bare).mean() < np.abs(at(1.0) - bare).mean()


def test_every_module_plays_at_its_own_alpha(base: LoadedBase) -> None:
    same = files.read(lora(base), files.target_of(base)).weights
    mixed = {key: (down, up, 1.0 + index % 3) for index, (key, (down, up, _)) in enumerate(same.items())}
    table = table_of(base)
    slot = table.take(mixed)
    for key, (down, up, alpha) in mixed.items():
        stacks = table.layers[key].stacks
        assert stacks is not None
        ours = stacks[1][slot].t() @ stacks[0][slot]
        assert torch.allclose(ours, alpha / 4 * up.float().flatten(1) @ down.float().flatten(1), atol=1e-5), key
    table.give_back(slot)


def test_two_loras_add_up(base: LoadedBase) -> None:
    blobs = {"a" * 64: lora(base, loud=0.1), "b" * 64: lora(base, rank=2, alpha=4, loud=0.1)}
    uses = [LoraUse(sha256=sha256) for sha256 in blobs]
    both, first, second, bare = (
        pictures(base, JOB.model_copy(update={"loras": tuple(some)}), blobs)[0]
        for some in (uses, uses[:1], uses[1:], [])
    )
    different = [np.abs(both - other).max() for other in (first, second, bare)]
    assert min(different) > 5


def test_a_paint_leaves_the_base_and_randomness_as_they_were(base: LoadedBase) -> None:
    data, state, table = lora(base), torch.get_rng_state(), table_of(base)
    pictures(base, JOB.model_copy(update={"loras": (LoraUse(sha256=SHA),)}), {SHA: data})
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.requires_grad for host in base.hosts for p in host.parameters())
    assert table.active is None
    assert all(layer.stacks is None for layer in table.layers.values()), "memory is given back with the last slot"


def test_the_negative_prompt_and_the_guidance_count(base: LoadedBase) -> None:
    (plain,) = pictures(base, JOB)
    for change in ({"negative": ""}, {"cfg": 1.0}, {"prompt": "ohwx at the beach"}):
        (other,) = pictures(base, JOB.model_copy(update=change))
        assert not np.array_equal(plain, other), change


def test_the_png_says_how_to_make_it_again(base: LoadedBase) -> None:
    data = lora(base)
    (picture,) = opened(base, JOB.model_copy(update={"loras": (LoraUse(sha256=SHA, strength=0.8),)}), {SHA: data})
    text, known = picture.info["parameters"], files.read(data, files.target_of(base)).short_hash
    assert text.splitlines()[:2] == ["ohwx on the moon <lora:ohwx:0.8>", "Negative prompt: hat"]
    assert "Steps: 5, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 7, Size: 32x32" in text
    assert f'Model: tiny, Lora hashes: "ohwx: {known}"' in text
    said = png.about(picture)
    assert said is not None and (said.prompt, said.seed, said.loras[0].hash) == ("ohwx on the moon", 7, known)


def test_sizes_are_rounded_down_to_what_the_base_divides_by(base: LoadedBase) -> None:
    (picture,) = opened(base, JOB.model_copy(update={"width": 45, "height": 31, "steps": 1}))
    assert picture.size == (40, 24)


def test_a_cancelled_paint_stops_between_steps_and_shows_nothing(base: LoadedBase) -> None:
    order, told, steps = Order(), list[EventBase](), 0
    for _ in paint(base, JOB, {}, told.append, order):
        steps += 1
        order.cancel = CancelMode.NOW
    assert steps == 1
    assert not any(isinstance(event, Painted) for event in told)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no .safetensors file"),
        (b"not a file at all, but long enough", "no .safetensors file"),
        (save({"unet.weight": torch.zeros(2)}), "is no LoRA"),
        (
            save({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": torch.zeros(2, 2)}),
            "does not fit tiny",
        ),
    ],
)
def test_a_file_that_is_no_lora_is_refused_with_its_reason(base: LoadedBase, data: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        pictures(base, JOB.model_copy(update={"loras": (LoraUse(sha256=SHA),)}), {SHA: data})
