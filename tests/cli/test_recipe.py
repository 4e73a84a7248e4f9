"""likeness recipe, and likeness train --recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Bench, Line
from engine.protocol import BaseModelRef, PaintJob, SubjectKind, TrainJob
from engine.recipes.page import page
from engine.recipes.presets import recipe_for
from engine.recipes.recipe import Recipe

Run = Callable[..., Line]
ROOT = Path(__file__).parents[2]


def test_the_page_is_current(run: Run) -> None:
    assert (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8") == page(), (
        "make it: likeness recipe docs > docs/recipes.md"
    )
    assert run("recipe", "docs").out == page()


def test_a_preset_shown_as_a_file_is_taken_back(run: Run, tmp_path: Path) -> None:
    shown = run("recipe", "show", "balanced", "--kind", "style", "--family", "sdxl", "--photos", 30)
    assert shown.code == 0 and shown.out.startswith("# balanced: style, sdxl, 30 photos\n")
    file = tmp_path / "my.toml"
    file.write_text(shown.out)
    checked = run("recipe", "check", file, "--family", "sdxl", "--kind", "style")
    expected = recipe_for("balanced", BaseModelRef(family="sdxl", source="x"), SubjectKind.STYLE, 30)
    assert checked.code == 0 and f"{expected.exposures} exposures in 8 epochs, {expected.steps} steps" in checked.out
    as_json = run("recipe", "show", "balanced", "--kind", "style", "--family", "sdxl", "--photos", 30, "--json")
    assert Recipe.model_validate(json.loads(as_json.out)) == expected


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("show", "balancd"), "did you mean balanced?"),
        (("show", "quick", "--family", "sdlx"), "did you mean sdxl?"),
        (("show", "quick", "--family", "gpt"), "there are miniature, sd15, sdxl, zimage."),
        (("check", "nowhere.toml"), "There is no file nowhere.toml."),
        (("show",), "Missing argument 'PRESET'"),
    ],
)
def test_a_wrong_word_is_one_sentence(run: Run, arguments: tuple[str, ...], words: str) -> None:
    line = run("recipe", *arguments)
    assert line.code == 2 and words in line.err and line.err.count("\n") == 1 and line.out == ""


def test_check_tells_every_mistake(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("network_dim = 4096\nlr_sheduler = 1\n")
    line = run("recipe", "check", file)
    assert line.code == 2 and line.err.splitlines() == [
        "network_dim: 4096 is not possible; allowed is 1 to 256; the nearest is 256.",
        "lr_sheduler: there is no such key; did you mean lr_scheduler?",
    ]
    file.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in run("recipe", "check", file).err


def test_train_takes_a_recipe_and_options_go_before_it(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('preset = "quick"\nnetwork_dim = 8\nepochs = 5\nresolution = 32\nseed = 4\n')
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "out", "--recipe", file, "--epochs", 2)
    assert line.code == 0, line.err
    job = bench.engine.submitted[1]
    assert isinstance(job, TrainJob)
    recipe = job.recipe
    assert (recipe.preset, recipe.rank, recipe.epochs, recipe.resolution, recipe.seed) == ("quick", 8, 2, 32, 4)
    assert recipe.alpha == 8


@pytest.mark.parametrize("text, words", [("unet_lr = 2", "burn everything"), ("network_dim = 0", "the nearest is 1")])
def test_a_wrong_recipe_starts_nothing(
    bench: Bench, run: Run, photos: Path, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(text)
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "out", "--recipe", file)
    assert line.code == 2 and words in line.err and line.err.count("\n") == 1
    assert bench.engines == [] and not (tmp_path / "out").exists()


def test_a_learned_word_is_written_beside_the_lora_and_painted_with(
    bench: Bench, run: Run, photos: Path, tmp_path: Path
) -> None:
    file = tmp_path / "word.toml"
    file.write_text('method = "embedding"\nnum_vectors_per_token = 2\n')
    out = tmp_path / "out"
    line = run("train", photos, "--trigger", "ohwx", "--out", out, "--recipe", file)
    assert line.code == 0, line.err
    report = json.loads((out / "report.json").read_text())
    assert report["lora"] is None and report["word"] == "ohwx.safetensors"
    assert next((entry["file"], entry["word"]) for entry in report["epochs"]) == (None, "ohwx-000001-word.safetensors")
    assert (out / "ohwx.safetensors").is_file() and not (out / "lora.safetensors").exists()
    assert f"--word {out / 'ohwx.safetensors'}" in line.err and "--lora" not in line.err
    painted = run("paint", "ohwx at sea", "--out", tmp_path / "p", "--word", out / "ohwx.safetensors", "--with-base")
    assert painted.code == 0, painted.err
    job = bench.engine.submitted[0]
    assert isinstance(job, PaintJob) and [use.word for use in job.words] == ["ohwx"]
    refused = run("paint", "ohwx", "--out", tmp_path / "p", "--word", tmp_path / "ohwx.pt")
    assert refused.code == 2 and "There is no learned word" in refused.err
