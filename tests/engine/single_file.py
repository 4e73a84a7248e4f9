"""A diffusers pipeline as one checkpoint in the layout of Stability's own code, the way people share them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
}
TOP |= {"conv_norm_out": "out.0", "conv_out": "out.2"}
TOP |= {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
OPENCLIP = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}  # fmt: skip


def write(pipe: StableDiffusionPipeline | StableDiffusionXLPipeline, path: Path) -> None:
    """The whole pipeline; of SDXL with both its encoders."""
    layers = int(pipe.unet.config["layers_per_block"])
    up_kinds = list(pipe.unet.config["up_block_types"])
    tensors = {
        f"model.diffusion_model.{_unet(name, layers, up_kinds)}": value
        for name, value in pipe.unet.state_dict().items()
    }
    blocks = len(pipe.vae.config["block_out_channels"])
    for name, value in pipe.vae.state_dict().items():
        other, turned = _vae(name, value, blocks)
        tensors[f"first_stage_model.{other}"] = turned
    is_xl = isinstance(pipe, StableDiffusionXLPipeline)
    stem = "conditioner.embedders.0.transformer" if is_xl else "cond_stage_model.transformer"
    for name, value in pipe.text_encoder.state_dict().items():
        tensors[f"{stem}.text_model.{name.removeprefix('text_model.')}"] = value
    if isinstance(pipe, StableDiffusionXLPipeline):
        for name, value in openclip(pipe.text_encoder_2.state_dict()).items():
            tensors[f"conditioner.embedders.1.model.{name}"] = value
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def openclip(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CLIPTextModelWithProjection's weights as OpenCLIP names and packs them."""
    found: dict[str, Tensor] = {"text_projection": state["text_projection.weight"].T}
    for name, value in state.items():
        name = name.removeprefix("text_model.")
        if name.startswith("embeddings.token"):
            found["token_embedding.weight"] = value
        elif name.startswith("embeddings.position") and name.endswith("weight"):
            found["positional_embedding"] = value
        elif name.startswith("final_layer_norm"):
            found[name.replace("final_layer_norm", "ln_final")] = value
        elif name.startswith("encoder.layers"):
            _, _, number, rest = name.split(".", 3)
            part, kind = rest.rsplit(".", 1)
            if part in OPENCLIP:
                found[f"transformer.resblocks.{number}.{OPENCLIP[part]}.{kind}"] = value
            elif part == "self_attn.q_proj":
                stem = f"text_model.encoder.layers.{number}.self_attn"
                packed = torch.cat([state[f"{stem}.{one}_proj.{kind}"] for one in "qkv"])
                found[f"transformer.resblocks.{number}.attn.in_proj_{kind}"] = packed
    return found


def _unet(name: str, layers: int, up_kinds: list[str]) -> str:
    for ours, theirs in TOP.items():
        if name.startswith(ours + "."):
            return theirs + name.removeprefix(ours)
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        kind, index, rest = found.groups()
        return f"middle_block.1.{rest}" if kind == "attentions" else f"middle_block.{2 * int(index)}.{_resnet(rest)}"
    found = re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name)
    assert found, name
    way, block, kind, index, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    if way == "down":
        place = 1 + block * (layers + 1)
        if kind == "downsamplers":
            return f"input_blocks.{place + layers}.0.op.{rest.removeprefix('conv.')}"
        return f"input_blocks.{place + index}." + (f"0.{_resnet(rest)}" if kind == "resnets" else f"1.{rest}")
    place = block * (layers + 1)
    if kind == "upsamplers":
        return f"output_blocks.{place + layers}.{2 if 'CrossAttn' in up_kinds[block] else 1}.{rest}"
    return f"output_blocks.{place + index}." + (f"0.{_resnet(rest)}" if kind == "resnets" else f"1.{rest}")


def _resnet(rest: str) -> str:
    part, _, kind = rest.rpartition(".")
    return f"{RESNET[part]}.{kind}"


def _vae(name: str, value: Tensor, blocks: int) -> tuple[str, Tensor]:
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda found: f"up.{blocks - 1 - int(found[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda found: f"up.{blocks - 1 - int(found[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    if "mid_block.attentions.0" in name:
        for ours, theirs in {
            "group_norm": "norm",
            "to_q": "q",
            "to_k": "k",
            "to_v": "v",
            "to_out.0": "proj_out",
        }.items():
            name = name.replace(f"mid_block.attentions.0.{ours}", f"mid.attn_1.{theirs}")
        if value.dim() == 2:
            value = value[:, :, None, None]
    return name, value
