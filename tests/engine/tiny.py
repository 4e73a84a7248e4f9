"""A random base of Stable Diffusion 1.x's classes and shape, small enough to train in a test."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.families import clip, sd15
from engine.families.loaded import LoadedBase
from engine.protocol import BaseModelRef, Box, PreviewPrompt, Recipe, TrainImage, TrainJob

SIDE = 32
WIDTH = 32


def tokenizer() -> CLIPTokenizer:
    letters = clip.byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=77)


def pipeline() -> StableDiffusionPipeline:
    """Always the same weights, and the caller's random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        words = tokenizer()
        unet = UNet2DConditionModel(
            sample_size=SIDE // 4, layers_per_block=1, block_out_channels=(32, 64), cross_attention_dim=WIDTH, norm_num_groups=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            attention_head_dim=4,
        )  # fmt: skip
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(8, 16, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=SIDE,
        )  # fmt: skip
        text = CLIPTextModel(CLIPTextConfig(
            vocab_size=len(words), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            projection_dim=WIDTH, max_position_embeddings=77, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        ))  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=words, unet=unet, scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip


def folder(parent: Path) -> Path:
    path = parent / "tiny"
    pipeline().save_pretrained(path)
    return path


def base(path: Path) -> LoadedBase:
    """As a worker loads it, but for previews of three denoising steps."""
    loaded = sd15.load(BaseModelRef(source=str(path)))
    return replace(loaded, spec=replace(loaded.spec, preview_steps=3))


def photo(index: int, width: int = 48, height: int = 40) -> bytes:
    """A picture of its own for every index."""
    draw = torch.Generator().manual_seed(index)
    small = (torch.rand(4, 4, 3, generator=draw) * 255).to(torch.uint8).numpy()
    buffer = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(buffer, "PNG")
    return buffer.getvalue()


PHOTOS = {f"{index:064x}": photo(index) for index in range(5)}
RECIPE = Recipe(rank=4, alpha=2, unet_lr=1e-2, batch_size=2, exposures=24, epochs=3, resolution=SIDE, seed=5)


def job(recipe: Recipe = RECIPE, **changes: object) -> TrainJob:
    images = tuple(
        TrainImage(
            photo_id=f"p{index}",
            sha256=sha256,
            crop=Box(x0=4, y0=2, x1=36, y1=36),
            caption=f"ohwx person, number {index}",
        )
        for index, sha256 in enumerate(PHOTOS)
    )
    plain: dict[str, object] = {
        "job_id": "job1", "base": BaseModelRef(source="tiny"), "trigger": "ohwx", "class_word": "person",
        "recipe": recipe, "images": images,
        "previews": (PreviewPrompt(prompt="ohwx person", seed=1), PreviewPrompt(prompt="ohwx person on the moon", seed=2)),
    }  # fmt: skip
    return TrainJob.model_validate({**plain, **changes})
