"""The face finder: a SegFormer that marks the core of every cartoon face in a photo scaled to 192 px.

Cores are faces shrunk to 60 %, so that neighbours stay apart; `senses.FaceFinder` turns them into boxes. Learnt from
compositions of none to three train identities among clutter, under changing light.
"""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from engine.miniature import FACE_FINDER
from engine.miniature.photos import compose, light
from engine.miniature.senses import CORE, FINDER_SIDE
from engine.miniature.training.gallery import IDENTITIES
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.world import Identity, seen_scene

COUNT, BATCH, CELLS = 6000, 16, FINDER_SIDE // 4


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(3)
    pixels, cores = open_compositions(cache)
    model = SegformerForSemanticSegmentation(
        SegformerConfig(
            num_encoder_blocks=4,
            depths=[1, 1, 1, 1],
            hidden_sizes=[16, 32, 64, 96],
            num_attention_heads=[1, 2, 4, 4],
            sr_ratios=[8, 4, 2, 1],
            mlp_ratios=[2, 2, 2, 2],
            decoder_hidden_size=64,
            num_labels=2,
            id2label={0: "elsewhere", 1: "face"},
            label2id={"elsewhere": 0, "face": 1},
            classifier_dropout_prob=0.0,
            drop_path_rate=0.0,
        )
    )
    session = Session("finder", model, cache, minutes, rate=1.5e-3)
    for step in session.steps():
        rows = np.random.default_rng([3, step]).integers(0, len(pixels), BATCH)
        with autocast():
            logits = session.model(pixel_values=to_tensor(pixels[rows])).logits
        truth = torch.from_numpy(cores[rows].astype(np.int64))
        session.descend(functional.cross_entropy(logits.float(), truth, weight=torch.tensor([1.0, 2.0])))
    session.average.half().save_pretrained(FACE_FINDER, safe_serialization=True)


def open_compositions(cache: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures (N, 192, 192, 3), scaled and padded as the finder sees them, and cores (N, 48, 48)."""
    file = cache / f"compositions-{COUNT}.npz"
    if not file.exists():
        with multiprocessing.Pool() as pool:
            pairs = pool.map(_composition, range(COUNT), chunksize=50)
        np.savez(file, pixels=np.stack([p for p, _ in pairs]), cores=np.stack([c for _, c in pairs]))
    stored = np.load(file)
    return stored["pixels"], stored["cores"]


def _composition(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng([300, index])
    count = int(rng.choice((0, 1, 2, 3), p=(0.12, 0.5, 0.26, 0.12)))
    short = int(FINDER_SIDE * rng.uniform(0.52, 1.0))
    size = (FINDER_SIDE, short) if rng.random() < 0.5 or count > 1 else (short, FINDER_SIDE)
    people = [Identity.from_seed(int(seed), "train") for seed in rng.integers(0, IDENTITIES, count)]
    picture, boxes = compose(rng, people, [seen_scene(rng) for _ in people], size)
    pixels = np.zeros((FINDER_SIDE, FINDER_SIDE, 3), np.uint8)
    pixels[: size[1], : size[0]] = np.asarray(light(picture, rng))
    y, x = np.mgrid[0:CELLS, 0:CELLS] * 4 + 2
    core = np.zeros((CELLS, CELLS), np.uint8)
    for left, top, right, low in boxes:
        rx, ry = max(right - left, 6) / 2 * CORE, max(low - top, 6) / 2 * CORE
        core |= (((x - (left + right) / 2) / rx) ** 2 + ((y - (top + low) / 2) / ry) ** 2 <= 1).astype(np.uint8)
    return pixels, core
