"""What a training really learns: unseen identities through the real engine, judged by a reader that took no part in it.

Per identity: photos are drawn as members would send them, prepared (faces found, cropped, captioned), trained with the
preset, and the suggested epoch paints scenes it was not shown. The bare base paints the same prompts with the same seeds.
The likeness is measured against clean portraits of the identity (100 is how alike those are to each other) and of
strangers (0); what the prompts asked for is read from the pictures of both.

    make quality                                   the table, and quality-out/quality.json
    .venv/bin/python -m tests.quality --identities 3 --preset quick --plain
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from bot.studio.captions import as_trained, previews
from engine.families import load
from engine.families.loaded import LoadedBase
from engine.recipes.presets import PRESETS, recipe_for
from engine.miniature.drawing import draw_portrait
from engine.miniature.photos import draw_photos
from engine.miniature.world import Identity, Scene, caption, unseen_scene
from engine.protocol import (
    BaseModelRef,
    Done,
    EpochReady,
    EventBase,
    LoraUse,
    Painted,
    PaintJob,
    PhotoRead,
    PhotoRef,
    PrepareJob,
    SubjectKind,
    TrainImage,
    TrainJob,
)
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.prepare import prepare
from engine.worker.train import train
from tests.quality.reader import Reader

FIRST_SEED = 7_000
PHOTOS, SCENES, PER_SCENE = 12, 8, 2
TRIGGER, CLASS_WORD, KIND = "ohwx", "person", SubjectKind.PERSON
BARS = {"likeness": 60.0, "base": 15.0, "kept": 90.0}


@dataclass(frozen=True)
class Outcome:
    """One identity. Likeness from 0 (a stranger) to 100 (the identity's own portraits); shares of attributes in percent."""

    identity: int
    photos: int
    seconds: float
    suggested: int
    epochs: list[dict[str, float | None]]
    likeness: float
    likeness_by_epoch: dict[int, float]
    base: float
    right: dict[str, float]
    base_right: dict[str, float]

    @property
    def kept(self) -> float:
        """How much of what the base gets right the LoRA gets right too."""
        return 100 * self.right["all"] / self.base_right["all"]


class Judge:
    def __init__(self) -> None:
        self.reader = Reader.load()
        rng = np.random.default_rng(99)
        self.strangers = [
            draw_portrait(Identity.from_seed(600_000 + seed, "unseen"), Scene.random(rng)) for seed in range(60)
        ]

    def likeness(self, pictures: Sequence[Image.Image], identity: int) -> float:
        rng = np.random.default_rng([98, identity])
        own = [draw_portrait(Identity.from_seed(identity, "unseen"), Scene.random(rng)) for _ in range(16)]
        return round(self.reader.likeness(pictures, own, self.strangers), 1)

    def right(self, pictures: Sequence[Image.Image], scenes: Sequence[Scene]) -> dict[str, float]:
        """Percent read right, of what the prompts named: a bare head or a plain look is not named."""
        hits: dict[str, list[bool]] = {}
        for read, scene in zip(self.reader.attributes(pictures), scenes, strict=True):
            for name, asked in scene.named().items():
                if asked not in ("none", "neutral", "straight"):
                    hits.setdefault(name, []).append(read[name] == asked)
        shares = {name: round(100 * float(np.mean(one)), 1) for name, one in sorted(hits.items())}
        return shares | {"all": round(100 * float(np.mean([hit for one in hits.values() for hit in one])), 1)}


def images_of(identity: int, plain: bool) -> tuple[list[TrainImage], dict[str, bytes]]:
    """The photos of one identity, prepared by the engine; `plain` skips that and takes clean portraits and true captions."""
    photos = draw_photos(identity, PHOTOS, plain)
    blobs = {sha256(photo.data): photo.data for photo in photos}
    if plain:
        said = [caption(photo.subject.scene).partition(", ")[2] for photo in photos]
        return [image(photo.name, photo.data, words) for photo, words in zip(photos, said, strict=True)], blobs
    refs = tuple(PhotoRef(photo_id=photo.name, sha256=sha256(photo.data)) for photo in photos)
    told = run(lambda emit: prepare(PrepareJob(job_id="photos", photos=refs), blobs, emit, Order()))
    kept = [event for event in told if isinstance(event, PhotoRead) and event.refused is None]
    clean = {sha256(event.blobs["photo"]): event.blobs["photo"] for event in kept}
    images = [
        image(event.photo_id, event.blobs["photo"], event.caption).model_copy(update={"crop": event.crop})
        for event in kept
    ]
    return images, clean


def image(name: str, data: bytes, words: str) -> TrainImage:
    return TrainImage(photo_id=name, sha256=sha256(data), caption=as_trained(KIND, TRIGGER, CLASS_WORD, words))


def measure(
    base: LoadedBase, judge: Judge, identity: int, preset: str, *, plain: bool, every_epoch: bool, out: Path
) -> Outcome:
    images, blobs = images_of(identity, plain)
    recipe = recipe_for(preset, base.ref, KIND, len(images))
    job = TrainJob(
        job_id=f"identity-{identity}", trigger=TRIGGER, class_word=CLASS_WORD, recipe=recipe, images=tuple(images),
        previews=previews(KIND, TRIGGER, CLASS_WORD, (1, 2, 3, 4)),
    )  # fmt: skip
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        told = run(lambda emit: train(base, job, blobs, Path(scratch), emit, Order()))
    seconds = time.monotonic() - started
    epochs = {event.epoch: event for event in told if isinstance(event, EpochReady)}
    done = told[-1]
    assert isinstance(done, Done)
    suggested = done.suggested or max(epochs)

    scenes = unseen_scenes(identity, SCENES)
    asked = [scene for scene in scenes for _ in range(PER_SCENE)]
    bare = painted(base, scenes, None)
    ours = painted(base, scenes, epochs[suggested].blobs["lora"])
    sheet(images_shown(images, blobs), bare, ours).save(out / f"{identity}.png")
    by_epoch = {suggested: judge.likeness(ours, identity)}
    if every_epoch:
        others = (epoch for epoch in epochs if epoch not in (0, suggested))
        by_epoch |= {
            epoch: judge.likeness(painted(base, scenes, epochs[epoch].blobs["lora"]), identity) for epoch in others
        }
    return Outcome(
        identity=identity,
        photos=len(images),
        seconds=round(seconds, 1),
        suggested=suggested,
        epochs=[
            {"epoch": event.epoch, "loss": event.loss, "likeness": event.likeness, "fidelity": event.fidelity}
            for event in epochs.values()
        ],
        likeness=by_epoch[suggested],
        likeness_by_epoch=dict(sorted(by_epoch.items())),
        base=judge.likeness(bare, identity),
        right=judge.right(ours, asked),
        base_right=judge.right(bare, asked),
    )


def unseen_scenes(identity: int, count: int) -> list[Scene]:
    """Scenes whose combination of things the base never saw."""
    rng = np.random.default_rng([97, identity])
    return [unseen_scene(rng) for _ in range(count)]


def painted(base: LoadedBase, scenes: Sequence[Scene], lora: bytes | None) -> list[Image.Image]:
    """Two pictures of each scene, the same seeds whoever paints."""
    pictures: list[Image.Image] = []
    blobs = {} if lora is None else {sha256(lora): lora}
    for index, scene in enumerate(scenes):
        job = PaintJob(
            job_id=f"scene-{index}", prompt=caption(scene, f"{TRIGGER} {CLASS_WORD}"),
            seeds=tuple(1000 * index + number for number in range(PER_SCENE)), loras=tuple(LoraUse(sha256=one) for one in blobs),
            steps=base.spec.preview_steps, cfg=base.spec.preview_cfg,
        )  # fmt: skip
        (event,) = [
            one for one in run(lambda emit, job=job: paint(base, job, blobs, emit, Order())) if isinstance(one, Painted)
        ]
        pictures += [
            Image.open(io.BytesIO(event.blobs[f"picture_{number}"])).convert("RGB") for number in range(PER_SCENE)
        ]
    return pictures


def images_shown(images: Sequence[TrainImage], blobs: dict[str, bytes]) -> list[Image.Image]:
    from engine.worker.crops import cut

    return [cut(image, blobs[image.sha256], 64)[0] for image in images]


def sheet(*rows: Sequence[Image.Image], side: int = 96) -> Image.Image:
    """The photos as trained, the base's pictures, the LoRA's below them."""
    whole = Image.new("RGB", (side * max(len(row) for row in rows), side * len(rows)), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            whole.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (x * side, y * side))
    return whole


def run(work: object) -> list[EventBase]:
    """Drive one of the engine's generators to its end; what it emitted."""
    told: list[EventBase] = []
    steps: Iterator[None] = work(told.append)  # pyright: ignore[reportCallIssue]
    for _ in steps:
        pass
    return told


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def table(outcomes: Sequence[Outcome]) -> str:
    lines = ["identity  photos  seconds  epoch  likeness  base   engine's own   scene right  base's   kept"]
    for one in outcomes:
        own = next(epoch for epoch in one.epochs if epoch["epoch"] == one.suggested)
        lines.append(
            f"{one.identity:8d}  {one.photos:6d}  {one.seconds:7.0f}  {one.suggested:5d}  {one.likeness:8.1f}  {one.base:5.1f}"
            f"   {own['likeness'] or 0:5.1f} / {own['fidelity'] or 0:5.1f}   {one.right['all']:10.1f}"
            f"  {one.base_right['all']:6.1f}  {one.kept:5.1f}"
        )
    return "\n".join(lines)


def verdict(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Medians of likeness; of the scene attributes the share over all identities."""
    right = float(np.mean([one.right["all"] for one in outcomes]))
    base_right = float(np.mean([one.base_right["all"] for one in outcomes]))
    return {
        "likeness": round(median(one.likeness for one in outcomes), 1),
        "base": round(median(one.base for one in outcomes), 1),
        "kept": round(100 * right / base_right, 1),
        "right": round(right, 1),
        "base_right": round(base_right, 1),
        "seconds": round(median(one.seconds for one in outcomes), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.quality", description="Train unseen identities and read what was learnt."
    )
    parser.add_argument("--identities", type=int, default=10)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first identity")
    parser.add_argument("--preset", choices=PRESETS, default="balanced")
    parser.add_argument("--plain", action="store_true", help="clean portraits with true captions instead of photos")
    parser.add_argument("--every-epoch", action="store_true", help="judge every epoch, not only the suggested one")
    parser.add_argument("--out", type=Path, default=Path("quality-out"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    base, judge = load(BaseModelRef()), Judge()
    outcomes: list[Outcome] = []
    for identity in range(options.first, options.first + options.identities):
        outcomes.append(
            measure(
                base,
                judge,
                identity,
                options.preset,
                plain=options.plain,
                every_epoch=options.every_epoch,
                out=options.out,
            )
        )
        print(table(outcomes) if len(outcomes) == 1 else table(outcomes).splitlines()[-1], flush=True)
    found = verdict(outcomes)
    report = {"bars": BARS, "verdict": found, "preset": options.preset, "identities": [asdict(one) for one in outcomes]}
    (options.out / "quality.json").write_text(json.dumps(report, indent=2) + "\n")
    passed = found["likeness"] >= BARS["likeness"] and found["base"] <= BARS["base"] and found["kept"] >= BARS["kept"]
    print(
        f"\nmedian likeness {found['likeness']} (at least {BARS['likeness']:.0f}), base {found['base']} "
        f"(at most {BARS['base']:.0f}), "
        f"scene attributes right {found['right']} % against the base's {found['base_right']} %: {found['kept']} % kept "
        f"(at least {BARS['kept']:.0f})\n{'PASSED' if passed else 'NOT REACHED'}; pictures and quality.json are in {options.out}/"
    )
    raise SystemExit(0 if passed else 1)
