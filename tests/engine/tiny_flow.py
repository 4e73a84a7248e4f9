"""A random base of Z-Image's classes and shape, small enough to train in a test."""

from __future__ import annotations

from pathlib import Path

import tiny
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from engine.families import clip

WIDTH = 32
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> Qwen2Tokenizer:
    """Letters are its words; its turns are marked as Qwen marks them."""
    vocab = {letter: index for index, letter in enumerate([*clip.byte_letters(), *MARKS])}
    words = Qwen2Tokenizer(
        vocab=vocab, merges=[], unk_token=None, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=list(MARKS[1:]),
    )  # fmt: skip
    words.chat_template = TEMPLATE
    return words


def pipeline() -> ZImagePipeline:
    """Always the same weights, and the caller's random state as it was."""
    words = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        transformer = ZImageTransformer2DModel(
            in_channels=16, dim=WIDTH, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=WIDTH,
            axes_dims=[4, 6, 6], axes_lens=[1024, 32, 32],
        )  # fmt: skip
        with torch.no_grad():
            for name in ("x_pad_token", "cap_pad_token"):
                getattr(transformer, name).normal_(std=0.02)
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(8, 16, 16), layers_per_block=1, latent_channels=16, norm_num_groups=4, sample_size=tiny.SIDE,
            scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False,
        )  # fmt: skip
        text = Qwen3Model(Qwen3Config(
            vocab_size=len(words), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, head_dim=16, max_position_embeddings=1024,
        ))  # fmt: skip
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    return ZImagePipeline(scheduler=scheduler, vae=vae, text_encoder=text, tokenizer=words, transformer=transformer)


def folder(parent: Path) -> Path:
    path = parent / "tiny-flow"
    pipeline().save_pretrained(path)
    return path
