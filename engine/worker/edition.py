"""One epoch as files: written, proven, staged to be painted with, and found again in its bundle."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from engine.families.loaded import LoadedBase
from engine.files import embedding, lora, notes
from engine.protocol import TrainJob
from engine.worker.checkpoint import Bundle
from engine.worker.learner import Learner
from engine.worker.proof import Shell
from engine.worker.slots import Mixture, table_of
from engine.worker.words import Spelling, words_of

LORA, EMBEDDING = "lora.safetensors", "embedding.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    files: dict[str, bytes]
    weights: lora.Weights
    """As they stand in the file; empty where a word is all that was learned."""
    vectors: embedding.Vectors
    """Of the learned word; empty where there is none."""

    @contextmanager
    def staged(self, base: LoadedBase, trigger: str) -> Generator[tuple[Mixture, Spelling], None, None]:
        """Ready to paint with: the previews show what people will get."""
        table, words = table_of(base), words_of(base)
        slot = table.take(self.weights) if self.weights else None
        ids = words.take(list(self.vectors.values())) if self.vectors else ()
        try:
            yield {} if slot is None else {slot: 1.0}, {trigger: ids} if ids else {}
        finally:
            if slot is not None:
                table.give_back(slot)
            if ids:
                words.give_back(ids)


def edition_of(base: LoadedBase, job: TrainJob, learner: Learner, epoch: int, shell: Shell) -> Edition:
    """What the learner has come to. EngineError where a file does not read back as it was meant."""
    recipe, weights, vectors = job.recipe, learner.weights(), learner.vectors()
    files: dict[str, bytes] = {}
    if weights:
        about = notes.about(
            base, trigger=job.trigger, rank=recipe.rank, alpha=recipe.alpha, steps=learner.step, epoch=epoch,
            resolution=recipe.resolution, conv=(recipe.conv_rank, recipe.conv_alpha) if recipe.conv_rank else None,
        )  # fmt: skip
        data = files[LORA] = lora.write(weights, about)
        weights = shell.prove(data, weights).weights
    if vectors:
        about = notes.about_word(base, trigger=job.trigger, steps=learner.step, epoch=epoch)
        files[EMBEDDING] = embedding.write(vectors, about)
    return Edition(files, weights, vectors)


def sent(bundle: Bundle) -> dict[str, bytes]:
    """The blobs of `EpochReady`, by name."""
    found = {name.removesuffix(".png"): shown for name, shown in pictures_in(bundle, "preview")}
    return found | {name.partition(".")[0]: bundle.files[name] for name in (LORA, EMBEDDING) if name in bundle.files}


def pictures_in(bundle: Bundle, kind: str) -> list[tuple[str, bytes]]:
    """Its "preview"s or "probe"s, in the prompts' order."""
    names = [name for name in bundle.files if name.startswith(f"{kind}_")]
    return [
        (name, bundle.files[name])
        for name in sorted(names, key=lambda name: int(name.removesuffix(".png").split("_")[1]))
    ]


def picture_of(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as file:
        return file.convert("RGB")
