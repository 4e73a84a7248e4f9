"""Every sentence for what goes wrong, in the real bot with the real studio and store: it is read, and nothing else broke."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.journeys.town import Town
from tests.trouble import people
from tests.trouble.cases import CASES

assert people.__name__, "imported, its cases are among them"


@pytest.fixture(autouse=True)
def nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("name", CASES)
async def test_it_is_said_what_happened_and_what_to_do(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    town = Town(tmp_path, script=case.script.model_copy(deep=True))
    async with town.open():
        read = await case.happens(town)
    assert case.sentence in read, read
    assert "Something broke" not in read
