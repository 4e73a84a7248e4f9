"""Files go out and come in without loss: diffusers and PEFT make the same change of weights of ours, and we of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from diffusers.loaders.lora_base import _pack_dict_with_prefix
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, PeftModel, get_peft_model, inject_adapter_in_model, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load, save, save_file
from tiny_families import KINDS
from torch import Tensor, nn

from engine.families import load as load_base
from engine.families.sites import Site
from engine.files import layouts, lora
from engine.files.lora import Weights
from engine.files.names import Blocks
from engine.files.targets import Target
from engine.protocol import BaseModelRef

MOST = 1e-3
"""Largest relative difference of one module's change."""
RANK, ALPHA = 4, 1.5
CONV_RANK, CONV_ALPHA = 3, 2.0
HOSTS = {"denoiser": "unet", "text_encoder": "text_encoder", "text_encoder_2": "text_encoder_2"}


@pytest.fixture(scope="module")
def target_of(folder_of: Callable[[str], Path]) -> Callable[[str], Target]:
    made: dict[str, Target] = {}

    def target(name: str) -> Target:
        if name not in made:
            made[name] = lora.target_of(load_base(BaseModelRef(family=name, source=str(folder_of(name)))))
        return made[name]

    return target


def learned(sites: tuple[Site, ...], *, convolutions: bool = True) -> Weights:
    """As training leaves it: down as it was drawn, up small, alpha not the rank; ranks and alphas of convolutions their own."""
    draw = torch.Generator().manual_seed(5)
    found: dict[str, tuple[Tensor, Tensor, float]] = {}
    for site in sites:
        is_conv = any(word in site.path for word in ("resnets", "samplers"))
        if is_conv and not convolutions:
            continue
        rank, alpha = (CONV_RANK, CONV_ALPHA) if is_conv else (RANK, ALPHA)
        ones = (1,) * (len(site.shape) - 2)
        down = (torch.rand(rank, *site.shape[1:], generator=draw) * 2 - 1) * site.shape[1] ** -0.5
        found[site.key] = (down, torch.randn(site.shape[0], rank, *ones, generator=draw) * 2e-3, alpha)
    return found


def change(down: Tensor, up: Tensor, alpha: float) -> Tensor:
    """What a LoRA adds to a weight: alpha / rank x up x down, (out, in[, kh, kw])."""
    return alpha / len(down) * (up.float().flatten(1) @ down.float().flatten(1)).view(len(up), *down.shape[1:])


def hold(found: dict[str, Tensor], weights: Weights) -> None:
    """The changes by key are those of `weights`: the same modules, each within the tolerance."""
    assert set(found) == set(weights)
    for key, (down, up, alpha) in weights.items():
        wanted = change(down, up, alpha)
        error = (found[key].reshape(wanted.shape) - wanted).norm() / wanted.norm()
        assert error <= MOST, (key, float(error))


def hung(model: nn.Module, part: str, sites: tuple[Site, ...]) -> dict[str, Tensor]:
    """The change of each LoRA layer that hangs on a live module, by key."""
    keys = {site.path: site.key for site in sites if site.part == part}
    found: dict[str, Tensor] = {}
    for path, layer in model.named_modules():
        if isinstance(layer, LoraLayer):
            (name,) = layer.lora_A
            delta = layer.get_delta_weight(name).detach()  # pyright: ignore[reportCallIssue]
            found[keys[path.removeprefix("base_model.model.").removeprefix("text_model.")]] = delta
    return found


def hosts(pipe: Any, name: str) -> dict[str, nn.Module]:
    denoiser = pipe.transformer if name == "zimage" else pipe.unet
    texts = {"sd15": ("text_encoder",), "sdxl": ("text_encoder", "text_encoder_2"), "zimage": ()}[name]
    return {"denoiser": denoiser} | {part: getattr(pipe, part) for part in texts}


@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_diffusers_loads_what_we_write(
    name: str, layout: str, target_of: Callable[[str], Target], tmp_path: Path
) -> None:
    target = target_of(name)
    weights = learned(target.sites)
    data = lora.write(weights, {}) if layout == "kohya" else layouts.write(weights, target.sites, {})
    (tmp_path / "lora.safetensors").write_bytes(data)
    pipe: Any = KINDS[name].pipeline()
    pipe.load_lora_weights(tmp_path, weight_name="lora.safetensors", adapter_name="a")
    found: dict[str, Tensor] = {}
    for part, model in hosts(pipe, name).items():
        found |= hung(model, part, target.sites)
    hold(found, weights)


@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_peft_alone_loads_what_we_write(name: str, layout: str, target_of: Callable[[str], Target]) -> None:
    """By the published rules of both layouts and the live modules' own names, without our table and without diffusers."""
    target = target_of(name)
    weights = learned(target.sites)
    kohya = load(lora.write(weights, {}))
    theirs = load(layouts.write(weights, target.sites, {}))
    prefixes = ["lora_unet", "lora_te"] if name == "sd15" else ["lora_unet", "lora_te1", "lora_te2"]
    found: dict[str, Tensor] = {}
    for (part, model), prefix in zip(hosts(KINDS[name].pipeline(), name).items(), prefixes, strict=True):
        halves: dict[str, Tensor] = {}
        ranks: dict[str, int] = {}
        alphas: dict[str, float] = {}
        for path, _ in list(model.named_modules()):
            # sd-scripts and the web UIs know CLIP with its `text_model.` level, which newer versions of one class lack.
            level = "" if part == "denoiser" or path.startswith("text_model.") else "text_model."
            if layout == "kohya":
                stem = f"{prefix}_{level}{path}".replace(".", "_")
                names = [f"{stem}.lora_down.weight", f"{stem}.lora_up.weight"]
                source, alpha = kohya, kohya.get(f"{stem}.alpha")
            else:
                stem = f"{HOSTS[part]}.{level}{path}"
                names, source, alpha = [f"{stem}.lora_A.weight", f"{stem}.lora_B.weight"], theirs, None
            if names[0] in source:
                down, up = (source[one].float() for one in names)
                halves |= {f"base_model.model.{path}.lora_A.weight": down, f"base_model.model.{path}.lora_B.weight": up}
                ranks[path], alphas[path] = len(down), float(len(down) if alpha is None else alpha)
        config = LoraConfig(
            r=RANK, lora_alpha=RANK, target_modules=list(ranks), rank_pattern=dict(ranks), alpha_pattern=dict(alphas)
        )
        inject_adapter_in_model(config, model, "a")
        outcome = set_peft_model_state_dict(model, halves, "a")
        assert not outcome.unexpected_keys  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        found |= hung(model, part, target.sites)
    hold(found, weights)


def trained_by_peft(model: nn.Module, paths: list[str]) -> Any:
    """A live PEFT adapter named "a" on these modules, alpha not the rank."""
    inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=6, target_modules=paths), model, "a")
    draw = torch.Generator().manual_seed(8)
    for path, parameter in model.named_parameters():
        if ".lora_" in path:
            parameter.data = torch.randn(parameter.shape, generator=draw) * 0.02
    return model.peft_config["a"]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]


def live_paths(model: nn.Module, part: str, sites: tuple[Site, ...]) -> list[str]:
    level = "text_model." if part != "denoiser" and hasattr(model, "text_model") else ""
    return [level + site.path for site in sites if site.part == part]


@pytest.mark.parametrize("style", ["with metadata", "older, without"])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_diffusers_writes_loads_here(
    name: str, style: str, target_of: Callable[[str], Target], tmp_path: Path
) -> None:
    target = target_of(name)
    pipe: Any = KINDS[name].pipeline()
    layers: dict[str, Any] = {}
    found: dict[str, Tensor] = {}
    for part, model in hosts(pipe, name).items():
        host = "transformer" if name == "zimage" else HOSTS[part]
        config = trained_by_peft(model, live_paths(model, part, target.sites))
        state = get_peft_model_state_dict(model, adapter_name="a")
        layers[f"{host}_lora_layers"] = state
        found |= hung(model, part, target.sites)
        if style == "with metadata":
            layers[f"{host}_lora_adapter_metadata"] = config.to_dict()
        else:
            # What scripts wrote before: halves as .lora.down and .lora.up, and not a word of alpha.
            layers[f"{host}_lora_layers"] = convert_state_dict_to_diffusers(state) if name != "zimage" else state
    type(pipe).save_lora_weights(tmp_path, **layers, weight_name="theirs.safetensors")
    file = lora.read((tmp_path / "theirs.safetensors").read_bytes(), target)
    scale = 1.0 if style == "with metadata" else RANK / 6
    assert set(file.weights) == set(found)
    for key, halves in file.weights.items():
        assert torch.allclose(change(*halves), found[key].view(change(*halves).shape) * scale, rtol=1e-4, atol=1e-7), (
            key
        )


def test_what_peft_writes_loads_here(target_of: Callable[[str], Target], tmp_path: Path) -> None:
    target = target_of("sd15")
    unet: Any = tiny.pipeline().unet
    paths = live_paths(unet, "denoiser", target.sites)
    model = get_peft_model(unet, LoraConfig(r=RANK, lora_alpha=RANK, target_modules=paths))
    assert isinstance(model, PeftModel)
    for path, parameter in model.named_parameters():
        if ".lora_B." in path:
            torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(1))
    model.save_pretrained(tmp_path)
    file = lora.read((tmp_path / "adapter_model.safetensors").read_bytes(), target)
    assert file.dialect == "peft"
    hold(hung(model, "denoiser", target.sites), file.weights)
    assert len(file.weights) == len(paths)


def test_what_sd_scripts_writes_for_sdxl_loads_here_and_in_diffusers_alike(
    target_of: Callable[[str], Target], tmp_path: Path
) -> None:
    """Its U-Net is numbered straight through (input_blocks, middle_block, output_blocks), its encoders are te1 and te2."""
    target = target_of("sdxl")
    weights = learned(target.sites)
    blocks = Blocks(layers=1, attentive=frozenset({0}))
    tensors: dict[str, Tensor] = {}
    for site in target.sites:
        down, up, alpha = weights[site.key]
        stem = site.key
        if site.part == "denoiser":
            other = blocks.sgm(site.path)
            assert other is not None and other != site.path
            stem = f"lora_unet_{other.replace('.', '_')}"
        tensors |= {
            f"{stem}.lora_down.weight": down,
            f"{stem}.lora_up.weight": up,
            f"{stem}.alpha": torch.tensor(alpha),
        }
    assert {"lora_unet_input_blocks_3_1_transformer_blocks_1_ff_net_2.alpha", "lora_unet_output_blocks_1_2_conv.alpha",
            "lora_unet_input_blocks_2_0_op.alpha", "lora_unet_middle_block_2_out_layers_3.alpha",
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha"} <= set(tensors)  # fmt: skip
    file = lora.read(save(tensors, {"ss_network_dim": "4"}), target)
    hold({key: change(*halves) for key, halves in file.weights.items()}, weights)

    save_file(tensors, tmp_path / "lora.safetensors")
    pipe: Any = KINDS["sdxl"].pipeline()
    pipe.load_lora_weights(tmp_path, weight_name="lora.safetensors", adapter_name="a")
    found: dict[str, Tensor] = {}
    for part, model in hosts(pipe, "sdxl").items():
        found |= hung(model, part, target.sites)
    hold(found, file.weights)


def test_a_convolution_in_three_parts_is_folded(target_of: Callable[[str], Target]) -> None:
    target = target_of("sd15")
    site = next(site for site in target.sites if site.path.endswith("resnets.0.conv2"))
    draw = torch.Generator().manual_seed(2)
    down, mid = torch.randn(3, site.shape[1], 1, 1, generator=draw), torch.randn(3, 3, 3, 3, generator=draw)
    up = torch.randn(site.shape[0], 3, 1, 1, generator=draw)
    parts = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up}
    ours = lora.read(save({f"{site.key}.{name}": tensor for name, tensor in parts.items()}), target).weights[site.key]
    picture = torch.randn(1, site.shape[1], 9, 9, generator=draw)
    convolve = nn.functional.conv2d
    wanted = convolve(convolve(convolve(picture, down), mid, padding=1), up)
    found = convolve(convolve(picture, ours[0], padding=1), ours[1])
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_alphas_of_single_modules_come_from_the_adapters_own_words(target_of: Callable[[str], Target]) -> None:
    target = target_of("sd15")
    weights = learned(target.sites, convolutions=False)
    tensors: dict[str, Tensor] = {}
    for site in target.sites:
        if site.key in weights and site.part == "denoiser":
            down, up, _ = weights[site.key]
            tensors |= {f"unet.{site.path}.lora_A.weight": down, f"unet.{site.path}.lora_B.weight": up}
    special = "mid_block.attentions.0.proj_in"
    said = _pack_dict_with_prefix({"r": RANK, "lora_alpha": 2, "alpha_pattern": {f"^{special}": 7}}, "unet")

    def alphas(**more: Any) -> dict[str, float]:
        data = save(tensors, {"lora_adapter_metadata": json.dumps({**said, **more})})
        return {key: alpha for key, (_, _, alpha) in lora.read(data, target).weights.items()}

    found = alphas()
    assert found.pop("lora_unet_mid_block_attentions_0_proj_in") == 7
    assert set(found.values()) == {2.0}
    assert set(alphas(**{"unet.use_rslora": True}).values()) == {2.0 * RANK**0.5, 7.0 * RANK**0.5}


def test_names_of_older_diffusers_are_known(target_of: Callable[[str], Target]) -> None:
    target = target_of("sd15")
    block = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    text = "text_encoder.text_model.encoder.layers.0"
    stems = {
        f"{block}.processor.to_out_lora": "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0",
        f"{block}.to_q.lora": "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
        f"{text}.self_attn.to_q_lora": "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        f"{text}.mlp.fc1.lora_linear_layer": "lora_te_text_model_encoder_layers_0_mlp_fc1",
    }
    shapes = {site.key: site.shape for site in target.sites}
    tensors: dict[str, Tensor] = {}
    for stem, key in stems.items():
        tensors[f"{stem}.down.weight"] = torch.ones(2, shapes[key][1])
        tensors[f"{stem}.up.weight"] = torch.ones(shapes[key][0], 2)
    assert set(lora.read(save(tensors), target).weights) == set(stems.values())
