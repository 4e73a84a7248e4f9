"""likeness lora: what a LoRA file is, and the same LoRA in the layout of other tools."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import UserError
from bot.report import write_whole

if TYPE_CHECKING:
    from engine.files.card import Card
    from engine.files.lora import LoraFile

LARGEST_BYTES = 2**30
PARTS = {"denoiser": "denoiser", "text_encoder": "text encoder", "text_encoder_2": "second text encoder"}


class Layout(StrEnum):
    KOHYA = "kohya"
    DIFFUSERS = "diffusers"


app = typer.Typer(no_args_is_help=True, help="LoRA files: what they are, and into which layout they can be turned.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A LoRA as .safetensors, by any of the known tools.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and nothing else there.")]


@app.command()
def show(file: File, as_json: Json = False) -> None:
    """Say what a LoRA file is, after checking its header, names, shapes, ranks and numbers."""
    _, card = opened(file)
    typer.echo(json.dumps(asdict(card), indent=2) if as_json else "\n".join(lines(card)))


@app.command()
def convert(
    file: File,
    to: Annotated[Layout, typer.Option(help="kohya: for web UIs. diffusers: for diffusers and PEFT.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the new file goes.")],
    as_json: Json = False,
) -> None:
    """Write the same LoRA in another layout: the change of every weight stays, notes of strangers do not."""
    from engine.files import layouts, lora, notes
    from engine.files.card import card_of

    if out.suffix != ".safetensors":
        raise UserError(f"{out.name} does not end in .safetensors: give a name that does.")
    if out.exists():
        raise UserError(f"{out} is already there: give another name, or remove it first.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}: make it first.")
    read, _ = opened(file)
    about = notes.converted(read)
    is_kohya = to is Layout.KOHYA
    data = lora.write(read.weights, about) if is_kohya else layouts.write(read.weights, read.target.sites, about)
    # Read back first: what fp16 cannot hold is refused, not written.
    card = card_of(lora.read_any(data), len(data))
    write_whole(out, data)
    typer.echo(json.dumps(asdict(card), indent=2) if as_json else f"{out}: {', '.join(lines(card)[:2])}")


@app.command()
def join(
    part: Annotated[Path, typer.Argument(metavar="PART", help="One of the parts /export sent; the others beside it.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the whole file goes; else beside them.")
    ] = None,
) -> None:
    """Put a LoRA together that came in parts, and check that it is whole."""
    from bot.commands.parts import joined
    from engine.files import lora
    from engine.files.card import card_of

    whole, data = joined(part)
    whole = out or whole
    if whole.suffix != ".safetensors":
        raise UserError(f"{whole.name} does not end in .safetensors: give a name that does.")
    if whole.exists():
        raise UserError(f"{whole} is already there: give another name with --out, or remove it first.")
    card = card_of(lora.read_any(data), len(data))
    write_whole(whole, data)
    typer.echo(f"{whole}: {', '.join(lines(card)[:2])}")


def opened(file: Path) -> tuple[LoraFile, Card]:
    """The file, read and checked. UserError where it is not there, BadInput where it is no LoRA that is known here."""
    from engine.files import lora
    from engine.files.card import card_of

    if not file.is_file():
        raise UserError(f"There is no file {file}: look at its path.")
    if file.suffix != ".safetensors":
        raise UserError(
            f"{file.name} is not a .safetensors file, and no other kind is opened: it could run code. Get it in that form."
        )
    if file.stat().st_size > LARGEST_BYTES:
        raise UserError(f"{file.name} has more than 1 GiB: that is not a LoRA. Name the LoRA's own file.")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file.name} cannot be read ({error.strerror}): let this user read it.") from None
    read = lora.read_any(data)
    return read, card_of(read, len(data))


def lines(card: Card) -> list[str]:
    parts = ", ".join(f"{count} in the {PARTS[part]}" for part, count in card.modules.items())
    whole = sum(card.modules.values())
    residual = f", {card.residual} of those in residual blocks" if card.residual else ""
    found = [
        f"a LoRA for {card.made_for}, written as {card.written_as}",
        f"rank {', '.join(card.ranks)}, alpha {', '.join(card.alphas)}",
        f"{whole} modules: {parts}{residual}",
    ]
    if card.trigger:
        found.append(f"trigger word: {card.trigger}")
    if card.base:
        found.append(f"learned on {card.base}" + (f" ({card.base_hash[:10]})" if card.base_hash else ""))
    if card.steps is not None:
        found.append(f"{card.steps} steps" + (f", epoch {card.epoch}" if card.epoch is not None else ""))
    found.append(f"hash {card.hash}; the hash in its notes: {card.seal.value}")
    found.append("header, names, shapes, ranks and numbers are sound")
    return found
