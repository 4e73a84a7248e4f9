"""likeness paint, with a scripted engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli.conftest import Bench, Line
from engine.guidance import SUBJECT
from engine.protocol import FailureKind, PaintJob
from engine.script import Script
from engine.shots import Hires

Run = Callable[..., Line]
PROMPT = "a portrait of ohwx on a blue background"


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    file = tmp_path / "lora.safetensors"
    file.write_bytes(b"whatever the engine makes of it")
    return file


def test_pictures_and_the_base_beside_them(bench: Bench, run: Run, lora: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = run(
        "paint", PROMPT, "--lora", f"{lora}:0.8", "--seed", 7, "--count", 2, "--out", out, "--with-base", "--json"
    )
    assert line.code == 0, line.err
    painting = json.loads(line.out)
    assert painting == json.loads((out / "pictures.json").read_text())
    assert [(p["seed"], p["file"], p["base_file"]) for p in painting["pictures"]] == [
        (7, "seed-7.png", "seed-7-base.png"),
        (8, "seed-8.png", "seed-8-base.png"),
    ]
    for picture in painting["pictures"]:
        with Image.open(out / picture["file"]) as own, Image.open(out / picture["base_file"]) as other:
            assert own.format == "PNG" and own.tobytes() != other.tobytes()
    first, second = bench.engine.submitted
    assert isinstance(first, PaintJob) and isinstance(second, PaintJob)
    assert first.prompt == PROMPT and first.loras[0].strength == 0.8 and first.seeds == second.seeds == (7, 8)
    assert second.loras == ()
    assert not (out / ".engine").exists()


def test_options_reach_the_engine(bench: Bench, run: Run, lora: Path, tmp_path: Path) -> None:
    line = run(
        "paint", PROMPT, "--lora", lora, "--strength", 0.5, "--negative", "hat", "--steps", 9, "--cfg", 3, "--width", 96,
        "--lora-start", 0.1, "--out", tmp_path / "out",
    )  # fmt: skip
    assert line.code == 0 and line.out == "" and "1 picture in" in line.err
    (job,) = bench.engine.submitted
    assert isinstance(job, PaintJob)
    assert (job.negative, job.steps, job.cfg, job.width, job.height) == ("hat", 9, 3.0, 96, None)
    assert job.loras[0].strength == 0.5
    assert job.lora_guidance == SUBJECT.but(None, 0.1)


def test_the_manner_of_painting_reaches_the_engine(bench: Bench, run: Run, lora: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"another one")
    line = run(
        "paint", PROMPT, "--lora", f"{lora}:0.8", "--lora", f"{other}:-0.5", "--sampler", "euler_a", "--clip-skip", 2,
        "--hires", 2, "--hires-steps", 12, "--hires-denoise", 0.4, "--upscaler", "latent", "--out", tmp_path / "out",
    )  # fmt: skip
    assert line.code == 0, line.err
    (job,) = bench.engine.submitted
    assert isinstance(job, PaintJob)
    assert (job.sampler, job.clip_skip, job.few_step, job.init, job.previews) == ("Euler a", 1, None, None, None)
    assert job.hires == Hires(upscale=2, steps=12, denoise=0.4, upscaler="latent")
    assert [(use.name, use.strength) for use in job.loras] == [("lora", 0.8), ("other", -0.5)]


def test_a_picture_is_varied(bench: Bench, run: Run, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    Image.new("RGB", (64, 64), "teal").save(start)
    line = run("paint", PROMPT, "--init", start, "--denoise", 0.3, "--count", 3, "--out", tmp_path / "out")
    assert line.code == 0, line.err
    (job,) = bench.engine.submitted
    assert isinstance(job, PaintJob) and job.init == hashlib.sha256(start.read_bytes()).hexdigest()
    assert (job.denoise, len(job.seeds), job.blobs()) == (0.3, 3, (job.init,))


def test_the_fast_mode_takes_the_few_step_lora_of_the_settings(
    bench: Bench, run: Run, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("paint", PROMPT, "--fast", "--out", "out").code == 0
    Path("config.toml").write_text('[painting]\nfew_step_file = "lora.safetensors"\n')
    assert run("paint", PROMPT, "--fast", "--out", "out").code == 0
    assert run("paint", PROMPT, "--fast", "--steps", 4, "--few-step", lora, "--out", "out").code == 0
    plain, told, named = (engine.submitted[0] for engine in bench.engines)
    assert isinstance(plain, PaintJob) and isinstance(told, PaintJob) and isinstance(named, PaintJob)
    assert (plain.sampler, plain.steps, plain.few_step) == ("UniPC", 10, None)
    assert (told.sampler, told.steps, told.cfg, told.few_step) == ("LCM", 6, 1.5, str(lora.resolve()))
    assert (named.sampler, named.steps, named.few_step) == ("LCM", 4, str(lora.resolve()))


def test_without_lora_the_base_paints(bench: Bench, run: Run, tmp_path: Path) -> None:
    line = run("paint", "a portrait of a person", "--out", tmp_path, "--with-base", "--json")
    assert line.code == 0
    assert json.loads(line.out)["pictures"][0]["base_file"] is None
    assert len(bench.engine.submitted) == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["  "], "prompt is empty"),
        ([PROMPT, "--lora", "nowhere.safetensors"], "no LoRA file nowhere.safetensors"),
        ([PROMPT, "--lora", "lora.pt"], "not a .safetensors file"),
        ([PROMPT, "--lora", "lora.safetensors:9"], "from -4 to 4"),
        ([PROMPT, "--sampler", "eular"], 'Did you mean "Euler'),
        ([PROMPT, "--sampler", "LCM", "--steps", "51"], "at most 50 steps"),
        ([PROMPT, "--init", "nowhere.png"], "no picture nowhere.png"),
        ([PROMPT, "--fast", "--few-step", "nowhere.safetensors"], "no LoRA file"),
        ([PROMPT, "--few-step", "lora.safetensors"], "give --fast with it"),
        ([PROMPT, "--count", "17"], "less than or equal to 16"),
        ([PROMPT, "--base", "minature"], 'Did you mean "miniature"?'),
    ],
)
def test_bad_input_is_one_sentence(
    bench: Bench,
    run: Run,
    lora: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lora.pt").write_bytes(b"pickle")
    line = run("paint", *arguments, "--out", "out")
    assert line.code == 2 and line.out == "" and line.err.count("\n") == 1
    assert words in line.err
    assert bench.engines == []


def test_what_the_engine_refuses_is_told(bench: Bench, run: Run, lora: Path, tmp_path: Path) -> None:
    bench.script = Script(fail={"paint": FailureKind.INPUT})
    line = run("paint", PROMPT, "--lora", lora, "--out", tmp_path / "out")
    assert line.code == 2 and "cannot be done as asked" in line.err
