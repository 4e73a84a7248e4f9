"""Z-Image as a single file: the transformer alone, as ComfyUI and galleries share it, with its folder beside it or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiny_flow
import torch
from safetensors.torch import save_file

from engine.errors import BaseUnavailable
from engine.families import bases, load
from engine.protocol import BaseModelRef

RENAMED = {"all_final_layer.2-1.": "final_layer.", "all_x_embedder.2-1.": "x_embedder.", ".to_out.0.": ".out."}
NORMS = {".attention.norm_q.": ".attention.q_norm.", ".attention.norm_k.": ".attention.k_norm."}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """In the names of the model's own code: q, k and v in one piece."""
    state, whole = tiny_flow.pipeline().transformer.state_dict(), dict[str, torch.Tensor]()
    for name, value in state.items():
        if name.endswith(".attention.to_q.weight"):
            stem = name.removesuffix("to_q.weight")
            whole[f"{stem}qkv.weight"] = torch.cat([state[f"{stem}to_{part}.weight"] for part in "qkv"])
        elif not name.endswith((".to_k.weight", ".to_v.weight")):
            for ours, theirs in (RENAMED | NORMS).items():
                name = name.replace(ours, theirs)
            whole[name] = value.clone()
    path = tmp_path / "turbo.safetensors"
    save_file({f"model.diffusion_model.{name}": value for name, value in whole.items()}, path)
    return path


def test_without_its_folder_it_is_refused_before_anything_is_loaded(file: Path) -> None:
    assert bases.recognise(str(file)) == "zimage"
    with pytest.raises(BaseUnavailable, match=r"comes as a folder in diffusers layout.*Tongyi-MAI/Z-Image.*'turbo'"):
        bases.find(BaseModelRef(family="zimage", source=str(file)))
    (file.parent / "turbo").mkdir()
    (file.parent / "turbo" / "model_index.json").write_text('{"_class_name": "ZImagePipeline"}')
    with pytest.raises(BaseUnavailable, match="lacks transformer, vae"):
        bases.find(BaseModelRef(family="zimage", source=str(file)))


def test_with_the_folder_beside_it_the_transformer_is_the_files(file: Path) -> None:
    folder = tiny_flow.folder(file.parent)
    shutil.move(folder, file.parent / "turbo")
    weights = next((file.parent / "turbo" / "transformer").glob("*.safetensors"))
    config = (file.parent / "turbo" / "transformer" / "config.json").read_bytes()
    spoilt = {name: torch.zeros_like(value) for name, value in tiny_flow.pipeline().transformer.state_dict().items()}
    save_file(spoilt, weights)
    base = load(BaseModelRef(family="zimage", source=str(file)))
    wanted = tiny_flow.pipeline().transformer.state_dict()
    assert base.denoiser.state_dict().keys() == wanted.keys() and config
    for name, value in base.denoiser.state_dict().items():
        assert torch.equal(value, wanted[name]), name
