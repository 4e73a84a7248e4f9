"""The bases that are measured: the miniature, or random weights in the real size of a family, with no download."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.families import clip, load, opening, sd15, sdxl
from engine.families.loaded import LoadedBase
from engine.protocol import BaseModelRef

NAMES = ("miniature", "random-sd15", "random-sdxl")


def named(name: str, device: torch.device) -> LoadedBase:
    """One of NAMES, on `device`."""
    if name == "miniature":
        return load(BaseModelRef(), str(device))
    family = {"random-sd15": sd15, "random-sdxl": sdxl}[name]
    dtype = opening.dtype_for(device, None)
    pipeline = random_pipeline(family.LAYOUT, device, dtype)
    ref = BaseModelRef(family=name.removeprefix("random-"), source=name)
    return family.of_pipeline(pipeline, ref, name, "0" * 16, device, dtype)


def twin(base: LoadedBase) -> LoadedBase:
    """The same base on modules of its own, for those who change them (PEFT, diffusers' loader) and for who must meet
    none changed. Before any LoRA is on it."""
    copies = copy.deepcopy((base.denoiser, base.encoders))
    for encoder in copies[1]:
        encoder.to(base.dtype)  # a pipeline of diffusers wants one precision throughout
    return replace(base, denoiser=copies[0], encoders=copies[1])


def random_pipeline(layout: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """A pipeline with the layout's configs and weights as its classes draw them, made where it is to stay."""
    from diffusers import (
        AutoencoderKL,
        EulerDiscreteScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    def config(part: str, name: str = "config.json") -> dict[str, Any]:
        return json.loads((layout / part / name).read_text())

    def text(kind: Any, part: str) -> Any:
        return kind(CLIPTextConfig(**{key: value for key, value in config(part).items() if key != "model_type"}))

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.device(device):
        torch.manual_seed(0)
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            unet = UNet2DConditionModel.from_config(config("unet"))
        finally:
            torch.set_default_dtype(before)
        parts: dict[str, Any] = {
            "unet": unet,
            "vae": AutoencoderKL.from_config(config("vae")),
            "text_encoder": text(CLIPTextModel, "text_encoder"),
            "tokenizer": clip.tokenizer(),
        }
        if (layout / "text_encoder_2").is_dir():
            parts["text_encoder_2"] = text(CLIPTextModelWithProjection, "text_encoder_2")
            parts["tokenizer_2"] = clip.tokenizer(pad=sdxl.OPENCLIP_PAD)
    parts["scheduler"] = EulerDiscreteScheduler.from_config(config("scheduler", "scheduler_config.json"))
    if "text_encoder_2" in parts:
        return StableDiffusionXLPipeline(**parts, add_watermarker=False)
    return StableDiffusionPipeline(
        **parts,
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )
