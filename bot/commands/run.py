"""likeness run: the bot and its engine, until they are told to stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from bot.config import CONFIG_NAME, load
from bot.token import read_token


def run(
    config: Annotated[
        Path, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="The settings to run with.")
    ] = Path(CONFIG_NAME),
) -> None:
    """Start the bot and its engine, as config.toml says. Ctrl-C saves what runs and stops."""
    settings = load(config)
    token = read_token(settings, os.environ)
    if settings.faces.yunet_file is not None:
        os.environ["LIKENESS_YUNET"] = str(settings.faces.yunet_file)
    from bot.app import run_bot

    asyncio.run(run_bot(settings, token))
