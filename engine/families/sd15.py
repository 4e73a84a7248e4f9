"""Stable Diffusion 1.x: loading, and the few things a training or a sampler asks of it.

A base comes as the miniature, a diffusers folder, a single .safetensors checkpoint or a hub id that was downloaded
before. Nothing here ever reaches for the network.

A single checkpoint carries no configuration. One in the standard SD 1.x layout gets the one packed beside this module
(`sd15_layout`: configs and CLIP-L's merges, from which the tokenizer is rebuilt). For any other shape, put a folder
with the configs and tokenizer of its diffusers version beside it, named like the file: `mini.safetensors` and `mini/`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from engine.errors import BaseUnavailable
from engine.families import bases
from engine.families.bases import BaseKind, BasePlace
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.sites import lora_sites
from engine.families.spec import SD15
from engine.families.text import Text, Tokens
from engine.protocol import BaseModelRef

LAYOUT = Path(__file__).parent / "sd15_layout"


def load(ref: BaseModelRef, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> LoadedBase:
    device = torch.device(device)
    if dtype is None:
        dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    place = bases.find(ref)
    pipeline = _open(place, dtype)
    if pipeline.unet.config.in_channels != SD15.latent_channels:
        raise BaseUnavailable(f"'{place.name}' is an inpainting or editing model; a plain text-to-image one is needed.")
    for module, kind in ((pipeline.unet, dtype), (pipeline.vae, torch.float32), (pipeline.text_encoder, torch.float32)):
        module.requires_grad_(False).eval().to(device=device, dtype=kind)
    unet, vae = pipeline.unet, pipeline.vae
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return LoadedBase(
        family=sys.modules[__name__],  # pyright: ignore[reportArgumentType]  a module is what implements the protocol
        spec=SD15,
        ref=ref,
        name=place.name,
        fingerprint=bases.fingerprint(place),
        device=device,
        denoiser=unet,
        vae=vae,
        encoders=(pipeline.text_encoder,),
        tokenizers=(pipeline.tokenizer,),
        scheduler_config=dict(pipeline.scheduler.config),
        prediction=pipeline.scheduler.config.get("prediction_type", SD15.prediction),
        native=int(unet.config.sample_size) * factor,
        factor=factor,
        # A UNet halves its latents once per level but the last.
        multiple=factor * 2 ** (len(unet.config.block_out_channels) - 1),
        sites=lora_sites(SD15, unet.config, pipeline.text_encoder.config.to_dict()),
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
        list(texts), padding="max_length", max_length=base.spec.text_length, truncation=True, return_tensors="pt"
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


def _open(place: BasePlace, dtype: torch.dtype) -> Any:
    import diffusers.utils.logging
    import transformers.utils.logging
    from diffusers import StableDiffusionPipeline

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    plain: dict[str, Any] = {
        "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False, "dtype": dtype,
        "local_files_only": True,
    }  # fmt: skip
    try:
        if place.kind is not BaseKind.CHECKPOINT:
            return StableDiffusionPipeline.from_pretrained(
                place.path, use_safetensors=True, variant=place.variant, **plain
            )
        beside = place.path.with_suffix("")
        if (beside / "model_index.json").is_file():
            return StableDiffusionPipeline.from_single_file(str(place.path), config=str(beside), **plain)
        return StableDiffusionPipeline.from_single_file(
            str(place.path), config=str(LAYOUT), tokenizer=_standard_tokenizer(), **plain
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        hint = (
            " A checkpoint that is no standard Stable Diffusion 1.x needs its diffusers folder beside it, named like the file."
            if place.kind is BaseKind.CHECKPOINT
            else " Download it again, or name another base."
        )
        raise BaseUnavailable(f"The base model '{place.name}' is there but cannot be loaded.{hint}") from error


def _standard_tokenizer() -> Any:
    """CLIP-L's tokenizer from its merges alone: its words are the 256 byte letters, alone and at an end, then the merges."""
    import gzip

    from transformers import CLIPTokenizer

    with gzip.open(LAYOUT / "merges.txt.gz", "rt", encoding="utf-8") as stream:
        merges = [(first, second) for first, _, second in (line.rstrip("\n").partition(" ") for line in stream)]
    letters = _byte_letters()
    words = [
        *letters,
        *(letter + "</w>" for letter in letters),
        *(a + b for a, b in merges),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocab = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=SD15.text_length)  # pyright: ignore[reportArgumentType]


def _byte_letters() -> list[str]:
    """The printable stand-ins for the 256 bytes, in GPT-2's and CLIP's order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in plain] + [chr(256 + index) for index in range(256 - len(plain))]
