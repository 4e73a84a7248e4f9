"""likeness grid, with a scripted engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli.conftest import Bench, Line
from engine.guidance import LoraGuidance
from engine.protocol import PaintJob

Run = Callable[..., Line]
PROMPT = "a portrait of ohwx on a blue background"


@pytest.fixture
def epochs(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"ohwx-00000{number}.safetensors").write_bytes(b"epoch %d" % number)
    (folder / "lora.safetensors").write_bytes(b"the winner")
    return folder


def jobs(bench: Bench) -> list[PaintJob]:
    return [job for job in bench.engine.submitted if isinstance(job, PaintJob)]


def test_all_epochs_at_two_strengths_are_one_job(bench: Bench, run: Run, epochs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lora = epochs / "ohwx-000002.safetensors"
    line = run(
        "grid", PROMPT, "--x", "epoch=all", "--y", "strength=0.5,1", "--lora", lora, "--seed", 7, "--out", out, "--json"
    )
    assert line.code == 0, line.err
    told = json.loads(line.out)
    assert told == json.loads((out / "grid.json").read_text())
    assert told["x"] == ["base", "epoch 1", "epoch 2", "epoch 3"] and told["y"] == ["strength 0.5", "strength 1"]
    files = {(cell["x"], cell["y"]): cell["file"] for cell in told["cells"]}
    assert len(files) == 8
    assert files["base", "strength 0.5"] == files["base", "strength 1"] == "column-1-row-1.png"
    (job,) = jobs(bench)
    assert job.seeds == (7,) * 7 and len({shot.loras for shot in job.shots}) == 7
    pictures = {name: Image.open(out / name).tobytes() for name in files.values()}
    assert len(set(pictures.values())) == 7
    with Image.open(out / "grid.png") as grid:
        assert grid.width > 4 * 64 and grid.height > 2 * 64
        said = grid.info["parameters"]
    assert said.startswith(PROMPT)
    assert 'Script: X/Y/Z plot, X Type: Epoch, X Values: "0, 1, 2, 3", Y Type: Strength' in said
    assert not (out / ".engine").exists()


def test_other_steps_and_samplers_are_jobs_of_their_own(bench: Bench, run: Run, tmp_path: Path) -> None:
    line = run(
        "grid", PROMPT, "--x", "steps=8,12", "--y", "sampler=Euler a,ddim", "--lora-guidance", 2, "--lora-start", 0.1,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert line.code == 0 and line.out == "" and "2 x 2 pictures" in line.err
    assert [(job.steps, job.sampler) for job in jobs(bench)] == [
        (8, "Euler a"),
        (12, "Euler a"),
        (8, "DDIM"),
        (12, "DDIM"),
    ]
    assert {job.lora_guidance for job in jobs(bench)} == {LoraGuidance(scale=2.0, start=0.1)}


def test_loras_and_prompts(bench: Bench, run: Run, epochs: Path, tmp_path: Path) -> None:
    axis = f"lora={epochs / 'lora.safetensors'},{epochs / 'ohwx-000001.safetensors'},none"
    line = run("grid", PROMPT, "--x", axis, "--y", "prompt=blue,red", "--out", tmp_path / "out", "--json")
    assert line.code == 0, line.err
    assert json.loads(line.out)["x"] == ["lora", "ohwx-000001", "without LoRA"]
    (job,) = jobs(bench)
    assert [shot.prompt for shot in job.shots] == [PROMPT] * 3 + [PROMPT.replace("blue", "red")] * 3
    assert [len(shot.loras or ()) for shot in job.shots] == [1, 1, 0] * 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--x", "strenght=1"], 'Did you mean "strength"?'),
        (["--x", "strength=1"], "needs a LoRA"),
        (["--x", "cfg=1,2", "--y", "cfg=3"], 'Both axes are "cfg"'),
        (["--x", "epoch=all"], "as the first --lora"),
        (["--x", "epoch=1,9", "--lora", "run/ohwx-000001.safetensors"], "no epoch 9 beside ohwx-000001.safetensors"),
        (["--x", "epoch=all", "--lora", "run/lora.safetensors"], "as the first --lora"),
        (["--x", "lora=nowhere.safetensors"], "no LoRA file nowhere.safetensors"),
        (["--x", "prompt=moon,beach"], "does not stand in the prompt"),
        (["--x", "sampler=LCM,DDIM", "--steps", "60"], "at most 50 steps"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(
    bench: Bench,
    run: Run,
    epochs: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    line = run("grid", PROMPT, *arguments, "--out", "out")
    assert line.code == 2 and line.out == "" and line.err.count("\n") == 1
    assert words in line.err
    assert bench.engines == [] and not Path("out").exists()
