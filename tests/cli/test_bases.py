"""likeness bases: what is there, on what terms; fetched by command alone; checked to the last byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

import bot.commands.bases
from bot.bases import find_base, record_of
from bot.config import ConfigError, check
from bot.errors import UserError
from bot.fetch import choose
from engine.families.spec import SD15, SDXL, ZIMAGE
from engine.guidance import LoraGuidance
from engine.protocol import BaseModelRef


@pytest.fixture
def config(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config.toml in the folder the command line is used in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    file = tmp_path / "config.toml"
    file.write_text(f"""
[engine]
base = "mine"
[[bases]]
name = "mine"
family = "sd15"
source = "{weights}"
[bases.defaults]
steps = 7
[[bases]]
name = "noob"
family = "sdxl"
source = "someone/noob"
prediction = "v_prediction"
zero_snr = true
[bases.licence]
id = "fair-ai"
name = "Fair AI Public License"
commercial = false
max_revenue = 5000
attribution = "NoobAI"
""")
    return file


def test_the_list_says_what_is_there_and_on_what_terms(config: Path, run: Callable[..., Any]) -> None:
    line = run("bases", "list", "--json")
    miniature, mine, noob = json.loads(line.out)
    assert (line.code, miniature["terms"]) == (0, "Apache License 2.0, commercial use allowed")
    assert (mine["there"], mine["in_use"], mine["terms"]) == (
        True,
        True,
        "not written in its record: read its model card",
    )
    assert (noob["there"], noob["in_use"]) == (False, False)
    assert noob["terms"] == 'Fair AI Public License, no commercial use, up to $5,000 a year, show "NoobAI"'
    shown = run("bases", "list").out
    assert "mine (in use)" in shown and "likeness bases fetch someone/noob" in shown.replace("\n", " ")


def test_a_name_brings_everything_its_record_says(config: Path) -> None:
    record = record_of("noob")
    assert (record.ref.family, record.ref.prediction, record.ref.zero_snr) == ("sdxl", "v_prediction", True)
    assert (find_base("mine").record.steps, find_base("mine").record.cfg) == (7, SD15.paint_cfg)
    with pytest.raises(UserError, match='Did you mean "noob"'):
        record_of("nob")
    with pytest.raises(UserError, match=r"a name from \[\[bases\]\]"):
        record_of("flux")


def test_paint_takes_a_base_by_name(config: Path, bench: Any, run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("paint", "a hat", "--base", "mine", "--out", tmp_path / "out").code == 0
    (job,) = bench.engine.submitted
    assert (Path(job.base.source).name, job.steps) == ("weights", 7)
    line = run("paint", "a hat", "--base", "noob", "--out", tmp_path / "other")
    assert line.code == 2 and "is not on this machine" in line.err and len(bench.engines) == 1, "nothing was started"


def test_the_record_of_a_base_says_how_it_paints_and_on_what_terms(
    config: Path, bench: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    text = config.read_text()
    config.write_text(text.replace("steps = 7", 'steps = 7\ncfg = 2.5\nlora_guidance = 1.5\nsampler = "unipc"'))
    assert run("paint", "a hat", "--base", "mine", "--out", tmp_path / "out").code == 0
    (job,) = bench.engine.submitted
    assert (job.steps, job.cfg, job.sampler) == (7, 2.5, "UniPC")
    assert job.lora_guidance == LoraGuidance(scale=1.5)
    bound = '\n[bases.licence]\nid = "nc"\nname = "Not for money"\ncommercial = false\n[bases.defaults]'
    config.write_text(text.replace("\n[bases.defaults]", bound))
    line = run("paint", "a hat", "--base", "mine", "--out", tmp_path / "other")
    assert line.code == 2 and "Not for money, no commercial use" in line.err and "accepted = true" in line.err
    assert len(bench.engines) == 1, "nothing was started"
    config.write_text(text.replace("\n[bases.defaults]", bound.replace("false", "false\naccepted = true")))
    assert run("paint", "a hat", "--base", "mine", "--out", tmp_path / "third").code == 0


@pytest.mark.parametrize(
    ("family", "sampler", "sentence"),
    [
        ("sd15", "uler", 'Did you mean "Euler"'),
        ("zimage", "DDIM", "cannot paint with this base. It has Euler"),
        ("sd15", "LCM", "LCM walks at most 50 steps"),
    ],
)
def test_a_sampler_that_the_base_cannot_use_is_told_before_anything_starts(
    family: str, sampler: str, sentence: str
) -> None:
    base = {"name": "a", "family": family, "source": "x/y", "defaults": {"sampler": sampler, "steps": 60}}
    with pytest.raises(ConfigError, match=r"bases\.0\.defaults") as found:
        check({"bases": [base]})
    assert sentence in str(found.value)


# ---- fetch ----------------------------------------------------------------------------------------------------------


class Hub:
    """The hub, without a network: what it offers, and what was asked of it."""

    def __init__(self, files: dict[str, int], cache: Path) -> None:
        self.files, self.cache = files, cache
        self.asked: list[dict[str, Any]] = []
        self.refuses: Exception | None = None

    def model_info(self, repo: str, *, revision: str | None, files_metadata: bool) -> Any:
        if self.refuses is not None:
            raise self.refuses
        return SimpleNamespace(
            siblings=[SimpleNamespace(rfilename=name, size=size) for name, size in self.files.items()]
        )

    def snapshot_download(self, repo: str, *, revision: str | None, allow_patterns: list[str]) -> None:
        self.asked.append({"repo": repo, "revision": revision, "files": allow_patterns})
        folder = self.cache / f"models--{repo.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("abc")
        for name in allow_patterns:
            file = folder / "snapshots" / "abc" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('{"_class_name": "StableDiffusionXLPipeline"}' if name == "model_index.json" else "{}")


SDXL_FILES = {
    "model_index.json": 600, "README.md": 9, "sd_xl_base_1.0.safetensors": 7 * 10**9, "unet/config.json": 1,
    "unet/diffusion_pytorch_model.safetensors": 10**10, "unet/diffusion_pytorch_model.fp16.safetensors": 5 * 10**9,
    "unet/model.onnx": 9, "unet/diffusion_pytorch_model.bin": 10**10, "vae/config.json": 1,
    "vae/diffusion_pytorch_model.safetensors": 300, "vae/diffusion_pytorch_model.fp16.safetensors": 150,
    "text_encoder/config.json": 1, "text_encoder/model.safetensors": 500, "text_encoder/model.fp16.safetensors": 250,
    "text_encoder_2/config.json": 1, "text_encoder_2/model.safetensors": 2800, "text_encoder_2/model.fp16.safetensors": 1400,
    "tokenizer/merges.txt": 5, "tokenizer/vocab.json": 5, "tokenizer_2/vocab.json": 5, "scheduler/scheduler_config.json": 5,
    "vae_1_0/diffusion_pytorch_model.safetensors": 300,
}  # fmt: skip


@pytest.fixture
def hub(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    there = Hub(SDXL_FILES, tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda _, repo, **asked: there.model_info(repo, **asked))
    monkeypatch.setattr("huggingface_hub.snapshot_download", there.snapshot_download)
    return there


def test_fetch_takes_the_parts_of_the_family_and_nothing_else(hub: Hub, run: Callable[..., Any]) -> None:
    line = run("bases", "fetch", "noob")
    assert line.code == 0, line.err
    (asked,) = hub.asked
    assert asked["files"] == sorted(
        name for name in SDXL_FILES
        if name == "model_index.json" or ("/" in name and not name.startswith("vae_1_0")
        and (".fp16.safetensors" in name or not name.endswith((".safetensors", ".bin", ".onnx"))))
    )  # fmt: skip
    assert "4.66 GiB" in line.out and "Fair AI Public License" in line.out and "noob is here" in line.out
    assert [row["there"] for row in json.loads(run("bases", "list", "--json").out)] == [True, True, True]


def test_full_precision_where_one_part_has_no_halves() -> None:
    files = {name: size for name, size in SDXL_FILES.items() if name != "vae/diffusion_pytorch_model.fp16.safetensors"}
    chosen = choose(SDXL, files.items()).files
    assert not any(".fp16" in name for name in chosen)
    assert {name.split("/")[0] for name in chosen if name.endswith(".safetensors")} == set(SDXL.weights)


def test_weights_in_pieces_come_with_their_index() -> None:
    files = {
        "model_index.json": 1, "transformer/config.json": 1, "vae/diffusion_pytorch_model.safetensors": 1,
        "transformer/diffusion_pytorch_model-00001-of-00002.safetensors": 1, "text_encoder/model.safetensors": 1,
        "transformer/diffusion_pytorch_model-00002-of-00002.safetensors": 1, "text_encoder/pytorch_model.bin.index.json": 1,
        "transformer/diffusion_pytorch_model.safetensors.index.json": 1,
    }  # fmt: skip
    assert set(choose(ZIMAGE, files.items()).files) == set(files) - {"text_encoder/pytorch_model.bin.index.json"}


@pytest.mark.parametrize(
    ("offered", "sentence"),
    [
        ({"flux.safetensors": 1}, "holds no model_index.json"),
        ({"model_index.json": 1, "unet/diffusion_pytorch_model.bin": 1}, "no .safetensors weights of every part"),
    ],
)
def test_a_repository_that_is_no_base_is_refused(
    hub: Hub, run: Callable[..., Any], offered: dict[str, int], sentence: str
) -> None:
    hub.files = offered
    line = run("bases", "fetch", "noob")
    assert line.code == 2 and sentence in line.err and hub.asked == []


def answer(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=httpx2.Request("GET", "https://huggingface.co/x"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RepositoryNotFoundError("no", response=answer(404)), "There is no someone/noob on the hub"),
        (GatedRepoError("no", response=answer(403)), "agree to its terms there"),
        (httpx2.ConnectError("no route"), "cannot be reached"),
        (LocalEntryNotFoundError("offline"), "cannot be reached"),
    ],
)
def test_what_the_hub_says_no_to_is_one_sentence(
    hub: Hub, run: Callable[..., Any], error: Exception, sentence: str
) -> None:
    hub.refuses = error
    line = run("bases", "fetch", "noob")
    assert line.code == 2 and sentence in line.err and "\n" not in line.err.strip()


def test_only_what_is_on_the_hub_can_be_fetched(hub: Hub, run: Callable[..., Any]) -> None:
    for name in ("mine", "miniature"):
        line = run("bases", "fetch", name)
        assert line.code == 2 and "only bases from the hub are fetched" in line.err
    assert hub.asked == []


# ---- check ----------------------------------------------------------------------------------------------------------


def test_check_hashes_loads_and_says_so(config: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def loads(ref: Any) -> dict[str, object]:
        asked.append(ref)
        return {"parameters": 5 * 10**6, "sites": 264, "prediction": "epsilon"}

    monkeypatch.setattr(bot.commands.bases, "try_to_load", loads)
    line = run("bases", "check")
    assert line.code == 0 and "mine loads as Stable Diffusion 1.x: 5 million weights, 264 places" in line.out
    sha256 = line.out.split()[1]
    assert len(sha256) == 64 and asked[0].source.endswith("weights")
    text = config.read_text()
    config.write_text(text.replace('family = "sd15"', f'family = "sd15"\nsha256 = "{sha256}"'))
    assert "as its record says" in run("bases", "check", "mine").out
    config.write_text(text.replace('family = "sd15"', f'family = "sd15"\nsha256 = "{"0" * 64}"'))
    asked.clear()
    line = run("bases", "check", "mine")
    assert line.code == 2 and "not the ones its record names" in line.err and asked == [], "it was not even tried"


def test_loading_is_tried_by_a_process_of_its_own() -> None:
    assert "is not there" in str(bot.commands.bases.try_to_load(BaseModelRef(source="/no/such/base"))["sentence"])
