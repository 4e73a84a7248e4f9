"""Z-Image: a single-stream diffusion transformer on a straight flow, told by a language model.

The transformer counts time from noise (0) to picture (1) and answers with the way towards the picture; here time runs from
0 (picture) to 1000 (noise) and the answer is noise - clean, as everywhere in this project.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from engine.errors import BaseUnavailable
from engine.families import bases, opening
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.sites import lora_sites
from engine.families.spec import ZIMAGE
from engine.families.text import Text, Tokens
from engine.protocol import BaseModelRef

NATIVE = 1024
PATCH = 2


def load(ref: BaseModelRef, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> LoadedBase:
    device = torch.device(device)
    dtype = opening.dtype_for(device, dtype)
    place = opening.place_of(ref)
    pipeline = opening.pipeline(place, ZIMAGE, dtype)
    transformer, vae = pipeline.transformer, pipeline.vae
    if transformer.config.in_channels != ZIMAGE.latent_channels or transformer.config.siglip_feat_dim is not None:
        raise BaseUnavailable(f"'{place.name}' is an editing model; a plain text-to-image one is needed.")
    for module, kind in ((transformer, dtype), (pipeline.text_encoder, dtype), (vae, torch.float32)):
        opening.settle(module, device, kind)
    scheduler_config, prediction = opening.schedule(ref, ZIMAGE, pipeline.scheduler.config)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return LoadedBase(
        family=sys.modules[__name__],  # pyright: ignore[reportArgumentType]  a module is what implements the protocol
        spec=ZIMAGE,
        ref=ref,
        name=place.name,
        fingerprint=bases.fingerprint(place),
        device=device,
        denoiser=transformer,
        vae=vae,
        encoders=(pipeline.text_encoder,),
        tokenizers=(pipeline.tokenizer,),
        scheduler_config=scheduler_config,
        prediction=prediction,
        native=min(NATIVE, int(vae.config.sample_size)),
        factor=factor,
        multiple=factor * PATCH,
        sites=lora_sites(ZIMAGE, transformer.config),
        conv_sites=(),
    )


def pipeline_of(base: LoadedBase) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler.from_config(base.scheduler_config),  # pyright: ignore[reportArgumentType]
        vae=base.vae,
        text_encoder=base.encoders[0],
        tokenizer=base.tokenizers[0],
        transformer=base.denoiser,
    )


def tokens_of(base: LoadedBase, texts: Sequence[str]) -> Tokens:
    """Each text as a person's turn in a talk that the language model is about to answer: so the base was taught."""
    tokenizer = base.tokenizers[0]
    turns = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        for text in texts
    ]
    batch = tokenizer(
        turns, padding="longest", padding_side="right", max_length=base.spec.words.length, truncation=True,
        return_tensors="pt",
    )  # fmt: skip
    return Tokens((batch.input_ids.to(base.device),), batch.attention_mask.bool().to(base.device))


def encode_tokens(base: LoadedBase, tokens: Tokens, clip_skip: int = 0) -> Text:
    """(N, L, D) from before the language model's last layer, with the mask of what is text. It knows no clip skip."""
    answer = base.encoders[0](input_ids=tokens.ids[0], attention_mask=tokens.mask, output_hidden_states=True)
    return Text(answer.hidden_states[-2], mask=tokens.mask)


def encode_latents(base: LoadedBase, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    config = base.vae.config
    posterior = base.vae.encode(pixels.to(base.device, torch.float32)).latent_dist
    scale = float(config.scaling_factor)
    return (posterior.mean - float(config.shift_factor)) * scale, posterior.std * scale


def decode_latents(base: LoadedBase, latents: torch.Tensor) -> torch.Tensor:
    config = base.vae.config
    drawn = base.vae.decode(latents.float() / float(config.scaling_factor) + float(config.shift_factor)).sample
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
    assert text.mask is not None
    kind = base.dtype
    clock = (1000 - timesteps.expand(len(noisy)).float()) / 1000
    pictures = list(noisy.to(kind).unsqueeze(2).unbind(0))
    # Padding is at the end; asked for all rows at once, for each look at a number waits for the device.
    lengths: list[int] = text.mask.sum(dim=1).tolist()
    captions = [row[:length] for row, length in zip(text.hidden.to(kind), lengths, strict=True)]
    answers = base.denoiser(pictures, clock, captions, return_dict=False)[0]
    return -torch.stack([answer.float() for answer in answers]).squeeze(2)
