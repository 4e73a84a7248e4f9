"""The training pictures: train identities in seen scenes, drawn once and kept in a cache folder.

Portraits are clean drawings; snapshots are crops of the kind of photos members send, with their framing, light and
clutter, so that a base knows that look and a LoRA need not learn it.

`pixels.npy` uint8 (N, 64, 64, 3), `who.npy` int64 (N,) identity seeds, `scenes.json` N named scenes with seeds.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.miniature import PORTRAIT_SIDE
from engine.miniature.drawing import draw_portrait
from engine.miniature.photos import SIZES, compose, light
from engine.miniature.senses import portrait_frame
from engine.miniature.world import Identity, Scene, Split, seen_scene, unseen_scene

IDENTITIES = 12_000


@dataclass(frozen=True)
class Gallery:
    pixels: NDArray[np.uint8]
    who: NDArray[np.int64]
    scenes: list[Scene]

    def __len__(self) -> int:
        return len(self.scenes)


def open_gallery(cache: Path, count: int = 36_000) -> Gallery:
    """The gallery of `count` portraits in `cache`, drawn now (some 2 ms a portrait and core) if it is not there."""
    return _opened(cache / f"gallery-{count}", count, _draw_chunk)


def open_snapshots(cache: Path, count: int = 16_000) -> Gallery:
    """`count` crops of photos in `cache`, drawn now (some 20 ms a photo and core) if they are not there."""
    return _opened(cache / f"snapshots-{count}", count, _snap_chunk)


def _opened(folder: Path, count: int, draw: Callable[[tuple[int, int]], Gallery]) -> Gallery:
    if not (folder / "scenes.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with multiprocessing.Pool() as pool:
            chunks = pool.map(draw, [(start, min(500, count - start)) for start in range(0, count, 500)])
        np.save(folder / "pixels.npy", np.concatenate([chunk.pixels for chunk in chunks]))
        np.save(folder / "who.npy", np.concatenate([chunk.who for chunk in chunks]))
        scenes = [asdict(scene) for chunk in chunks for scene in chunk.scenes]
        (folder / "scenes.json").write_text(json.dumps(scenes))
    return Gallery(
        pixels=np.load(folder / "pixels.npy"),
        who=np.load(folder / "who.npy"),
        scenes=[Scene(**named) for named in json.loads((folder / "scenes.json").read_text())],
    )


def _draw_chunk(span: tuple[int, int]) -> Gallery:
    start, count = span
    rng = np.random.default_rng([100, start])
    who = rng.integers(0, IDENTITIES, count)
    scenes = [seen_scene(rng) for _ in range(count)]
    return Gallery(_draw(who, scenes, "train"), who, scenes)


def _snap_chunk(span: tuple[int, int]) -> Gallery:
    start, count = span
    rng = np.random.default_rng([101, start])
    who = rng.integers(0, IDENTITIES, count)
    scenes = [seen_scene(rng) for _ in range(count)]
    pixels = [
        snapshot(Identity.from_seed(int(seed), "train"), scene, rng) for seed, scene in zip(who, scenes, strict=True)
    ]
    return Gallery(np.stack([np.asarray(one) for one in pixels]), who, scenes)


def snapshot(who: Identity, scene: Scene, rng: np.random.Generator) -> Image.Image:
    """The crop around the face of a photo of `who`, a little off, as intake's crops are."""
    wide, high = SIZES[int(rng.integers(len(SIZES)))]
    scale = rng.uniform(240, 360) / min(wide, high)
    size = round(wide * scale), round(high * scale)
    photo, (face,) = compose(rng, [who], [scene], size, supersample=1)
    left, top, right, low = portrait_frame(face)
    side = max(right - left, low - top)
    x, y = (left + right) / 2 + side * rng.normal(0, 0.04), (top + low) / 2 + side * rng.normal(0, 0.04)
    side = min(side * float(np.exp(rng.normal(0, 0.08))), *size)
    x, y = (float(np.clip(at, side / 2, whole - side / 2)) for at, whole in zip((x, y), size, strict=True))
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return light(photo, rng).resize((PORTRAIT_SIDE, PORTRAIT_SIDE), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def held_out(count: int, seed: int = 5) -> Gallery:
    """Portraits of unseen identities in unseen combinations, to measure with."""
    rng = np.random.default_rng([200, seed])
    who = rng.integers(0, 1_000_000, count)
    scenes = [unseen_scene(rng) for _ in range(count)]
    return Gallery(_draw(who, scenes, "unseen"), who, scenes)


def _draw(who: NDArray[np.int64], scenes: list[Scene], split: Split) -> NDArray[np.uint8]:
    pixels = np.empty((len(scenes), PORTRAIT_SIDE, PORTRAIT_SIDE, 3), np.uint8)
    for index, (seed, scene) in enumerate(zip(who, scenes, strict=True)):
        pixels[index] = np.asarray(draw_portrait(Identity.from_seed(int(seed), split), scene))
    return pixels
