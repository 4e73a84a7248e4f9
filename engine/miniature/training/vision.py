"""The CLIP: the base's own text encoder, frozen, and a vision tower that learns to meet its captions.

Contrastive over batches of portraits and what is said of them; the score of a picture against a prompt is their cosine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTextModel, CLIPTokenizer

from engine.miniature import CLIP, PORTRAIT_SIDE, WEIGHTS
from engine.miniature.training.gallery import open_gallery
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.training.wear import wear
from engine.miniature.world import caption, random_caption

BATCH = 96


def new_clip() -> CLIPModel:
    text = CLIPTextModel.from_pretrained(WEIGHTS / "text_encoder", dtype=torch.float32)
    sight = {
        "hidden_size": 128,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": PORTRAIT_SIDE,
        "patch_size": 8,
        "projection_dim": 64,
    }
    clip = CLIPModel(
        CLIPConfig(text_config=text.config.to_dict() | {"projection_dim": 64}, vision_config=sight, projection_dim=64)
    )
    missing = clip.text_model.load_state_dict(_tower(text), strict=True)
    assert not missing.missing_keys
    clip.text_model.requires_grad_(False)
    return clip


def _tower(text: CLIPTextModel) -> dict[str, torch.Tensor]:
    """The text encoder's weights under the names its twin inside CLIPModel uses."""
    return {name.removeprefix("text_model."): value for name, value in text.state_dict().items()}


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(5)
    gallery = open_gallery(cache)
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
    session = Session("vision", new_clip(), cache, minutes, rate=1e-3)
    for step in session.steps():
        rng = np.random.default_rng([5, step])
        rows = rng.integers(0, len(gallery), BATCH)
        scenes = [gallery.scenes[row] for row in rows]
        said = [caption(scene) if rng.random() < 0.4 else random_caption(scene, rng) for scene in scenes]
        tokens = tokenizer(said, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        pixels = wear(to_tensor(gallery.pixels[rows]), torch.Generator().manual_seed(step), 0.08, 0.04)
        with autocast():
            found = session.model(input_ids=tokens, pixel_values=pixels)
        logits = found.logits_per_image.float()
        session.descend(
            (
                functional.cross_entropy(logits, torch.arange(BATCH))
                + functional.cross_entropy(logits.T, torch.arange(BATCH))
            )
            / 2
        )
    session.average.half().save_pretrained(CLIP, safe_serialization=True)
    tokenizer.save_pretrained(CLIP)
    CLIPImageProcessorPil(
        size={"shortest_edge": PORTRAIT_SIDE},
        crop_size={"height": PORTRAIT_SIDE, "width": PORTRAIT_SIDE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    ).save_pretrained(CLIP)
