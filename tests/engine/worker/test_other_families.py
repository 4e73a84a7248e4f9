"""The same verb paints with SDXL's two text encoders and with a flow: diffusers' own pictures, the same in any batch."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    EulerAncestralDiscreteScheduler,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    ZImageImg2ImgPipeline,
    ZImagePipeline,
)
from easel import apart, loud_lora, opened, painted, pictures, pixels
from PIL import Image

from engine.errors import BadInput
from engine.families import load
from engine.families.loaded import LoadedBase
from engine.guidance import LoraGuidance
from engine.protocol import BaseModelRef, PaintJob
from engine.shots import Hires, LoraUse

JOB = PaintJob(
    job_id="paint1", prompt="ohwx on the moon", negative="hat", seeds=(7,), steps=4, cfg=3.0, width=32, height=32
)
LORA, START = "cd" * 32, "ab" * 32
USUAL = {"sdxl": "Euler a", "zimage": "Euler"}


@pytest.fixture(scope="module", params=sorted(USUAL))
def base(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> LoadedBase:
    return load(BaseModelRef(family=request.param, source=str(folder_of(request.param))))


def job(base: LoadedBase, **change: object) -> PaintJob:
    return JOB.model_copy(update={"sampler": USUAL[base.spec.name], **change})


def start_picture() -> bytes:
    small = Image.fromarray(
        (torch.rand(5, 5, 3, generator=torch.Generator().manual_seed(9)) * 255).to(torch.uint8).numpy()
    )
    buffer = io.BytesIO()
    small.resize((32, 32)).save(buffer, "PNG")
    return buffer.getvalue()


def theirs(base: LoadedBase, folder: Path, denoise: float | None = None) -> Any:
    told: dict[str, Any] = {
        "prompt": JOB.prompt, "negative_prompt": JOB.negative, "num_inference_steps": JOB.steps,
        "generator": torch.Generator().manual_seed(7), "height": 32, "width": 32,
    }  # fmt: skip
    if denoise is not None:
        told |= {"image": Image.open(io.BytesIO(start_picture())).convert("RGB"), "strength": denoise}
    if base.spec.name == "sdxl":
        kind: Any = StableDiffusionXLPipeline if denoise is None else StableDiffusionXLImg2ImgPipeline
        pipe = kind.from_pretrained(folder)
        pipe.scheduler = EulerAncestralDiscreteScheduler.from_config(pipe.scheduler.config)
        told["guidance_scale"] = JOB.cfg
        if denoise is not None:
            del told["height"], told["width"]
    else:
        kind = ZImagePipeline if denoise is None else ZImageImg2ImgPipeline
        pipe = kind.from_pretrained(folder)
        told["guidance_scale"] = JOB.cfg - 1  # it counts from there
    pipe.set_progress_bar_config(disable=True)
    return pixels(pipe(**told).images[0])


def test_a_picture_is_diffusers_own(base: LoadedBase, folder_of: Callable[[str], Path]) -> None:
    assert apart(pictures(base, job(base))[0], theirs(base, folder_of(base.spec.name))) <= 2


def test_a_variation_is_diffusers_own(base: LoadedBase, folder_of: Callable[[str], Path]) -> None:
    varied = job(base, init=START, denoise=0.75)
    assert (
        apart(pictures(base, varied, {START: start_picture()})[0], theirs(base, folder_of(base.spec.name), 0.75)) <= 2
    )


def test_three_at_once_are_three_alone_with_a_lora_and_a_second_pass(base: LoadedBase) -> None:
    blobs = {LORA: loud_lora(base, loud=0.1)}
    asked = job(
        base, seeds=(1, 2, 3), steps=2, loras=(LoraUse(sha256=LORA),), hires=Hires(upscale=2, steps=2, denoise=0.6)
    )
    together = pictures(base, asked, blobs)
    assert together[0].shape == (64, 64, 3)
    for seed, one in zip((1, 2, 3), together, strict=True):
        (alone,) = pictures(base, asked.model_copy(update={"seeds": (seed,)}), blobs)
        assert apart(one, alone) <= 1
    assert apart(together[0], pictures(base, asked.model_copy(update={"loras": ()}), blobs)[0]) > 5


def test_what_is_over_the_length_is_told(base: LoadedBase) -> None:
    """The tiny tokenizers spend a token on a letter or more."""
    done = painted(base, job(base, steps=1, prompt="ohwx " + "b" * 600))
    assert done.cut.startswith("b") and painted(base, job(base, steps=1)).cut == ""


def test_a_sampler_for_the_other_kind_is_refused(base: LoadedBase) -> None:
    if base.prediction == "flow":
        with pytest.raises(BadInput, match="cannot paint with this base"):
            pictures(base, job(base, sampler="Euler a"))
    (picture,) = opened(base, job(base, sampler=None, steps=1))
    assert f"Sampler: {base.spec.sampler.removesuffix(' Karras')}" in picture.info["parameters"]


def test_loras_are_pressed_in_every_family(base: LoadedBase) -> None:
    """Twice the guidance for half the strength is the same; the first steps without them are the bare base's."""
    blobs = {LORA: loud_lora(base)}

    def pressed(strength: float, scale: float, start: float = 0.0) -> Any:
        use = (LoraUse(sha256=LORA, strength=strength),)
        how = LoraGuidance(scale=scale, start=start)
        return pictures(base, job(base, loras=use, lora_guidance=how), blobs)[0]

    whole, (bare,), (plain,) = (
        pressed(1.0, 1.0),
        pictures(base, job(base)),
        pictures(base, job(base, loras=(LoraUse(sha256=LORA),)), blobs),
    )
    assert apart(whole, pressed(0.5, 2.0)) <= 1
    assert apart(whole, plain) > 5 and apart(whole, bare) > 5
    late = pressed(1.0, 1.0, start=0.75)
    assert apart(late, whole) > 5 and apart(late, bare) > 0
