"""likeness doctor: what is missing, in plain words."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.config import CONFIG_NAME, Settings
from bot.doctor import Finding, State, ask_discord, examine, probe_torch
from bot.workbench import local_engine

MARKS = {State.GOOD: "[green]ok[/]", State.NOTE: "[yellow]note[/]", State.BAD: "[red]missing[/]"}


def doctor(
    config: Annotated[
        Path, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="The settings to look at.")
    ] = Path(CONFIG_NAME),
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Discord whether it knows the token.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Say what is in place and what is missing, with the fix. Exit code 2 when the bot could not start."""
    findings = asyncio.run(
        examine(config, os.environ, online=not offline, fetch=ask_discord, hello=greet_engine, probe=probe_torch)
    )
    bad = sum(finding.state is State.BAD for finding in findings)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        show(findings, bad)
    return 2 if bad else 0


def show(findings: list[Finding], bad: int) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(MARKS[finding.state], finding.name, finding.sentence.replace("[", r"\["))
    console = Console(highlight=False)
    console.print(table)
    if bad:
        console.print(f"\n{bad} thing{'s' if bad > 1 else ''} to mend before `likeness run` can start.")
    else:
        console.print("\nReady: `likeness run` can start.")


async def greet_engine(settings: Settings) -> str:
    """Start a real engine, wait for its hello, stop it; returns the device it works on."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="likeness-doctor-") as scratch:
        engine = local_engine(Path(scratch), settings.engine.device)
        await engine.start()
        try:
            return (await engine.workers())[0].device
        finally:
            await engine.stop()
