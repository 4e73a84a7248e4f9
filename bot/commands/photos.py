"""likeness photos: the demo's kind of photos of one person nobody has trained on, with the truth beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bot.outdir import make_out


def photos(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the photos and truth.json go.")],
    seed: Annotated[int, typer.Option(min=0, help="Who: every seed is another person.")] = 7,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many photos.")] = 12,
    plain: Annotated[
        bool, typer.Option("--plain", help="Clean 64 px portraits instead, with nothing planted.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written, and the truth about it, as JSON.")
    ] = False,
) -> None:
    """Draw photos of one unseen cartoon person: traits, scene and face box of each go to truth.json."""
    make_out(out)
    from engine.miniature.photos import write_photos

    written = write_photos(out, seed, count, plain)
    if as_json:
        truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
        typer.echo(
            json.dumps({"out": str(out), "truth": "truth.json", "files": [path.name for path in written], **truth})
        )
    else:
        typer.echo(
            f"{len(written)} photos of person {seed} are in {out}, and what is true of them in {out / 'truth.json'}."
        )
