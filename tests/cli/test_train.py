"""likeness train, with a scripted engine: what it asks for, what it leaves behind, what it says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from bot import workbench
from bot.workbench import INTERRUPTED
from cli.conftest import Bench, Line, put_photos
from engine.fake import FakeEngine
from engine.protocol import BlobSource, FailureKind, PhotoFlag, PrepareJob, TrainJob
from engine.script import At, Script

Run = Callable[..., Line]


def jobs(bench: Bench) -> tuple[PrepareJob, TrainJob]:
    prepare, train = bench.engine.submitted
    assert isinstance(prepare, PrepareJob) and isinstance(train, TrainJob)
    return prepare, train


def test_a_folder_becomes_a_lora_with_everything_beside_it(
    bench: Bench, run: Run, photos: Path, tmp_path: Path
) -> None:
    (photos / "photo_2.txt").write_text("laughing, at the beach")
    bench.script = Script(refuse={0: "is 240 px wide; at least 256 are needed"}, suggested=2)
    out = tmp_path / "out"
    line = run("train", photos, "--trigger", "ohwx", "--class-word", "woman", "--out", out, "--seed", 3, "--json")
    assert line.code == 0, line.err
    report = json.loads(line.out)
    assert report == json.loads((out / "report.json").read_text())
    assert report["photos"] == {
        "given": 6,
        "kept": 5,
        "refused": [{"name": "photo_1.jpg", "reason": "is 240 px wide; at least 256 are needed"}],
    }
    assert report["trigger"] == "ohwx"
    assert (out / report["base"] / "model_index.json").is_file() and not report["base"].startswith("/")
    assert [entry["epoch"] for entry in report["epochs"]] == [1, 2, 3]
    assert [entry["file"] for entry in report["epochs"]] == [f"ohwx-00000{n}.safetensors" for n in (1, 2, 3)]
    assert report["suggested"] == 2 and report["votes"] == {} and report["winner"] is None
    assert set(report["seconds"]) == {"prepare", "train", "grid", "paint", "total"}
    assert (out / report["lora"]).read_bytes() == (out / "ohwx-000002.safetensors").read_bytes()
    assert (out / "ohwx-000001.safetensors").read_bytes() != (out / "ohwx-000002.safetensors").read_bytes()
    with Image.open(out / "grid.png") as grid:
        assert grid.format == "PNG" and grid.width > grid.height / 2
    assert not (out / ".checkpoint").exists()
    prepare, train = jobs(bench)
    assert prepare.min_side == 256
    assert train.recipe.seed == 3 and train.recipe.exposures == 500
    assert train.images[0].caption == "ohwx woman, laughing, at the beach"
    assert train.images[1].caption.startswith("a portrait of ohwx woman, smiling")
    assert all(image.crop is not None for image in train.images)
    assert len(train.previews) == 4


def test_the_terminal_is_told_what_happens_and_what_to_do_next(
    bench: Bench, run: Run, photos: Path, tmp_path: Path
) -> None:
    bench.script = Script(flags={3: (PhotoFlag.CUT_FACE,)}, copies={5: 1})
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "out")
    assert line.code == 0 and line.out == ""
    assert "Left out: photo_6.jpg is a copy of photo_2.jpg." in line.err
    assert "Look at photo_4.jpg: the face is cut off at the edge." in line.err
    assert "Epoch 3 of 3" in line.err
    assert "likeness paint" in line.err


def test_overrides_of_the_recipe(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    line = run(
        "train", photos, "--trigger", "ohwx", "--out", tmp_path, "--preset", "quick", "--epochs", 2, "--exposures", 40,
        "--rank", 4,
    )  # fmt: skip
    assert line.code == 0, line.err
    recipe = jobs(bench)[1].recipe
    assert (recipe.preset, recipe.epochs, recipe.exposures, recipe.rank, recipe.alpha) == ("quick", 2, 40, 4, 4)


def test_no_crop_takes_photos_whole(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("train", photos, "--trigger", "ohwx", "--out", tmp_path, "--no-crop").code == 0
    prepare, train = jobs(bench)
    assert prepare.min_side == 64
    assert {image.crop for image in train.images} == {None}


def test_finished_crops_of_the_base_size_are_taken_as_they_are(bench: Bench, run: Run, tmp_path: Path) -> None:
    folder = put_photos(tmp_path / "plain", 6, (80, 80))
    (folder / "broken.png").write_bytes(b"hello")
    line = run("train", folder, "--trigger", "ohwx", "--out", tmp_path / "out")
    assert line.code == 0 and "taken as they are" in line.err
    prepare, train = jobs(bench)
    assert prepare.min_side == 64
    assert {image.crop for image in train.images} == {None}


def test_repeat_folders_weigh_and_name(bench: Bench, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kohya"
    put_photos(folder / "1_ohwx dog", 4, (300, 400))
    put_photos(folder / "3_ohwx dog", 1, (400, 300))
    line = run("train", folder, "--out", tmp_path / "out", "--kind", "pet")
    assert line.code == 0 and "read as weights" in line.err
    _, train = jobs(bench)
    assert (train.trigger, train.class_word, train.subject_kind) == ("ohwx", "dog", "pet")
    assert [image.repeats for image in train.images] == [1, 1, 1, 1, 3]
    assert len({image.sha256 for image in train.images}) == 5


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--trigger", "woman"], "already knows"),
        (["--trigger", "two words"], "one word"),
        ([], "--trigger ohwx"),
        (["--trigger", "ohwx", "--base", "miniatur"], 'Did you mean "miniature"?'),
        (["--trigger", "ohwx", "--base", "sdxl"], "hub id"),
        (["--trigger", "ohwx", "--base", "/nowhere/model.safetensors"], "is not there"),
        (["--trigger", "ohwx", "--preset", "quik"], "did you mean quick?"),
        (["--trigger", "ohwx", "--resume"], "no unfinished training"),
        (["--trigger", "ohwx", "--epochs", "0"], "greater than or equal to 1"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_nothing_starts(
    bench: Bench, run: Run, photos: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    line = run("train", photos, "--out", tmp_path / "out", *arguments)
    assert line.code == 2 and line.out == ""
    assert words in line.err and line.err.count("\n") == 1 and "Traceback" not in line.err
    assert bench.engines == []


@pytest.mark.parametrize("count, words", [(4, "only 4 photos"), (51, "at most 50")])
def test_too_few_and_too_many(bench: Bench, run: Run, tmp_path: Path, count: int, words: str) -> None:
    line = run(
        "train", put_photos(tmp_path / "p", count, (300, 260)), "--trigger", "ohwx", "--out", tmp_path / "o", "--json"
    )
    assert line.code == 2 and words in line.err and line.out == ""
    assert bench.engine.submitted == []


def test_too_few_are_left_and_each_reason_is_told(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    bench.script = Script(refuse={0: "is cut off", 4: "is no picture"})
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "o")
    assert line.code == 2
    assert "Only 4 of the photos can be used" in line.err
    assert "photo_1.jpg is cut off; photo_5.jpg is no picture" in line.err
    assert len(bench.engine.submitted) == 1


def test_folders_that_cannot_be(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    line = run("train", tmp_path / "nowhere", "--trigger", "ohwx", "--out", tmp_path / "out")
    assert line.code == 2 and "does not exist" in line.err
    line = run("train", photos, "--trigger", "ohwx", "--out", photos / "photo_1.jpg")
    assert line.code == 2 and "is a file" in line.err


@pytest.mark.parametrize("failure, code", [(FailureKind.DIVERGED, 2), (FailureKind.INTERNAL, 1)])
def test_a_failed_job_is_its_sentence(
    bench: Bench, run: Run, photos: Path, tmp_path: Path, failure: FailureKind, code: int
) -> None:
    bench.script = Script(fail={"train": failure})
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "out", "--json")
    assert (line.code, line.out) == (code, "")
    assert line.err.rstrip().endswith(".") and "Traceback" not in line.err


def test_an_engine_that_dies_is_started_again(bench: Bench, run: Run, photos: Path, tmp_path: Path) -> None:
    straight = json.loads(run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "a", "--json").out)
    bench.script = Script(crash={"train": At(step=3)})
    line = run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "b", "--json")
    assert line.code == 0 and "started again" in line.err
    assert json.loads(line.out)["epochs"] == straight["epochs"]
    assert (tmp_path / "a" / "lora.safetensors").read_bytes() == (tmp_path / "b" / "lora.safetensors").read_bytes()


def test_ctrl_c_parks_and_resume_ends_the_same(
    bench: Bench, run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered = ["train", photos, "--trigger", "ohwx", "--out"]
    assert run(*ordered, tmp_path / "straight").code == 0
    bench.script = Script(hold={"train": 3})
    make = cast("Callable[[Path, str], FakeEngine]", workbench.local_engine)

    presses: list[asyncio.Task[None]] = []

    def interrupted(scratch: Path, device: str) -> FakeEngine:
        engine = make(scratch, device)

        submit = engine.submit

        async def press() -> None:
            await engine.idle()
            os.kill(os.getpid(), signal.SIGINT)

        async def submit_then_press(job: PrepareJob | TrainJob, blobs: BlobSource) -> None:
            await submit(job, blobs)
            if isinstance(job, TrainJob):
                presses.append(asyncio.get_running_loop().create_task(press()))

        monkeypatch.setattr(engine, "submit", submit_then_press)
        return engine

    monkeypatch.setattr(workbench, "local_engine", interrupted)
    line = run(*ordered, tmp_path / "parked", "--json")
    assert (line.code, line.out) == (INTERRUPTED, "")
    assert "--resume goes on" in line.err
    assert (tmp_path / "parked" / "ohwx-000001.safetensors").exists()
    assert not (tmp_path / "parked" / "report.json").exists()

    monkeypatch.setattr(workbench, "local_engine", make)
    bench.script = Script()
    line = run(*ordered, tmp_path / "parked", "--resume", "--seed", 9)
    assert line.code == 2 and "other photos, captions or settings" in line.err
    line = run(*ordered, tmp_path / "parked", "--resume")
    assert line.code == 0, line.err
    assert jobs(bench)[1].have_epochs == (0, 1)
    for name in ("ohwx-000003.safetensors", "lora.safetensors", "grid.png"):
        assert (tmp_path / "parked" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
    reports = [json.loads((tmp_path / place / "report.json").read_text()) for place in ("parked", "straight")]
    assert reports[0]["epochs"] == reports[1]["epochs"]


def test_without_resume_an_unfinished_training_is_begun_anew(
    bench: Bench, run: Run, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / ".checkpoint").mkdir(parents=True)
    (tmp_path / "out" / ".checkpoint" / "training.json").write_text("{}")
    (tmp_path / "out" / "lora.safetensors").write_bytes(b"old")
    bench.script = Script(fail={"train": FailureKind.DIVERGED})
    assert run("train", photos, "--trigger", "ohwx", "--out", tmp_path / "out").code == 2
    assert not (tmp_path / "out" / "lora.safetensors").exists()
