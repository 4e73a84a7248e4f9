"""A base is found or refused by its looks alone, with a sentence that says what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import BaseUnavailable
from engine.families import bases
from engine.families.bases import BaseKind
from engine.protocol import BaseModelRef


def find(source: object) -> bases.BasePlace:
    return bases.find(BaseModelRef(source=str(source)))


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "mine"))


def test_looking_for_a_base_loads_no_torch() -> None:
    rooms = ("engine.families", "engine.families.bases", "engine.families.spec", "engine.families.sites")
    code = f"import sys, {', '.join(rooms)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_folder_is_found_by_its_last_name_only(folder: Path) -> None:
    place = find(folder)
    assert (place.kind, place.name, place.variant) == (BaseKind.FOLDER, "mine", None)


def test_half_precision_files_are_found_under_their_variant(folder: Path) -> None:
    for part in ("unet", "vae", "text_encoder"):
        (file,) = (folder / part).glob("*.safetensors")
        file.rename(file.with_name(file.stem + ".fp16.safetensors"))
    assert find(folder).variant == "fp16"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: (path / "model_index.json").unlink(), "no model_index.json"),
        (lambda path: (path / "model_index.json").write_text("{"), "cannot be read"),
        (
            lambda path: (path / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"})),
            "is a FluxPipeline",
        ),
        (lambda path: shutil.rmtree(path / "vae"), "lacks vae"),
        (lambda path: next((path / "unet").glob("*.safetensors")).unlink(), "no .safetensors weights"),
        (
            lambda path: next((path / "unet").glob("*.safetensors")).rename(
                path / "unet" / "diffusion_pytorch_model.bin"
            ),
            "can run code when opened",
        ),
    ],
)
def test_a_folder_that_is_not_whole_says_what_is_missing(folder: Path, spoil: object, sentence: str) -> None:
    spoil(folder)  # pyright: ignore[reportCallIssue]
    with pytest.raises(BaseUnavailable, match=sentence):
        find(folder)


def test_a_checkpoint_is_looked_into(tmp_path: Path) -> None:
    for name, data, sentence in (
        ("a.ckpt", b"PK", "Pickled checkpoints"),
        ("b.safetensors", b"PK\x03\x04 and so on", "is broken"),
        ("c.safetensors", b"", "is broken"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BaseUnavailable, match=sentence):
            find(tmp_path / name)


@pytest.mark.parametrize(
    "source", ["/no/such/folder", "./gone.safetensors", "gone.safetensors", "just-a-word", "a/b/c"]
)
def test_what_is_not_there_is_said_to_be_not_there(source: str) -> None:
    with pytest.raises(BaseUnavailable, match="is not there"):
        find(source)


def test_a_hub_id_that_was_never_downloaded_says_how_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BaseUnavailable, match="likeness bases fetch stable-diffusion-v1-5/stable-diffusion-v1-5"):
        find("stable-diffusion-v1-5/stable-diffusion-v1-5")


def test_a_hub_id_in_the_cache_is_its_snapshot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_folder: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / "abc"
    shutil.copytree(tiny_folder, snapshot)
    (tmp_path / "models--someone--tiny" / "refs").mkdir()
    (tmp_path / "models--someone--tiny" / "refs" / "main").write_text("abc")
    place = find("someone/tiny")
    assert (place.kind, place.name, place.path) == (BaseKind.HUB, "someone/tiny", snapshot)


def test_a_base_is_recognised_by_its_looks(folder: Path, tmp_path: Path) -> None:
    assert bases.recognise(str(folder)) == "sd15"
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "ZImagePipeline"}))
    assert bases.recognise(str(folder)) == "zimage"
    (folder / "model_index.json").write_text("[]")
    assert bases.recognise(str(folder)) == "sd15"
    for start, name in (
        ("conditioner.embedders.1.model.ln_final.bias", "sdxl"),
        ("model.diffusion_model.out.0.bias", "sd15"),
    ):
        head = json.dumps({start: {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}}).encode()
        (tmp_path / "one.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
        assert bases.recognise(str(tmp_path / "one.safetensors")) == name
    (tmp_path / "odd.safetensors").write_bytes(b"PK\x03\x04")
    assert bases.recognise(str(tmp_path / "odd.safetensors")) == "sd15"
    assert bases.recognise("nobody/nothing") == "sd15"


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(BaseUnavailable, match="Known families: sd15"):
        bases.find(BaseModelRef(family="sd9"))


def test_the_fingerprint_is_the_weights(folder: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bases.fingerprint(find(folder)) == bases.fingerprint(find(tiny_folder)), "the place does not matter"
    for limit in (bases.WHOLE_BYTES, 100):
        monkeypatch.setattr(bases, "WHOLE_BYTES", limit)
        before = bases.fingerprint(find(folder))
        (file,) = (folder / "vae").glob("*.safetensors")
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        assert bases.fingerprint(find(folder)) != before
