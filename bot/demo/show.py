"""`likeness demo`: photos drawn, house opened, story played, results written; told in the terminal as it happens."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape

from bot.app import open_app
from bot.demo.outcome import Outcome
from bot.demo.page import conversation_page
from bot.demo.stage import Stage, StageError, imitated_discord
from bot.demo.story import MEMBERS, play
from bot.demo.transcript import Act, Said, World, buttons_of, words_of
from bot.errors import UserError
from bot.outdir import make_out
from bot.report import Report, write_whole
from bot.studio import scores
from bot.studio.settings import StudioSettings
from engine.local import LocalEngine
from engine.miniature import WEIGHTS
from engine.miniature.photos import write_photos
from storage.records import Scope

PHOTOS = 12
COLOURS = ("magenta", "green", "yellow", "cyan", "blue", "red")


async def show(out: Path, *, seed: int, preset: str) -> None:
    began = time.monotonic()
    console = Console(stderr=False, highlight=False)
    make_out(out)
    console.rule("[bold]A birthday present, from twelve photos")
    console.print(
        f"It is Ada's birthday on Saturday. She gave her friends {PHOTOS} photos and a free hand. "
        "Everything below is the real bot, in a Discord that exists only in this process.\n"
    )
    photos = write_photos(out / "photos", seed, PHOTOS)
    try:
        report = await _perform(out, [(p.name, p.read_bytes()) for p in photos], preset, console, began)
    except StageError as error:
        raise UserError(
            f"The demo came to a halt: {error}. What the engine said last is in {out / 'engine.log'}."
        ) from error
    _tell(console, report, out)


async def _perform(out: Path, photos: list[tuple[str, bytes]], preset: str, console: Console, began: float) -> Report:
    """The house keeps its secrets in a folder that goes with the demo; what is left behind is written out in clear."""
    with TemporaryDirectory(prefix="likeness-demo-") as home:
        engine = LocalEngine(Path(home) / "scratch", log=out / "engine.log")
        async with (
            open_app(Path(home), engine, StudioSettings(preset=preset, attested=True)) as app,
            imitated_discord(app.bot) as env,
        ):
            env.backend.edit_bot_profile("Likeness")
            stage = Stage(env, MEMBERS, Teller(console, env.backend).line)
            told = await play(stage, photos, preset)
            page = conversation_page(stage.transcript, env.backend.cdn.get, "A birthday present, from twelve photos")
            write_whole(out / "conversation.html", page.encode())
            scope = Scope(env.guild.id)
            members = tuple(member.id for member in stage.members.values())
            return await Outcome(app.store, scope, out).write(told, members, WEIGHTS, time.monotonic() - began)


class Teller:
    """The conversation on a terminal: one block per line, pictures named by what is seen on them."""

    def __init__(self, console: Console, world: World) -> None:
        self.console = console
        self.world = world
        self.place = ""

    def line(self, line: Act | Said) -> None:
        if line.place != self.place:
            self.place = line.place
            self.console.print(f"\n[dim]{escape(line.place)}[/dim]")
        colour = COLOURS[sum(line.who.encode()) % len(COLOURS)]
        who = f"[dim]{int(line.at) // 60}:{int(line.at) % 60:02d}[/dim] [bold {colour}]{escape(line.who)}[/]"
        if isinstance(line, Act):
            self.console.print(f"{who} {escape(line.text.replace('**', ''))}")
            return
        names = {str(number): user.name for number, user in self.world.users.items()}
        text = escape(words_of(line, names)).replace("\n", "\n       ")
        pictures = "".join(
            f"\n       [dim]▣ {escape(a.get('description') or a['filename'])}[/dim]" for a in line.attachments
        )
        buttons = "".join(f" [reverse] {escape(label)} [/reverse]" for label in dict.fromkeys(buttons_of(line)))
        again = "[dim] (edited)[/dim]" if line.edits else ""
        shown = f"\n      {buttons}" if buttons and not line.edits else ""
        self.console.print(f"{who}{again} {text}{'' if line.edits else pictures}{shown}")


def _tell(console: Console, report: Report, out: Path) -> None:
    console.rule("[bold]What is left")
    for epoch in report.epochs:
        marks = [
            word
            for word, number in (("suggested", report.suggested), ("winner", report.winner))
            if number == epoch.epoch
        ]
        votes = report.votes.get(epoch.epoch, 0)
        read = f"{scores.whole(epoch)}, " if epoch.likeness is not None else ""
        console.print(f"epoch {epoch.epoch}: {read}{votes} votes {' and '.join(marks)}".rstrip())
    console.print(
        f"{report.photos.kept} of {report.photos.given} photos used; {len(report.pictures)} pictures painted with "
        f"[bold]{report.trigger}[/]; {report.seconds.total:.0f} s in all, {report.seconds.train:.0f} s of them training.\n"
        f"Open {out / 'conversation.html'} in a browser; grid.png, pictures/, lora.safetensors and report.json lie beside it."
    )
