"""likeness try: the real bot in a browser, with nothing but this machine."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from bot.errors import UserError
from bot.language import ENGLISH, LANGUAGES


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise typer.BadParameter(f"there are {', '.join(LANGUAGES)}.")
    return language


def trial(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is, on this machine; 0: any free one.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say where the page is.")] = False,
    language: Annotated[
        str, typer.Option(metavar="|".join(LANGUAGES), callback=_known, help="What the members and their server read.")
    ] = ENGLISH,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what is made there; otherwise it goes when this ends.")
    ] = None,
) -> None:
    """Open the real bot in the browser: the embedded base, a server, members and photos, without Discord or account."""
    if find_spec("simcord") is None or find_spec("aiohttp") is None or find_spec("markdown_it") is None:
        raise UserError("Trying it in the browser needs its extra packages: `pip install 'likeness[demo]'`.")
    from bot.demo.trial import run_trial

    with TemporaryDirectory(prefix="likeness-try-") as passing:
        folder = passing if keep is None else keep
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(run_trial(Path(folder), port=port, language=language, browser=not no_browser))
