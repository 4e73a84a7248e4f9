"""likeness models: the small models beside the bases: what is there, fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot import captioners, models
from bot.bases import settings_here
from bot.config import Settings

MB = 1_000_000
Config = Annotated[Path | None, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="The settings to read.")]

app = typer.Typer(help="The small models beside the bases: what is there, fetched.", no_args_is_help=True)


@app.command("list")
def list_models(
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Every small model: what it is for, whether it is on this machine, its size and its licence."""
    settings = settings_here(config)
    places = {model.name: models.find(model, settings) for model in models.MODELS.values()}
    if as_json:
        rows = [
            {
                "name": model.name,
                "there": places[model.name] is not None,
                "place": str(places[model.name]) if places[model.name] is not None else None,
                "bytes": model.bytes,
                "licence": model.licence,
                "sha256": model.sha256,
            }
            for model in models.MODELS.values()
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "on this machine", "size", "licence", "what it does"):
        table.add_column(column, overflow="fold")
    for model in models.MODELS.values():
        there = "[green]yes[/]" if places[model.name] is not None else "[yellow]no[/]"
        table.add_row(model.name, there, f"{model.bytes / MB:.1f} MB", model.licence, model.what)
    Console(highlight=False).print(table)
    typer.echo(_captions(settings))
    missing = [name for name, place in places.items() if place is None]
    if missing:
        typer.echo(f"\nNone of them is needed. To have one: likeness models fetch {missing[0]}")


@app.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="faces, recognition or captions.")],
    config: Config = None,
) -> None:
    """Download a small model, check it against its pinned sha256, and put it where the bot finds it by itself."""
    settings = settings_here(config)
    if name == captioners.NAME:
        here = captioners.fetch(settings)
        typer.echo(f"{name} is here ({captioners.wanted(settings)[0]}): {here}")
        typer.echo("Start the bot again, and it uses it.")
        return
    model = models.model_of(name)
    place = models.fetch(model, settings)
    typer.echo(f"{name} is here ({model.bytes / MB:.1f} MB, {model.licence}): {place}")
    typer.echo("Start the bot again, and it uses it.")


def _captions(settings: Settings) -> str:
    """One line: a captioner is a folder of the hub's cache, not one pinned file."""
    kind, model = captioners.wanted(settings)
    if model is None:
        return f"\nCaptions: {kind}, which needs no model."
    if captioners.place(settings) is not None:
        return f"\nCaptions: {model.source} is on this machine."
    size = f", {model.gigabytes:g} GB" if model.gigabytes else ""
    return f"\nCaptions: {model.source} ({model.licence}{size}) is not here. To have it: likeness models fetch {captioners.NAME}"
