"""likeness bench: how fast the engine is on this machine, beside PEFT and diffusers on the same machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from bot.errors import UserError

Base = Literal["miniature", "random-sd15", "random-sdxl"]


def bench(
    base: Annotated[Base, typer.Option(help="What is measured; random-*: real size, random weights.")] = "miniature",
    device: Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:1.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds and shorter paintings.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write everything into this file.")
    ] = None,
) -> None:
    """Measure training and painting here: our way, the bare base, PEFT's and diffusers' ways. Minutes; more on a CPU."""
    report = measure(base, device, quick=quick)
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{json_file} cannot be written ({error.strerror}). Name another file.") from None
    show(report)


def measure(base: str, device: str, *, quick: bool) -> dict[str, Any]:
    """By a process of its own, which says on stderr what it is doing: this one never loads torch."""
    command = [sys.executable, "-m", "engine.bench", base, device, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise UserError(
            "The measurement did not come to its end. What it said last stands above: mend that and run it again."
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def show(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    plan = report["plan"]
    console.print(
        f"{report['base']} on {report['device']} ({report['machine']}), torch {report['torch']}; {plan['side']} px, batches of "
        f"{plan['batch']}, {plan['steps']} denoising steps, median of {plan['rounds']} rounds"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    for column in ("seconds", "images/s"):
        table.add_column(column, justify="right")
    table.add_column("against")
    for row in report["rows"]:
        against = f"{row['ratio']:.2f} x {row['against']}" if row["ratio"] is not None else ""
        table.add_row(row["name"], f"{row['seconds']:.3f}", f"{row['images_per_second']:.2f}", against)
    console.print(table)
    console.print(
        f"Base loaded in {report['load_s']:.1f} s; first training step after {report['first_step_s']:.2f} s, first picture after "
        f"{report['first_picture_s']:.2f} s. Peak memory {report['peak_memory_gib']:.2f} GiB. Our step: "
        f"{report['step_tflop']:.3f} TFLOP, {report['mfu']:.0%} of the {report['matmul_tflops']:.2f} TFLOP/s of a matrix product."
    )
