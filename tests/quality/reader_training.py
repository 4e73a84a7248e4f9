"""`python -m tests.quality.reader_training [MINUTES] [CACHE]`: trains the reader on pictures drawn for it alone.

Attributes by cross-entropy; identity by predicting the traits the pictures were drawn from (25 numbers), which needs no
list of people and so holds for strangers. Pictures are cropped, blurred, noised and compressed, so that painted ones are
read as fairly as drawn ones.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn import functional

from engine.miniature.drawing import draw_portrait
from engine.miniature.training.session import Session, autocast, to_tensor
from engine.miniature.training.wear import wear
from engine.miniature.world import Identity, Scene
from tests.quality.reader import CHOICES, FOLDER, ReaderNetwork

COUNT, BATCH = 30_000, 64
FIRST_SEED = 300_000


def portrait(index: int) -> tuple[NDArray[np.uint8], list[int], list[float]]:
    """Pixels, the place of each attribute in its list, and traits around 0."""
    rng = np.random.default_rng([900, index])
    who, scene = Identity.from_seed(FIRST_SEED + index, "train"), Scene.random(rng)
    places = [choices.index(getattr(scene, name)) for name, choices in CHOICES.items()]
    return np.asarray(draw_portrait(who, scene)), places, [value - 0.5 for value in who.traits().values()]


def pictures(cache: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    file = cache / f"reader-{COUNT}.npz"
    if not file.exists():
        with multiprocessing.Pool() as pool:
            drawn = pool.map(portrait, range(COUNT), chunksize=200)
        pixels, places, traits = zip(*drawn, strict=True)
        np.savez(file, pixels=np.stack(pixels), places=np.array(places), traits=np.array(traits, np.float32))
    stored = np.load(file)
    return stored["pixels"], stored["places"], stored["traits"]


def train(cache: Path, minutes: float) -> None:
    torch.manual_seed(77)
    pixels, places, traits = pictures(cache)
    session = Session("reader", ReaderNetwork(), cache, minutes, rate=2e-3)
    for step in session.steps():
        rows = np.random.default_rng([77, step]).integers(0, COUNT, BATCH)
        batch = wear(to_tensor(pixels[rows]), torch.Generator().manual_seed(10_000_000 + step))
        with autocast():
            logits, guess = session.model(batch)
        truth = torch.from_numpy(places[rows])
        loss = functional.mse_loss(guess.float(), torch.from_numpy(traits[rows])) * 12
        for column, name in enumerate(CHOICES):
            loss = loss + functional.cross_entropy(logits[name].float(), truth[:, column]) / len(CHOICES)
        session.descend(loss)
    FOLDER.mkdir(exist_ok=True)
    save_file(
        {
            name: value.half() if value.is_floating_point() else value
            for name, value in session.average.state_dict().items()
        },
        FOLDER / "reader.safetensors",
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    place = Path(sys.argv[2] if len(sys.argv) > 2 else ".cache/miniature")
    place.mkdir(parents=True, exist_ok=True)
    train(place, float(sys.argv[1]) if len(sys.argv) > 1 else 8.0)
