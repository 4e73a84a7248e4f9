"""The text by which a picture says how it was made, in the words of A1111's web UI, and back.

Galleries and other web UIs read it. Three parts: the prompt, a line "Negative prompt: ...", and one line of settings, where
a value with a comma, a colon or a line break stands in JSON's quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NEGATIVE = "Negative prompt:"
SETTING = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
TAG = re.compile(r"\s*<lora:([^:>]+):(-?[\d.]+)>")
SCHEDULES = ("Karras", "Exponential", "Polyexponential", "SGM Uniform", "Beta", "Simple", "Normal", "Uniform")
FEWEST = 3
"""Settings that a last line must have to be one, as A1111 counts."""
PLAIN = frozenset(
    {
        "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Denoising strength",
        "Clip skip", "Hires upscale", "Hires steps", "Hires upscaler", "Lora hashes",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoraTag:
    """A LoRA that a picture was made with."""

    name: str
    strength: float
    hash: str
    """The first 12 digits of the SHA-256 of its weights, "" when not known."""


@dataclass(frozen=True, slots=True)
class Hires:
    """A second pass at a larger size."""

    upscale: float
    upscaler: str
    denoising: float
    steps: int | None = None
    """None: as many as the first pass."""


@dataclass(frozen=True, slots=True)
class Parameters:
    prompt: str
    steps: int
    sampler: str
    """As web UIs write it, with or without its schedule behind it: "DPM++ 2M Karras"."""
    cfg: float
    seed: int
    width: int
    height: int
    negative: str = ""
    model: str = ""
    model_hash: str = ""
    loras: tuple[LoraTag, ...] = ()
    clip_skip: int = 0
    """Last layers of the text encoder that were left out. A1111 counts from one more."""
    denoising: float | None = None
    """Of a variation of another picture."""
    hires: Hires | None = None
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    """Whatever else a tool wrote into the line."""

    def text(self) -> str:
        sampler, schedule = split_sampler(self.sampler)
        hires = self.hires
        denoising = hires.denoising if hires else self.denoising
        settings: dict[str, str | int | None] = {
            "Steps": self.steps,
            "Sampler": sampler,
            "Schedule type": schedule,
            "CFG scale": f"{self.cfg:g}",
            "Seed": self.seed,
            "Size": f"{self.width}x{self.height}",
            "Model hash": self.model_hash or None,
            "Model": self.model.replace(",", "").replace(":", "") or None,
            "Denoising strength": None if denoising is None else f"{denoising:g}",
            "Clip skip": self.clip_skip + 1 if self.clip_skip else None,
            "Hires upscale": f"{hires.upscale:g}" if hires else None,
            "Hires steps": hires.steps if hires else None,
            "Hires upscaler": hires.upscaler if hires else None,
            "Lora hashes": ", ".join(f"{tag.name}: {tag.hash}" for tag in self.loras if tag.hash) or None,
            **self.more,
        }
        line = ", ".join(f"{key}: {_quoted(str(value))}" for key, value in settings.items() if value is not None)
        tags = "".join(f" <lora:{tag.name}:{tag.strength:g}>" for tag in self.loras)
        negative = f"\n{NEGATIVE} {self.negative}" if self.negative else ""
        return f"{self.prompt}{tags}{negative}\n{line}"


def parse(text: str) -> Parameters | None:
    """What a `parameters` text says, or None where it is none (no seed, no steps, no size in its last line)."""
    *lines, last = text.strip().split("\n")
    settings = {key: _plain(value) for key, value in SETTING.findall(last)}
    if len(settings) < FEWEST:
        return None
    size = re.fullmatch(r"(\d+)x(\d+)", settings.get("Size", ""))
    try:
        steps, seed, cfg = int(settings["Steps"]), int(settings["Seed"]), float(settings.get("CFG scale", "1"))
        denoising = float(settings["Denoising strength"]) if "Denoising strength" in settings else None
        skip = max(0, int(settings.get("Clip skip", "1")) - 1)
        hires = _hires(settings, denoising)
    except (KeyError, ValueError):
        return None
    if size is None:
        return None
    prompt, negative = _prompts(lines)
    hashes = dict(re.findall(r"([^:,]+):\s*(\w+)", settings.get("Lora hashes", "")))
    hashes = {name.strip(): value for name, value in hashes.items()}
    tags = tuple(LoraTag(name, float(strength), hashes.get(name, "")) for name, strength in TAG.findall(prompt))
    sampler = settings.get("Sampler", "")
    schedule = settings.get("Schedule type", "")
    return Parameters(
        prompt=TAG.sub("", prompt), negative=negative, steps=steps, cfg=cfg, seed=seed,
        sampler=f"{sampler} {schedule}" if schedule and schedule != "Automatic" else sampler,
        width=int(size[1]), height=int(size[2]), model=settings.get("Model", ""), model_hash=settings.get("Model hash", ""),
        loras=tags, clip_skip=skip, denoising=None if hires else denoising, hires=hires,
        more={key: value for key, value in settings.items() if key not in PLAIN},
    )  # fmt: skip


def split_sampler(name: str) -> tuple[str, str | None]:
    """ "DPM++ 2M Karras" -> ("DPM++ 2M", "Karras"): newer web UIs keep the two apart."""
    for schedule in SCHEDULES:
        if name.endswith(f" {schedule}"):
            return name.removesuffix(f" {schedule}"), schedule
    return name, None


def _hires(settings: Mapping[str, str], denoising: float | None) -> Hires | None:
    if "Hires upscale" not in settings:
        return None
    steps = int(settings["Hires steps"]) if "Hires steps" in settings else None
    return Hires(float(settings["Hires upscale"]), settings.get("Hires upscaler", ""), denoising or 0.0, steps)


def _prompts(lines: list[str]) -> tuple[str, str]:
    """The prompt and the negative one: the latter begins with the last line that says so."""
    start = max((place for place, line in enumerate(lines) if line.startswith(NEGATIVE)), default=len(lines))
    prompt, negative = "\n".join(lines[:start]), "\n".join(lines[start:])
    return prompt, negative.removeprefix(NEGATIVE).removeprefix(" ")


def _quoted(value: str) -> str:
    if any(letter in value for letter in ',\n:"'):
        return json.dumps(value, ensure_ascii=False)
    return value


def _plain(value: str) -> str:
    if value.startswith('"') and value.endswith('"'):
        try:
            read = json.loads(value)
        except ValueError:
            return value
        return read if isinstance(read, str) else value
    return value.strip()
