"""likeness recipe: the presets to look at, a recipe file to check, the page that explains every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.errors import UserError
from engine.protocol import BaseModelRef, SubjectKind
from engine.recipes import presets
from engine.recipes.file import RecipeFile, read, write
from engine.recipes.page import page
from engine.recipes.recipe import Recipe

recipe = typer.Typer(
    no_args_is_help=True,
    help="Recipes: everything that decides a training.",
    context_settings={"max_content_width": 100},
)

Kind = Annotated[SubjectKind, typer.Option(help="What is to be learnt.")]
Family = Annotated[str, typer.Option(help="The base's family, or miniature.")]
Photos = Annotated[int, typer.Option(min=1, max=1000, help="How many there are: more are shown longer.")]


@recipe.command()
def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="quick, balanced or thorough.")],
    kind: Kind = SubjectKind.PERSON,
    family: Family = "sd15",
    photos: Photos = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As the engine takes it.")] = False,
) -> None:
    """Print a preset as a recipe file, every key with what it does."""
    chosen = preset_for(preset, kind, base_of(family), photos)
    if as_json:
        typer.echo(chosen.model_dump_json(indent=2))
    else:
        typer.echo(write(chosen, f"{preset}: {kind}, {family}, {photos} photos"), nl=False)


@recipe.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe in TOML.")],
    kind: Kind = SubjectKind.PERSON,
    family: Family = "sd15",
    photos: Photos = 20,
) -> None:
    """Say everything that is wrong with a recipe file, or what it comes to."""
    found = recipe_file(file)
    whole = found.over(preset_for(found.preset or "balanced", kind, base_of(family), photos), photos)
    typer.echo(
        f"{file} is a recipe: {whole.exposures} exposures in {whole.epochs} epochs, {whole.steps} steps, "
        f"{whole.optimizer}, {whole.method} of rank {whole.rank}."
    )


@recipe.command()
def docs() -> None:
    """Print the page that explains every key: docs/recipes.md."""
    typer.echo(page(), nl=False)


def recipe_file(file: Path) -> RecipeFile:
    """The recipe in `file`. UserError where it cannot be opened, RecipeError with every mistake in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no file {file}. `likeness recipe show balanced` prints one to start from.") from None
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{file} cannot be read as text. A recipe is a TOML file.") from None
    return read(text)


def preset_for(preset: str, kind: SubjectKind, base: BaseModelRef, photos: int) -> Recipe:
    """UserError for a name no preset has."""
    if preset not in presets.PRESETS:
        raise UserError(f'There is no preset "{preset}": {_nearest(preset, presets.PRESETS)}')
    return presets.recipe_for(preset, base, kind, photos)


def base_of(family: str) -> BaseModelRef:
    known = ("miniature", *presets.FAMILIES)
    if family not in known:
        raise UserError(f'There is no family "{family}": {_nearest(family, known)}')
    return BaseModelRef() if family == "miniature" else BaseModelRef(family=family, source="any base of it")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    import difflib

    nearest = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}."
