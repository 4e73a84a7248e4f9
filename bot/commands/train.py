"""likeness train: a LoRA from a folder of photos, by the same engine as the bot's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.bars import Bars
from bot.bases import Base, find_base, settings_here
from bot.commands.recipe import preset_for, recipe_file
from bot.errors import UserError
from bot.folder import Folder, read_folder
from bot.models import tell_engine
from bot.outdir import make_out
from bot.report import REPORT_NAME, Report
from bot.studio.recipes import PresetChange
from bot.studio.settings import StudioSettings
from bot.training import (
    GRID_NAME,
    TrainingOrder,
    checkpoint_folder,
    open_checkpoint,
    train_folder,
)
from bot.workbench import INTERRUPTED, Stopped, at_bench
from engine.protocol import PreviewPrompt, Recipe, SubjectKind
from engine.recipes.file import RecipeFile


def train(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Photos, and beside each, if you like, a .txt caption.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the LoRAs, the grid and report.json go.")],
    trigger: Annotated[
        str | None,
        typer.Option(help="The made-up word that will mean the subject. Default: from a kohya folder's name."),
    ] = None,
    class_word: Annotated[
        str | None, typer.Option(help="What the subject is: person, woman, dog, ... [default: person]")
    ] = None,
    kind: Annotated[SubjectKind, typer.Option(help="What is to be learnt.")] = SubjectKind.PERSON,
    base: Annotated[
        str, typer.Option(metavar="NAME", help="miniature, a name from config.toml, or a place: folder, file, hub id.")
    ] = "miniature",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="Settings that name bases.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="quick, balanced or thorough. [default: balanced]")] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A recipe in TOML: what it says goes before the preset, options before it."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, max=20, help="LoRAs saved on the way.")] = None,
    exposures: Annotated[int | None, typer.Option(min=1, help="Images shown in total.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=256, help="Size of the LoRA.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same LoRA on the same machine. [default: 0]")
    ] = None,
    no_crop: Annotated[
        bool, typer.Option("--no-crop", help="Take the photos whole instead of cropping to the subject.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished training in DIR.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:1.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print report.json to stdout, and nothing else there.")
    ] = False,
) -> int:
    """Learn a subject from a folder of photos: one LoRA per epoch, a grid to compare them, a suggestion, a report."""
    photos = read_folder(folder)
    word, class_word = subject(photos, trigger, class_word, kind)
    found = find_base(base, config)
    tell_engine(settings_here(config), os.environ)
    file = recipe_file(recipe) if recipe is not None else RecipeFile({})
    change = PresetChange(exposures=exposures, epochs=epochs, rank=rank)
    plan = plan_for(found, kind, preset or file.preset or "balanced", file, change, seed)
    make_out(out)
    open_checkpoint(out, resume=resume)
    order = TrainingOrder(
        folder=photos,
        trigger=word,
        class_word=class_word,
        kind=kind,
        base=found,
        recipe=plan,
        previews=preview_prompts(kind, word, class_word),
        out=out,
        crop=not no_crop,
        resume=resume,
    )

    with Bars() as bars:
        if photos.note:
            bars.say(photos.note)
        try:
            report = at_bench(checkpoint_folder(out), device, lambda bench: train_folder(order, bench, bars))
        except Stopped:
            bars.say("Stopped at a checkpoint. The same command with --resume goes on from there.")
            return INTERRUPTED
        if not as_json:
            bars.say(closing(report, out))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    return 0


def subject(folder: Folder, trigger: str | None, class_word: str | None, kind: SubjectKind) -> tuple[str, str]:
    """Trigger and class word: as given, else from the folder's name. UserError for a word that will not do."""
    from bot.studio import triggers

    word = trigger or folder.trigger
    if word is None:
        raise UserError("Say which made-up word will mean the subject, for example --trigger ohwx.")
    named = class_word or folder.class_word or triggers.CLASS_WORDS[kind.value]
    return triggers.check(word, named), named


def plan_for(
    base: Base, kind: SubjectKind, preset: str, file: RecipeFile, change: PresetChange, seed: int | None
) -> Callable[[int], Recipe]:
    """The preset's recipe for so many photos, with what the recipe file and then the command line say otherwise.

    UserError and RecipeError for what cannot be, at once and not when the photos have been read.
    """

    def plan(photos: int) -> Recipe:
        underneath = preset_for(preset, kind, base.ref, photos).model_copy(update={"resolution": base.side})
        chosen = change.applied(file.over(underneath, photos)).model_copy(update={"preset": preset})
        return chosen if seed is None else chosen.model_copy(update={"seed": seed})

    plan(1)
    return plan


def preview_prompts(kind: SubjectKind, trigger: str, class_word: str) -> tuple[PreviewPrompt, ...]:
    from bot.studio.captions import previews
    from storage.states import SubjectKind as StoredKind

    return previews(StoredKind(kind), trigger, class_word, StudioSettings().preview_seeds)


def closing(report: Report, out: Path) -> str:
    """What a person wants to know at the end, and what to type next."""
    best = next((entry for entry in report.epochs if entry.epoch == report.suggested), None)
    if best is None:
        return f"No epoch came out. See {out / REPORT_NAME}."
    lines = [f"Epoch {best.epoch} is suggested{f': {report.reason}' if report.reason else '.'}"]
    made = [str(out / name) for name in (report.lora, report.word) if name is not None]
    lines.append(f"Compare them all in {out / GRID_NAME}; the suggested one is {' with '.join(made)}.")
    given = f" --lora {out / report.lora}" if report.lora is not None else ""
    if report.word is not None:
        given += f" --word {out / report.word}"
        lines.append(f"Web UIs take {report.word} in their folder of embeddings: the file's name is the word to write.")
    prompt = f"a portrait of {report.trigger} on a blue background"
    lines.append(f'Paint with it: likeness paint "{prompt}"{given} --out {out / "pictures"}')
    return "\n".join(lines)
