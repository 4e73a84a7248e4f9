"""A whole evening, a story at a time; and each again with the process killed at every step of it: the same end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bot.studio.settings import StudioSettings
from tests.evening.ending import ending, rows
from tests.evening.evenings import EVENINGS
from tests.journeys.town import Town
from tests.studio.house import short

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes die here, not the power: tests/storage proves that files are durable."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


UNDISTURBED: dict[str, dict[str, Any]] = {}


async def told(name: str, folder: Path, *, killed: bool) -> dict[str, Any]:
    settings = StudioSettings(recipe=short, min_side_px=64, attested=True)
    town = Town(folder, settings=settings)
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if killed:
            await town.kill_and_start()

    async with town.open():
        await EVENINGS[name](town, step)
        await town.round(15)
        shown = ending(town)
    assert steps > 5
    return {**shown, **rows(town)}


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two endings are not the same, in a line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for key in one.keys() | other.keys() for line in differences(one.get(key), other.get(key), key)]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{place}.{n}")]
    return [] if one == other else [f"{place}: {one!r} is {other!r}"]


@pytest.mark.parametrize("name", EVENINGS)
async def test_an_evening(name: str, tmp_path: Path) -> None:
    UNDISTURBED[name] = await told(name, tmp_path, killed=False)


@pytest.mark.parametrize("name", EVENINGS)
async def test_the_process_dies_at_every_step_and_it_ends_the_same(name: str, tmp_path: Path) -> None:
    if name not in UNDISTURBED:
        UNDISTURBED[name] = await told(name, tmp_path / "undisturbed", killed=False)
    disturbed = await told(name, tmp_path / "killed", killed=True)
    assert differences(UNDISTURBED[name], disturbed) == []
