"""The frozen table is that of the real classes: the places exist there, with these shapes, and no place is forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from engine import families
from engine.families.sites import conv_sites, lora_sites
from engine.families.spec import FAMILIES

ROOM = Path(families.__file__).parent
TRAINED = ("Transformer2DModel", "CLIPAttention", "CLIPMLP")
"""sd-scripts' lists of classes whose linears and convolutions get a LoRA."""
CONVOLVED = ("ResnetBlock2D", "Downsample2D", "Upsample2D")


def config(family: str, part: str) -> dict[str, Any]:
    return json.loads((ROOM / f"{family}_layout" / part / "config.json").read_text())


def unet(family: str) -> nn.Module:
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(config(family, "unet"))


def encoders(family: str) -> list[nn.Module]:
    kinds = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    parts = [part for part in kinds if (ROOM / f"{family}_layout" / part).is_dir()]
    with torch.device("meta"):
        return [
            kinds[part](CLIPTextConfig(**{k: v for k, v in config(family, part).items() if k != "model_type"}))
            for part in parts
        ]


def inside(model: nn.Module, classes: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Path and shape of every linear and convolution in a module of these classes, as sd-scripts walks them."""
    found: dict[str, tuple[int, ...]] = {}
    for above, module in model.named_modules():
        if type(module).__name__ in classes:
            for below, layer in module.named_modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    found[f"{above}.{below}"] = tuple(layer.weight.shape)
    return found


@pytest.mark.parametrize(("family", "counts", "convolutions"), [("sd15", (192, 72), 86), ("sdxl", (722, 72, 192), 66)])
def test_the_table_is_what_the_real_classes_have(family: str, counts: tuple[int, ...], convolutions: int) -> None:
    spec, texts = FAMILIES[family], encoders(family)
    sites = lora_sites(spec, config(family, "unet"), [part.config.to_dict() for part in texts])  # pyright: ignore
    parts = ("denoiser", "text_encoder", "text_encoder_2")[: len(counts)]
    for part, model, count in zip(parts, (unet(family), *texts), counts, strict=True):
        ours = {site.path: site.shape for site in sites if site.part == part}
        theirs = {path.removeprefix("text_model."): shape for path, shape in inside(model, TRAINED).items()}
        assert ours == theirs
        assert len(ours) == count
    extra = conv_sites(spec, config(family, "unet"))
    assert {site.path: site.shape for site in extra} == inside(unet(family), CONVOLVED)
    assert len(extra) == convolutions
    assert len({site.key for site in (*sites, *extra)}) == sum(counts) + convolutions, "every key once"
