"""What is true of every base of a family: frozen data without torch, for validation, help texts and estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import BaseUnavailable


@dataclass(frozen=True, slots=True)
class Licence:
    id: str
    title: str
    url: str
    commercial: bool
    """Whether a bot that takes money may serve it, within the licence's other terms."""


@dataclass(frozen=True, slots=True)
class FamilySpec:
    """One family of base models."""

    name: str
    title: str
    pipeline: str
    """Class of diffusers that loads it."""
    parts: tuple[str, ...]
    """Folders that a base in diffusers layout must have."""
    prediction: Literal["epsilon", "v_prediction"]
    """What the denoiser says; a base whose own scheduler config says otherwise wins."""
    latent_channels: int
    multiple_of: int
    """Width and height in pixels must divide by this."""
    text_length: int
    """Tokens, start and end included; longer prompts are cut."""
    lora_unet_prefix: str
    lora_text_prefix: str
    lora_excluded: tuple[str, ...]
    """What LoRA leaves alone, in words: kept as a record of the choice."""
    file_base_version: str
    """`ss_base_model_version`, by which web UIs tell families apart."""
    file_architecture: str
    """`modelspec.architecture`."""
    sampler: str
    """As web UIs write it."""
    preview_steps: int
    preview_cfg: float
    paint_steps: int
    paint_cfg: float
    train_flops: float
    """Forward and backward of one image at its home resolution, rank 16, text encoder frozen."""
    home_resolution: int
    licence: Licence


SD15 = FamilySpec(
    name="sd15",
    title="Stable Diffusion 1.x",
    pipeline="StableDiffusionPipeline",
    parts=("unet", "vae", "text_encoder", "tokenizer", "scheduler"),
    prediction="epsilon",
    latent_channels=4,
    multiple_of=8,
    text_length=77,
    lora_unet_prefix="lora_unet",
    lora_text_prefix="lora_te",
    lora_excluded=("convolutions of the residual blocks", "time embedding", "conv_in and conv_out", "token embedding"),
    file_base_version="sd_v1",
    file_architecture="stable-diffusion-v1/lora",
    sampler="DPM++ 2M Karras",
    preview_steps=20,
    preview_cfg=5.0,
    paint_steps=25,
    paint_cfg=6.0,
    train_flops=1.747e12,
    home_resolution=512,
    licence=Licence(
        id="creativeml-openrail-m",
        title="CreativeML OpenRAIL-M",
        url="https://huggingface.co/spaces/CompVis/stable-diffusion-license",
        commercial=True,
    ),
)

FAMILIES: dict[str, FamilySpec] = {SD15.name: SD15}


def family(name: str) -> FamilySpec:
    """The family called `name`; BaseUnavailable when there is none."""
    try:
        return FAMILIES[name]
    except KeyError:
        known = ", ".join(sorted(FAMILIES))
        raise BaseUnavailable(f"There is no model family called '{name}'. Known families: {known}.") from None
