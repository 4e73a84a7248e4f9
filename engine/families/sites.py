"""The frozen table of places where a LoRA attaches, and what each is called in a file.

Made from a base's config numbers, never from `named_modules()`: transformers 5.6 flattened CLIP, and names taken from
the live modules broke every file written since. The keys are kohya's, which A1111, ComfyUI and diffusers all read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.families.spec import FamilySpec

Part = Literal["denoiser", "text_encoder", "text_encoder_2"]


@dataclass(frozen=True, slots=True)
class Site:
    """One linear or 1x1 convolution that gets a LoRA."""

    part: Part
    path: str
    """Dotted path in the part; of a text encoder without the `text_model.` level that some versions have."""
    key: str
    """Name in the file, without `.lora_down.weight`, `.lora_up.weight`, `.alpha`."""


def lora_sites(spec: FamilySpec, unet: Mapping[str, Any], text_encoder: Mapping[str, Any]) -> tuple[Site, ...]:
    """Every site of a base with these config.json contents: the denoiser's first, then the text encoder's."""
    found = [Site("denoiser", path, f"{spec.lora_unet_prefix}_{path.replace('.', '_')}") for path in _unet_paths(unet)]
    for path in _clip_paths(int(text_encoder["num_hidden_layers"])):
        found.append(Site("text_encoder", path, f"{spec.lora_text_prefix}_text_model_{path.replace('.', '_')}"))
    return tuple(found)


def _unet_paths(config: Mapping[str, Any]) -> list[str]:
    down: Sequence[str] = config["down_block_types"]
    up: Sequence[str] = config["up_block_types"]
    layers = _per_block(config.get("layers_per_block", 2), len(down))
    depths = _per_block(config.get("transformer_layers_per_block", 1), len(down))
    paths: list[str] = []
    for block, kind in enumerate(down):
        if "CrossAttn" in kind:
            for index in range(layers[block]):
                paths += _transformer(f"down_blocks.{block}.attentions.{index}", depths[block])
    if config.get("mid_block_type", "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn":
        paths += _transformer("mid_block.attentions.0", depths[-1])
    for block, kind in enumerate(up):
        if "CrossAttn" in kind:
            for index in range(layers[-1 - block] + 1):
                paths += _transformer(f"up_blocks.{block}.attentions.{index}", depths[-1 - block])
    return paths


def _transformer(stem: str, depth: int) -> list[str]:
    paths = [f"{stem}.proj_in"]
    for index in range(depth):
        block = f"{stem}.transformer_blocks.{index}"
        for attention in ("attn1", "attn2"):
            paths += [f"{block}.{attention}.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")]
        paths += [f"{block}.ff.net.0.proj", f"{block}.ff.net.2"]
    return [*paths, f"{stem}.proj_out"]


def _clip_paths(layers: int) -> list[str]:
    names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")
    return [f"encoder.layers.{layer}.{name}" for layer in range(layers) for name in names]


def _per_block(value: int | Sequence[int], blocks: int) -> list[int]:
    return [value] * blocks if isinstance(value, int) else list(value)
