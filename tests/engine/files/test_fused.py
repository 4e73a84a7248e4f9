"""LoRAs of DiTs in the names of the model's own code: q, k and v in one piece, as ComfyUI and some trainers write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline
from safetensors.torch import save
from torch import Tensor

from engine.errors import BadInput
from engine.families import load as load_base
from engine.families.sites import Site
from engine.files import lora
from engine.files.targets import Target
from engine.protocol import BaseModelRef

RANK, ALPHA = 3, 6.0


@pytest.fixture(scope="module")
def target(folder_of: Callable[[str], Path]) -> Target:
    return lora.target_of(load_base(BaseModelRef(family="zimage", source=str(folder_of("zimage")))))


def piece(sites: Mapping[str, Site], stem: str, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """One down half for all three, and an up half of their three outputs."""
    wide, deep = sites[f"{stem}.to_q"].shape
    return torch.randn(RANK, deep, generator=draw), torch.randn(3 * wide, RANK, generator=draw) * 0.01


def written(target: Target, form: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A file with every attention in one piece, and the change of each of the base's weights that it means."""
    draw, sites = torch.Generator().manual_seed(3), {site.path: site for site in target.sites}
    file: dict[str, Tensor] = {}
    change: dict[str, Tensor] = {}
    scale = ALPHA / RANK if form != "peft" else 1.0
    for path, site in sites.items():
        stem, _, leaf = path.rpartition(".")
        if leaf == "to_q":
            down, up = piece(sites, stem, draw)
            name, delta = f"{stem}.qkv", up @ down * scale
            for part, own in zip("qkv", delta.chunk(3), strict=True):
                change[sites[f"{stem}.to_{part}"].key] = own
        elif path.endswith(".to_out.0"):
            down, up = (
                torch.randn(RANK, site.shape[1], generator=draw),
                torch.randn(site.shape[0], RANK, generator=draw),
            )
            name, change[site.key] = path.removesuffix("to_out.0") + "out", up @ down * scale
        else:
            continue
        if form == "peft":
            file |= {f"diffusion_model.{name}.lora_A.weight": down, f"diffusion_model.{name}.lora_B.weight": up}
        else:
            flat = f"lora_unet_{name.replace('.', '_')}"
            file |= {
                f"{flat}.lora_down.weight": down,
                f"{flat}.lora_up.weight": up,
                f"{flat}.alpha": torch.tensor(ALPHA),
            }
    return file, change


@pytest.mark.parametrize("form", ["peft", "kohya"])
def test_every_part_changes_as_the_piece_did(target: Target, form: str) -> None:
    file, wanted = written(target, form)
    weights = lora.read(save({name: value.contiguous() for name, value in file.items()}), target).weights
    assert set(weights) == set(wanted) and len(wanted) == 4 * 4
    for key, (down, up, alpha) in weights.items():
        assert torch.allclose(alpha / len(down) * (up @ down), wanted[key], atol=1e-6), key


def test_diffusers_means_the_same_by_it(target: Target, tmp_path: Path) -> None:
    """By its own conversion of kohya's dotted form, which is the one that it knows in one piece."""
    file, wanted = written(target, "kohya")
    dotted = {re.sub(r"\.lora_(down|up)\.", r".lora.\1.", name): value.contiguous() for name, value in file.items()}
    told, _ = ZImagePipeline.lora_state_dict(dotted, return_lora_metadata=True)
    for key, change in wanted.items():
        name = key.replace("diffusion_model.", "transformer.")
        theirs = told[f"{name}.lora_B.weight"] @ told[f"{name}.lora_A.weight"]
        assert torch.allclose(theirs, change, atol=1e-5), key


def test_the_piece_beside_its_parts_is_said_once(target: Target) -> None:
    file, _ = written(target, "peft")
    site = next(site for site in target.sites if site.path.endswith("layers.0.attention.to_q"))
    down, up = torch.ones(RANK, site.shape[1]), torch.ones(site.shape[0], RANK)
    both = {f"{site.key}.lora_A.weight": down, f"{site.key}.lora_B.weight": up}
    read = lora.read(save({name: value.contiguous() for name, value in (file | both).items()}), target).weights
    assert torch.equal(read[site.key][0], down)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda up: up[:-1], "cannot be cut into 3 equal parts"),
        (lambda up: up[:-3], "was made for"),
        (lambda up: up[:, :-1], "do not fit together"),
    ],
)
def test_a_piece_that_cannot_be_cut_is_refused(
    target: Target, spoil: Callable[[Tensor], Tensor], sentence: str
) -> None:
    file, _ = written(target, "peft")
    name = next(name for name in file if name.endswith("qkv.lora_B.weight"))
    file[name] = spoil(file[name])
    with pytest.raises(BadInput, match=sentence):
        lora.read(save({name: value.contiguous() for name, value in file.items()}), target)
