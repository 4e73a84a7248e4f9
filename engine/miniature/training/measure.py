"""`python -m engine.miniature.training.measure [PART ...]`: scores of the committed weights, as the model card prints them.

Everything is measured on unseen identities and, where scenes matter, on combinations the base never saw. What the
painter paints is read by the independent reader of `tests/quality`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.miniature import IDENTITY, WEIGHTS
from engine.miniature.training.gallery import held_out
from engine.miniature.world import BACKGROUNDS, Scene, caption, unseen_scene

READ = ("background", "clothes", "colour", "accessory", "expression", "pose")


def measure_vae() -> dict[str, float]:
    from diffusers import AutoencoderKL

    from engine.miniature.training.vae import peak_signal

    return {"psnr_db": peak_signal(AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32))}


def measure_painter(
    count: int = 200, guidance: float = 4.0, steps: int = 25, folder: Path = WEIGHTS, sheet: str | None = None
) -> dict[str, float]:
    """Share of `count` unseen prompts whose picture the reader finds right, attribute by attribute."""
    from diffusers import StableDiffusionPipeline

    from tests.quality.reader import Reader

    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    rng = np.random.default_rng(77)
    scenes = [unseen_scene(rng) for _ in range(count)]
    pictures: list[Image.Image] = []
    began = time.monotonic()
    for start in range(0, count, 20):
        prompts = [caption(scene) for scene in scenes[start : start + 20]]
        seeds = [torch.Generator().manual_seed(start + index) for index in range(len(prompts))]
        pictures += pipeline(
            prompts, num_inference_steps=steps, guidance_scale=guidance, generator=seeds, height=64, width=64
        ).images
    took = time.monotonic() - began
    if sheet:
        page = Image.new("RGB", (20 * 64, -(-count // 20) * 64))
        for index, picture in enumerate(pictures):
            page.paste(picture, (index % 20 * 64, index // 20 * 64))
        page.save(sheet)
    read = Reader.load().attributes(pictures)
    shares = {
        name: float(np.mean([found[name] == getattr(scene, name) for found, scene in zip(read, scenes, strict=True)]))
        for name in READ
    }
    shares["dressed_right"] = float(
        np.mean(
            [
                all(found[name] == getattr(scene, name) for name in ("clothes", "colour"))
                for found, scene in zip(read, scenes, strict=True)
            ]
        )
    )
    return shares | {"seconds_a_picture": took / count}


def measure_reader(count: int = 600) -> dict[str, float]:
    from tests.quality.reader import Reader

    gallery, reader = held_out(count, 8), Reader.load()
    pictures = [Image.fromarray(pixels) for pixels in gallery.pixels]
    read = reader.attributes(pictures)
    shares = {
        name: float(
            np.mean([found[name] == getattr(scene, name) for found, scene in zip(read, gallery.scenes, strict=True)])
        )
        for name in READ
    }
    return shares | _alike(reader.embed)


def _alike(embed: Callable[[list[Image.Image]], np.ndarray]) -> dict[str, float]:
    from engine.miniature.training.identity import views_of

    vectors = np.stack(
        [embed([Image.fromarray(view) for view in views_of(70_000 + who, 6, "unseen")]) for who in range(60)]
    )
    cosines = np.einsum("avd,bwd->abvw", vectors, vectors)
    one, pair = np.eye(60, dtype=bool), ~np.eye(6, dtype=bool)
    same, strangers = cosines[one][:, pair].ravel(), cosines[~one].ravel()
    ranks = np.searchsorted(np.sort(strangers), same) / len(strangers)
    return {"same": float(same.mean()), "strangers": float(strangers.mean()), "auc": float(ranks.mean())}


def measure_identity() -> dict[str, float]:
    from engine.miniature.senses import IdentityEmbedder

    return _alike(IdentityEmbedder.load().embed) | json.loads((IDENTITY / "calibration.json").read_text())


def overlap(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return wide * high / (areas - wide * high)


def measure_finder(sets: int = 12) -> dict[str, float]:
    """Photos of unseen identities (twelve a set) and as many faceless places; a face counts as found at an overlap of 0.5."""
    import io

    from engine.miniature.photos import compose, draw_photos, light
    from engine.miniature.senses import FaceFinder

    finder = FaceFinder.load()
    overlaps: list[float] = []
    found_boxes = true_boxes = hits = empty_hits = photos = 0
    rng = np.random.default_rng(9)
    for seed in range(900, 900 + sets):
        for photo in draw_photos(seed):
            empty, _ = compose(rng, [], [], (960, 720), 1)
            empty_hits += len(finder.find(light(empty, rng)))
            try:
                picture = ImageOps.exif_transpose(Image.open(io.BytesIO(photo.data))).convert("RGB")
            except (OSError, UnidentifiedImageError):
                continue
            photos += 1
            found = [face.box for face in finder.find(picture)]
            truth = [photo.subject.face, *(friend.face for friend in photo.friends)]
            best = [max((overlap(box, one) for one in found), default=0.0) for box in truth]
            overlaps += best
            hits += sum(value >= 0.5 for value in best)
            found_boxes, true_boxes = found_boxes + len(found), true_boxes + len(truth)
    return {
        "recall": hits / true_boxes,
        "precision": hits / max(found_boxes, 1),
        "mean_overlap": float(np.mean(overlaps)),
        "photos": photos,
        "boxes_a_faceless_picture": empty_hits / (sets * 12),
    }


def measure_captioner(count: int = 200) -> dict[str, float]:
    """Share of portraits whose caption names each thing right; `whole` is word for word."""
    from engine.miniature.senses import Captioner

    gallery = held_out(count, 6)
    said = Captioner.load().describe([Image.fromarray(pixels) for pixels in gallery.pixels])
    pairs = list(zip(said, gallery.scenes, strict=True))

    def named(text: str, scene: Scene, name: str) -> bool:
        truth = caption(scene).split(", ")
        parts = text.split(", ")
        if name == "background":
            return parts[-1] == truth[-1]
        if name == "worn":
            return [part for part in parts if part.startswith("wearing")] == [
                part for part in truth if part.startswith("wearing")
            ]
        return len(parts) > 1 and parts[1] == truth[1]

    shares = {
        name: float(np.mean([named(text, scene, name) for text, scene in pairs]))
        for name in ("background", "worn", "expression")
    }
    return shares | {"whole": float(np.mean([text == caption(scene) for text, scene in pairs]))}


def measure_clip(count: int = 200) -> dict[str, float]:
    """Right caption before captions that differ in one thing, and cosines of right and of other people's captions."""
    from dataclasses import replace

    from engine.miniature.senses import Fidelity

    gallery, fidelity = held_out(count, 4), Fidelity.load()
    rng = np.random.default_rng(4)
    others = [
        replace(scene, background=str(rng.choice([b for b in BACKGROUNDS if b != scene.background])))
        for scene in gallery.scenes
    ]
    pictures = [Image.fromarray(pixels) for pixels in gallery.pixels]
    right = fidelity.match(pictures, [caption(scene) for scene in gallery.scenes])
    wrong = fidelity.match(pictures, [caption(scene) for scene in others])
    return {
        "right_cosine": float(right.diagonal().mean()),
        "other_cosine": float(right[~np.eye(count, dtype=bool)].mean()),
        "other_place_cosine": float(wrong.diagonal().mean()),
        "right_before_other_place": float((right.diagonal() > wrong.diagonal()).mean()),
        "found_among_200": float((right.argmax(1) == np.arange(count)).mean()),
    }


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "vae": measure_vae,
    "painter": measure_painter,
    "finder": measure_finder,
    "identity": measure_identity,
    "captioner": measure_captioner,
    "clip": measure_clip,
    "reader": measure_reader,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.miniature.training.measure", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    for part in parser.parse_args().parts:
        scores = {name: round(value, 4) for name, value in PARTS[part]().items()}
        print(json.dumps({part: scores}), flush=True)


if __name__ == "__main__":
    main()
