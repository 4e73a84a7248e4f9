"""likeness demo: the story of a birthday present, told by the real bot in an imitated Discord."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import UserError


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where conversation, pictures and report go.")] = Path(
        "demo-out"
    ),
) -> None:
    """Play a whole story, from twelve photos to a voted LoRA, without Discord, GPU or account."""
    if find_spec("simcord") is None:
        raise UserError("The demo needs its extra packages: run `make demo`, or `pip install 'likeness[demo]'`.")
    from bot.demo import run_demo

    asyncio.run(run_demo(out))
