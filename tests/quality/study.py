"""One identity learnt in one way: photos, a training through the real engine, and pictures of scenes it was not shown."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

import engine
from bot.studio.captions import as_trained, previews
from engine.faces import meant
from engine.families.loaded import LoadedBase
from engine.guidance import PLAIN, LoraGuidance
from engine.miniature.photos import draw_photos
from engine.miniature.world import Scene, caption, unseen_scene
from engine.protocol import (
    Done,
    EpochReady,
    EventBase,
    LoraUse,
    Painted,
    PaintJob,
    PhotoRead,
    PhotoRef,
    PrepareJob,
    Recipe,
    SubjectKind,
    TrainImage,
    TrainJob,
)
from engine.recipes.presets import recipe_for
from engine.recipes.recipe import Prior, Schedule, Targets
from engine.scores.reading import Scores
from engine.scores.suggestion import suggest
from engine.worker.crops import show
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.prepare import prepare
from engine.worker.train import train
from tests.quality.judge import Judge

PHOTOS, SCENES, PER_SCENE = 12, 12, 2
JUDGED = {"suggested": 1.0, "late": 0.5, "all": 0.0}
"""Which epochs are judged beside the suggested one: those after this share of them."""
UNTOLD = 6
"""Scenes asked for without the trigger word."""
TRIGGER, CLASS_WORD, KIND = "ohwx", "person", SubjectKind.PERSON


@dataclass(frozen=True)
class Way:
    """A way to learn: what of the photos and of the preset's recipe is different."""

    name: str
    change: Mapping[str, object] = field(default_factory=dict[str, object])
    cropped: bool = True
    one_caption: bool = False
    """Every photo is told by the trigger and class word alone, as DreamBooth's scripts do."""
    last: bool = False
    """Take the last epoch, as a script without scores does."""
    guidance: LoraGuidance | None = None
    """How the judged pictures meet the LoRA; None: the base's own way."""
    trained_as: str = ""
    """The way whose trainings these are, where only the pictures differ."""


DREAMBOOTH: dict[str, object] = {
    "rank": 4, "alpha": 4.0, "targets": Targets.ATTN, "text_encoder_lr": 0.0, "schedule": Schedule.CONSTANT, "warmup": 0.0,
    "min_snr_gamma": None, "caption_dropout": 0.0, "masked_loss": False,
}  # fmt: skip
"""What diffusers' DreamBooth-LoRA script gives people by its README, but for the rate: rank 4, attention only, one prompt."""
PRIOR: dict[str, object] = {"prior": Prior.BASE_ANSWER, "prior_share": 0.5, "text_encoder_lr": 4e-3}
WAYS = {
    way.name: way
    for way in (
        Way("ours"),
        Way("ours-plain", guidance=PLAIN, trained_as="ours"),
        Way("dreambooth", DREAMBOOTH | {"unet_lr": 1e-4}, one_caption=True, last=True, guidance=PLAIN),
        # The same at the rates this base needs: what is left of the difference is not the size of the steps.
        Way("dreambooth-fast", DREAMBOOTH, one_caption=True, last=True, guidance=PLAIN),
        # And painted as ours is: what is left is what was learnt.
        Way("dreambooth-pressed", DREAMBOOTH, one_caption=True, last=True, trained_as="dreambooth-fast"),
        Way("uncropped", cropped=False),
        # What reads the trigger has to move before anything can differ by it: so the text encoder learns eight times as fast.
        Way("prior", PRIOR),
        Way("prior-plain", PRIOR, guidance=PLAIN, trained_as="prior"),
        Way("prior-slow", {"prior": Prior.BASE_ANSWER}),
        Way("prior-images", {"prior": Prior.CLASS_IMAGES}),
    )
}


@dataclass(frozen=True)
class Outcome:
    """One identity, one way. Likeness in points, shares of attributes in percent."""

    identity: int
    way: str
    photos: int
    seconds: float
    chosen: int
    epochs: list[dict[str, float | None]]
    likeness: float
    """Against held-out photos; of `--plain` against clean portraits."""
    likeness_portraits: float
    likeness_by_epoch: dict[int, float]
    right_by_epoch: dict[int, float]
    base: float
    right: dict[str, float]
    base_right: dict[str, float]
    bleed: float
    """How much closer to the subject the class comes without the trigger: likeness with the LoRA less that of the base."""

    @property
    def kept(self) -> float:
        """How much of what the base gets right the LoRA gets right too."""
        return 100 * self.right["all"] / self.base_right["all"]


def study(
    base: LoadedBase,
    judge: Judge,
    identity: int,
    way: Way,
    preset: str,
    unlearnt: tuple[list[Image.Image], list[Image.Image]],
    *,
    plain: bool,
    count: int,
    judged: str,
    out: Path,
    changes: dict[str, object] | None = None,
) -> Outcome:
    images, blobs = images_of(identity, way, count, plain)
    recipe = recipe_for(preset, base.ref, KIND, len(images))
    recipe = Recipe.model_validate(recipe.model_dump() | dict(way.change) | (changes or {}))
    job = TrainJob(
        job_id=f"identity-{identity}-{way.trained_as or way.name}", trigger=TRIGGER, class_word=CLASS_WORD, recipe=recipe,
        images=tuple(images),
        # Who takes the last epoch has no use for scores, nor for the pictures they are read from.
        previews=() if way.last else previews(KIND, TRIGGER, CLASS_WORD, (1, 2, 3, 4)),
    )  # fmt: skip
    learnt = trained(base, job, blobs, out / "trained")
    epochs, loras = learnt.epochs, learnt.loras
    suggested = suggest({number: Scores.of(facts) for number, facts in epochs.items()}).epoch
    chosen = max(epochs) if way.last else (suggested or max(epochs))

    scenes = unseen_scenes(identity, SCENES)
    asked = [scene for scene in scenes for _ in range(PER_SCENE)]
    bare, untold_base = unlearnt

    def likeness(pictures: Sequence[Image.Image]) -> float:
        read = judge.likeness(pictures, identity)
        return read.portraits if plain else read.photos

    ours = painted(base, scenes, loras[chosen], guidance=way.guidance)
    untold = painted(base, scenes[:UNTOLD], loras[chosen], "", way.guidance)
    shown = [show(image, blobs[image.sha256], recipe, base.factor).picture for image in images]
    sheet(shown, bare, ours).save(out / f"{identity}-{way.name}.png")
    others = [epoch for epoch in loras if epoch != chosen and epoch > JUDGED[judged] * max(loras)]
    shots = {chosen: ours} | {epoch: painted(base, scenes, loras[epoch], guidance=way.guidance) for epoch in others}
    by_epoch = {epoch: likeness(pictures) for epoch, pictures in sorted(shots.items())}
    return Outcome(
        identity=identity,
        way=way.name,
        photos=len(images),
        seconds=round(learnt.seconds, 1),
        chosen=chosen,
        epochs=list(epochs.values()),
        likeness=by_epoch[chosen],
        likeness_portraits=judge.likeness(ours, identity).portraits,
        likeness_by_epoch=by_epoch,
        right_by_epoch={epoch: judge.right(pictures, asked)["all"] for epoch, pictures in sorted(shots.items())},
        base=likeness(bare),
        right=judge.right(ours, asked),
        base_right=judge.right(bare, asked),
        bleed=round(likeness(untold) - likeness(untold_base), 1),
    )


@dataclass(frozen=True)
class Trained:
    """What a training left: of every epoch what the engine says of it, and from the first on its LoRA."""

    seconds: float
    epochs: dict[int, dict[str, float | None]]
    loras: dict[int, bytes]


def trained(base: LoadedBase, job: TrainJob, blobs: dict[str, bytes], folder: Path) -> Trained:
    """The training of `job`, or what this very code left of it in `folder`: judging can be repeated without learning again."""
    place = folder / f"{job.job_id}-{sha256(job.model_dump_json().encode() + engine_code())[:12]}"
    facts = place / "facts.json"
    if not facts.exists():
        place.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            told = run(lambda emit: train(base, job, blobs, Path(scratch), emit, Order()))
        seconds, epochs = time.monotonic() - started, [event for event in told if isinstance(event, EpochReady)]
        assert isinstance(told[-1], Done)
        for event in epochs[1:]:
            (place / f"{event.epoch}.safetensors").write_bytes(event.blobs["lora"])
        scores = [
            event.model_dump(include={"epoch", "loss", "likeness", "fidelity", "memorising", "leakage", "bleed"})
            for event in epochs
        ]
        facts.write_text(json.dumps({"seconds": seconds, "epochs": scores}))
    kept = json.loads(facts.read_text())
    epochs = {int(one["epoch"]): one for one in kept["epochs"]}
    return Trained(
        kept["seconds"], epochs, {number: (place / f"{number}.safetensors").read_bytes() for number in epochs if number}
    )


@functools.cache
def engine_code() -> bytes:
    """All of the engine's sources: a training by other code is another one."""
    return b"".join(file.read_bytes() for file in sorted(Path(engine.__file__).parent.rglob("*.py")))


def images_of(identity: int, way: Way, count: int, plain: bool) -> tuple[list[TrainImage], dict[str, bytes]]:
    """The photos of one identity, prepared by the engine; `plain` skips that and takes clean portraits and true captions."""
    photos = draw_photos(identity, count, plain)
    blobs = {sha256(photo.data): photo.data for photo in photos}
    if plain:
        said = [caption(photo.subject.scene).partition(", ")[2] for photo in photos]
        return [image(photo.name, photo.data, words) for photo, words in zip(photos, said, strict=True)], blobs
    refs = tuple(PhotoRef(photo_id=photo.name, sha256=sha256(photo.data)) for photo in photos)
    told = run(lambda emit: prepare(PrepareJob(job_id="photos", photos=refs), blobs, emit, Order()))
    kept = [event for event in told if isinstance(event, PhotoRead) and event.refused is None]
    clean = {sha256(event.blobs["photo"]): event.blobs["photo"] for event in kept}
    images = [
        image(event.photo_id, event.blobs["photo"], "" if way.one_caption else event.caption).model_copy(
            update={
                "crop": event.crop if way.cropped else None,
                "face": meant(event.faces, event.crop if way.cropped else None),
            }
        )
        for event in kept
    ]
    return images, clean


def image(name: str, data: bytes, words: str) -> TrainImage:
    return TrainImage(photo_id=name, sha256=sha256(data), caption=as_trained(KIND, TRIGGER, CLASS_WORD, words))


def unseen_scenes(identity: int, count: int) -> list[Scene]:
    """Scenes whose combination of things the base never saw."""
    rng = np.random.default_rng([97, identity])
    return [unseen_scene(rng) for _ in range(count)]


def without(base: LoadedBase, identity: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """What the bare base paints of the identity's scenes, with the trigger word and of anybody: the same for every way."""
    scenes = unseen_scenes(identity, SCENES)
    return painted(base, scenes, None), painted(base, scenes[:UNTOLD], None, "")


def painted(
    base: LoadedBase,
    scenes: Sequence[Scene],
    lora: bytes | None,
    trigger: str = TRIGGER,
    guidance: LoraGuidance | None = None,
) -> list[Image.Image]:
    """Two pictures of each scene, the same seeds whoever paints; without a trigger, of anybody."""
    pictures: list[Image.Image] = []
    blobs = {} if lora is None else {sha256(lora): lora}
    who = f"{trigger} {CLASS_WORD}" if trigger else f"a {CLASS_WORD}"
    for index, scene in enumerate(scenes):
        job = PaintJob(
            job_id=f"scene-{index}", prompt=caption(scene, who),
            seeds=tuple(1000 * index + number for number in range(PER_SCENE)), loras=tuple(LoraUse(sha256=one) for one in blobs),
            steps=base.spec.preview_steps, cfg=base.spec.preview_cfg, lora_guidance=guidance,
        )  # fmt: skip
        (event,) = [
            one for one in run(lambda emit, job=job: paint(base, job, blobs, emit, Order())) if isinstance(one, Painted)
        ]
        pictures += [
            Image.open(io.BytesIO(event.blobs[f"picture_{number}"])).convert("RGB") for number in range(PER_SCENE)
        ]
    return pictures


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
