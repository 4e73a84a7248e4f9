"""likeness grid: one picture for every pair of values along two axes, as the web UIs' XYZ plot."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot.bars import Bars, Watch
from bot.bases import find_base
from bot.commands import options
from bot.errors import UserError
from bot.outdir import make_out
from bot.painting import Lora, Manner, cut_sentence, pictures_of, read_lora, settings_of
from bot.report import CellEntry, Grid, write_report, write_whole
from bot.studio.brush import check_sampler
from bot.workbench import INTERRUPTED, Stopped, Workbench, at_bench
from engine import xyz
from engine.protocol import LoraUse, PaintJob
from engine.xyz import NONE, Axis, AxisKind, Plan, Value

GRID_NAME = "grid.png"
JSON_NAME = "grid.json"
ALL = "all"
NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")
"""A training's epochs differ in the last number of their names."""


def grid(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to paint, with the LoRA's trigger word in it.")],
    x: Annotated[
        str, typer.Option(metavar="AXIS=VALUES", help="Columns: strength=0.4,0.7,1 or epoch=0-8, cfg, sampler, ...")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where grid.png, its pictures and grid.json go.")],
    y: Annotated[str | None, typer.Option(metavar="AXIS=VALUES", help="Rows, likewise.")] = None,
    lora: options.Lora = None,
    strength: options.Strength = 1.0,
    base: options.Base = "miniature",
    config: options.Config = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same for every picture.")] = 0,
    negative: options.Negative = "",
    sampler: options.Sampler = None,
    steps: options.Steps = None,
    cfg: options.Cfg = None,
    clip_skip: options.ClipSkip = 1,
    width: options.Width = None,
    height: options.Height = None,
    hires: options.Hires = None,
    hires_steps: options.HiresSteps = None,
    hires_denoise: options.HiresDenoise = 0.5,
    upscaler: options.Upscaler = "lanczos",
    fast: options.Fast = False,
    few_step: options.FewStep = None,
    lora_guidance: options.LoraGuidance = None,
    lora_start: options.LoraStart = None,
    device: options.Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print grid.json to stdout, and nothing else there.")] = False,
) -> int:
    """Compare: epochs of a training, strengths, samplers, prompts, ... two at a time, in one labelled picture.

    Axes: epoch, strength, cfg, sampler, steps, seed, prompt (its first word is replaced by each), lora. Ranges as in the
    web UIs: 1-5, 3-9(+2), 0-1[5]. epoch=all takes every epoch beside the first --lora; epoch 0 is the base.
    """
    if not prompt.strip():
        raise UserError("The prompt is empty: say what to paint.")
    loras = [read_lora(text, strength) for text in lora or []]
    axes = [_axis(text, loras) for text in (x, y) if text is not None]
    found = find_base(base, config)
    manner = Manner(
        sampler, steps, cfg, clip_skip, hires, hires_steps, hires_denoise, upscaler, fast, few_step, lora_guidance, lora_start,
        config,
    )  # fmt: skip
    job = PaintJob(
        job_id="grid",
        base=found.ref,
        prompt=prompt,
        negative=negative,
        seeds=(seed,),
        loras=tuple(one.use for one in loras),
        width=width,
        height=height,
        **settings_of(manner, found),
    )
    chosen, files = _chosen(axes, loras)
    files |= {one.sha256: one.data for one in loras}
    made = xyz.plan(job, axes[0], axes[1] if len(axes) > 1 else None, chosen)
    for batch in made.batches:
        check_sampler(batch.job.sampler, batch.job.steps, found.record.spec)
    make_out(out)
    scratch = out / ".engine"

    with Bars() as bars:
        try:
            painted = at_bench(scratch, device, lambda bench: paint_grid(made, files, out, bench, bars))
        except Stopped:
            bars.say("Stopped; there is no grid.")
            return INTERRUPTED
        shutil.rmtree(scratch, ignore_errors=True)
        if not as_json:
            bars.say(f"{made.columns} x {made.rows} pictures in {out / GRID_NAME}, {painted.seconds:.1f} s.")
    if as_json:
        typer.echo(painted.model_dump_json(indent=2))
    return 0


async def paint_grid(plan: Plan, files: Mapping[str, bytes], out: Path, bench: Workbench, watch: Watch) -> Grid:
    """Every picture as it comes, then the whole grid with its labels, written into `out`."""
    began = time.monotonic()
    total = sum(len(batch.cells) * batch.job.steps for batch in plan.batches)
    before, names = 0, dict[tuple[int, int], str]()
    sentences: dict[str, None] = {}
    for batch in plan.batches:
        needed = {sha256: files[sha256] for sha256 in batch.job.blobs()}
        painted = await pictures_of(batch.job, needed, bench, watch, before=before, total=total)
        before += len(batch.cells) * batch.job.steps
        sentences |= dict.fromkeys(sentence for sentence in [cut_sentence(painted)] if sentence)
        for number, places in enumerate(batch.cells):
            column, row = places[0]
            name = f"column-{column + 1}-row-{row + 1}.png"
            write_whole(out / name, painted.blobs[f"picture_{number}"])
            names |= dict.fromkeys(places, name)
    await asyncio.to_thread(_compose, plan, names, out)
    for sentence in sentences:
        watch.say(sentence)
    rows = plan.y.labels if plan.y else ("",)
    result = Grid(
        x=plan.x.labels,
        y=plan.y.labels if plan.y else (),
        file=GRID_NAME,
        cells=tuple(
            CellEntry(x=across, y=down, file=names[column, row])
            for row, down in enumerate(rows)
            for column, across in enumerate(plan.x.labels)
        ),
        seconds=round(time.monotonic() - began, 2),
    )
    write_report(result, out / JSON_NAME)
    return result


def _compose(plan: Plan, names: Mapping[tuple[int, int], str], out: Path) -> None:
    """grid.png says how it was made as its first picture does, with the axes behind it, in A1111's words."""
    from PIL import Image

    from bot.studio.plot import plot
    from engine.files import picture as png

    opened = {place: Image.open(out / name) for place, name in names.items()}
    sheet = plot(plan.x.labels, plan.y.labels if plan.y else ("",), opened)
    about = png.about(opened[0, 0])
    if about is not None:
        more = {"Script": "X/Y/Z plot", "X Type": plan.x.title, "X Values": ", ".join(map(str, plan.x.values))}
        if plan.y:
            more |= {"Y Type": plan.y.title, "Y Values": ", ".join(map(str, plan.y.values))}
        about = replace(about, more={**about.more, **more})
    write_whole(out / GRID_NAME, png.png(sheet, about))


def _axis(text: str, loras: list[Lora]) -> Axis:
    """With `epoch=all` as the epochs that lie beside the first LoRA."""
    name, _, values = text.partition("=")
    if values.strip().lower() == ALL and name.strip().lower() in ("epoch", "epochs"):
        text = f"epoch=0,{','.join(map(str, sorted(_epochs(loras))))}"
    return xyz.read_axis(text)


def _chosen(axes: list[Axis], loras: list[Lora]) -> tuple[dict[Value, LoraUse | None], dict[str, bytes]]:
    """Which file a value of the axes EPOCH and LORA is."""
    chosen: dict[Value, LoraUse | None] = {}
    files: dict[str, bytes] = {}
    for axis in axes:
        if axis.kind not in (AxisKind.EPOCH, AxisKind.LORA):
            continue
        beside = _epochs(loras) if axis.kind is AxisKind.EPOCH else {}
        for value in axis.values:
            if value in (0, NONE):
                chosen[value] = None
                continue
            if axis.kind is AxisKind.EPOCH and value not in beside:
                known = ", ".join(map(str, sorted(beside)))
                raise UserError(f"There is no epoch {value} beside {loras[0].path.name}: there are {known}.")
            one = read_lora(str(beside[int(value)] if axis.kind is AxisKind.EPOCH else value))
            chosen[value] = one.use
            files[one.sha256] = one.data
    return chosen, files


def _epochs(loras: list[Lora]) -> dict[int, Path]:
    """The epochs of a training by number: files that are called like the first LoRA but for their last number."""
    name = NUMBER.match(loras[0].path.stem) if loras else None
    if name is None:
        raise UserError(
            'The axis "epoch" needs one epoch of a training as the first --lora, like out/ohwx-000003.safetensors.'
        )
    found: dict[int, Path] = {}
    for file in sorted(loras[0].path.parent.glob("*.safetensors")):
        other = NUMBER.match(file.stem)
        if other and (other[1], other[3]) == (name[1], name[3]):
            found[int(other[2])] = file
    return found
