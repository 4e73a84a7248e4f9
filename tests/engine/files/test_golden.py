"""Every key name of the two families, pinned: a file written today is read by every tool that read last year's."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import (
    _convert_non_diffusers_lora_to_diffusers,
    _maybe_map_sgm_blocks_to_diffusers,
)
from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_peft, convert_unet_state_dict_to_peft
from torch import Tensor

from engine.families.spec import SD15, SDXL
from engine.files.targets import Target, published

GOLDEN = Path(__file__).parent / "golden"
SD15_TARGET, SDXL_TARGET, MINIATURE = published()


def pinned(name: str) -> tuple[list[str], list[str]]:
    """The keys of a plain LoRA, and those that one with convolutions has besides."""
    plain, _, convolutions = (GOLDEN / f"{name}_keys.txt").read_text().partition("\n# with convolutions\n")
    return plain.split(), convolutions.split()


@pytest.mark.parametrize(
    ("target", "name", "counts"), [(SD15_TARGET, "sd15", (264, 86)), (SDXL_TARGET, "sdxl", (986, 66))]
)
def test_the_keys_are_what_they_always_were(target: Target, name: str, counts: tuple[int, int]) -> None:
    plain, convolutions = pinned(name)
    assert [site.key for site in target.sites] == plain + convolutions
    assert (len(plain), len(convolutions)) == counts


def test_the_miniature_is_a_small_sd15() -> None:
    assert (SD15_TARGET.spec, SDXL_TARGET.spec, MINIATURE.spec) == (SD15, SDXL, SD15)
    text = {site.key for site in MINIATURE.sites if site.part == "text_encoder"}
    assert text <= set(pinned("sd15")[0])


def transformer(stem: str, depth: int) -> list[str]:
    leaves = ["attn1_to_q", "attn1_to_k", "attn1_to_v", "attn1_to_out_0"]
    leaves += [leaf.replace("attn1", "attn2") for leaf in leaves] + ["ff_net_0_proj", "ff_net_2"]
    inside = [f"{stem}_transformer_blocks_{block}_{leaf}" for block in range(depth) for leaf in leaves]
    return [f"{stem}_proj_in", *inside, f"{stem}_proj_out"]


def resnet(stem: str, *, shortcut: bool) -> list[str]:
    leaves = ["in_layers_2", "emb_layers_1", "out_layers_3", *(["skip_connection"] if shortcut else [])]
    return [f"{stem}_{leaf}" for leaf in leaves]


def sd_scripts_names() -> tuple[list[str], list[str]]:
    """The U-Net of SDXL as sd-scripts numbers it (Stability's layout): attentions, and what conv_dim adds."""
    attentions: list[str] = []
    for block, depth in ((4, 2), (5, 2), (7, 10), (8, 10)):
        attentions += transformer(f"input_blocks_{block}_1", depth)
    attentions += transformer("middle_block_1", 10)
    for block, depth in ((0, 10), (1, 10), (2, 10), (3, 2), (4, 2), (5, 2)):
        attentions += transformer(f"output_blocks_{block}_1", depth)
    convolutions: list[str] = []
    for block, shortcut in ((1, False), (2, False), (4, True), (5, False), (7, True), (8, False)):
        convolutions += resnet(f"input_blocks_{block}_0", shortcut=shortcut)
    convolutions += [f"input_blocks_{block}_0_op" for block in (3, 6)]
    for block in (0, 2):
        convolutions += resnet(f"middle_block_{block}", shortcut=False)
    for block in range(9):
        convolutions += resnet(f"output_blocks_{block}_0", shortcut=True)
    convolutions += [f"output_blocks_{block}_2_conv" for block in (2, 5)]
    return attentions, convolutions


def test_every_name_of_sd_scripts_for_sdxl_leads_to_a_site_of_its_own() -> None:
    attentions, convolutions = sd_scripts_names()
    assert (len(attentions), len(convolutions)) == (722, 66)
    found = [SDXL_TARGET.index.find(f"lora_unet_{name}") for name in attentions + convolutions]
    assert None not in found
    unet = [site for site in SDXL_TARGET.sites if site.part == "denoiser"]
    assert {site.key for site in found if site} == {site.key for site in unet}
    leaf = re.compile(r"(attn\d_to_\w+|ff_net_\d|proj_in|proj_out)")
    for name, site in zip(attentions, found, strict=False):
        assert site is not None
        assert leaf.findall(name) == leaf.findall(site.key), name


@pytest.mark.parametrize("prefix", ["", "base_model.model."])
def test_every_dotted_name_leads_back_to_its_site(prefix: str) -> None:
    for target in (SD15_TARGET, SDXL_TARGET):
        for site in target.sites:
            host = "unet" if site.part == "denoiser" else site.part
            assert target.index.find(f"{prefix}{host}.{site.path}") is site
            if site.part != "denoiser":
                assert target.index.find(f"{prefix}{site.part}.text_model.{site.path}") is site


def by_diffusers(state: dict[str, Tensor]) -> set[str]:
    """The module paths that diffusers' own conversion makes of kohya's names."""
    converted, _ = _convert_non_diffusers_lora_to_diffusers(state)
    found: set[str] = set()
    for host in ("unet", "text_encoder", "text_encoder_2"):
        part = {name.removeprefix(f"{host}."): one for name, one in converted.items() if name.startswith(f"{host}.")}
        if part and host == "unet":
            part = convert_unet_state_dict_to_peft(part)
        elif part:
            part = convert_state_dict_to_peft(convert_state_dict_to_diffusers(part))
        found |= {f"{host}.{name.partition('.lora_')[0]}" for name in part}
    return found


def halves(keys: list[str]) -> dict[str, Tensor]:
    return {f"{key}.{half}.weight": torch.zeros(1) for key in keys for half in ("lora_down", "lora_up")}


def dotted(target: Target) -> set[str]:
    return {
        f"unet.{site.path}" if site.part == "denoiser" else f"{site.part}.text_model.{site.path}"
        for site in target.sites
    }


@pytest.mark.parametrize("target", [SD15_TARGET, SDXL_TARGET], ids=["sd15", "sdxl"])
def test_diffusers_understands_every_key_at_full_size(target: Target) -> None:
    assert by_diffusers(halves([site.key for site in target.sites])) == dotted(target)


def test_diffusers_leads_the_names_of_sd_scripts_to_the_same_sites() -> None:
    attentions, convolutions = sd_scripts_names()
    for name in attentions + convolutions:
        key = f"lora_unet_{name}"
        state = _maybe_map_sgm_blocks_to_diffusers(halves([key]), SimpleNamespace(layers_per_block=2))
        site = SDXL_TARGET.index.find(key)
        assert site is not None
        assert by_diffusers(state) == {f"unet.{site.path}"}, name
