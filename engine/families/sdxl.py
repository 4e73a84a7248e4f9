"""Stable Diffusion XL and everything fine-tuned from it (Podell et al. 2023): two text encoders, a UNet that is told sizes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from engine.errors import BaseUnavailable
from engine.families import bases, clip, opening, sd15
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.families.sites import conv_sites, lora_sites
from engine.families.spec import SDXL
from engine.families.text import Text, Tokens
from engine.protocol import BaseModelRef

LAYOUT = Path(__file__).parent / "sdxl_layout"
OPENCLIP_PAD = "!"

encode_latents = sd15.encode_latents
decode_latents = sd15.decode_latents


def load(ref: BaseModelRef, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> LoadedBase:
    device = torch.device(device)
    dtype = opening.dtype_for(device, dtype)
    place = opening.place_of(ref)
    pipeline = opening.pipeline(
        place, SDXL, dtype, layout=LAYOUT, add_watermarker=False,
        tokenizers=lambda: {"tokenizer": clip.tokenizer(), "tokenizer_2": clip.tokenizer(pad=OPENCLIP_PAD)},
    )  # fmt: skip
    return of_pipeline(pipeline, ref, place.name, bases.fingerprint(place), device, dtype)


def of_pipeline(
    pipeline: Any, ref: BaseModelRef, name: str, fingerprint: str, device: torch.device, dtype: torch.dtype
) -> LoadedBase:
    """The base that a pipeline's own modules are; BaseUnavailable where they are another kind of model."""
    unet, vae = pipeline.unet, pipeline.vae
    if unet.config.in_channels != SDXL.latent_channels:
        raise BaseUnavailable(f"'{name}' is an inpainting or editing model; a plain text-to-image one is needed.")
    if pipeline.text_encoder is None or unet.config.addition_embed_type != "text_time":
        raise BaseUnavailable(f"'{name}' lacks one of the two text encoders: it is a refiner, or not whole.")
    encoders = (pipeline.text_encoder, pipeline.text_encoder_2)
    opening.settle(unet, device, dtype)
    # The VAE overflows in half precision; the encoders' adapters are trained in full.
    for module in (vae, *encoders):
        opening.settle(module, device, torch.float32)
    scheduler_config, prediction = opening.schedule(ref, SDXL, pipeline.scheduler.config)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return LoadedBase(
        family=sys.modules[__name__],  # pyright: ignore[reportArgumentType]  a module is what implements the protocol
        spec=SDXL,
        ref=ref,
        name=name,
        fingerprint=fingerprint,
        device=device,
        denoiser=unet,
        vae=vae,
        encoders=encoders,
        tokenizers=(pipeline.tokenizer, pipeline.tokenizer_2),
        scheduler_config=scheduler_config,
        prediction=prediction,
        native=int(unet.config.sample_size) * factor,
        factor=factor,
        multiple=factor * 2 ** (len(unet.config.block_out_channels) - 1),
        sites=lora_sites(SDXL, unet.config, [encoder.config.to_dict() for encoder in encoders]),
        conv_sites=conv_sites(SDXL, unet.config),
        is_empty_zero=bool(pipeline.config.get("force_zeros_for_empty_prompt", True)),
    )


def pipeline_of(base: LoadedBase) -> Any:
    from diffusers import DDPMScheduler, StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(
        vae=base.vae,
        text_encoder=base.encoders[0],
        text_encoder_2=base.encoders[1],
        tokenizer=base.tokenizers[0],
        tokenizer_2=base.tokenizers[1],
        unet=base.denoiser,
        scheduler=DDPMScheduler.from_config(base.scheduler_config),  # pyright: ignore[reportArgumentType]
        force_zeros_for_empty_prompt=base.is_empty_zero,
        add_watermarker=False,
    )


def tokens_of(base: LoadedBase, texts: Sequence[str]) -> Tokens:
    length = base.spec.words.length
    batches = [
        tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        for tokenizer in base.tokenizers
    ]
    return Tokens(tuple(batch.input_ids.to(base.device) for batch in batches))


def encode_tokens(base: LoadedBase, tokens: Tokens, clip_skip: int = 0) -> Text:
    """(N, 77, D1 + D2) from before each encoder's last layer, without the final norm, and (N, P) from the second one.

    An empty text is all zeros where the base was taught so: then unguided means the same here as in its training.
    """
    answers = [encoder(ids, output_hidden_states=True) for encoder, ids in zip(base.encoders, tokens.ids, strict=True)]
    hidden = torch.cat([answer.hidden_states[-2 - clip_skip] for answer in answers], dim=-1)
    pooled = answers[-1][0]
    if base.is_empty_zero:
        says = (tokens.ids[0][:, 1] != base.tokenizers[0].eos_token_id).to(hidden.dtype)
        hidden, pooled = hidden * says[:, None, None], pooled * says[:, None]
    return Text(hidden, pooled)


def conditions(base: LoadedBase, framings: Sequence[Framing]) -> torch.Tensor:
    """(N, 6): height and width before, what was cut off above and left, height and width of what is shown."""
    rows = [(one.original_height, one.original_width, one.top, one.left, one.height, one.width) for one in framings]
    return shipped(torch.tensor(rows, dtype=torch.float32), base.device)


def forward(
    base: LoadedBase,
    noisy: torch.Tensor,
    timesteps: torch.Tensor,
    text: Text,
    conditions: torch.Tensor | None = None,
) -> torch.Tensor:
    assert text.pooled is not None and conditions is not None
    kind = base.dtype
    told = {"text_embeds": text.pooled.to(kind), "time_ids": conditions}
    answer = base.denoiser(
        noisy.to(kind), timesteps, encoder_hidden_states=text.hidden.to(kind), added_cond_kwargs=told
    )
    return answer.sample.float()
