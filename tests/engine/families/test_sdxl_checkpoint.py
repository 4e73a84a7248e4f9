"""SDXL as most people have it: one checkpoint in the layout of Stability's own code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import single_file
import tiny_xl
import torch

from engine.errors import BaseUnavailable
from engine.families import load, sdxl
from engine.families.loaded import LoadedBase
from engine.protocol import BaseModelRef


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
    single_file.write(tiny_xl.pipeline(), tmp_path / "mine.safetensors")
    shutil.copytree(folder, tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    one = load(BaseModelRef(family="sdxl", source=str(tmp_path / "mine.safetensors")))
    other = load(BaseModelRef(family="sdxl", source=str(folder)))
    assert torch.allclose(said(one), said(other), atol=1e-4)


def test_a_checkpoint_alone_takes_the_packed_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the layout's numbers swapped for the small base's, since the real one has 7 GB of weights."""
    folder = tiny_xl.folder(tmp_path)
    single_file.write(tiny_xl.pipeline(), tmp_path / "mine.safetensors")
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
    single_file.write(tiny_xl.pipeline(), tmp_path / "odd.safetensors")
    with pytest.raises(BaseUnavailable, match="needs its diffusers folder beside it"):
        load(BaseModelRef(family="sdxl", source=str(tmp_path / "odd.safetensors")))
