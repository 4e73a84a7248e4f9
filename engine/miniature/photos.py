"""The demo's kind of photos: one unseen identity as members would send it in.

Bigger than portraits, of every shape, the face somewhere in them, with clutter, changing light and JPEG marks. Among
twelve there are a friend in the frame, a picture turned by EXIF that also carries GPS, a near-copy of another one and
a file that breaks off. Everything follows from the seed; the truth about each photo comes along.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from engine.miniature import clutter
from engine.miniature.drawing import draw_person, draw_portrait
from engine.miniature.head import Head
from engine.miniature.pen import Pen
from engine.miniature.world import Identity, Scene, caption

Box = tuple[int, int, int, int]
SIZES = (
    (1200, 900),
    (900, 1200),
    (1000, 1000),
    (1400, 1050),
    (800, 1200),
    (1280, 720),
    (960, 1280),
    (640, 800),
    (1100, 740),
)
SPECIALS = ("friend", "rotated", "copy", "truncated")
LEAST_COUNT = {"friend": 4, "rotated": 6, "copy": 8, "truncated": 10}
ORIENTATION_TAG, GPS_TAG = 0x0112, 0x8825


@dataclass(frozen=True, slots=True)
class Sitter:
    """Somebody in a photo and the box of their face, in upright pixels (left, top, right, bottom)."""

    seed: int
    scene: Scene
    face: Box


@dataclass(frozen=True, slots=True)
class Photo:
    """One file as a member would upload it, and what is true of it.

    kind: "plain", "friend", "rotated", "copy" or "truncated". size: upright (width, height). subject: who the set
    is about. friends: everybody else in the frame. copy_of: the name of the photo this is a near-copy of.
    """

    name: str
    data: bytes
    kind: str
    size: tuple[int, int]
    subject: Sitter
    friends: tuple[Sitter, ...] = ()
    copy_of: str | None = None

    def truth(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "size": list(self.size),
            "copy_of": self.copy_of,
            "caption": caption(self.subject.scene),
            "scene": self.subject.scene.named(),
            "face": list(self.subject.face),
            "friends": [
                {"traits": Identity.from_seed(friend.seed, "unseen").traits(), "face": list(friend.face)}
                for friend in self.friends
            ],
        }


def draw_photos(seed: int, count: int = 12, plain: bool = False) -> list[Photo]:
    """`count` photos of the unseen identity `seed`; `plain` gives clean 64 px PNG portraits and plants nothing."""
    rng = np.random.default_rng([seed, 31])
    if plain:
        return [_plain(seed, index, rng) for index in range(count)]
    kinds = [kind for kind in SPECIALS if count >= LEAST_COUNT[kind]]
    places = 1 + rng.permutation(max(count - 1, 0))[: len(kinds)] if kinds else []
    special = dict(zip((int(place) for place in places), kinds, strict=True))
    photos: list[Photo] = []
    for index in range(count):
        kind = special.get(index, "plain")
        name = f"photo_{index + 1:02d}.jpg"
        pattern = next((photo for photo in photos if photo.kind == "plain"), None)
        if kind == "copy" and pattern is not None:
            photos.append(_near_copy(pattern, name, rng))
        else:
            photos.append(_fresh(seed, name, kind, rng))
    return photos


def write_photos(out_dir: Path, seed: int, count: int = 12, plain: bool = False) -> list[Path]:
    """Write the files and `truth.json` ({seed, split, traits, photos}) into `out_dir`; returns the photo paths."""
    out_dir.mkdir(parents=True, exist_ok=True)
    photos = draw_photos(seed, count, plain)
    truth = {
        "seed": seed,
        "split": "unseen",
        "traits": Identity.from_seed(seed, "unseen").traits(),
        "photos": [photo.truth() for photo in photos],
    }
    for photo in photos:
        (out_dir / photo.name).write_bytes(photo.data)
    (out_dir / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    return [out_dir / photo.name for photo in photos]


def compose(
    rng: np.random.Generator, people: list[Identity], scenes: list[Scene], size: tuple[int, int], supersample: int = 2
) -> tuple[Image.Image, list[Box]]:
    """A photo of `people` (the first is the subject) before light and camera; a face box for each. No people: just the place."""
    wide, high = size
    picture = Image.new("RGB", (wide * supersample, high * supersample))
    clutter.room(picture, rng, scenes[0].background if scenes else None)
    short = min(wide, high)
    frame = short * float(rng.uniform(0.55, 1.2)) / (1 if len(people) < 2 else 1.25)
    slots = _slots(rng, len(people), size, frame)
    boxes: list[Box] = []
    for who, scene, (x, y, scale) in zip(people, scenes, slots, strict=True):
        side = frame * scale
        pen = Pen(
            picture,
            (x - side / 2) * supersample,
            (y - side / 2) * supersample,
            side * supersample,
            float(rng.normal(0, 0.08)),
        )
        head = draw_person(pen, who, scene)
        boxes.append(_face_box(pen, head, supersample, size))
    clutter.foreground(picture, rng)
    return picture.resize(size, Image.Resampling.BOX), boxes


def _slots(
    rng: np.random.Generator, count: int, size: tuple[int, int], frame: float
) -> list[tuple[float, float, float]]:
    """Where heads go (x, y of the frame's middle, relative size): off-centre, apart from each other, inside the picture."""
    wide, high = size
    slots: list[tuple[float, float, float]] = []
    order = rng.permutation(count) if count else []
    for index in range(count):
        scale = float(rng.uniform(0.85, 1.0)) if index else 1.0
        reach = 0.36 * frame * scale  # half a head with its hair
        if count == 1:
            x = float(rng.uniform(0.28, 0.72)) * wide
        else:
            x = (int(order[index]) + 0.5 + float(rng.uniform(-0.08, 0.08))) / count * wide
            scale = min(scale, wide / count / (0.62 * frame))
        x = float(np.clip(x, reach, max(reach, wide - reach)))
        y = float(
            np.clip(float(rng.uniform(0.3, 0.6)) * high, 0.42 * frame * scale, max(0.42 * frame * scale, high - reach))
        )
        slots.append((x, y, scale))
    return slots


def _face_box(pen: Pen, head: Head, supersample: int, size: tuple[int, int]) -> Box:
    edge = pen.pixels(head.outline) / supersample
    (left, top), (right, low) = np.floor(edge.min(0)), np.ceil(edge.max(0))
    return max(0, int(left)), max(0, int(top)), min(size[0], int(right)), min(size[1], int(low))


def light(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """`picture` under other light: brightness, warmth, a side that is darker, a little blur and grain."""
    pixels = np.asarray(picture, dtype=np.float32)
    pixels = (
        pixels
        * rng.uniform(0.8, 1.12)
        * np.array([rng.uniform(0.94, 1.06), 1.0, rng.uniform(0.92, 1.06)], dtype=np.float32)
    )
    slope = np.linspace(1.0, rng.uniform(0.8, 1.0), pixels.shape[1], dtype=np.float32)
    pixels *= (slope if rng.random() < 0.5 else slope[::-1])[None, :, None]
    pixels += rng.normal(0, rng.uniform(0.5, 4.0), pixels.shape[:2]).astype(np.float32)[..., None]
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return lit.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.9)))) if rng.random() < 0.4 else lit


def _fresh(seed: int, name: str, kind: str, rng: np.random.Generator) -> Photo:
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    seeds = [seed]
    if kind == "friend":
        width, height = max(width, height), min(width, height)
        seeds.append(seed + 500_000 + int(rng.integers(1000)))
    scenes = [Scene.random(rng) for _ in seeds]
    if scenes[0].accessory == "sunglasses" and rng.random() < 0.5:
        scenes[0] = replace(scenes[0], accessory="none")
    people = [Identity.from_seed(one, "unseen") for one in seeds]
    picture, boxes = compose(rng, people, scenes, (width, height))
    sitters = [Sitter(one, scene, box) for one, scene, box in zip(seeds, scenes, boxes, strict=True)]
    quality = int(rng.integers(62, 96))
    data = _jpeg(light(picture, rng), quality, turned=kind == "rotated")
    if kind == "truncated":
        data = data[: int(len(data) * 0.4)]
    return Photo(name, data, kind, (width, height), sitters[0], tuple(sitters[1:]))


def _jpeg(picture: Image.Image, quality: int, turned: bool = False) -> bytes:
    buffer = io.BytesIO()
    if not turned:
        picture.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6  # shown turned clockwise by a quarter, so the pixels are stored turned back
    exif[0x010F] = "Cartoon Optics"
    exif.get_ifd(GPS_TAG).update({1: "N", 2: (52.0, 13.0, 48.0), 3: "E", 4: (21.0, 0.0, 44.0)})
    picture.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def _near_copy(pattern: Photo, name: str, rng: np.random.Generator) -> Photo:
    """The same shot sent again: two pixels trimmed all around, a little brighter, saved at a poorer quality."""
    trim = 2
    with Image.open(io.BytesIO(pattern.data)) as file:
        picture = file.convert("RGB")
    width, height = picture.size
    picture = picture.crop((trim, trim, width - trim, height - trim)).point(
        [min(255, round(v * 1.03)) for v in range(256)] * 3
    )
    left, top, right, low = pattern.subject.face
    subject = replace(
        pattern.subject,
        face=(
            max(0, left - trim),
            max(0, top - trim),
            min(right - trim, picture.width),
            min(low - trim, picture.height),
        ),
    )
    return Photo(name, _jpeg(picture, int(rng.integers(50, 62))), "copy", picture.size, subject, (), pattern.name)


def _plain(seed: int, index: int, rng: np.random.Generator) -> Photo:
    scene = Scene.random(rng)
    who = Identity.from_seed(seed, "unseen")
    buffer = io.BytesIO()
    picture = draw_portrait(who, scene)
    picture.save(buffer, "PNG")
    left, top, right, low = Head(who, scene).box()
    side = picture.width
    face = (round(left * side), round(top * side), round(right * side), round(low * side))
    return Photo(f"photo_{index + 1:02d}.png", buffer.getvalue(), "plain", picture.size, Sitter(seed, scene, face))
