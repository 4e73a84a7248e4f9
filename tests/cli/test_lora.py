"""likeness lora: what a file is, and the same in another layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from cli.conftest import Line
from engine.files import lora, notes
from engine.files.targets import published

Run = Callable[..., Line]
SD15, SDXL, MINIATURE = published()
ALPHA = 3.0


def weights() -> lora.Weights:
    draw = torch.Generator().manual_seed(1)
    return {
        site.key: (
            torch.randn(2, *site.shape[1:], generator=draw),
            torch.randn(site.shape[0], 2, *(1,) * (len(site.shape) - 2), generator=draw) * 0.01,
            ALPHA,
        )
        for site in MINIATURE.sites
    }


OURS = {
    "modelspec.title": "ohwx", "modelspec.trigger_phrase": "ohwx", "likeness.base": "miniature", "ss_steps": "40",
    "likeness.base_hash": "0123456789abcdef", "ss_epoch": "2", "ss_dataset_dirs": "/home/somebody/photos",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ours.safetensors"
    path.write_bytes(lora.write(weights(), OURS))
    return path


def test_show_says_what_it_is(run: Run, file: Path) -> None:
    line = run("lora", "show", file)
    assert line.code == 0, line.err
    said = line.out.splitlines()
    assert said[0] == "a LoRA for the miniature, written as kohya"
    assert said[1] == "rank 2, alpha 3"
    assert said[2].startswith(f"{len(MINIATURE.sites)} modules: ") and "in residual blocks" in said[2]
    assert said[3:6] == ["trigger word: ohwx", "learned on miniature (0123456789)", "40 steps, epoch 2"]
    assert said[6].endswith("the hash in its notes: matches")


def test_json_is_all_there_is_on_stdout(run: Run, file: Path) -> None:
    card = json.loads(run("lora", "show", file, "--json").out)
    assert (card["family"], card["ranks"], card["alphas"], card["trigger"]) == (
        "sd15", {"2": len(MINIATURE.sites)}, {"3": len(MINIATURE.sites)}, "ohwx",
    )  # fmt: skip
    assert card["bytes"] == file.stat().st_size and card["seal"] == "matches"


def test_weights_that_were_changed_later_show(run: Run, file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    assert json.loads(run("lora", "show", file, "--json").out)["seal"] == "differs"


def test_converted_there_and_back_it_changes_the_same(run: Run, file: Path, tmp_path: Path) -> None:
    there, back = tmp_path / "there.safetensors", tmp_path / "back.safetensors"
    for source, layout, out in ((file, "diffusers", there), (there, "kohya", back)):
        line = run("lora", "convert", source, "--to", layout, "--out", out)
        assert line.code == 0, line.err
    assert [json.loads(run("lora", "show", path, "--json").out)["written_as"] for path in (there, back)] == [
        "diffusers", "kohya",
    ]  # fmt: skip
    with safe_open(there, "pt") as opened:
        assert all(name.startswith(("unet.", "text_encoder.text_model.")) for name in opened.keys())  # noqa: SIM118
        assert json.loads(opened.metadata()["lora_adapter_metadata"])["unet.lora_alpha"] == 2
    with safe_open(back, "pt") as opened:
        found = opened.metadata()
    assert found["modelspec.trigger_phrase"] == "ohwx" and found["likeness.base"] == "miniature"
    assert "somebody" not in json.dumps(found)
    for key, (down, up, alpha) in lora.read(back.read_bytes(), MINIATURE).weights.items():
        first, second, _ = weights()[key]
        wanted = ALPHA / 2 * second.flatten(1) @ first.flatten(1)
        made = alpha / 2 * up.float().flatten(1) @ down.float().flatten(1)
        assert (made - wanted).norm() / wanted.norm() < 1e-3, key


def test_a_strangers_notes_stay_behind(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "theirs.safetensors", tmp_path / "out.safetensors"
    about = {
        "ss_dataset_dirs": "secret",
        "modelspec.author": "secret",
        "modelspec.title": "secret",
        "modelspec.trigger_phrase": "x",
    }
    path.write_bytes(save(lora.kohya(weights()), about))
    card = json.loads(run("lora", "convert", path, "--to", "kohya", "--out", out, "--json").out)
    assert card["trigger"] == "x"
    with safe_open(out, "pt") as opened:
        found = opened.metadata()
    assert "secret" not in json.dumps(found) and set(found) <= {*notes.KEPT, *KEPT_OF_ANY}


KEPT_OF_ANY = {
    "modelspec.sai_model_spec", "modelspec.architecture", "modelspec.implementation", "ss_base_model_version",
    "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_tag_frequency", "sshs_model_hash",
}  # fmt: skip


def test_what_fp16_cannot_hold_is_not_written(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "loud.safetensors", tmp_path / "out.safetensors"
    (key, (down, up, alpha)), *_ = weights().items()
    path.write_bytes(save(lora.kohya({key: (down * 1e6, up, alpha)})))
    assert run("lora", "show", path).code == 0
    line = run("lora", "convert", path, "--to", "kohya", "--out", out)
    assert line.code == 2 and "no numbers any more" in line.err and not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nowhere.safetensors"], "There is no file nowhere.safetensors"),
        (["show", "{here}/x.pt"], "no other kind is opened: it could run code"),
        (["show", "{here}/broken.safetensors"], "broke off"),
        (["convert", "{file}", "--to", "kohya", "--out", "{file}"], "is already there"),
        (["convert", "{file}", "--to", "kohya", "--out", "{here}/x.ckpt"], "does not end in .safetensors"),
        (["convert", "{file}", "--to", "kohya", "--out", "{here}/none/x.safetensors"], "There is no folder"),
        (["convert", "{file}", "--to", "onnx", "--out", "{here}/y.safetensors"], "onnx"),
        (["convert", "{here}/broken.safetensors", "--to", "kohya", "--out", "{here}/y.safetensors"], "broke off"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(run: Run, file: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "x.pt").write_bytes(b"")
    (tmp_path / "broken.safetensors").write_bytes(b"not a file")
    line = run("lora", *(argument.format(file=file, here=tmp_path) for argument in arguments))
    assert (line.code, line.out) == (2, "")
    assert words in line.err and "Traceback" not in line.err
    assert not (tmp_path / "y.safetensors").exists()


def split(file: Path, parts: int) -> list[Path]:
    """As /export sends it, with its page."""
    data = file.read_bytes()
    size = len(data) // parts + 1
    made = [file.with_name(f"{file.name}.part{n + 1:02}") for n in range(parts)]
    for n, path in enumerate(made):
        path.write_bytes(data[n * size : (n + 1) * size])
    file.with_suffix(".md").write_text(f"# x\n- sha256: {hashlib.sha256(data).hexdigest()}\n")
    file.unlink()
    return made


@pytest.mark.parametrize("first", [0, -1])
def test_parts_are_joined_whichever_is_named(run: Run, file: Path, first: int) -> None:
    data, parts = file.read_bytes(), split(file, 10)
    line = run("lora", "join", parts[first])
    assert line.code == 0, line.err
    assert file.read_bytes() == data and "a LoRA for the miniature" in line.out
    again = run("lora", "join", parts[first])
    assert again.code == 2 and "already there" in again.err


def test_parts_that_do_not_make_the_whole_are_refused(run: Run, file: Path) -> None:
    parts = split(file, 4)
    wrong = run("lora", "join", file.with_suffix(".md"))
    assert wrong.code == 2 and "is no part of a LoRA" in wrong.err
    parts[-1].rename(parts[-1].with_name("kept"))
    short = run("lora", "join", parts[0])
    assert short.code == 2 and "not what ours.md promises" in short.err and not file.exists()
    parts[1].unlink()
    gap = run("lora", "join", parts[0])
    assert gap.code == 2 and "ours.safetensors.part02 is not there" in gap.err
