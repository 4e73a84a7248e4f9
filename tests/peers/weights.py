"""Random weights in a family's published size, as each trainer reads them: written once, and found again by the next run.

folder/        diffusers' layout, with CLIP's `text_model.` level, which the published folders have
file           one checkpoint in Stability's own layout, as sd-scripts' users have it
tokenizers/    CLIP's tokenizers under the names sd-scripts looks for, so that nothing is downloaded
"""

from __future__ import annotations

import gc
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.bench import bases
from engine.families import clip, sd15, sdxl
from tests.engine import single_file

LAYOUTS = {"sd15": sd15.LAYOUT, "sdxl": sdxl.LAYOUT}
ENCODERS = ("text_encoder", "text_encoder_2")
TOKENIZERS = {
    "openai_clip-vit-large-patch14": clip.END,
    "laion_CLIP-ViT-bigG-14-laion2B-39B-b160k": sdxl.OPENCLIP_PAD,
}


@dataclass(frozen=True, slots=True)
class Weights:
    folder: Path
    file: Path
    tokenizers: Path


def weights_of(base: str, place: Path) -> Weights:
    """bf16 on the disk, whatever the trainings compute in."""
    found = Weights(place / base, place / f"{base}.safetensors", place / "tokenizers")
    done = place / f"{base}.done"
    if not done.exists():
        place.mkdir(parents=True, exist_ok=True)
        _write_tokenizers(found.tokenizers)
        pipe = _pipeline(base)
        write(pipe, found)
        del pipe
        gc.collect()
        done.touch()
    return found


def write(pipe: Any, weights: Weights) -> None:
    single_file.write(pipe, weights.file)
    pipe.save_pretrained(weights.folder)
    for part in ENCODERS:
        # Newer transformers save one encoder without the level that every published folder has, and read both.
        saved = weights.folder / part / "model.safetensors"
        if saved.exists():
            tensors = {_levelled(name): tensor for name, tensor in load_file(saved).items()}
            save_file(tensors, saved, {"format": "pt"})
    write_tokenizer(weights.folder / "tokenizer", clip.END)
    if (weights.folder / "tokenizer_2").is_dir():
        write_tokenizer(weights.folder / "tokenizer_2", sdxl.OPENCLIP_PAD)


def _pipeline(base: str) -> Any:
    pipe = bases.random_pipeline(LAYOUTS[base], torch.device("cpu"), torch.bfloat16)
    for part in ("vae", *ENCODERS):
        if getattr(pipe, part, None) is not None:
            getattr(pipe, part).to(torch.bfloat16)
    return pipe


def _levelled(name: str) -> str:
    return name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}"


def _write_tokenizers(place: Path) -> None:
    for name, pad in TOKENIZERS.items():
        write_tokenizer(place / name, pad)


def write_tokenizer(folder: Path, pad: str) -> None:
    """The published files of CLIP's tokenizer, which every version of transformers reads."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab: dict[str, int] = clip.tokenizer(pad=pad).get_vocab()
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    with gzip.open(clip.MERGES, "rt", encoding="utf-8") as stream:
        (folder / "merges.txt").write_text("#version: 0.2\n" + stream.read(), encoding="utf-8")
    marks = {"bos_token": "<|startoftext|>", "eos_token": clip.END, "unk_token": clip.END, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(marks), encoding="utf-8")
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **marks}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").unlink(missing_ok=True)
