"""SDXL as most people have it: one checkpoint in the layout of Stability's own code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import single_file
import tiny_xl
import torch
from safetensors.torch import save_file

from engine.errors import BaseUnavailable
from engine.families import load, sdxl
from engine.families.loaded import LoadedBase
from engine.protocol import BaseModelRef

BLOCK = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}  # fmt: skip
TOP = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}


def openclip(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A CLIPTextModelWithProjection's weights as OpenCLIP names and packs them."""
    found: dict[str, torch.Tensor] = {"text_projection": state["text_projection.weight"].T}
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
            if part in BLOCK:
                found[f"transformer.resblocks.{number}.{BLOCK[part]}.{kind}"] = value
            elif part == "self_attn.q_proj":
                stem = f"text_model.encoder.layers.{number}.self_attn"
                packed = torch.cat([state[f"{stem}.{one}_proj.{kind}"] for one in "qkv"])
                found[f"transformer.resblocks.{number}.attn.in_proj_{kind}"] = packed
    return found


def write(path: Path) -> None:
    pipe: Any = tiny_xl.pipeline()
    layers, up_kinds = int(pipe.unet.config["layers_per_block"]), list(pipe.unet.config["up_block_types"])
    tensors: dict[str, torch.Tensor] = {}
    for name, value in pipe.unet.state_dict().items():
        stem, _, kind = name.rpartition(".")
        other = f"{TOP[stem]}.{kind}" if stem in TOP else single_file._unet(name, layers, up_kinds)
        tensors[f"model.diffusion_model.{other}"] = value
    for name, value in pipe.vae.state_dict().items():
        other, turned = single_file._vae(name, value, len(pipe.vae.config["block_out_channels"]))
        tensors[f"first_stage_model.{other}"] = turned
    for name, value in pipe.text_encoder.state_dict().items():
        tensors[f"conditioner.embedders.0.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    for name, value in openclip(pipe.text_encoder_2.state_dict()).items():
        tensors[f"conditioner.embedders.1.model.{name}"] = value
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path)


def said(base: LoadedBase) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        text = sdxl.encode_tokens(base, sdxl.tokens_of(base, ["a portrait of ohwx"]))
        told = torch.tensor([[32.0, 32, 0, 0, 32, 32]])
        noise = sdxl.forward(base, torch.randn(1, 4, 8, 8, generator=draw), torch.tensor([500]), text, told)
        mean, _ = sdxl.encode_latents(base, torch.randn(1, 3, 32, 32, generator=draw))
    assert text.pooled is not None
    return torch.cat([part.flatten() for part in (noise, mean, text.hidden, text.pooled)])


def test_a_checkpoint_is_the_same_base_as_its_folder(tmp_path: Path) -> None:
    folder = tiny_xl.folder(tmp_path)
    write(tmp_path / "mine.safetensors")
    shutil.copytree(folder, tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    one = load(BaseModelRef(family="sdxl", source=str(tmp_path / "mine.safetensors")))
    other = load(BaseModelRef(family="sdxl", source=str(folder)))
    assert torch.allclose(said(one), said(other), atol=1e-4)


def test_a_checkpoint_alone_takes_the_packed_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the layout's numbers swapped for the small base's, since the real one has 7 GB of weights."""
    folder = tiny_xl.folder(tmp_path)
    write(tmp_path / "mine.safetensors")
    layout = Path(shutil.copytree(sdxl.LAYOUT, tmp_path / "layout"))
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        shutil.copy(folder / part / "config.json", layout / part / "config.json")
    monkeypatch.setattr(sdxl, "LAYOUT", layout)
    base = load(BaseModelRef(family="sdxl", source=str(tmp_path / "mine.safetensors")))
    assert [len(words) for words in base.tokenizers] == [49408, 49408]
    assert [words.pad_token for words in base.tokenizers] == ["<|endoftext|>", "!"]
    assert (
        base.prediction
        == json.loads((sdxl.LAYOUT / "scheduler" / "scheduler_config.json").read_text())["prediction_type"]
    )


def test_another_shape_says_what_it_needs(tmp_path: Path) -> None:
    write(tmp_path / "odd.safetensors")
    with pytest.raises(BaseUnavailable, match="needs its diffusers folder beside it"):
        load(BaseModelRef(family="sdxl", source=str(tmp_path / "odd.safetensors")))
