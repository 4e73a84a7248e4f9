"""The captioner: a BLIP of a few layers, taught to say the plain caption of a scene, on portraits and on snapshots.

Its WordPiece vocabulary is the world's words; what it says names clothes, place, accessory, expression and pose, and
never who it is, since no caption ever does. While it learns, linear heads that are thrown away afterwards ask its eyes
for each thing by itself: words alone teach expressions very slowly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessorPil, BlipProcessor

from engine.miniature import CAPTIONER, PORTRAIT_SIDE
from engine.miniature.training.gallery import open_gallery, open_snapshots
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.training.tokenizer import world_words
from engine.miniature.training.unet import NAMED
from engine.miniature.training.wear import wear
from engine.miniature.world import caption

BATCH = 48
ASKING = 0.5
"""Weight of the heads' loss."""


def new_tokenizer() -> BertTokenizer:
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *letters, *(f"##{letter}" for letter in letters)]
    tokens += sorted(world_words())
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return BertTokenizer(vocab=vocab, do_lower_case=True, model_max_length=64, bos_token="[DEC]")


def new_captioner(tokenizer: BertTokenizer) -> BlipForConditionalGeneration:
    ids = {
        "bos_token_id": tokenizer.convert_tokens_to_ids("[DEC]"),
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 128,
        "encoder_hidden_size": 128,
        "intermediate_size": 256,
        "projection_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        **ids,
    }
    sight = {
        "hidden_size": 128,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": PORTRAIT_SIDE,
        "patch_size": 8,
        "projection_dim": 64,
    }
    return BlipForConditionalGeneration(
        BlipConfig(
            text_config=text, vision_config=sight, projection_dim=64, image_text_hidden_size=64, label_smoothing=0.0
        )
    )


class Asked(nn.Module):
    """The captioner with a head for each thing a caption names, on the mean of what its eyes see."""

    def __init__(self, blip: BlipForConditionalGeneration) -> None:
        super().__init__()
        self.blip = blip
        self.heads = nn.Linear(128, sum(map(len, NAMED.values())))

    def forward(
        self, pixels: torch.Tensor, words: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The loss of the words, and logits (N, choices) of each thing."""
        seen = self.blip.vision_model(pixel_values=pixels).last_hidden_state
        said = self.blip.text_decoder(
            input_ids=words,
            attention_mask=mask,
            encoder_hidden_states=seen,
            labels=words.masked_fill(mask == 0, -100),
            reduction="mean",
        )
        return said.loss, self.heads(seen.mean(1)).split([len(choices) for choices in NAMED.values()], dim=1)


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(6)
    gallery, snapshots = open_gallery(cache), open_snapshots(cache)
    pixels_of = np.concatenate([gallery.pixels, snapshots.pixels])
    tokenizer = new_tokenizer()
    said = tokenizer(
        [f"[DEC] {caption(scene)} [SEP]" for scene in (*gallery.scenes, *snapshots.scenes)],
        add_special_tokens=False,
        padding=True,
        return_tensors="pt",
    )
    truth = torch.tensor(
        [
            [choices.index(getattr(scene, name)) for name, choices in NAMED.items()]
            for scene in (*gallery.scenes, *snapshots.scenes)
        ]
    )
    session = Session("captioner", Asked(new_captioner(tokenizer)), cache, minutes, rate=1e-3)
    for step in session.steps():
        rng = np.random.default_rng([6, step])
        rows = rng.integers(0, len(gallery), BATCH)
        rows[BATCH // 3 :] = len(gallery) + rng.integers(0, len(snapshots), BATCH - BATCH // 3)
        pixels = wear(to_tensor(pixels_of[rows]), torch.Generator().manual_seed(step))
        words, mask = said.input_ids[rows], said.attention_mask[rows]
        with autocast():
            loss, logits = session.model(pixels, words, mask)
        asked = sum(
            functional.cross_entropy(one.float(), right) for one, right in zip(logits, truth[rows].T, strict=True)
        )
        session.descend(loss.float() + ASKING * asked / len(NAMED))
    save(session.average.blip, tokenizer)


def save(model: torch.nn.Module, tokenizer: BertTokenizer) -> None:
    assert isinstance(model, BlipForConditionalGeneration)
    processor = BlipImageProcessorPil(
        size={"height": PORTRAIT_SIDE, "width": PORTRAIT_SIDE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_convert_rgb=True,
    )
    model.half().save_pretrained(CAPTIONER, safe_serialization=True)
    BlipProcessor(processor, tokenizer).save_pretrained(CAPTIONER)
