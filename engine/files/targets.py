"""What a LoRA file may be for: a base at hand, or a family by its published configs. No torch here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import engine.families
import engine.miniature
from engine.families.sites import Site, conv_sites, lora_sites
from engine.families.spec import SD15, SDXL, FamilySpec
from engine.files.header import Header
from engine.files.names import Index, Role, parse

LAYOUTS = Path(engine.families.__file__).parent
MINIATURE = Path(engine.miniature.__file__).parent / "weights"
FOREIGN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(img_mlp|txt_mlp)[._]"), "Qwen-Image"),
    (re.compile(r"(double_blocks|single_blocks|single_transformer_blocks)[._]\d"), "FLUX"),
    (re.compile(r"joint_blocks[._]\d|attn[._]add_q_proj"), "Stable Diffusion 3"),
    (re.compile(r"blocks[._]\d+[._]cross_attn[._]"), "Wan"),
    (re.compile(r"layers[._]\d+[._](attention|feed_forward)[._]"), "Z-Image"),
    (re.compile(r"lora_te2_|text_encoder_2\."), SDXL.title),
    (re.compile(r"(input|output|middle)_blocks?[._]"), SDXL.title),
)
"""By names alone, for what fits none of the published tables."""
SD2_TEXT = 1024
"""Values in a token of Stable Diffusion 2's text, which otherwise has 1.x's names."""


@dataclass(frozen=True)
class Target:
    """What a file is read for."""

    name: str
    """Of the base, or of the family where no base is meant."""
    spec: FamilySpec
    sites: tuple[Site, ...]

    @cached_property
    def index(self) -> Index:
        return Index(self.sites)


@cache
def published() -> tuple[Target, ...]:
    """The families with a U-Net as they were published, and the miniature."""
    return (
        _table(SD15.title, SD15, LAYOUTS / "sd15_layout"),
        _table(SDXL.title, SDXL, LAYOUTS / "sdxl_layout"),
        _table("the miniature", SD15, MINIATURE),
    )


def recognise(head: Header) -> Target | None:
    """The published table that has every module of the file, at its shape."""
    return next((target for target in published() if _holds(target, head)), None)


def guessed(head: Header) -> str | None:
    """The family of a file that fits none of the tables, as far as its names tell."""
    if any(
        entry.shape[1:2] == (SD2_TEXT,) and re.search(r"attn2[._]to_k[._]", entry.name) and _is_down(entry.name)
        for entry in head.entries
    ):
        return "Stable Diffusion 2.x"
    return next((kind for pattern, kind in FOREIGN if any(pattern.search(name) for name in head.names)), None)


def _table(name: str, spec: FamilySpec, folder: Path) -> Target:
    def config(part: str) -> Mapping[str, Any]:
        return json.loads((folder / part / "config.json").read_text(encoding="utf-8"))

    encoders = [config(part) for part in spec.parts if part.startswith("text_encoder")]
    unet = config("unet")
    return Target(name, spec, (*lora_sites(spec, unet, encoders), *conv_sites(spec, unet)))


def _holds(target: Target, head: Header) -> bool:
    for entry in head.entries:
        parsed = parse(entry.name)
        site = target.index.find(parsed.module) if parsed else None
        if parsed is None or site is None:
            return False
        if parsed.role is Role.DOWN and entry.shape[1:2] != site.shape[1:2]:
            return False
        if parsed.role is Role.UP and entry.shape[:1] != site.shape[:1]:
            return False
    return True


def _is_down(name: str) -> bool:
    parsed = parse(name)
    return parsed is not None and parsed.role is Role.DOWN
