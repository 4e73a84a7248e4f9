"""A random base of Stable Diffusion XL's classes and shape, small enough to train in a test."""

from __future__ import annotations

from pathlib import Path

import tiny
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from engine.families import clip

FIRST, SECOND, POOLED, TIME = 32, 24, 16, 8
"""Widths of the two text encoders, of the second one's summary, and of each number the UNet is told."""


def tokenizer(pad: str) -> CLIPTokenizer:
    letters = clip.byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=[], pad_token=pad, model_max_length=77)


def pipeline() -> StableDiffusionXLPipeline:
    """Always the same weights, and the caller's random state as it was."""
    first, second = tokenizer("<|endoftext|>"), tokenizer("!")

    def text(words: CLIPTokenizer, width: int) -> CLIPTextConfig:
        return CLIPTextConfig(
            vocab_size=len(words), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=4,
            projection_dim=POOLED, max_position_embeddings=77, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id, hidden_act="quick_gelu" if width == FIRST else "gelu",
        )  # fmt: skip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12)
        unet = UNet2DConditionModel(
            sample_size=tiny.SIDE // 4, layers_per_block=1, block_out_channels=(32, 64), norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(2, 4), transformer_layers_per_block=(1, 2), use_linear_projection=True,
            cross_attention_dim=FIRST + SECOND, addition_embed_type="text_time", addition_time_embed_dim=TIME,
            projection_class_embeddings_input_dim=6 * TIME + POOLED,
        )  # fmt: skip
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(8, 16, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=tiny.SIDE,
            scaling_factor=0.13025, force_upcast=True,
        )  # fmt: skip
        encoders = CLIPTextModel(text(first, FIRST)), CLIPTextModelWithProjection(text(second, SECOND))
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=vae, text_encoder=encoders[0], text_encoder_2=encoders[1], tokenizer=first, tokenizer_2=second, unet=unet,
        scheduler=scheduler, add_watermarker=False,
    )  # fmt: skip


def folder(parent: Path) -> Path:
    path = parent / "tiny-xl"
    pipeline().save_pretrained(path)
    return path
