"""Words of the chat: within Discord's limits, and nowhere but in the texts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import EnumMeta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from bot import chat
from bot.chat import (
    ballot_cards,
    cards,
    commands,
    gallery_cards,
    keeping_cards,
    keeping_forms,
    news_cards,
    painting_forms,
    people_cards,
    people_forms,
    picture_cards,
    review_cards,
    rules_cards,
    texts,
    training_cards,
)
from bot.chat.layout import bar, sparkline
from bot.chat.uploads import PHOTO_LIMIT_MB

MOST = {"Button": 34, "Pick": 150, "Title": 45, "Field": 45, "Hint": 100}
TEXTS = [
    texts,
    *(import_module(f"bot.chat.{found.name}") for found in iter_modules(chat.__path__) if "_texts" in found.name),
]
LIMITS: dict[EnumMeta, int] = {
    getattr(module, name): limit for module in TEXTS for name, limit in MOST.items() if hasattr(module, name)
}


def test_every_module_of_texts_is_measured() -> None:
    assert len(TEXTS) > 12 and len(LIMITS) > 25


@pytest.mark.parametrize("group", LIMITS, ids=lambda group: f"{group.__module__}.{group.__name__}")
def test_words_are_within_discords_limits(group: EnumMeta) -> None:
    assert [str(word) for word in group if not 1 <= len(str(word)) <= LIMITS[group]] == []


def test_kinds_are_radio_options() -> None:
    assert 2 <= len(texts.kinds()) <= 10
    assert all(len(label) <= 100 and len(more) <= 100 for _, label, more in texts.kinds())


def test_places_and_lists() -> None:
    assert [texts.place_in_line(place) for place in (1, 2, 4)] == [
        "Next in line.", "1 request goes first.", "3 requests go first.",
    ]  # fmt: skip
    assert texts.listed(("A",)) == "A" and texts.listed(("A", "B", "C")) == "A, B and C"
    assert texts.too_big("x.jpg", PHOTO_LIMIT_MB) == "x.jpg is over 25 MB"


def test_bars_and_lines() -> None:
    assert bar(0) == "░" * 20 + " 0%" and bar(1.5) == "█" * 20 + " 100%" and bar(0.5).startswith("█" * 10 + "░")
    assert sparkline(()) == "" and sparkline((3, 2, 1)) == "█▅▁" and sparkline((1, 1)) == "▁▁"


MEMBERS_READ = (
    "intake",
    "crops",
    "captions",
    "confirm",
    "training",
    "voting",
    "pictures",
    "gallery",
    "people",
    "keeping",
    "rules",
    "news",
)


def test_members_read_only_what_stands_in_texts() -> None:
    """No sentence is written in a handler or a card: whatever has a space in it and is shown comes from texts."""
    folder = Path(cards.__file__).parent
    shown = [
        review_cards,
        training_cards,
        ballot_cards,
        picture_cards,
        gallery_cards,
        painting_forms,
        people_cards,
        people_forms,
        keeping_cards,
        keeping_forms,
        rules_cards,
        news_cards,
    ]
    files = [Path(str(module.__file__)) for module in shown]
    files += [folder / f"{name}.py" for name in MEMBERS_READ]
    assert commands.__file__
    assert [(file.name, text) for file in files for text in _sentences(file)] == []


def _sentences(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and isinstance(node.body[0], ast.Expr)
    }
    docs |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            words = [word for word in node.value.split() if word.isalpha() and len(word) > 1]
            if len(words) >= 3:
                yield node.value
