"""Options that paint and grid share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Lora = Annotated[list[str] | None, typer.Option(metavar="FILE[:STRENGTH]", help="A LoRA; may be given several times.")]
Strength = Annotated[float, typer.Option(min=-4, max=4, help="Of LoRAs that name none.")]
Base = Annotated[
    str, typer.Option(metavar="NAME", help="miniature, a name from config.toml, or a place: folder, file, hub id.")
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="Settings that name bases.")
]
Negative = Annotated[str, typer.Option(metavar="TEXT", help="What should not be in them.")]
Sampler = Annotated[
    str | None, typer.Option(metavar="NAME", help="As web UIs call it: Euler a, UniPC, ... Default: the base's own.")
]
Steps = Annotated[int | None, typer.Option(min=1, max=150, help="Sampling steps. Default: the base's own.")]
Cfg = Annotated[
    float | None, typer.Option(min=0, max=30, help="How strictly the prompt is followed. Default: the base's own.")
]
ClipSkip = Annotated[
    int,
    typer.Option("--clip-skip", min=1, max=12, help="Layer of the text encoder, counted from its end as A1111 does."),
]
Width = Annotated[int | None, typer.Option(min=16, max=4096, help="In pixels. Default: the base's own.")]
Height = Annotated[int | None, typer.Option(min=16, max=4096, help="In pixels. Default: the base's own.")]
Hires = Annotated[
    float | None, typer.Option(metavar="FACTOR", min=1, max=4, help="Paint a second pass, so many times larger.")
]
HiresSteps = Annotated[int | None, typer.Option(min=1, max=150, help="Of the second pass. Default: as the first.")]
HiresDenoise = Annotated[float, typer.Option(min=0.05, max=1, help="How much the second pass may change.")]
Upscaler = Annotated[
    Literal["lanczos", "latent"], typer.Option(help="What is enlarged between the passes: the picture, or its latents.")
]
Fast = Annotated[bool, typer.Option("--fast", help="Few steps, with the few-step LoRA where there is one.")]
FewStep = Annotated[
    Path | None, typer.Option(metavar="FILE", help="An LCM-LoRA or the like for --fast. Default: from config.toml.")
]
LoraGuidance = Annotated[
    float | None,
    typer.Option(min=0, max=30, help="How far LoRAs are pressed; 0: as other tools do. Default: the base's own."),
]
LoraStart = Annotated[
    float | None, typer.Option(min=0, max=0.9, help="Share of the steps before LoRAs come in. Default: the base's own.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:1.")]
