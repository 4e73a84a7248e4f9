"""A painting as it was asked for: what is stored of it while it waits, and afterwards to paint it again.

Nothing in it is a sentence: what people are told about it is said when it is shown.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bot.errors import NotFound
from bot.language import say
from engine.protocol import PaintJob
from storage.records import Job


class Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class UsedLora(Part):
    lora_id: int
    name: str
    sha256: str
    key_id: str
    """Opens it: its dataset's."""


class UsedEpochs(Part):
    """Epochs of one training, beside each other."""

    dataset_id: int
    subject_id: int
    name: str
    """The subject's."""
    key_id: str
    sha256s: tuple[str, ...]


class Axis(Part):
    """What changes along one side of a comparison."""

    kind: Literal["lora", "strength", "epoch"]
    values: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """As they are drawn into the picture, in the language in force."""
        if self.kind == "strength":
            return tuple(say("strength {strength}", strength=value) for value in self.values)
        if self.kind == "epoch":
            return tuple(say("epoch {number}", number=value) if value != "0" else say("base") for value in self.values)
        return self.values


class Matrix(Part):
    """How the pictures of a comparison stand to each other."""

    columns: Axis
    rows: Axis | None = None
    cells: tuple[tuple[tuple[int, int], ...], ...]
    """For each picture of the job the (column, row) where it stands; equal ones are painted once."""

    def label(self, number: int) -> str:
        column, row = self.cells[number][0]
        across = self.columns.labels[column]
        return across if self.rows is None else f"{across}, {self.rows.labels[row]}"


class PaintSpec(Part):
    work: PaintJob
    loras: tuple[UsedLora, ...] = ()
    init_key: str = ""
    """Opens `work.init`: the varied picture's."""
    roles: tuple[int, ...] = ()
    """The member's, when they asked: who may use the LoRAs is looked at again before it is painted and before it is shown."""
    added: tuple[str, ...] = ()
    """Trigger words that were put into the prompt."""
    bare: bool = False
    """The base alone was asked for by name."""
    from_channel: bool = False
    """Its LoRA is the channel's own: nobody named one."""
    varied: int | None = None
    """The picture, from 0, that these are variations of."""
    enlarged: int | None = None
    size: str = ""
    """As it was typed: "3:2" or "512x768"."""
    is_fast: bool = False
    spoiler: bool = False
    epochs: UsedEpochs | None = None
    matrix: Matrix | None = None

    @property
    def strengths(self) -> tuple[float, ...]:
        """Of the LoRAs, in their order; none in a comparison, where every picture has its own."""
        return () if self.matrix is not None else tuple(use.strength for use in self.work.loras)

    @property
    def keys(self) -> dict[str, str]:
        """sha256 -> the key that opens it, of everything the engine is to be given."""
        found = {used.sha256: used.key_id for used in self.loras}
        if self.epochs is not None:
            found |= dict.fromkeys(self.epochs.sha256s, self.epochs.key_id)
        if self.work.init is not None:
            found[self.work.init] = self.init_key
        return found


def commission_of(job: Job) -> PaintSpec:
    """Raises NotFound once its key was dropped."""
    if not job.spec:
        raise NotFound(say("Those pictures were deleted. /imagine paints new ones."))
    return PaintSpec.model_validate_json(job.spec)
