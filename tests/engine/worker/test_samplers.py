"""Every sampler paints what diffusers' own pipeline paints with the same scheduler, and a picture is its seed's alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import diffusers
import pytest
import tiny
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from easel import apart, opened, pictures, pixels
from PIL import Image

from engine import samplers
from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.protocol import PaintJob

JOB = PaintJob(job_id="paint1", prompt="ohwx on the moon", negative="hat", seeds=(7,), steps=5, cfg=4.5)
START = "ab" * 32
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "DPM++ 2M Karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "DPM++ 2M SDE Karras": (
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "Euler": ("EulerDiscreteScheduler", {}),
    "UniPC": ("UniPCMultistepScheduler", {}),
    "DDIM": ("DDIMScheduler", {}),
    "LCM": ("LCMScheduler", {}),
}
"""As their documentation says that each is made."""


@pytest.fixture(scope="module")
def base(tiny_folder: Path) -> LoadedBase:
    """One for all: painting leaves it as it was, which `test_paint` checks."""
    return tiny.base(tiny_folder)


def theirs(kind: Any, folder: Path, sampler: str) -> Any:
    pipe: Any = kind.from_pretrained(folder, safety_checker=None, requires_safety_checker=False)
    name, options = THEIRS[sampler]
    pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config, **options)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def start_picture() -> bytes:
    draw = torch.Generator().manual_seed(9)
    small = Image.fromarray((torch.rand(5, 5, 3, generator=draw) * 255).to(torch.uint8).numpy())
    buffer = io.BytesIO()
    small.resize((32, 32)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_list_is_whole() -> None:
    assert set(THEIRS) == set(samplers.names("epsilon"))


@pytest.mark.parametrize("sampler", THEIRS)
def test_a_picture_is_diffusers_own(base: LoadedBase, tiny_folder: Path, sampler: str) -> None:
    (ours,) = pictures(base, JOB.model_copy(update={"sampler": sampler}))
    made = theirs(StableDiffusionPipeline, tiny_folder, sampler)(
        JOB.prompt, negative_prompt=JOB.negative, num_inference_steps=JOB.steps, guidance_scale=JOB.cfg, width=32,
        height=32, generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    assert apart(ours, pixels(made)) <= 2


@pytest.mark.parametrize("sampler", THEIRS)
@pytest.mark.parametrize("denoise", [0.4, 0.8])
def test_a_variation_is_diffusers_own(base: LoadedBase, tiny_folder: Path, sampler: str, denoise: float) -> None:
    change = {"sampler": sampler, "init": START, "denoise": denoise}
    (ours,) = pictures(base, JOB.model_copy(update=change), {START: start_picture()})
    made = theirs(StableDiffusionImg2ImgPipeline, tiny_folder, sampler)(
        JOB.prompt, Image.open(io.BytesIO(start_picture())).convert("RGB"), negative_prompt=JOB.negative, strength=denoise,
        num_inference_steps=JOB.steps, guidance_scale=JOB.cfg, generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    assert apart(ours, pixels(made)) <= 2


def test_clip_skip_takes_an_earlier_layer_of_both_prompts(base: LoadedBase, tiny_folder: Path) -> None:
    """As web UIs do. diffusers 0.42's own argument does not work with transformers 5.6 and later, and spares the negative."""
    (ours,) = pictures(base, JOB.model_copy(update={"clip_skip": 1}))
    pipe = theirs(StableDiffusionPipeline, tiny_folder, "DPM++ 2M Karras")

    def read(text: str) -> torch.Tensor:
        ids = pipe.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
        hidden = pipe.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
        return pipe.text_encoder.final_layer_norm(hidden).detach()

    made = pipe(
        prompt_embeds=read(JOB.prompt), negative_prompt_embeds=read(JOB.negative), num_inference_steps=JOB.steps,
        guidance_scale=JOB.cfg, width=32, height=32, generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    assert apart(ours, pixels(made)) <= 2
    assert apart(ours, pictures(base, JOB)[0]) > 2


@pytest.mark.parametrize("sampler", THEIRS)
@pytest.mark.parametrize("init", [None, START])
def test_four_at_once_are_four_alone(base: LoadedBase, sampler: str, init: str | None) -> None:
    """Also where the sampler draws noise on its way."""
    job = JOB.model_copy(update={"sampler": sampler, "init": init, "steps": 4})
    blobs = {START: start_picture()}
    together = pictures(base, job.model_copy(update={"seeds": (7, 1, 2, 3)}), blobs)
    for seed, picture in zip((7, 1, 2, 3), together, strict=True):
        (alone,) = pictures(base, job.model_copy(update={"seeds": (seed,)}), blobs)
        assert apart(picture, alone) <= 1, seed
    assert apart(together[0], together[1]) > 20


def test_the_picture_says_which_sampler_it_was(base: LoadedBase) -> None:
    (picture,) = opened(base, JOB.model_copy(update={"sampler": "euler_ancestral", "clip_skip": 1}))
    assert "Steps: 5, Sampler: Euler a, CFG scale: 4.5, Seed: 7, Size: 32x32" in picture.info["parameters"]
    assert "Clip skip: 2" in picture.info["parameters"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sampler": "eular anc"}, 'Did you mean "Euler a"'),
        ({"sampler": "LCM", "steps": 51}, "at most 50 steps"),
        ({"clip_skip": 2}, "Give 1 to 2"),
        ({"hires": {"upscale": 4}, "width": 2048}, "is too large"),
    ],
)
def test_what_cannot_be_painted_is_said(base: LoadedBase, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        pictures(base, PaintJob.model_validate(JOB.model_dump() | change))
