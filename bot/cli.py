"""The console script `likeness`: its commands, and the one door that errors leave through.

What went wrong by the person's doing is one plain sentence on stderr and exit code 2; a mistake of ours is a sentence
and exit code 1. Tracebacks are shown with --debug only. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

# The public name for what the parser raises about a wrong command line; it carries the exit code.
from typer.exceptions import TyperException

from bot.commands.bases import app as bases
from bot.commands.bench import bench
from bot.commands.demo import demo
from bot.commands.doctor import doctor
from bot.commands.grid import grid
from bot.commands.lora import app as lora
from bot.commands.models import app as models
from bot.commands.paint import paint
from bot.commands.photos import photos
from bot.commands.recipe import recipe
from bot.commands.run import run
from bot.commands.train import train
from bot.commands.trial import trial
from bot.errors import UserError
from bot.workbench import INTERRUPTED, JobFailed
from engine.errors import EngineError
from storage.errors import StorageError

USER_MISTAKE = 2
OUR_MISTAKE = 1

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Learns a face, a character or a style from a handful of photos, and paints it.",
)
app.command()(run)
app.command()(doctor)
app.command()(train)
app.command()(paint)
app.command()(grid)
app.command()(photos)
app.command()(demo)
app.command("try")(trial)
app.command()(bench)
app.add_typer(bases, name="bases")
app.add_typer(models, name="models")
app.add_typer(lora, name="lora")
app.add_typer(recipe, name="recipe")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"likeness {version('likeness')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version this is.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback when something goes wrong.")] = False,
) -> None:
    """The options before a command. `--debug` is read in `main`, so that it may stand anywhere."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = _take(arguments, "--debug")
    try:
        result: object = app(arguments or ["--help"], prog_name="likeness", standalone_mode=False)
    except TyperException as error:
        return _say(f"{_sentence(error.format_message())} See `likeness --help`.", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("Stopped.", INTERRUPTED)
    except JobFailed as error:
        detail = f" [{error.detail}]" if debug and error.detail else ""
        return _say(f"{error}{detail}", OUR_MISTAKE if error.our_mistake else USER_MISTAKE)
    except (UserError, EngineError, StorageError) as error:
        if debug:
            raise
        return _say(str(error), USER_MISTAKE)
    except BrokenPipeError:
        # The reader of our output went away (`likeness ... | head`). Python would complain once more at exit.
        sys.stderr.close()
        return OUR_MISTAKE
    except Exception as error:  # the door: every other error becomes a sentence here and nowhere else
        if debug:
            raise
        return _say(
            f"Something unexpected went wrong ({_place(error)}). Run it again with --debug to see all of it.", 1
        )
    return result if isinstance(result, int) else 0


def _say(sentence: str, code: int) -> int:
    typer.echo(f"likeness: {sentence}" if "\n" not in sentence else sentence, err=True)
    return code


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _take(arguments: list[str], flag: str) -> bool:
    """Remove `flag`, unless it follows `--`; says whether it was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if flag not in arguments[:end]:
        return False
    arguments.remove(flag)
    return True


def _place(error: Exception) -> str:
    """The error's type and where it was raised: never its text, which may hold what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f"{type(error).__name__} in {module}, line {trace.tb_lineno}"
