"""LoRAs on the prompt's side alone, pressed by a scale of their own, after the first steps: held against diffusers' modules."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from numpy.typing import NDArray

from engine import guidance
from engine.families.loaded import LoadedBase
from engine.files import lora as files
from engine.files import picture as png
from engine.guidance import PLAIN, SUBJECT, LoraGuidance
from engine.protocol import BaseModelRef, LoraUse
from engine.shots import Hires, Shot
from engine.worker.paint import guidance_of
from engine.worker.sampler import draw
from engine.worker.slots import table_of
from tests.engine.worker.test_paint import JOB, SHA, lora, opened, pictures

CFG, STEPS, STRENGTH = 4.5, 10, 0.8
WITH = JOB.model_copy(update={"loras": (LoraUse(sha256=SHA, strength=STRENGTH),), "steps": STEPS, "cfg": CFG})


def by_hand(folder: Path, file: Path, scale: float, start: int) -> NDArray[np.int16]:
    """The picture of `WITH` by diffusers' own modules and PEFT: the LoRA on the prompt's side only, from step `start` on."""
    pipe: Any = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, requires_safety_checker=False)
    scheduler: Any = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, use_karras_sigmas=True)
    pipe.load_lora_weights(file, adapter_name="a")
    pipe.set_adapters(["a"], [STRENGTH * scale / CFG])

    def text(words: str) -> torch.Tensor:
        ids = pipe.tokenizer(words, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        return pipe.text_encoder(ids)[0]

    with torch.no_grad():
        prompt_with = text(WITH.prompt)
        pipe.disable_lora()
        prompt_bare, negative = text(WITH.prompt), text(WITH.negative)
        scheduler.set_timesteps(STEPS)
        latents = randn_tensor((1, 4, 8, 8), generator=torch.Generator().manual_seed(7))
        latents = latents * scheduler.init_noise_sigma
        for number, timestep in enumerate(scheduler.timesteps):
            shown = scheduler.scale_model_input(latents, timestep)
            without = pipe.unet(shown, timestep, negative).sample
            if number >= start:
                pipe.enable_lora()
            towards = pipe.unet(shown, timestep, prompt_with if number >= start else prompt_bare).sample
            pipe.disable_lora()
            latents = scheduler.step(without + CFG * (towards - without), timestep, latents).prev_sample
        pixels: torch.Tensor = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    return (pixels[0] / 2 + 0.5).clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy().astype(np.int16)


@pytest.mark.parametrize(("scale", "start", "walked"), [(2.0, 0.0, 0), (2.0, 0.3, 3), (1.0, 0.25, 2)])
def test_the_picture_is_that_of_diffusers_modules_by_hand(
    base: LoadedBase, tiny_folder: Path, tmp_path: Path, scale: float, start: float, walked: int
) -> None:
    data = lora(base)
    (tmp_path / "lora.safetensors").write_bytes(data)
    how = LoraGuidance(scale=scale, start=start)
    (ours,) = pictures(base, WITH.model_copy(update={"lora_guidance": how}), {SHA: data})
    theirs = by_hand(tiny_folder, tmp_path / "lora.safetensors", scale, walked)
    assert np.abs(ours - theirs).max() <= 2
    (usual,) = pictures(base, WITH, {SHA: data})
    assert np.abs(ours - usual).max() > 20, "it paints as without, so nothing was compared"


def test_with_nothing_to_guide_a_lora_is_met_at_its_strength(base: LoadedBase) -> None:
    """Also beside a guided picture in one batch."""
    blobs = {SHA: lora(base)}
    plain = WITH.model_copy(update={"seeds": (7, 8), "shots": (Shot(cfg=1.0), Shot())})
    unguided = pictures(base, plain, blobs)[0]
    pressed = pictures(base, plain.model_copy(update={"lora_guidance": LoraGuidance(scale=2.0)}), blobs)
    assert np.abs(pressed[0] - unguided).max() <= 1
    (alone,) = pictures(base, WITH.model_copy(update={"seeds": (8,), "lora_guidance": LoraGuidance(scale=2.0)}), blobs)
    assert np.abs(pressed[1] - alone).max() <= 1


def test_it_is_pressed_no_less_at_a_higher_cfg() -> None:
    how = LoraGuidance(scale=2.0)
    assert [how.share(cfg) * cfg for cfg in (2.0, 5.0, 8.0)] == pytest.approx([2.0, 2.0, 2.0])
    assert how.share(1.0) == how.share(0.0) == 1.0 and how.share_without == 0.0
    assert PLAIN.share(7.0) == PLAIN.share_without == 1.0


def test_a_lora_that_belongs_to_how_is_painted_is_there_from_the_start_and_on_both_sides(base: LoadedBase) -> None:
    """The few-step LoRA: nobody's likeness, and without it the first steps would be another sampler's."""
    table = table_of(base)
    few, subject = (table.take(files.read(lora(base, loud=loud), files.target_of(base)).weights) for loud in (0.3, 0.6))

    def drawn(**more: Any) -> NDArray[np.int16]:
        work = draw(base, ["ohwx"], [7], steps=4, cfg=CFG, width=32, height=32, **more)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return np.asarray(end.value[0]).astype(np.int16)

    both = drawn(mixtures=[{few: 1.0, subject: 0.5}])
    assert np.abs(drawn(mixtures=[{subject: 0.5}], always={few: 1.0}) - both).max() <= 1
    never = LoraGuidance(scale=2.0, start=0.99)
    late = drawn(mixtures=[{subject: 0.0}], always={few: 1.0}, lora_guidance=never)
    assert np.abs(late - drawn(mixtures=[{few: 1.0}])).max() <= 1
    for slot in (few, subject):
        table.give_back(slot)


def test_a_variation_that_begins_later_has_its_loras_from_its_first_step(base: LoadedBase) -> None:
    blobs = {SHA: lora(base), "ef" * 32: png_of(base)}
    varied = WITH.model_copy(update={"init": "ef" * 32, "denoise": 0.5})
    (plain,) = pictures(base, varied, blobs)
    (early,) = pictures(base, varied.model_copy(update={"lora_guidance": LoraGuidance(start=0.5)}), blobs)
    (late,) = pictures(base, varied.model_copy(update={"lora_guidance": LoraGuidance(start=0.8)}), blobs)
    assert np.array_equal(early, plain) and np.abs(late - plain).max() > 5


def test_a_hires_pass_has_them_from_its_first_step(base: LoadedBase, monkeypatch: pytest.MonkeyPatch) -> None:
    family: Any = base.family
    walked: list[bool] = []
    forward = family.forward

    def watched(*args: Any) -> torch.Tensor:
        walked.append(table_of(base).active is not None)
        return forward(*args)

    monkeypatch.setattr(family, "forward", watched)
    job = WITH.model_copy(update={"hires": Hires(upscale=1.5, denoise=0.5), "lora_guidance": LoraGuidance(start=0.45)})
    pictures(base, job, {SHA: lora(base)})
    assert walked == [False] * 4 + [True] * 6 + [True] * 5, "ten steps, then the last five of ten"


def test_the_miniature_presses_by_itself_and_others_paint_as_other_tools_do(base: LoadedBase) -> None:
    assert guidance.usual(BaseModelRef().source) == SUBJECT and guidance.usual("models/sd15") == PLAIN
    assert guidance_of(base, WITH) == PLAIN
    asked = LoraGuidance(start=0.1)
    assert guidance_of(base, WITH.model_copy(update={"lora_guidance": asked})) == asked


def test_a_picture_says_how_its_loras_took_part(base: LoadedBase) -> None:
    job = WITH.model_copy(update={"lora_guidance": LoraGuidance(scale=1.5, start=0.2)})
    (pressed,) = opened(base, job, {SHA: lora(base)})
    (plain,) = opened(base, WITH, {SHA: lora(base)})
    (bare,) = opened(base, job.model_copy(update={"loras": ()}))
    told = [png.about(one) for one in (pressed, plain, bare)]
    assert [one.more if one else None for one in told] == [{"LoRA guidance": "1.5", "LoRA start": "0.2"}, {}, {}]


def png_of(base: LoadedBase) -> bytes:
    (picture,) = opened(base, JOB.model_copy(update={"seeds": (3,)}))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
