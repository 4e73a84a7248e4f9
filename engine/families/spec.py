"""What is true of every base of a family: frozen data without torch, for validation, help texts and estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import BaseUnavailable

Prediction = Literal["epsilon", "v_prediction", "flow"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Licence:
    """On what terms a base may be used; what the model card says counts, this is what the bot shows and heeds."""

    id: str
    title: str
    url: str
    commercial: bool
    """Whether a bot that takes money may serve it, within the licence's other terms."""
    max_revenue: int | None = None
    """In US dollars a year: above it another licence is needed. None: no such limit."""
    attribution: str | None = None
    """What has to stand wherever the base's pictures are offered."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a family reads text."""

    encoders: int
    length: int
    """Tokens, whatever stands around the prompt included; longer prompts are cut."""
    is_variable: bool = False
    """Texts keep their own length, with a mask, instead of being filled up to `length`."""
    is_pooled: bool = False
    """The denoiser also wants one summary a text."""
    is_trained: bool = True
    """Whether a LoRA may change the encoders."""


@dataclass(frozen=True, slots=True)
class Memory:
    """In GiB. Weights by their number; what is kept was counted on torch's meta device, layer by layer, with a LoRA of rank 16
    on every site and attention that keeps no matrix (flash)."""

    denoiser: float
    """Its weights in bf16; twice that in fp32."""
    others: float
    """The VAE in fp32, and the text encoders as they are held."""
    kept: float
    """For the backward of one picture at home resolution, in bf16; twice that in fp32."""
    kept_checkpointed: float
    """Likewise with gradient checkpointing."""


@dataclass(frozen=True, slots=True)
class FamilySpec:
    """One family of base models."""

    name: str
    title: str
    pipeline: str
    """Class of diffusers that loads it."""
    denoiser: str
    """Class of diffusers of what removes the noise."""
    parts: tuple[str, ...]
    """Folders that a base in diffusers layout must have."""
    weights: tuple[str, ...]
    """Those of them that hold weights."""
    prediction: Prediction
    """What the denoiser says; a base's own record wins, then its scheduler config."""
    latent_channels: int
    multiple_of: int
    """Width and height in pixels must divide by this."""
    words: Words
    lora_denoiser_prefix: str
    """How the names of the denoiser's modules begin in a LoRA file."""
    lora_text_prefixes: tuple[str, ...]
    """Likewise, one for each text encoder that a LoRA may change."""
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
    forward_flops: float
    """One pass of the denoiser over one image at its home resolution, attention included."""
    train_flops: float
    """Forward and backward of one such image, a LoRA of usual rank, text encoders frozen."""
    home_resolution: int
    memory: Memory
    licence: Licence
    """Of the family's first base; a base's record may name its own."""


SD15 = FamilySpec(
    name="sd15",
    title="Stable Diffusion 1.x",
    pipeline="StableDiffusionPipeline",
    denoiser="UNet2DConditionModel",
    parts=("unet", "vae", "text_encoder", "tokenizer", "scheduler"),
    weights=("unet", "vae", "text_encoder"),
    prediction="epsilon",
    latent_channels=4,
    multiple_of=8,
    words=Words(encoders=1, length=77),
    lora_denoiser_prefix="lora_unet",
    lora_text_prefixes=("lora_te",),
    lora_excluded=("time embedding", "conv_in and conv_out", "token embedding"),
    file_base_version="sd_v1",
    file_architecture="stable-diffusion-v1/lora",
    sampler="DPM++ 2M Karras",
    preview_steps=20,
    preview_cfg=5.0,
    paint_steps=25,
    paint_cfg=6.0,
    forward_flops=0.803e12,
    train_flops=1.747e12,
    home_resolution=512,
    memory=Memory(denoiser=1.60, others=0.77, kept=0.863, kept_checkpointed=0.143),
    licence=Licence(
        id="creativeml-openrail-m",
        title="CreativeML OpenRAIL-M",
        url="https://huggingface.co/spaces/CompVis/stable-diffusion-license",
        commercial=True,
    ),
)

SDXL = FamilySpec(
    name="sdxl",
    title="Stable Diffusion XL",
    pipeline="StableDiffusionXLPipeline",
    denoiser="UNet2DConditionModel",
    parts=("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    weights=("unet", "vae", "text_encoder", "text_encoder_2"),
    prediction="epsilon",
    latent_channels=4,
    multiple_of=8,
    words=Words(encoders=2, length=77, is_pooled=True),
    lora_denoiser_prefix="lora_unet",
    lora_text_prefixes=("lora_te1", "lora_te2"),
    lora_excluded=("time, size and pooled text embeddings", "conv_in and conv_out", "token embeddings"),
    file_base_version="sdxl_base_v1-0",
    file_architecture="stable-diffusion-xl-v1-base/lora",
    sampler="DPM++ 2M Karras",
    preview_steps=20,
    preview_cfg=5.0,
    paint_steps=28,
    paint_cfg=6.0,
    forward_flops=6.761e12,
    train_flops=14.62e12,
    home_resolution=1024,
    memory=Memory(denoiser=4.78, others=3.36, kept=6.288, kept_checkpointed=0.534),
    licence=Licence(
        id="openrail++",
        title="CreativeML Open RAIL++-M",
        url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
        commercial=True,
    ),
)

ZIMAGE = FamilySpec(
    name="zimage",
    title="Z-Image",
    pipeline="ZImagePipeline",
    denoiser="ZImageTransformer2DModel",
    parts=("transformer", "vae", "text_encoder", "tokenizer", "scheduler"),
    weights=("transformer", "vae", "text_encoder"),
    prediction="flow",
    latent_channels=16,
    multiple_of=16,
    words=Words(encoders=1, length=512, is_variable=True, is_trained=False),
    lora_denoiser_prefix="diffusion_model",
    lora_text_prefixes=(),
    lora_excluded=("modulation", "embedders of patches, captions and time", "final layer", "text encoder"),
    file_base_version="zimage",
    file_architecture="z-image/lora",
    sampler="Euler",
    preview_steps=20,
    preview_cfg=4.0,
    paint_steps=28,
    paint_cfg=4.0,
    # With 64 tokens of text and a LoRA of rank 32.
    forward_flops=55.61e12,
    train_flops=121.2e12,
    home_resolution=1024,
    memory=Memory(denoiser=11.46, others=7.80, kept=33.03, kept_checkpointed=0.986),
    licence=Licence(
        id="apache-2.0",
        title="Apache License 2.0",
        url="https://www.apache.org/licenses/LICENSE-2.0",
        commercial=True,
    ),
)

FAMILIES: dict[str, FamilySpec] = {spec.name: spec for spec in (SD15, SDXL, ZIMAGE)}


def family(name: str) -> FamilySpec:
    """The family called `name`; BaseUnavailable when there is none."""
    try:
        return FAMILIES[name]
    except KeyError:
        known = ", ".join(sorted(FAMILIES))
        raise BaseUnavailable(f"There is no model family called '{name}'. Known families: {known}.") from None
