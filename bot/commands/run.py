"""likeness run: the bot and its engine, until they are told to stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from bot.config import CONFIG_NAME, load
from bot.models import tell_engine
from bot.token import read_token


def run(
    config: Annotated[
        Path, typer.Option(metavar="FILE", envvar="LIKENESS_CONFIG", help="The settings to run with.")
    ] = Path(CONFIG_NAME),
) -> None:
    """Start the bot and its engine, as config.toml says. Ctrl-C saves what runs and stops."""
    settings = load(config)
    token = read_token(settings, os.environ)
    named = {
        "LIKENESS_CLIP": settings.eyes.clip,
        "LIKENESS_DINO": settings.eyes.dinov2,
    }
    os.environ.update({name: str(place) for name, place in named.items() if place is not None})
    tell_engine(settings, os.environ)
    from bot.app import run_bot

    asyncio.run(run_bot(settings, token))
