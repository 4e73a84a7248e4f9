"""likeness paint: pictures from a prompt and LoRA files, by the same engine as the bot's."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.bars import Bars, Watch
from bot.bases import find_base
from bot.commands import options
from bot.errors import UserError
from bot.outdir import make_out
from bot.painting import Manner, cut_sentence, pictures_of, read_lora, read_picture, read_word, settings_of
from bot.report import Painting, PictureEntry, write_report, write_whole
from bot.workbench import INTERRUPTED, Stopped, Workbench, at_bench
from engine.protocol import PaintJob, Progress
from engine.shots import Previews, WordUse

PICTURES_NAME = "pictures.json"
AT_ONCE = 16


def paint(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to paint, with the LoRA's trigger word in it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures and pictures.json go.")],
    lora: options.Lora = None,
    strength: options.Strength = 1.0,
    word: Annotated[
        list[Path] | None,
        typer.Option("--word", metavar="FILE", help="A learned word (embedding); its name is the file's."),
    ] = None,
    base: options.Base = "miniature",
    config: options.Config = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the first picture; the next ones count up.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="How many pictures.")] = 1,
    negative: options.Negative = "",
    sampler: options.Sampler = None,
    steps: options.Steps = None,
    cfg: options.Cfg = None,
    clip_skip: options.ClipSkip = 1,
    width: options.Width = None,
    height: options.Height = None,
    init: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture to vary instead of beginning with noise.")
    ] = None,
    denoise: Annotated[
        float, typer.Option(min=0.05, max=1, help="How much of the picture to vary is painted anew.")
    ] = 0.6,
    hires: options.Hires = None,
    hires_steps: options.HiresSteps = None,
    hires_denoise: options.HiresDenoise = 0.5,
    upscaler: options.Upscaler = "lanczos",
    fast: options.Fast = False,
    few_step: options.FewStep = None,
    lora_guidance: options.LoraGuidance = None,
    lora_start: options.LoraStart = None,
    tiny_vae: Annotated[
        Path | None, typer.Option(metavar="DIR", help="An AutoencoderTiny: shows the pictures while they are painted.")
    ] = None,
    with_base: Annotated[
        bool, typer.Option("--with-base", help="Also paint each seed without LoRA, for comparison.")
    ] = False,
    device: options.Device = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print pictures.json to stdout, and nothing else there.")
    ] = False,
) -> int:
    """Paint pictures: the same prompt, seed and LoRA give the same picture."""
    if not prompt.strip():
        raise UserError("The prompt is empty: say what to paint.")
    loras = [read_lora(text, strength) for text in lora or []]
    files = {one.sha256: one.data for one in loras}
    words = {path.stem: read_word(path) for path in word or []}
    files |= {hashlib.sha256(data).hexdigest(): data for data in words.values()}
    start = None
    if init is not None:
        data = read_picture(init)
        start = hashlib.sha256(data).hexdigest()
        files[start] = data
    found = find_base(base, config)
    manner = Manner(
        sampler, steps, cfg, clip_skip, hires, hires_steps, hires_denoise, upscaler, fast, few_step, lora_guidance, lora_start,
        config,
    )  # fmt: skip
    job = PaintJob(
        job_id="paint",
        base=found.ref,
        prompt=prompt,
        negative=negative,
        seeds=tuple((seed + place) % 2**32 for place in range(count)),
        loras=tuple(one.use for one in loras),
        words=tuple(WordUse(word=name, sha256=hashlib.sha256(data).hexdigest()) for name, data in words.items()),
        width=width,
        height=height,
        init=start,
        denoise=denoise,
        previews=Previews(tiny_vae=str(tiny_vae.resolve())) if tiny_vae else None,
        **settings_of(manner, found),
    )
    make_out(out)
    scratch = out / ".engine"

    with Bars() as bars:
        try:
            painting = at_bench(
                scratch,
                device,
                lambda bench: paint_all(job, files, out, bench, bars, with_base=with_base and bool(loras)),
            )
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
    job: PaintJob, files: dict[str, bytes], out: Path, bench: Workbench, watch: Watch, *, with_base: bool
) -> Painting:
    """The pictures, and where asked for the base's of the same seeds, written into `out` with pictures.json."""
    began = time.monotonic()
    names = [f"seed-{number}.png" for number in job.seeds]
    await _paint(job, files, out, names, bench, watch)
    base_names: list[str] | None = None
    if with_base:
        base_names = [f"seed-{number}-base.png" for number in job.seeds]
        await _paint(
            job.model_copy(update={"job_id": "paint-base", "loras": (), "words": ()}),
            files,
            out,
            base_names,
            bench,
            watch,
        )
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
    """Previews lie beside the pictures until these are there."""
    glimpses = [out / f"{Path(name).stem}.preview.jpg" for name in names]

    def shown(event: Progress) -> None:
        for place, file in enumerate(glimpses):
            data = event.blobs.get(f"preview_{place}")
            if data is not None:
                write_whole(file, data)

    try:
        painted = await pictures_of(job, files, bench, watch, heard=shown)
    finally:
        for file in glimpses:
            file.unlink(missing_ok=True)
    for place, name in enumerate(names):
        write_whole(out / name, painted.blobs[f"picture_{place}"])
    sentence = cut_sentence(painted)
    if sentence:
        watch.say(sentence)
