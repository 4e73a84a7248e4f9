"""A refusal says what happened and what to do about it: whoever reads it is in the middle of something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.languages.collect import modules

REFUSALS = {"UserError", "NotAllowed", "NotFound", "Taken"}
STEP = re.compile(r"[.:;] \S|, like |, for example |^Choose ")
"""After what happened comes a clause more, or an example to copy; or all of it says what to do."""
WHOSE = "Only "
"""Who may, is who to ask."""


def refusals() -> Iterator[tuple[str, str]]:
    """Where it stands, and every sentence that is said there and then: those of the text modules are read with them."""
    for place, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                for words in node.args[:1]:
                    for sentence in sentences(words):
                        yield f"{place}:{node.lineno}", sentence


def sentences(words: ast.expr) -> Iterator[str]:
    match words:
        case ast.Call(func=ast.Name(id="say" | "many" as seam), args=args):
            for one in args[: 1 if seam == "say" else 2]:
                yield from sentences(one)
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
        case _:
            return


def test_all_of_them_are_looked_at() -> None:
    assert len(list(refusals())) > 200


@pytest.mark.parametrize(("place", "sentence"), [pytest.param(*found, id=found[0]) for found in refusals()])
def test_a_refusal_names_the_next_step(place: str, sentence: str) -> None:
    assert sentence.startswith(WHOSE) or STEP.search(sentence), f"{place} leaves its reader there: {sentence}"
