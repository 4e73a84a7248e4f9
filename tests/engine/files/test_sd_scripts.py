"""Files of sd-scripts itself: every name and shape that it wrote, pinned, so that they are read here with no sd-scripts at hand.

The lists below golden/ were taken from files of sd-scripts (commit 48d368f, version 0.10.1), rank 4, text encoders included:

    sd15                  what train_network.py wrote after training on random weights of the published size
    sdxl                  what sdxl_train_network.py wrote, likewise
    sdxl_convolutions     its network with conv_dim 3 (LoCon) on an SDXL without weights, as its own save function writes it

Where LIKENESS_SD_SCRIPTS names a checkout of it, it is run again, for both families with their training scripts:

    LIKENESS_SD_SCRIPTS         the folder of its repository
    LIKENESS_SD_SCRIPTS_PYTHON  a Python that has what it needs; otherwise this one
    LIKENESS_PEERS              a folder for the random weights (4 GB of SD 1.5, 14 GB of SDXL), which later runs find again

SDXL takes 16 GB of memory.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.loaders.lora_conversion_utils import (
    _convert_non_diffusers_lora_to_diffusers,
    _maybe_map_sgm_blocks_to_diffusers,
)
from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_peft, convert_unet_state_dict_to_peft
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from engine.families import load as load_base
from engine.families.loaded import LoadedBase
from engine.families.sites import Site
from engine.files import lora
from engine.files.lora import LoraFile
from engine.files.targets import Target, published
from engine.protocol import BaseModelRef
from engine.worker.sampler import draw
from engine.worker.slots import table_of
from tests.peers import trainers
from tests.peers.process import watch
from tests.peers.weights import Weights, weights_of
from tests.peers.workload import Workload, lay_out

GOLDEN = Path(__file__).parent / "golden"
RANK, ALPHA = 4, 2.0
TARGETS = {"sd15": published()[0], "sdxl": published()[1]}
COUNTS = {
    "sd15": {"denoiser": 192, "text_encoder": 72},
    "sdxl": {"denoiser": 722, "text_encoder": 72, "text_encoder_2": 192},
    "sdxl_convolutions": {"denoiser": 722 + 66, "text_encoder": 72, "text_encoder_2": 192},
}
DOWN, UP, SCALE = ".lora_down.weight", ".lora_up.weight", ".alpha"
CHECKOUT = os.environ.get("LIKENESS_SD_SCRIPTS", "")
Shapes = Mapping[str, tuple[int, ...]]


def pinned(name: str) -> Shapes:
    """Shapes by name, in the order of the file."""
    with gzip.open(GOLDEN / f"sd_scripts_{name}.txt.gz", "rt", encoding="utf-8") as lines:
        parts = [line.split() for line in lines]
    return {tensor: tuple(int(side) for side in sides) for tensor, *sides in parts}


def filled(shapes: Shapes) -> dict[str, Tensor]:
    """Random numbers in those shapes, as the tool saves them: fp16, alpha a number of its own."""
    draw = torch.Generator().manual_seed(3)
    return {
        name: torch.tensor(ALPHA).half() if not shape else (torch.randn(shape, generator=draw) * 0.02).half()
        for name, shape in shapes.items()
    }


def plain(target: Target) -> list[Site]:
    """Where a LoRA without convolutions sits: what our recipes call `full`, and the text encoders."""
    return [site for site in target.sites if "resnets" not in site.path and "samplers" not in site.path]


def told(down: Tensor, up: Tensor, alpha: float) -> Tensor:
    """What alpha / rank x up x down does to a random vector: the same for equal changes of weights, and for no others."""
    flat = down.double().flatten(1)
    vector = torch.randn(flat.shape[1], generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return alpha / len(down) * (up.double().flatten(1) @ (flat @ vector))


def changes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the tool's own name of the module, straight from the file."""
    modules = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
    assert len(tensors) == 3 * len(modules)
    return {one: told(tensors[one + DOWN], tensors[one + UP], float(tensors[one + SCALE])) for one in modules}


def keys(modules: Sequence[str], target: Target) -> dict[str, str]:
    """The key of our table for every name of sd-scripts, found by diffusers' own conversion and not by ours."""
    numbered = {f"{one}.{half}.weight": torch.tensor([float(number)]) for number, one in enumerate(modules)
                for half in ("lora_down", "lora_up")}  # fmt: skip
    if any("input_blocks" in one for one in modules):
        numbered = _maybe_map_sgm_blocks_to_diffusers(numbered, SimpleNamespace(layers_per_block=2))
    converted, _ = _convert_non_diffusers_lora_to_diffusers(numbered)
    by_place = {(site.part, site.path): site.key for site in target.sites}
    found: dict[str, str] = {}
    for host in dict.fromkeys(name.partition(".")[0] for name in converted):
        bare = {name.removeprefix(f"{host}."): one for name, one in converted.items() if name.startswith(f"{host}.")}
        if host == "unet":
            bare = convert_unet_state_dict_to_peft(bare)
        else:
            bare = convert_state_dict_to_peft(convert_state_dict_to_diffusers(bare))
        part = "denoiser" if host == "unet" else host
        for name, number in bare.items():
            path = name.partition(".lora_")[0].removeprefix("text_model.")
            found[modules[int(number)]] = by_place[part, path]
    assert set(found) == set(modules)
    return found


def hold(file: LoraFile, tensors: Mapping[str, Tensor], target: Target) -> None:
    """Every module of the file is at its place with its change of weights, and there is nothing else."""
    wanted = changes(tensors)
    places = keys(list(wanted), target)
    assert sorted(file.weights) == sorted(places.values())
    for module, key in places.items():
        assert torch.equal(told(*file.weights[key]), wanted[module]), module


@pytest.mark.parametrize("name", COUNTS)
def test_every_module_that_sd_scripts_writes_is_read_and_nothing_is_left_over(name: str) -> None:
    target, tensors = TARGETS[name.partition("_")[0]], filled(pinned(name))
    file = lora.read(save(tensors, {"ss_network_module": "networks.lora"}), target)
    hold(file, tensors, target)
    parts = [site.part for site in target.sites if site.key in file.weights]
    assert {part: parts.count(part) for part in set(parts)} == COUNTS[name]
    assert lora.read_any(save(tensors)).target.spec is target.spec


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_one_name_that_nobody_knows_is_not_passed_over(name: str) -> None:
    tensors = filled(pinned(name))
    stem = next(one.removesuffix(DOWN) for one in tensors if one.endswith(DOWN))
    odd = {f"lora_unet_nowhere{end}": tensors[stem + end].clone() for end in (DOWN, UP, SCALE)}
    with pytest.raises(lora.BadInput, match="lora_unet_nowhere"):
        lora.read(save(tensors | odd), TARGETS[name])


def ours(target: Target) -> dict[str, Tensor]:
    """What we write for the same places."""
    weights = {
        site.key: (
            torch.ones(RANK, *site.shape[1:]), torch.ones(site.shape[0], RANK, *(1,) * (len(site.shape) - 2)), ALPHA,
        )
        for site in plain(target)
    }  # fmt: skip
    return load(lora.write(weights, {}))


def test_of_sd15_ours_has_the_same_names_and_shapes() -> None:
    assert {name: tuple(tensor.shape) for name, tensor in ours(TARGETS["sd15"]).items()} == dict(pinned("sd15"))


def test_of_sdxl_ours_has_the_same_text_encoders_and_as_many_places_of_the_unet_by_diffusers_names() -> None:
    target, theirs = TARGETS["sdxl"], pinned("sdxl")
    mine = {name: tuple(tensor.shape) for name, tensor in ours(target).items()}
    different = {name for name in theirs if name not in mine}
    assert len(different) == 3 * COUNTS["sdxl"]["denoiser"]
    assert all(name.startswith("lora_unet_") for name in different)
    places = keys([name.removesuffix(DOWN) for name in theirs if name.endswith(DOWN)], target)
    renamed = {f"{places[module]}.{end}": shape for name, shape in theirs.items()
               for module, _, end in (name.partition("."),)}  # fmt: skip
    assert renamed == mine


@pytest.mark.skipif(not CHECKOUT, reason="LIKENESS_SD_SCRIPTS names no checkout of sd-scripts")
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_sd_scripts_itself_writes_a_file_that_loads_and_paints(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    weights = weights_of(name, Path(os.environ.get("LIKENESS_PEERS") or tmp_path_factory.mktemp("weights")))
    data = written(name, tmp_path, weights)
    tensors, target = load(data), TARGETS[name]
    assert {one: tuple(tensor.shape) for one, tensor in tensors.items()} == dict(pinned(name))
    assert any(tensor.any() for one, tensor in tensors.items() if one.endswith(UP)), "it learnt nothing"
    hold(lora.read(data, target), tensors, target)

    base = load_base(BaseModelRef(family=name, source=str(weights.folder)))
    slot = table_of(base).take(lora.read(data, lora.target_of(base)).weights)
    plain, changed = painted(base, {}), painted(base, {slot: 1.0})
    assert np.isfinite(changed).all() and not np.array_equal(plain, changed)


def written(name: str, folder: Path, weights: Weights) -> bytes:
    """The file of the last epoch of the tool's own script, two steps, at the smallest size."""
    python = os.environ.get("LIKENESS_SD_SCRIPTS_PYTHON") or sys.executable
    work = Workload(name, "cpu", side=64, batch=1, rank=RANK, photos=2, repeats=1, epochs=1, warm=0, rounds=1)
    checkout = trainers.opened("sd-scripts", Path(CHECKOUT), python, name)
    found = trainers.trainers({"sd-scripts": checkout}, work, compiled=False)
    (trainer,) = [one for one in found if one.name == "sd-scripts"]
    job = trainers.Job(work, weights, lay_out(work, folder / "photos"), folder / "out")
    # The text encoders learn too, so they are asked in every step.
    command = [
        one for one in trainer.command(job) if one not in ("--network_train_unet_only", "--cache_text_encoder_outputs")
    ]
    precision = "bf16" if name == "sdxl" else "no"  # SDXL in float32 is 14 GB
    said = {"--network_alpha": f"{ALPHA:g}", "--mixed_precision": precision, "--learning_rate": "1e-2"}
    for option, value in said.items():
        command[command.index(option) + 1] = value
    seen = watch(
        command, trainer.pattern(), folder / "log.txt", cwd=trainer.cwd, environment=trainer.environment, limit_s=3000
    )
    assert seen.code == 0, seen.tail
    return (folder / "out" / "lora.safetensors").read_bytes()


def painted(base: LoadedBase, mixture: Mapping[int, float]) -> NDArray[np.uint8]:
    """One small picture, the same noise each time."""
    work = draw(base, ["a photo of ohwx"], [1], steps=2, cfg=1.0, width=64, height=64, mixtures=[mixture])
    while True:
        try:
            next(work)
        except StopIteration as end:
            (picture,) = end.value
            return np.asarray(picture)
