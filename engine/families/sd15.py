"""Stable Diffusion 1.x and everything fine-tuned from it: the U-Net of Rombach et al. 2022 under CLIP-L."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from engine.errors import BaseUnavailable
from engine.families import bases, clip, opening
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.sites import conv_sites, lora_sites
from engine.families.spec import SD15
from engine.families.text import Text, Tokens
from engine.protocol import BaseModelRef

LAYOUT = Path(__file__).parent / "sd15_layout"


def load(ref: BaseModelRef, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> LoadedBase:
    device = torch.device(device)
    dtype = opening.dtype_for(device, dtype)
    place = opening.place_of(ref)
    pipeline = opening.pipeline(
        place, SD15, dtype, layout=LAYOUT, tokenizers=lambda: {"tokenizer": clip.tokenizer()}, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    return of_pipeline(pipeline, ref, place.name, bases.fingerprint(place), device, dtype)


def of_pipeline(
    pipeline: Any, ref: BaseModelRef, name: str, fingerprint: str, device: torch.device, dtype: torch.dtype
) -> LoadedBase:
    """The base that a pipeline's own modules are; BaseUnavailable where they are another kind of model."""
    if pipeline.unet.config.in_channels != SD15.latent_channels:
        raise BaseUnavailable(f"'{name}' is an inpainting or editing model; a plain text-to-image one is needed.")
    opening.settle(pipeline.unet, device, dtype)
    for module in (pipeline.vae, pipeline.text_encoder):
        opening.settle(module, device, torch.float32)
    scheduler_config, prediction = opening.schedule(ref, SD15, pipeline.scheduler.config)
    unet, vae = pipeline.unet, pipeline.vae
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return LoadedBase(
        family=sys.modules[__name__],  # pyright: ignore[reportArgumentType]  a module is what implements the protocol
        spec=SD15,
        ref=ref,
        name=name,
        fingerprint=fingerprint,
        device=device,
        denoiser=unet,
        vae=vae,
        encoders=(pipeline.text_encoder,),
        tokenizers=(pipeline.tokenizer,),
        scheduler_config=scheduler_config,
        prediction=prediction,
        native=int(unet.config.sample_size) * factor,
        factor=factor,
        # A UNet halves its latents once per level but the last.
        multiple=factor * 2 ** (len(unet.config.block_out_channels) - 1),
        sites=lora_sites(SD15, unet.config, [pipeline.text_encoder.config.to_dict()]),
        conv_sites=conv_sites(SD15, unet.config),
    )


def pipeline_of(base: LoadedBase) -> Any:
    from diffusers import DDPMScheduler, StableDiffusionPipeline

    return StableDiffusionPipeline(
        vae=base.vae,
        text_encoder=base.encoders[0],
        tokenizer=base.tokenizers[0],
        unet=base.denoiser,
        scheduler=DDPMScheduler.from_config(base.scheduler_config),  # pyright: ignore[reportArgumentType]
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )


def tokens_of(base: LoadedBase, texts: Sequence[str]) -> Tokens:
    batch = base.tokenizers[0](
        list(texts), padding="max_length", max_length=base.spec.words.length, truncation=True, return_tensors="pt"
    )
    return Tokens((batch.input_ids.to(base.device),))


def encode_tokens(base: LoadedBase, tokens: Tokens, clip_skip: int = 0) -> Text:
    """(N, 77, D). After skipped layers the final norm is applied all the same, as every web UI does."""
    encoder, (ids,) = base.encoders[0], tokens.ids
    if clip_skip == 0:
        return Text(encoder(ids)[0])
    hidden = encoder(ids, output_hidden_states=True).hidden_states[-1 - clip_skip]
    return Text(getattr(encoder, "text_model", encoder).final_layer_norm(hidden))


def encode_latents(base: LoadedBase, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    posterior = base.vae.encode(pixels.to(base.device, torch.float32)).latent_dist
    scale = float(base.vae.config.scaling_factor)
    return posterior.mean * scale, posterior.std * scale


def decode_latents(base: LoadedBase, latents: torch.Tensor) -> torch.Tensor:
    drawn = base.vae.decode(latents.float() / float(base.vae.config.scaling_factor)).sample
    return (drawn / 2 + 0.5).clamp(0, 1)


def conditions(base: LoadedBase, framings: Sequence[Framing]) -> None:
    return None


def forward(
    base: LoadedBase,
    noisy: torch.Tensor,
    timesteps: torch.Tensor,
    text: Text,
    conditions: torch.Tensor | None = None,
) -> torch.Tensor:
    kind = base.dtype
    return base.denoiser(noisy.to(kind), timesteps, encoder_hidden_states=text.hidden.to(kind)).sample.float()
