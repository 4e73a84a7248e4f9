"""likeness paint: pictures from a prompt and LoRA files, by the same engine as the bot's."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from bot.bars import Bars, Watch
from bot.bases import find_base
from bot.errors import UserError
from bot.outdir import make_out
from bot.report import Painting, PictureEntry, write_report, write_whole
from bot.workbench import INTERRUPTED, Stopped, Workbench, local_engine, open_bench
from engine.families.spec import family
from engine.protocol import LoraUse, Painted, PaintJob, Progress

PICTURES_NAME = "pictures.json"
AT_ONCE = 16
STRONGEST = 4.0
LARGEST_LORA_BYTES = 1024**3


@dataclass(frozen=True)
class Lora:
    path: Path
    strength: float
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def paint(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to paint, with the LoRA's trigger word in it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures and pictures.json go.")],
    lora: Annotated[
        list[str] | None, typer.Option(metavar="FILE[:STRENGTH]", help="A LoRA; may be given several times.")
    ] = None,
    strength: Annotated[float, typer.Option(min=-STRONGEST, max=STRONGEST, help="Of LoRAs that name none.")] = 1.0,
    base: Annotated[
        str, typer.Option(help="miniature, a diffusers folder, a .safetensors checkpoint, or a hub id.")
    ] = "miniature",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the first picture; the next ones count up.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="How many pictures.")] = 1,
    negative: Annotated[str, typer.Option(metavar="TEXT", help="What should not be in them.")] = "",
    steps: Annotated[int | None, typer.Option(min=1, max=150, help="Sampling steps. Default: the base's own.")] = None,
    cfg: Annotated[
        float | None, typer.Option(min=0, max=30, help="How strictly the prompt is followed. Default: the base's own.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=16, max=4096, help="In pixels. Default: the base's own.")] = None,
    height: Annotated[int | None, typer.Option(min=16, max=4096, help="In pixels. Default: the base's own.")] = None,
    with_base: Annotated[
        bool, typer.Option("--with-base", help="Also paint each seed without LoRA, for comparison.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:1.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print pictures.json to stdout, and nothing else there.")
    ] = False,
) -> int:
    """Paint pictures: the same prompt, seed and LoRA give the same picture."""
    if not prompt.strip():
        raise UserError("The prompt is empty: say what to paint.")
    loras = [read_lora(text, strength) for text in lora or []]
    found = find_base(base)
    make_out(out)
    spec = family(found.ref.family)
    job = PaintJob(
        job_id="paint",
        base=found.ref,
        prompt=prompt,
        negative=negative,
        seeds=tuple((seed + place) % 2**32 for place in range(count)),
        loras=tuple(LoraUse(sha256=one.sha256, strength=one.strength) for one in loras),
        steps=spec.paint_steps if steps is None else steps,
        cfg=spec.paint_cfg if cfg is None else cfg,
        width=width,
        height=height,
    )
    scratch = out / ".engine"

    async def work(bars: Bars) -> Painting:
        async with open_bench(local_engine(scratch, device)) as bench:
            return await paint_all(job, loras, out, bench, bars, with_base=with_base and bool(loras))

    with Bars() as bars:
        try:
            painting = asyncio.run(work(bars))
        except Stopped:
            bars.say("Stopped; nothing was painted.")
            return INTERRUPTED
        shutil.rmtree(scratch, ignore_errors=True)
        if not as_json:
            bars.say(f"{len(painting.pictures)} picture{'s' if count > 1 else ''} in {out}, {painting.seconds:.1f} s.")
    if as_json:
        typer.echo(painting.model_dump_json(indent=2))
    return 0


async def paint_all(
    job: PaintJob, loras: list[Lora], out: Path, bench: Workbench, watch: Watch, *, with_base: bool
) -> Painting:
    """The pictures, and where asked for the base's of the same seeds, written into `out` with pictures.json."""
    began = time.monotonic()
    files = {one.sha256: one.data for one in loras}
    names = [f"seed-{number}.png" for number in job.seeds]
    await _paint(job, files, out, names, bench, watch)
    base_names: list[str] | None = None
    if with_base:
        base_names = [f"seed-{number}-base.png" for number in job.seeds]
        await _paint(job.model_copy(update={"job_id": "paint-base", "loras": ()}), {}, out, base_names, bench, watch)
    painting = Painting(
        pictures=tuple(
            PictureEntry(
                prompt=job.prompt, seed=number, file=names[place], base_file=base_names[place] if base_names else None
            )
            for place, number in enumerate(job.seeds)
        ),
        seconds=round(time.monotonic() - began, 2),
    )
    write_report(painting, out / PICTURES_NAME)
    return painting


async def _paint(
    job: PaintJob, files: dict[str, bytes], out: Path, names: list[str], bench: Workbench, watch: Watch
) -> None:
    async for event in bench.work(job, files):
        if isinstance(event, Progress):
            watch.step(event.phase, event.step, event.total, seconds_left=event.seconds_left)
        elif isinstance(event, Painted):
            for place, name in enumerate(names):
                write_whole(out / name, event.blobs[f"picture_{place}"])


def read_lora(text: str, strength: float) -> Lora:
    """FILE or FILE:STRENGTH. Whether it is a LoRA that fits the base, the engine says."""
    path, given = Path(text), strength
    before, colon, after = text.rpartition(":")
    if colon and not path.exists():
        try:
            path, given = Path(before), float(after)
        except ValueError:
            path = Path(text)
    if not -STRONGEST <= given <= STRONGEST:
        raise UserError(
            f"The strength of {path.name} is {given:g}: give a number from -{STRONGEST:g} to {STRONGEST:g}."
        )
    if not path.is_file():
        raise UserError(f"There is no LoRA file {path}.")
    if path.suffix != ".safetensors":
        raise UserError(f"{path.name} is not a .safetensors file, and no other kind is loaded: it could run code.")
    if path.stat().st_size > LARGEST_LORA_BYTES:
        raise UserError(f"{path.name} has more than 1 GiB: that is not a LoRA.")
    try:
        return Lora(path, given, path.read_bytes())
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}): let this user read it.") from None
