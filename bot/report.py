"""report.json: what a training and its pictures came to, for people who measure. All paths are relative to the file."""

from __future__ import annotations

import io
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from engine.protocol import Recipe

REPORT_NAME = "report.json"


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RefusedPhoto(Entry):
    name: str
    reason: str


class PhotosEntry(Entry):
    given: int
    kept: int
    refused: tuple[RefusedPhoto, ...] = ()


class EpochEntry(Entry):
    epoch: int
    """From 1."""
    loss: float | None = None
    likeness: float | None = None
    """0 = a stranger of the same class, 100 = the subject's own photo-to-photo spread."""
    fidelity: float | None = None
    """How much of a prompt survives, 100 = as much as in the base's own pictures."""
    memorising: float | None = None
    """0 = as near to a photo as the photos are to each other, 100 = a copy of one."""
    leakage: float | None = None
    """Pictures without the trigger: 0 = the base's own, 100 = as changed as by another seed."""
    bleed: float | None = None
    """Points of likeness that the class without the trigger gained over the base's."""
    file: str | None
    """The LoRA; None where only a word was learned."""
    word: str | None = None
    """The vectors of the learned word, where the recipe learns one."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file for file in (self.file, self.word) if file is not None)


class PictureEntry(Entry):
    prompt: str
    seed: int
    file: str
    base_file: str | None = None
    """The base's picture of the same prompt and seed, without LoRA."""


class SecondsEntry(Entry):
    prepare: float = 0.0
    train: float = 0.0
    grid: float = 0.0
    paint: float = 0.0
    total: float = 0.0


class Report(Entry):
    photos: PhotosEntry
    trigger: str
    base: str
    """A path, or a hub id."""
    recipe: Recipe
    epochs: tuple[EpochEntry, ...]
    suggested: int | None = None
    reason: str = ""
    """Why the engine suggests this epoch."""
    votes: dict[int, int] = Field(default_factory=dict[int, int])
    """epoch -> votes; empty where nobody voted."""
    winner: int | None = None
    lora: str | None = None
    word: str | None = None
    """The suggested epoch's learned word."""
    pictures: tuple[PictureEntry, ...] = ()
    seconds: SecondsEntry = SecondsEntry()


class Painting(Entry):
    """pictures.json, beside the pictures of `likeness paint`."""

    pictures: tuple[PictureEntry, ...]
    seconds: float


class CellEntry(Entry):
    x: str
    y: str
    """Its labels; "" where there is one axis only."""
    file: str


class Grid(Entry):
    """grid.json, beside the pictures of `likeness grid`."""

    x: tuple[str, ...]
    y: tuple[str, ...] = ()
    file: str
    cells: tuple[CellEntry, ...]
    """Row by row; equal pictures share a file."""
    seconds: float


def relative(path: Path, folder: Path) -> str:
    """`path` as it is written into a report that lies in `folder`: relative, with forward slashes."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def write_report(report: Report | Painting | Grid, file: Path) -> None:
    """Whole or not at all."""
    write_whole(file, (report.model_dump_json(indent=2) + "\n").encode())


def write_whole(file: Path, data: bytes) -> None:
    """All of `data` under its name, or nothing."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(file)


def write_png(picture: bytes, file: Path) -> None:
    """`picture` (WebP, as Discord is sent it, or any other) as the PNG that the file's name says."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.save(buffer, "PNG")
    write_whole(file, buffer.getvalue())
