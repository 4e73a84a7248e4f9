"""That what the peers print is read rightly, that each is given the same, and that whoever fails does not count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from transformers import CLIPTokenizer

from engine.families import clip
from engine.recipes.recipe import Targets
from tests.peers import __main__ as command_line
from tests.peers import marks, table, trainers
from tests.peers.__main__ import arguments, judged, sized
from tests.peers.marks import Marks, Pace, pace
from tests.peers.process import watch
from tests.peers.table import Run
from tests.peers.trainers import STAND_IN, Checkout, Job, Trainer
from tests.peers.weights import TOKENIZERS, Weights, write_tokenizer
from tests.peers.workload import PROMPT, Photos, Workload, lay_out

WORK = Workload("sd15", "cpu", side=64, batch=2, rank=4, photos=3, repeats=2, epochs=2, warm=0, rounds=1)


# ---- what is printed --------------------------------------------------------------------------------------------------

DIFFUSERS = (
    "Loading pipeline components...: 100%|█████| 5/5 [00:00<00:00, 9.00it/s]\n"
    "\rSteps:   0%|          | 0/2 [00:00<?, ?it/s]",
    "\rSteps:  50%|█████     | 1/2 [00:09<00:09,  9.00s/it]",
    "\rSteps:  50%|█████     | 1/2 [00:09<00:09,  9.00s/it, loss=0.1, lr=0.0001]",
    "\rSteps: 100%|██████████| 2/2 [00:12<00:00,  6.00s/it, loss=0.1, lr=0.0001]",
    "11/29/2026 - INFO - Saved state to checkpoint-2\n",
    "\rSteps: 100%|██████████| 2/2 [00:14<00:00,  6.00s/it, loss=0.2, lr=0.0001]\n",
)
SD_SCRIPTS = (
    "caching latents: 100%|##########| 4/4 [00:01<00:00]\rsteps:   0%|          | 0/2 [00:00<?, ?it/s]\nepoch 1/1\n",
    "\rsteps:  50%|█████     | 1/2 [00:09<00:09,  9.00s/it]",
    "\rsteps:  50%|█████     | 1/2 [00:09<00:09,  9.00s/it, avr_loss=0.1]",
    "\rvalidation steps:  75%|████ | 3/4 [00:10<00:00]",
    "\rsteps: 100%|██████████| 2/2 [00:12<00:00,  6.00s/it, avr_loss=0.1]",
    "\nsaving checkpoint: lora.safetensors\n",
    "\rsteps: 100%|██████████| 2/2 [00:14<00:00,  6.00s/it, avr_loss=0.2]\n",
)


@pytest.mark.parametrize("printed", [DIFFUSERS, SD_SCRIPTS], ids=["diffusers", "sd-scripts"])
def test_a_step_is_done_when_its_count_is_shown_for_the_last_time(printed: tuple[str, ...]) -> None:
    read = Marks(marks.TQDM)
    for moment, chunk in enumerate(printed):
        read.read(chunk.encode(), float(moment))
    last = len(printed) - 1
    assert read.done == {1: 2.0, 2: float(last)}


def test_a_bar_that_arrives_in_pieces_counts_when_its_count_is_there() -> None:
    read = Marks(marks.TQDM)
    text = "\rsteps:  50%|█████     | 17/34 [00:09<00:09]".encode()
    for moment, place in enumerate(range(0, len(text), 4)):
        read.read(text[place : place + 4], float(moment))
    (moment,) = read.done.values()
    assert list(read.done) == [17]
    assert text[: 4 * (int(moment) + 1)].endswith((b"34 [", b"34 [0", b"34 [00", b"34 [00:"))


def timeline(every: int, step_s: float, gap_s: float, ends: tuple[int, ...]) -> dict[int, float]:
    """Steps of equal length after ten seconds of loading, longer by a gap behind each epoch, told of each `every` steps."""
    now, done = 10.0, {}
    for step in range(1, ends[-1] + 1):
        now += step_s + (gap_s if step - 1 in ends else 0.0)
        if step % every == 0:
            done[step] = now
    return done


@pytest.mark.parametrize("every", [1, 25])
def test_pace_is_the_same_however_often_a_trainer_says_where_it_is(every: int) -> None:
    ends = (100, 200, 300)
    found = pace(timeline(every, 0.5, 3.0, ends), ends, warm=25)
    assert found.step_s == pytest.approx(0.5)
    assert found.first_step_s == pytest.approx(10.5)
    assert found.gap_s == pytest.approx((3.0, 3.0))
    assert found.last_step_s == pytest.approx(10 + 150 + 6)


def test_slow_first_steps_are_not_counted_as_steady() -> None:
    done = {step: moment + (30 if step > 1 else 0) for step, moment in timeline(1, 0.5, 0, (50, 100)).items()}
    assert pace(done, (50, 100), warm=5).step_s == pytest.approx(0.5)
    assert pace(done, (50, 100), warm=0).step_s > 0.6


def test_what_was_not_seen_is_not_guessed() -> None:
    assert pace({}, (2, 4), 0) == Pace(None, None, (), None)
    assert pace({4: 9.0}, (2, 4), 0) == Pace(None, None, (), 9.0)


# ---- the table --------------------------------------------------------------------------------------------------------


def run(trainer: str, number: int, step_s: float | None, wrong: str = "") -> Run:
    return Run(trainer, number, Pace(step_s, 5.0, (1.0, 3.0), 90.0), 99.0, 2**30, None, 2, wrong=wrong)


RUNS = (
    run("ours", 0, 1.0), run("ours", 1, 2.0), run("ours", 2, 9.0, "ended with 1"),
    run("ours, attention", 0, 0.5), run("diffusers", 0, 2.0), run("sd-scripts", 0, 3.0), run("sd-scripts", 1, 5.0),
)  # fmt: skip
KINDS = {"ours": "full", "ours, attention": "attn", "diffusers": "attn", "sd-scripts": "full"}
FLOPS = {"full": int(4e12), "attn": int(3e12)}


def test_each_peer_is_held_against_the_one_of_ours_that_does_the_same_work_in_the_same_round() -> None:
    found = {ratio.against: (ratio.trainer, ratio.times) for ratio in table.ratios(RUNS, KINDS)}
    assert found == {"diffusers": ("ours, attention", 4.0), "sd-scripts": ("ours", pytest.approx((3 + 2.5) / 2))}


def test_the_table_says_medians_and_who_failed() -> None:
    rows = table.rows(RUNS, KINDS, 4, FLOPS, 10.0)
    ours = rows[0]
    assert ours.images_per_second == pytest.approx(4 / 1.5)
    assert ours.mfu == pytest.approx(4 / 1.5 / 10)
    assert (ours.gap_s, ours.device_memory, ours.wrong) == (2.0, None, ("ended with 1",))
    ratios = table.ratios(RUNS, KINDS)
    text = table.drawn(rows, ratios, counts=True)
    assert "ours FAILED: ended with 1" in text
    assert text.splitlines()[-1] == "against the better one, sd-scripts: 2.75 times; the aim is 2: met"
    assert "says nothing" in table.drawn(rows, ratios, counts=False).splitlines()[-1]


# ---- a run ------------------------------------------------------------------------------------------------------------

PRETENDED = """
import sys, threading, pathlib
for step in range(1, {steps} + 1):
    sys.stderr.write(f"\\rSteps:  50%|###  | {{step}}/{{{steps}}} [00:09<00:09]")
    sys.stderr.flush()
    threading.Event().wait(0.02)
for epoch in range({files}):
    pathlib.Path({out!r}, f"lora-{{epoch}}.safetensors").touch()
sys.exit({code})
"""


@pytest.mark.parametrize(
    ("steps", "files", "code", "wrong"),
    [(6, 2, 0, ""), (6, 2, 3, "ended with 3"), (5, 2, 0, "made 5 of 6 steps"), (6, 1, 0, "left 1 LoRAs for 2 epochs")],
)
def test_a_run_counts_where_it_did_all_of_it(steps: int, files: int, code: int, wrong: str, tmp_path: Path) -> None:
    script = PRETENDED.format(steps=steps, files=files, out=str(tmp_path), code=code)
    one = Trainer(
        "pretended", Targets.FULL, lambda: Marks(marks.TQDM), lambda job: [], tmp_path, {}, "lora*.safetensors"
    )
    seen = watch(
        [sys.executable, "-c", script], one.pattern(), tmp_path / "log.txt", cwd=tmp_path, environment={}, limit_s=60
    )
    found = judged(one, 0, WORK, seen, tmp_path)
    assert found.wrong.startswith(wrong) and bool(found.wrong) == bool(wrong)
    assert found.pace.step_s is not None and 0.01 < found.pace.step_s < 1.0


def test_what_takes_too_long_is_stopped(tmp_path: Path) -> None:
    waiting = [sys.executable, "-c", "import threading; threading.Event().wait(60)"]
    seen = watch(waiting, Marks(marks.TQDM), tmp_path / "log.txt", cwd=tmp_path, environment={}, limit_s=0.5)
    assert seen.code == -9 and seen.seconds < 30


# ---- what each is given -----------------------------------------------------------------------------------------------


def checkout(peer: str, folder: Path) -> Checkout:
    return Checkout(peer, folder, "python", stands_in=True)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_everyone_is_told_the_same_work(base: str, device: str, tmp_path: Path) -> None:
    work = Workload.of(base, device, quick=False)
    peers = {peer: checkout(peer, tmp_path) for peer in ("diffusers", "sd-scripts")}
    found = trainers.trainers(peers, work, compiled=True)
    assert [one.name for one in found] == [
        "ours", "ours, attention", "diffusers", "diffusers, compiled", "sd-scripts", "sd-scripts, compiled",
    ]  # fmt: skip
    job = Job(
        work, Weights(tmp_path, tmp_path / "file", tmp_path), Photos(tmp_path, tmp_path, tmp_path), tmp_path / "out"
    )
    said = {
        "rank": ("--rank", "--network_dim"),
        "side": ("--side", "--resolution"),
        "batch": ("--batch", "--train_batch_size"),
    }
    for one in found:
        words = one.command(job)
        for attribute, options in said.items():
            (value,) = [words[words.index(option) + 1] for option in options if option in words]
            assert value == str(getattr(work, attribute)), (one.name, attribute)
        assert str(work.steps) in words or words[words.index("--max_train_epochs") + 1] == str(work.epochs)
        assert "bf16" in words or one.name.startswith("ours") or device == "cpu"
        if not one.name.startswith("ours"):
            assert one.environment["PYTHONPATH"] == str(STAND_IN)
            assert one.environment["HF_HUB_OFFLINE"] == "1"
    assert work.steps == work.photos * work.repeats * work.epochs / work.batch


def test_photos_lie_as_each_reads_them(tmp_path: Path) -> None:
    photos = lay_out(WORK, tmp_path)
    assert len(list(photos.plain.iterdir())) == 3
    assert len(list(photos.linked.iterdir())) == 6
    (inside,) = photos.captioned.iterdir()
    assert inside.name == "2_ohwx person"
    assert sorted(path.suffix for path in inside.iterdir()) == [".jpg"] * 3 + [".txt"] * 3
    assert {path.read_text() for path in inside.glob("*.txt")} == {PROMPT}
    for path in (*photos.linked.iterdir(), *inside.glob("*.jpg")):
        with Image.open(path) as picture:
            assert picture.size == (64, 64)


def test_the_tokenizer_is_clips(tmp_path: Path) -> None:
    for name, pad in TOKENIZERS.items():
        write_tokenizer(tmp_path / name, pad)
        read, own = CLIPTokenizer.from_pretrained(tmp_path / name), clip.tokenizer(pad=pad)
        words = ("a photo of", PROMPT, "")
        assert [read(word, padding="max_length").input_ids for word in words] == [
            own(word, padding="max_length").input_ids for word in words
        ]
    assert own("a photo of").input_ids[1:-1] == [320, 1125, 539]


# ---- the command ------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_checkout_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--base", "sd15", "--device", "cpu", "--sd-scripts", str(tmp_path), "--out", str(tmp_path / "out")]
    assert command_line.main(words) == 2
    assert "there is no" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sizes_can_be_said() -> None:
    given = arguments(["--base", "sdxl", "--device", "cuda", "--quick", "--batch", "8", "--rounds", "5"])
    work = sized(given)
    assert (work.side, work.batch, work.rounds, work.precision) == (1024, 8, 5, "bf16")


def test_the_stand_in_is_imported_and_not_found_by_those_who_ask() -> None:
    code = (
        "import importlib.util, json; from PIL import Image; from torchvision import transforms as t;"
        "from torchvision.transforms.functional import crop;"
        "mode = t.InterpolationMode.LANCZOS; wide = Image.new('RGB', (60, 40), (255, 0, 0));"
        "made = t.Compose([t.Resize(20, interpolation=mode), t.CenterCrop(20), t.ToTensor(), t.Normalize([0.5], [0.5])])(wide);"
        "print(json.dumps([importlib.util.find_spec('torchvision') is None, list(made.shape), made.amin().item(),"
        " made.amax().item(), list(crop(wide, 1, 2, 3, 4).size), list(t.RandomCrop(40)(wide).size)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(STAND_IN)}
    )
    assert json.loads(done.stdout) == [True, [3, 20, 20], -1.0, 1.0, [4, 3], [40, 40]]
