"""One training from a folder of photos, without Discord: prepare, train, and everything that is left in the out folder.

DIR/ohwx-000001.safetensors ...   one LoRA per epoch, kohya's names
DIR/lora.safetensors              the suggested epoch
DIR/ohwx.safetensors              its learned word, where the recipe learns one (DIR/ohwx-000001-word.safetensors ...)
DIR/grid.png                      columns: base, epoch 1 .. N; rows: prompts; one seed along a row
DIR/curve.png                     the scores over the epochs, where the base has eyes to read them
DIR/report.json                   `bot.report.Report`
DIR/.checkpoint/                  only while a training is not over: `--resume` goes on from it
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.bars import Watch
from bot.bases import Base
from bot.errors import UserError
from bot.folder import Folder
from bot.report import (
    REPORT_NAME,
    EpochEntry,
    PhotosEntry,
    Report,
    SecondsEntry,
    relative,
    write_png,
    write_report,
    write_whole,
)
from bot.studio import scores
from bot.verdict import Kept, read_photos
from bot.workbench import Workbench
from engine.protocol import (
    Done,
    EpochReady,
    Event,
    Interrupted,
    PreviewPrompt,
    Progress,
    Recipe,
    SubjectKind,
    TrainImage,
    TrainJob,
)

LORA_NAME = "lora.safetensors"
GRID_NAME = "grid.png"
CURVE_NAME = "curve.png"
CHECKPOINT = ".checkpoint"


@dataclass(frozen=True)
class TrainingOrder:
    """What was asked for on the command line, checked."""

    folder: Folder
    trigger: str
    class_word: str
    kind: SubjectKind
    base: Base
    recipe: Callable[[int], Recipe]
    """How so many photos are trained."""
    previews: tuple[PreviewPrompt, ...]
    out: Path
    crop: bool = True
    resume: bool = False


def checkpoint_folder(out: Path) -> Path:
    return out / CHECKPOINT


def open_checkpoint(out: Path, *, resume: bool) -> None:
    """Before the engine starts: an unfinished training is there to go on with, or is gone with what came of older ones."""
    folder = checkpoint_folder(out)
    if resume:
        if not (folder / "training.json").is_file():
            raise UserError(f"There is no unfinished training in {out}: leave --resume out to start one.")
        return
    if folder.exists():
        shutil.rmtree(folder)
    for name in (LORA_NAME, GRID_NAME, CURVE_NAME, REPORT_NAME):
        (out / name).unlink(missing_ok=True)


async def train_folder(
    order: TrainingOrder, bench: Workbench, watch: Watch, clock: Callable[[], float] = time.monotonic
) -> Report:
    """Everything from photos to report. UserError for bad input; Stopped when the person stopped it: resume goes on."""
    began = clock()
    verdict = await read_photos(order.folder, order.base, order.kind, bench, watch, crop=order.crop)
    prepared = clock()
    recipe = order.recipe(len(verdict.kept))
    job = _job(order, recipe, verdict.kept)
    epochs = _Epochs(order.out, order.trigger)
    if order.resume:
        job = job.model_copy(update={"have_epochs": epochs.take_up(job.job_id)})
    else:
        epochs.begin(job.job_id)
    done = await _follow(job, {kept.sha256: kept.photo for kept in verdict.kept}, bench, watch, epochs)
    trained = clock()
    suggested = done.suggested if done.suggested in epochs.entries else max(epochs.entries, default=None)
    chosen = None if suggested is None else epochs.entries[suggested]
    word_name = f"{order.trigger}.safetensors"
    if chosen is not None and chosen.file is not None:
        write_whole(order.out / LORA_NAME, (order.out / chosen.file).read_bytes())
    if chosen is not None and chosen.word is not None:
        # Web UIs know a learned word by the name of its file.
        write_whole(order.out / word_name, (order.out / chosen.word).read_bytes())
    _draw_sheets(order, epochs, suggested)
    drawn = clock()
    report = Report(
        photos=PhotosEntry(given=len(order.folder.photos), kept=len(verdict.kept), refused=verdict.refused),
        trigger=order.trigger,
        base=_base(order.base, order.out),
        recipe=recipe,
        epochs=tuple(epochs.entries[number] for number in sorted(epochs.entries)),
        suggested=suggested,
        reason=done.reason,
        lora=LORA_NAME if chosen is not None and chosen.file is not None else None,
        word=word_name if chosen is not None and chosen.word is not None else None,
        seconds=SecondsEntry(
            prepare=round(prepared - began, 2),
            train=round(trained - prepared, 2),
            grid=round(drawn - trained, 2),
            total=round(drawn - began, 2),
        ),
    )
    write_report(report, order.out / REPORT_NAME)
    epochs.finish()
    return report


def _job(order: TrainingOrder, recipe: Recipe, kept: Sequence[Kept]) -> TrainJob:
    """The same order gives the same job id, by which the engine knows its checkpoint again."""
    images = tuple(
        TrainImage(
            photo_id=one.photo_id,
            sha256=one.sha256,
            crop=one.crop,
            face=one.face,
            repeats=one.weight,
            caption=one.caption(order.kind, order.trigger, order.class_word),
        )
        for one in kept
    )
    job = TrainJob(
        job_id="",
        base=order.base.ref,
        trigger=order.trigger,
        class_word=order.class_word,
        subject_kind=order.kind,
        recipe=recipe,
        images=images,
        previews=order.previews,
        lora_guidance=order.base.record.lora_guidance,
    )
    return job.model_copy(update={"job_id": f"train-{hashlib.sha256(job.model_dump_json().encode()).hexdigest()[:16]}"})


async def _follow(job: TrainJob, files: Mapping[str, bytes], bench: Workbench, watch: Watch, epochs: _Epochs) -> Done:
    async for event in bench.work(job, files):
        _tell(event, watch)
        if isinstance(event, EpochReady):
            epochs.keep(event)
            if event.epoch:
                watch.say(_epoch_sentence(event, job.recipe.epochs))
        elif isinstance(event, Done):
            return event
    raise AssertionError("work() ends with Done or raises")


def _tell(event: Event, watch: Watch) -> None:
    if isinstance(event, Progress):
        note = f"epoch {event.epoch} of {event.epochs}" if event.epochs and event.phase == "training" else ""
        if event.note:
            watch.say(event.note)
        if event.loss is not None:
            note += f"{', ' if note else ''}loss {event.loss:.4f}"
        watch.step(event.phase, event.step, event.total, note=note, seconds_left=event.seconds_left)
    elif isinstance(event, Interrupted):
        watch.say("The engine stopped and was started again; it goes on from the last checkpoint.")


def _epoch_sentence(event: EpochReady, epochs: int) -> str:
    told = [f"loss {event.loss:.4f}"] if event.loss is not None else []
    told += [read] if (read := scores.whole(event)) else []
    return f"Epoch {event.epoch} of {epochs}{': ' if told else ''}{', '.join(told)}."


@dataclass
class _Epochs:
    """What has come out so far, on disk at once: a parked or killed training loses none of it."""

    out: Path
    trigger: str
    job_id: str = ""
    entries: dict[int, EpochEntry] = field(default_factory=dict[int, EpochEntry])

    @property
    def folder(self) -> Path:
        return checkpoint_folder(self.out)

    def begin(self, job_id: str) -> None:
        self.job_id = job_id
        self.folder.mkdir(exist_ok=True)
        self._note()

    def take_up(self, job_id: str) -> tuple[int, ...]:
        """The epochs that are here already, 0 for the base's previews. UserError when there is nothing to go on with."""
        try:
            noted = json.loads((self.folder / "training.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(
                f"There is no unfinished training in {self.out}: leave --resume out to start one."
            ) from None
        if noted["job_id"] != job_id:
            raise UserError(
                f"The unfinished training in {self.out} was started with other photos, captions or settings: "
                "give the same ones again, or leave --resume out to start anew."
            )
        self.job_id = job_id
        entries = [EpochEntry.model_validate(entry) for entry in noted["epochs"]]
        self.entries = {
            entry.epoch: entry for entry in entries if all((self.out / file).is_file() for file in entry.files)
        }
        base = [0] if self.previews(0) else []
        return (*base, *sorted(self.entries))

    def keep(self, event: EpochReady) -> None:
        for name, data in event.blobs.items():
            if name.startswith("preview_"):
                write_whole(self.folder / f"epoch-{event.epoch:06d}-{name}.png", data)
        if event.epoch == 0:
            return
        file = f"{self.trigger}-{event.epoch:06d}.safetensors"
        word = f"{self.trigger}-{event.epoch:06d}-word.safetensors" if "embedding" in event.blobs else None
        if "lora" in event.blobs:
            write_whole(self.out / file, event.blobs["lora"])
        if word is not None:
            write_whole(self.out / word, event.blobs["embedding"])
        self.entries[event.epoch] = EpochEntry(
            epoch=event.epoch, loss=event.loss, likeness=event.likeness, fidelity=event.fidelity,
            memorising=event.memorising, leakage=event.leakage, bleed=event.bleed,
            file=file if "lora" in event.blobs else None, word=word,
        )  # fmt: skip
        self._note()

    def previews(self, epoch: int) -> tuple[bytes, ...]:
        files = self.folder.glob(f"epoch-{epoch:06d}-preview_*.png")
        return tuple(file.read_bytes() for file in sorted(files, key=lambda file: int(file.stem.rpartition("_")[2])))

    def finish(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _note(self) -> None:
        noted = {"job_id": self.job_id, "epochs": [entry.model_dump() for entry in self.entries.values()]}
        write_whole(self.folder / "training.json", json.dumps(noted).encode())


def _draw_sheets(order: TrainingOrder, epochs: _Epochs, suggested: int | None) -> None:
    """The base, then one column per epoch, with its scores below; and the scores as curves."""
    from bot.studio.ballot_sheet import Column, beneath, grid
    from bot.studio.curve import draw

    base = Column("", "base", epochs.previews(0))
    columns = [
        Column(str(number), f"epoch {number}", epochs.previews(number), scores.column(entry), number == suggested)
        for number, entry in sorted(epochs.entries.items())
    ]
    drawn = beneath(grid(base, columns, [preview.prompt for preview in order.previews]))
    write_png(drawn, order.out / GRID_NAME)
    curve = draw(epochs.entries, suggested)
    if curve is not None:
        write_png(curve, order.out / CURVE_NAME)


def _base(base: Base, out: Path) -> str:
    return (
        base.title
        if base.title == base.ref.source and not Path(base.title).exists()
        else relative(Path(base.title), out)
    )
