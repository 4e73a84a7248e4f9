"""A command line with a scripted engine behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot import workbench
from bot.cli import main
from engine.fake import FakeEngine
from engine.protocol import BaseModelRef, Recipe, SubjectKind
from engine.script import Script


@dataclass
class Line:
    """What one command line came to."""

    code: int
    out: str
    err: str


@dataclass
class Bench:
    """Set `script` before a command; `engines` are those that were made."""

    script: Script = field(default_factory=Script)
    engines: list[FakeEngine] = field(default_factory=list[FakeEngine])

    @property
    def engine(self) -> FakeEngine:
        return self.engines[-1]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the embedded base to everything that does not load it."""
    folder = tmp_path / "weights"
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (folder / part).mkdir(parents=True)
        (folder / part / "model.safetensors").write_bytes(b"")
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (folder / "unet" / "config.json").write_text('{"sample_size": 16}')
    (folder / "vae" / "config.json").write_text('{"block_out_channels": [1, 2, 3]}')
    monkeypatch.setattr("engine.families.bases.WEIGHTS", folder)
    return folder


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, weights: Path) -> Bench:
    """train and paint get a FakeEngine that keeps its checkpoints where the real one would."""
    bench = Bench()

    def make(scratch: Path, device: str) -> FakeEngine:
        bench.engines.append(FakeEngine(bench.script, scratch))
        return bench.engine

    def recipe(preset: str, base: BaseModelRef, kind: SubjectKind, photos: int) -> Recipe:
        return Recipe(preset=preset, epochs=3, exposures=100 * photos)

    monkeypatch.setattr(workbench, "local_engine", make)
    monkeypatch.setattr("engine.recipes.presets.recipe_for", recipe)
    return bench


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Line]]:
    def line(*arguments: object) -> Line:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return Line(code, seen.out, seen.err)

    yield line


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos, too large and too oblong to be finished crops."""
    return put_photos(tmp_path / "photos", 6, (400, 300))


def put_photos(folder: Path, count: int, size: tuple[int, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (size[1] // 20, size[0] // 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(size).save(folder / f"photo_{number + 1}.jpg")
    return folder
