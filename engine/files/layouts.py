"""A LoRA in the layout of diffusers and PEFT.

Readers of this layout that know nothing of `lora_adapter_metadata` take alpha for the rank. So here it is: alpha is folded
into both halves, and the metadata says the same. The change of every weight is that of the kohya file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import torch

from engine.families.sites import Site
from engine.files import tensors
from engine.files.adapter import HOSTS, KEY, described
from engine.files.lora import Weights


def write(weights: Weights, sites: Sequence[Site], metadata: Mapping[str, str]) -> bytes:
    """The diffusers file, fp16; `sites` are those of the base, and hold every key of `weights`."""
    flat: dict[str, torch.Tensor] = {}
    adapter: dict[str, object] = {}
    present = [site for site in sites if site.key in weights]
    if len(present) != len(weights):
        raise KeyError("a module that the base does not have")
    for host in dict.fromkeys(host_of(site) for site in present):
        here = [site for site in present if host_of(site) == host]
        adapter |= described(host, here, [len(weights[site.key][0]) for site in here])
        for site in here:
            down, up = folded(*weights[site.key])
            # With the level that newer transformers have dropped: every reader maps it, older ones need it.
            path = site.path if site.part == "denoiser" else f"text_model.{site.path}"
            flat[f"{host}.{path}.lora_A.weight"] = down.half()
            flat[f"{host}.{path}.lora_B.weight"] = up.half()
    return tensors.encode(flat, {**metadata, KEY: json.dumps(adapter, sort_keys=True)}, hashed=True)


def host_of(site: Site) -> str:
    """What diffusers calls the part."""
    unet, transformer = HOSTS["denoiser"]
    if site.part != "denoiser":
        return site.part
    return unet if site.path.startswith(("down_blocks.", "mid_block.", "up_blocks.")) else transformer


def folded(down: torch.Tensor, up: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Halves whose product is alpha / rank times that of these, so that neither leaves fp16's range."""
    scale = alpha / len(down)
    if scale == 0:
        return down.float(), torch.zeros_like(up, dtype=torch.float32)
    # A power of two changes no digit of a float; what is left of the scale goes to the other half.
    half = 2.0 ** round(math.log2(abs(scale)) / 2)
    return down.float() * half, up.float() * (scale / half)
