"""Every sentence and label of ours, read from the code itself, and the catalogues that have to hold them."""

from __future__ import annotations

import ast
import io
import string
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.chat.bot import LikenessBot
from bot.language import ENGLISH, LANGUAGES
from bot.studio.hearsay import HEARD
from tests.chat.double import StudioDouble
from tests.chat.memory import Facts, Outbox

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bot" / "languages"
OTHERS = tuple(tag for tag in LANGUAGES if tag != ENGLISH)


@dataclass(frozen=True)
class Source:
    """One sentence as the code has it."""

    place: str
    """File, and line where there is one."""
    one: str
    more: str = ""
    """Its plural, of many()."""
    given: frozenset[str] | None = None
    """Names of the values it is said with; None where they are not written out."""

    @property
    def spare(self) -> set[str]:
        """What it is given whether it names it or not."""
        return {"count"} if self.more else set()

    @property
    def fields(self) -> set[str]:
        return fields(self.one) | fields(self.more)


def fields(text: str) -> set[str]:
    """ "{count} of {most:.0f}" -> count, most"""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if path != ROOT / "bot" / "language.py":
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def said() -> list[Source]:
    """What stands in say() and many(). A sentence that is no literal comes as one without words."""
    found: list[Source] = []
    for name, tree in modules():
        for call in calls(tree, "say", "many"):
            words = call.args[: 1 if isinstance(call.func, ast.Name) and call.func.id == "say" else 2]
            texts = [
                word.value if isinstance(word, ast.Constant) and isinstance(word.value, str) else "" for word in words
            ]
            open_ended = any(keyword.arg is None for keyword in call.keywords)
            given = {keyword.arg for keyword in call.keywords if keyword.arg} | (
                {"count"} if len(words) == 2 else set()
            )
            found.append(Source(f"{name}:{call.lineno}", *texts, given=None if open_ended else frozenset(given)))
    return found


def labels() -> dict[type[StrEnum], str]:
    """Every enum of words, with its module: those of the texts modules."""
    found: dict[type[StrEnum], str] = {}
    for path in sorted((ROOT / "bot" / "chat").glob("*texts.py")):
        module = import_module(f"bot.chat.{path.stem}")
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, StrEnum) and thing.__module__ == module.__name__:
                found[thing] = path.relative_to(ROOT).as_posix()
    return found


def tree_words() -> list[tuple[str, str]]:
    """Descriptions of the commands and their options, names of choices and of menus: (what it is, the words)."""
    bot = LikenessBot(StudioDouble(Outbox(), lambda: 0.0), Outbox(), Facts())
    found: list[tuple[str, str]] = []

    def walk(entry: dict[str, Any], kind: str) -> None:
        if entry.get("description"):
            found.append((kind, entry["description"]))
        for choice in entry.get("choices", ()):
            found.append(("choice", choice["name"]))
        for option in entry.get("options", ()):
            walk(option, "option")

    for command in bot.tree.get_commands():
        payload = command.to_dict(bot.tree)
        if payload.get("type", 1) != 1:
            found.append(("menu", payload["name"]))
        walk(payload, "command")
    return found


def everything() -> dict[str, Source]:
    """Every key a catalogue must have, in the order of the code."""
    sources = [source for source in said() if source.one]
    sources += [Source(place, str(word)) for group, place in labels().items() for word in group]
    sources += [Source("bot/studio/hearsay.py", sentence) for sentence in HEARD]
    sources += [Source("commands", words) for _, words in tree_words()]
    found: dict[str, Source] = {}
    for source in sources:
        known = found.get(source.one)
        if known is None or (source.more and not known.more):
            found[source.one] = source
    return found


def catalogue(language: str) -> Catalog:
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def update(language: str, new: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Rewrite a catalogue: what the code says now, with the words it had or those in `new`. (missing, dropped)"""
    old, fresh = catalogue(language), Catalog(locale=language, charset="utf-8", fuzzy=False)
    missing: list[str] = []
    wanted = everything()
    for key, source in wanted.items():
        known: Message | None = old.get(key)
        words = new.get(key) or (known.string if known is not None else None)
        plural = bool(source.more)
        if plural and (isinstance(words, str) or not words):
            words = ("", "") if not words else (words, words)
        if not plural and isinstance(words, list | tuple):
            words = words[0]
        if not words or not all(words if plural else [words]):
            missing.append(key)
        fresh.add((key, source.more) if plural else key, words or "", locations=[(source.place.split(":")[0], 0)])
    dropped = [str(m.id) for m in old if m.id and (m.id[0] if isinstance(m.id, tuple) else m.id) not in wanted]
    out = io.BytesIO()
    write_po(out, fresh, width=110, omit_header=True, include_lineno=False)
    head = (FOLDER / f"{language}.po").read_text(encoding="utf-8").split("\n\n", 1)[0]
    (FOLDER / f"{language}.po").write_text(f"{head}\n\n{out.getvalue().decode()}".rstrip("\n") + "\n", encoding="utf-8")
    return missing, dropped
