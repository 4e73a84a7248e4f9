"""The frozen table of places where a LoRA attaches, how wide each is, and what it is called in a file.

Made from a base's config numbers, never from `named_modules()`: transformers 5.6 flattened CLIP, and names taken from
the live modules broke every file written since.

    sd15, sdxl   lora_unet_down_blocks_0_attentions_0_proj_in        kohya's, which A1111, ComfyUI and diffusers all read
                 lora_te_text_model_encoder_layers_0_mlp_fc1         (sdxl: lora_te1_..., lora_te2_...)
    zimage       diffusion_model.layers.0.attention.to_q             what ComfyUI and diffusers both read: kohya's underscored
                                                                     names of this family lose their dots on the way back
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.families.spec import FamilySpec

Part = Literal["denoiser", "text_encoder", "text_encoder_2"]
ENCODERS: tuple[Part, ...] = ("text_encoder", "text_encoder_2")
Shape = tuple[int, ...]
Config = Mapping[str, Any]
"""The contents of a part's config.json."""


@dataclass(frozen=True, slots=True)
class Site:
    """One linear layer or convolution that gets a LoRA."""

    part: Part
    path: str
    """Dotted path in the part; of a text encoder without the `text_model.` level that some versions have."""
    key: str
    """Name in the file, without `.lora_down.weight`, `.lora_up.weight`, `.alpha`."""
    shape: Shape
    """Of the base's own weight: (out, in), of a convolution (out, in, kernel, kernel)."""

    @property
    def kernel(self) -> int:
        return self.shape[2] if len(self.shape) == 4 else 1


def lora_sites(spec: FamilySpec, denoiser: Config, text_encoders: Sequence[Config] = ()) -> tuple[Site, ...]:
    """Every site of a base with these configs: the denoiser's first, then each text encoder's."""
    if "n_refiner_layers" in denoiser:
        places = _dit(denoiser)
        return tuple(Site("denoiser", path, f"{spec.lora_denoiser_prefix}.{path}", places[path]) for path in places)
    found = _unet_sites(spec, _attentions(denoiser))
    for part, prefix, config in zip(ENCODERS, spec.lora_text_prefixes, text_encoders, strict=False):
        for path, shape in _clip(config).items():
            found.append(Site(part, path, f"{prefix}_text_model_{path.replace('.', '_')}", shape))
    return tuple(found)


def conv_sites(spec: FamilySpec, denoiser: Config) -> tuple[Site, ...]:
    """What a LoRA with convolutions has besides, as sd-scripts' conv_dim: all of the residual blocks and the samplers."""
    return tuple(_unet_sites(spec, _residuals(denoiser)))


def _unet_sites(spec: FamilySpec, places: Mapping[str, Shape]) -> list[Site]:
    prefix = spec.lora_denoiser_prefix
    return [Site("denoiser", path, f"{prefix}_{path.replace('.', '_')}", shape) for path, shape in places.items()]


def _attentions(config: Config) -> dict[str, Shape]:
    """Of a UNet's transformers, whatever their depth in each block."""
    down: Sequence[str] = config["down_block_types"]
    up: Sequence[str] = config["up_block_types"]
    blocks = len(down)
    widths: Sequence[int] = config["block_out_channels"]
    layers = _per_block(config.get("layers_per_block", 2), blocks)
    depths = _per_block(config.get("transformer_layers_per_block", 1), blocks)
    texts = _per_block(config.get("cross_attention_dim", 1280), blocks)
    is_linear = bool(config.get("use_linear_projection"))
    places: dict[str, Shape] = {}
    for block, kind in enumerate(down):
        if "CrossAttn" in kind:
            for index in range(layers[block]):
                stem = f"down_blocks.{block}.attentions.{index}"
                places |= _transformer(stem, depths[block], widths[block], texts[block], is_linear)
    if config.get("mid_block_type", "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn":
        places |= _transformer("mid_block.attentions.0", depths[-1], widths[-1], texts[-1], is_linear)
    for block, kind in enumerate(up):
        if "CrossAttn" in kind:
            down_block = blocks - 1 - block
            for index in range(layers[down_block] + 1):
                stem = f"up_blocks.{block}.attentions.{index}"
                places |= _transformer(stem, depths[down_block], widths[down_block], texts[down_block], is_linear)
    return places


def _transformer(stem: str, depth: int, width: int, text: int, is_linear: bool) -> dict[str, Shape]:
    project: Shape = (width, width) if is_linear else (width, width, 1, 1)
    places = {f"{stem}.proj_in": project}
    for index in range(depth):
        block = f"{stem}.transformer_blocks.{index}"
        for attention, asked in (("attn1", width), ("attn2", text)):
            places[f"{block}.{attention}.to_q"] = (width, width)
            places[f"{block}.{attention}.to_k"] = (width, asked)
            places[f"{block}.{attention}.to_v"] = (width, asked)
            places[f"{block}.{attention}.to_out.0"] = (width, width)
        # A gated unit: twice its four widths go in, half of them gate the other half.
        places[f"{block}.ff.net.0.proj"] = (8 * width, width)
        places[f"{block}.ff.net.2"] = (width, 4 * width)
    return places | {f"{stem}.proj_out": project}


def _residuals(config: Config) -> dict[str, Shape]:
    """Of ResnetBlock2D, Downsample2D and Upsample2D; a shortcut is there where the width changes."""
    widths: Sequence[int] = config["block_out_channels"]
    blocks = len(widths)
    layers = _per_block(config.get("layers_per_block", 2), blocks)
    time = int(config.get("time_embedding_dim") or 4 * widths[0])
    places: dict[str, Shape] = {}
    for block, width in enumerate(widths):
        for index in range(layers[block]):
            before = widths[max(block - 1, 0)] if index == 0 else width
            places |= _resnet(f"down_blocks.{block}.resnets.{index}", before, width, time)
        if block < blocks - 1:
            places[f"down_blocks.{block}.downsamplers.0.conv"] = (width, width, 3, 3)
    for index in range(2):
        places |= _resnet(f"mid_block.resnets.{index}", widths[-1], widths[-1], time)
    rising = list(reversed(widths))
    for block, width in enumerate(rising):
        last = layers[blocks - 1 - block]
        for index in range(last + 1):
            before = rising[max(block - 1, 0)] if index == 0 else width
            # Each takes in what its counterpart on the way down handed over.
            handed = rising[min(block + 1, blocks - 1)] if index == last else width
            places |= _resnet(f"up_blocks.{block}.resnets.{index}", before + handed, width, time)
        if block < blocks - 1:
            places[f"up_blocks.{block}.upsamplers.0.conv"] = (width, width, 3, 3)
    return places


def _resnet(stem: str, before: int, width: int, time: int) -> dict[str, Shape]:
    places: dict[str, Shape] = {
        f"{stem}.conv1": (width, before, 3, 3),
        f"{stem}.time_emb_proj": (width, time),
        f"{stem}.conv2": (width, width, 3, 3),
    }
    return places | ({f"{stem}.conv_shortcut": (width, before, 1, 1)} if before != width else {})


def _clip(config: Config) -> dict[str, Shape]:
    width, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    places: dict[str, Shape] = {}
    for layer in range(int(config["num_hidden_layers"])):
        stem = f"encoder.layers.{layer}"
        places |= {f"{stem}.self_attn.{name}": (width, width) for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
        places |= {f"{stem}.mlp.fc1": (inner, width), f"{stem}.mlp.fc2": (width, inner)}
    return places


def _dit(config: Config) -> dict[str, Shape]:
    """Attention and feed-forward of every block of a Z-Image transformer: the two refiners, then the main layers."""
    refiners, width = int(config["n_refiner_layers"]), int(config["dim"])
    inner = int(width / 3 * 8)
    places: dict[str, Shape] = {}
    for stack, count in (
        ("noise_refiner", refiners),
        ("context_refiner", refiners),
        ("layers", int(config["n_layers"])),
    ):
        for index in range(count):
            stem = f"{stack}.{index}"
            places |= {f"{stem}.attention.{name}": (width, width) for name in ("to_q", "to_k", "to_v", "to_out.0")}
            places |= {f"{stem}.feed_forward.w1": (inner, width), f"{stem}.feed_forward.w2": (width, inner)}
            places[f"{stem}.feed_forward.w3"] = (inner, width)
    return places


def _per_block(value: int | Sequence[int], blocks: int) -> list[int]:
    return [value] * blocks if isinstance(value, int) else list(value)
