"""likeness bases: which base models there are, fetched from the hub, checked."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from bot.bases import Record, in_use, record_of, records, settings_here
from bot.config import LicenceSettings
from bot.errors import UserError
from bot.fetch import fetch, look
from engine.errors import BaseUnavailable, EngineError
from engine.families import bases as places
from engine.families.bases import BaseKind, BasePlace
from engine.protocol import BaseModelRef

GIB = 1024**3
Config = Annotated[Path | None, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="The settings to read.")]

app = typer.Typer(help="The base models: what is there, fetched, checked.", no_args_is_help=True)


@dataclass(frozen=True)
class Row:
    """One base of the list."""

    name: str
    family: str
    source: str
    in_use: bool
    there: bool
    bytes: int
    terms: str
    problem: str
    """Why it is not there."""


@app.command("list")
def list_bases(
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Every base of config.toml: whether it is on this machine, its size, and on what terms it may be used."""
    settings = settings_here(config)
    rows = [_row(record, is_used=record.name == settings.engine.base) for record in records(settings).values()]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "family", "on this machine", "size", "terms"):
        table.add_column(column, overflow="fold")
    for row in rows:
        there = "[green]yes[/]" if row.there else "[red]missing[/]"
        size = f"{row.bytes / GIB:.2f} GiB" if row.bytes else ""
        name = f"{row.name} (in use)" if row.in_use else row.name
        table.add_row(name, row.family, there, size, row.terms.replace("[", r"\["))
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        if row.problem:
            console.print(f"\n{row.problem}".replace("[", r"\["))


@app.command("fetch")
def fetch_base(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from [[bases]], or a hub id.")],
    config: Config = None,
) -> None:
    """Download a base from the hub: weights as .safetensors and configs, nothing else."""
    record = record_of(name, config)
    kind = _kind(record)
    if kind is not BaseKind.HUB:
        raise UserError(
            f"{record.name} lies on this machine, or should: only bases from the hub are fetched. Put it there yourself."
        )
    parcel = look(record)
    typer.echo(f"{record.name}: {len(parcel.files)} files, {parcel.bytes / GIB:.2f} GiB.")
    if record.licence is not None:
        typer.echo(f"Terms: {terms(record.licence)}")
    fetch(record, parcel)
    place = places.find(record.ref)
    places.verify(record.ref, place)
    typer.echo(f"{record.name} is here. Try it: likeness bases check {name}")


@app.command("check")
def check_base(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A name from [[bases]], or a place. [default: the one in use]")
    ] = None,
    config: Config = None,
) -> None:
    """Hash a base's weights, hold them against its record, and load it as its family."""
    record = record_of(name, config) if name else in_use(settings_here(config))
    place = places.find(record.ref)
    found = _checksum(place)
    if record.ref.sha256 is not None and found != record.ref.sha256.lower():
        raise BaseUnavailable(
            f"The files of {record.name} are not the ones its record names: their sha256 is {found}. Fetch it again, or correct "
            "the record."
        )
    loaded = try_to_load(record.ref.model_copy(update={"sha256": None}))
    if "sentence" in loaded:
        raise BaseUnavailable(str(loaded["sentence"]))
    agrees = "as its record says" if record.ref.sha256 else "write it into its record to keep it so"
    typer.echo(f"sha256 {found} ({agrees})")
    millions = int(str(loaded["parameters"])) / 1e6
    typer.echo(
        f"{record.name} loads as {record.spec.title}: {millions:,.0f} million weights, {loaded['sites']} places for a LoRA, "
        f"predicts {loaded['prediction']}."
    )


def terms(licence: LicenceSettings | None) -> str:
    """One line a person can act on."""
    if licence is None:
        return "not written in its record: read its model card"
    said = [licence.name or licence.id]
    if licence.commercial is not None:
        said.append("commercial use allowed" if licence.commercial else "no commercial use")
    if licence.max_revenue is not None:
        said.append(f"up to ${licence.max_revenue:,} a year")
    if licence.attribution:
        said.append(f'show "{licence.attribution}"')
    return ", ".join(said)


def try_to_load(ref: BaseModelRef) -> dict[str, object]:
    """The answer of `python -m engine.families`."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.families"],
        input=ref.model_dump_json(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return {
            "sentence": "Loading it ended the process that tried: there is too little memory, or torch does not start."
        }
    return json.loads(done.stdout.strip().splitlines()[-1])


def _row(record: Record, *, is_used: bool) -> Row:
    problem, place = "", None
    try:
        place = places.find(record.ref)
    except EngineError as error:
        problem = f"{record.name}: {error}"
    return Row(
        name=record.name,
        family=record.ref.family,
        source=record.ref.source,
        in_use=is_used,
        there=place is not None,
        bytes=places.size(place) if place else 0,
        terms=terms(record.licence),
        problem=problem,
    )


def _kind(record: Record) -> BaseKind:
    """Of the place it should have, there or not."""
    try:
        return places.find(record.ref).kind
    except BaseUnavailable:
        path = Path(record.ref.source).expanduser()
        is_hub_id = (
            record.ref.source.count("/") == 1 and not path.exists() and not record.ref.source.startswith((".", "~"))
        )
        return BaseKind.HUB if is_hub_id else BaseKind.FOLDER


def _checksum(place: BasePlace) -> str:
    columns = (TextColumn("Hashing"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        return places.checksum(place, lambda done, total: progress.update(task, completed=done, total=total))
