"""What a LoRA file is, in words and numbers for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engine.files.lora import LoraFile
from engine.files.tensors import DATA_HASH

LONGEST = 120


class Seal(StrEnum):
    """Whether the weights are those that the file was written with, by the hash in its own metadata."""

    MATCHES = "matches"
    DIFFERS = "differs"
    MISSING = "not given"


@dataclass(frozen=True, slots=True)
class Card:
    made_for: str
    """A published family, or the miniature."""
    family: str
    written_as: str
    trigger: str | None
    ranks: dict[str, int]
    """Modules by rank; the keys are numbers as JSON has them."""
    alphas: dict[str, int]
    modules: dict[str, int]
    """By part of the base."""
    residual: int
    """How many of those are in residual blocks, as a LoRA with convolutions has them."""
    base: str | None
    base_hash: str | None
    steps: int | None
    epoch: int | None
    hash: str
    """The first 12 digits, by which galleries find it."""
    seal: Seal
    bytes: int


def card_of(file: LoraFile, size: int) -> Card:
    """Of a file of `size` bytes that was read, and so passed every check of header, names, shapes, ranks and numbers."""
    present = [site for site in file.target.sites if site.key in file.weights]
    said = file.metadata.get(DATA_HASH)
    seal = Seal.MISSING if said is None else Seal.MATCHES if said == file.hash else Seal.DIFFERS
    return Card(
        made_for=file.target.name,
        family=file.target.spec.name,
        written_as=file.dialect.value,
        trigger=_line(file, "modelspec.trigger_phrase"),
        ranks=_counted(len(down) for down, _, _ in file.weights.values()),
        alphas=_counted(alpha for _, _, alpha in file.weights.values()),
        modules=dict(Counter(site.part for site in present)),
        residual=sum("resnets." in site.path or "samplers." in site.path for site in present),
        base=_line(file, "likeness.base") or _line(file, "ss_sd_model_name"),
        base_hash=_line(file, "likeness.base_hash"),
        steps=_whole(file, "ss_steps"),
        epoch=_whole(file, "ss_epoch"),
        hash=file.short_hash,
        seal=seal,
        bytes=size,
    )


def _counted(numbers: Iterable[float]) -> dict[str, int]:
    """How often each number stands there, the most frequent first."""
    return {f"{number:g}": count for number, count in Counter(numbers).most_common()}


def _line(file: LoraFile, key: str) -> str | None:
    """One line of the metadata; what a stranger put there is cut and loses what could steer a terminal."""
    text = "".join(letter for letter in file.metadata.get(key, "") if letter.isprintable())
    return text[:LONGEST] or None


def _whole(file: LoraFile, key: str) -> int | None:
    text = file.metadata.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 12 else None
