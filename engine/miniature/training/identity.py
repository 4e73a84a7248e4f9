"""The identity embedder: a small ResNet that reads a portrait's 25 traits, counted from the average person.

Its outputs, normalised, say in which direction somebody differs from everybody. It learns to tell people apart first, which
finds the features fast, and then to read the traits themselves, because a likeness must grow evenly: an embedder that only
separates people calls somebody halfway between two others a stranger to both. It sees clean portraits and crops of photos
by turns, so that light, framing and clutter are nobody's trait.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch.nn import functional
from transformers import ResNetConfig, ResNetForImageClassification

from engine.miniature import IDENTITY
from engine.miniature.drawing import draw_portrait
from engine.miniature.training.gallery import open_snapshots, snapshot
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.training.wear import wear
from engine.miniature.world import Identity, Scene, Split

PEOPLE, VIEWS, PAIRS, TEMPERATURE, BATCH = 4000, 6, 64, 0.1, 64
FIRST_SEED = 100_000
"""Train identities from here on, none of whom the base has met; the snapshots show others, whom it has."""
TRAITS = 25


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(4)
    model = ResNetForImageClassification(
        ResNetConfig(
            embedding_size=32,
            hidden_sizes=[32, 64, 128, 192],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            downsample_in_first_stage=False,
            num_labels=64,
        )
    )
    save(read_traits(tell_apart(model, cache, 0.6 * minutes), cache, 0.4 * minutes))


def tell_apart(model: ResNetForImageClassification, cache: Path, minutes: float) -> ResNetForImageClassification:
    """First the features: two portraits of one person must find each other among strangers."""
    pixels = open_people(cache, PEOPLE, VIEWS)
    session = Session("identity-apart", model, cache, minutes, rate=2e-3)
    for step in session.steps():
        rng = np.random.default_rng([4, step])
        people = rng.choice(PEOPLE, PAIRS, replace=False)
        views = np.stack([rng.choice(VIEWS, 2, replace=False) for _ in people])
        batch = to_tensor(np.concatenate([pixels[people, views[:, 0]], pixels[people, views[:, 1]]]))
        session.model.train()
        with autocast():
            vectors = session.model(pixel_values=wear(batch, torch.Generator().manual_seed(step))).logits
        session.descend(pair_loss(functional.normalize(vectors.float(), dim=1)))
    return cast(ResNetForImageClassification, session.average)


def read_traits(model: ResNetForImageClassification, cache: Path, minutes: float) -> ResNetForImageClassification:
    """Then what is said with them: one output per trait, from portraits and from crops of photos."""
    model.requires_grad_(True)
    model.classifier[-1] = torch.nn.Linear(model.config.hidden_sizes[-1], TRAITS)
    model.config.num_labels = model.num_labels = TRAITS
    portraits, snapshots = open_people(cache, PEOPLE, VIEWS), open_snapshots(cache)
    drawn = traits_of(range(FIRST_SEED, FIRST_SEED + PEOPLE))
    seeds, place = np.unique(snapshots.who, return_inverse=True)
    snapped = traits_of(seeds.tolist())[place]
    session = Session("identity", model, cache, minutes, rate=2e-3, decay=0.99)
    for step in session.steps():
        rng = np.random.default_rng([5, step])
        people, photos = (rng.choice(count, BATCH // 2, replace=False) for count in (PEOPLE, len(snapshots)))
        pixels = np.concatenate([portraits[people, rng.integers(VIEWS, size=BATCH // 2)], snapshots.pixels[photos]])
        wanted = torch.from_numpy(np.concatenate([drawn[people], snapped[photos]]))
        session.model.train()
        with autocast():
            read = session.model(pixel_values=wear(to_tensor(pixels), torch.Generator().manual_seed(step))).logits
        session.descend(trait_loss(read.float(), wanted))
    return cast(ResNetForImageClassification, session.average)


def save(model: ResNetForImageClassification) -> None:
    model.half().save_pretrained(IDENTITY, safe_serialization=True)
    calibrate()
    gather_crowd()


def pair_loss(vectors: torch.Tensor) -> torch.Tensor:
    """NT-Xent (Chen et al. 2020) over (2N, D) unit vectors, row i and row N+i being the same person."""
    count = len(vectors) // 2
    alike = vectors @ vectors.T / TEMPERATURE
    alike.fill_diagonal_(-1e4)
    partners = torch.cat([torch.arange(count, 2 * count), torch.arange(count)])
    return functional.cross_entropy(alike, partners)


def trait_loss(read: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far `read` is off, and how far its direction is: (N, 25) both."""
    return functional.mse_loss(read, wanted) + 0.1 * (1 - functional.cosine_similarity(read, wanted)).mean()


def traits_of(seeds: Iterable[int]) -> NDArray[np.float32]:
    """(N, 25) of train identities, from -1 to 1."""
    return np.array(
        [[2 * trait - 1 for trait in Identity.from_seed(seed, "train").traits().values()] for seed in seeds],
        dtype=np.float32,
    )


def open_people(cache: Path, people: int, views: int) -> NDArray[np.uint8]:
    """(people, views, 64, 64, 3): the same train identities in several scenes each."""
    file = cache / f"people-{people}x{views}.npy"
    if not file.exists():
        with multiprocessing.Pool() as pool:
            drawn = pool.starmap(
                views_of, [(FIRST_SEED + seed, views, "train") for seed in range(people)], chunksize=50
            )
        np.save(file, np.stack(drawn))
    return np.load(file)


def views_of(seed: int, views: int, split: Split) -> NDArray[np.uint8]:
    """(views, 64, 64, 3) portraits of one identity in random scenes."""
    rng = np.random.default_rng([400, seed])
    who = Identity.from_seed(seed, split)
    return np.stack([np.asarray(draw_portrait(who, Scene.random(rng))) for _ in range(views)])


def gather_crowd(people: int = 240) -> None:
    """Writes `crowd.safetensors`: one vector each of unseen people, by turns as portrait and as snapshot: the strangers of
    the scale of likeness."""
    from PIL import Image

    from engine.miniature.senses import IdentityEmbedder

    rng = np.random.default_rng(402)
    shown: list[Image.Image] = []
    for seed in range(people):
        who, scene = Identity.from_seed(60_000 + seed, "unseen"), Scene.random(rng)
        shown.append(snapshot(who, scene, rng) if seed % 2 else draw_portrait(who, scene))
    vectors = IdentityEmbedder.load().embed(shown).astype(np.float16)
    save_file({"vectors": vectors}, IDENTITY / "crowd.safetensors")


def calibrate(people: int = 60, views: int = 6) -> dict[str, float]:
    """Writes `calibration.json`: what cosines between strangers and between portraits of one (unseen) person mean."""
    from PIL import Image

    from engine.miniature.senses import IdentityEmbedder

    embedder = IdentityEmbedder.load()
    vectors = np.stack(
        [
            embedder.embed([Image.fromarray(picture) for picture in views_of(50_000 + seed, views, "unseen")])
            for seed in range(people)
        ]
    )
    cosines = np.einsum("avd,bwd->abvw", vectors, vectors)
    one, pair = np.eye(people, dtype=bool), ~np.eye(views, dtype=bool)
    same, strangers = cosines[one][:, pair].ravel(), cosines[~one].ravel()
    ranks = np.searchsorted(np.sort(strangers), same) / len(strangers)
    found = {
        "stranger_cosine": float(strangers.mean()),
        "same_cosine": float(same.mean()),
        "stranger_spread": float(strangers.std()),
        "same_spread": float(same.std()),
        "auc": float(ranks.mean()),
    }
    found = {name: round(value, 4) for name, value in found.items()}
    (IDENTITY / "calibration.json").write_text(json.dumps(found, indent=2) + "\n")
    return found
