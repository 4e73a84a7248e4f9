"""An epoch's scores as people read them: in a line, under a column. `curve` draws them over the epochs.

Likeness and prompt are always said; copying and bleeding only where there is something to be said of them. Points are
explained in `engine.scores.reading`.
"""

from __future__ import annotations

from typing import Protocol

from bot.language import say
from engine.scores import worth

NOTABLE = 35.0
"""Copying and bleeding below this is nothing to worry anybody with."""


class Scored(worth.Scored, Protocol):
    """An epoch as stored, reported or heard of: with leakage, which is told and weighs nothing."""

    @property
    def leakage(self) -> float | None: ...


def note(epoch: Scored) -> str:
    """ "likeness 71, prompt kept 96 %", with "copies photos 60" where it is notable; "" where nothing was read."""
    said = [] if epoch.likeness is None else [say("likeness {points:.0f}", points=epoch.likeness)]
    said += [] if epoch.fidelity is None else [say("prompt kept {points:.0f} %", points=epoch.fidelity)]
    return ", ".join([*said, *_warnings(epoch)])


def whole(epoch: Scored) -> str:
    """Every score there is, for a terminal."""
    said = [] if epoch.likeness is None else [say("likeness {points:.0f}", points=epoch.likeness)]
    said += [] if epoch.fidelity is None else [say("prompt kept {points:.0f} %", points=epoch.fidelity)]
    said += [] if epoch.memorising is None else [say("copies photos {points:.0f}", points=epoch.memorising)]
    said += [] if epoch.leakage is None else [say("leaks {points:.0f}", points=epoch.leakage)]
    said += [] if epoch.bleed is None else [say("bleeds {points:.0f}", points=epoch.bleed)]
    return ", ".join(said)


def column(epoch: Scored) -> tuple[str, ...]:
    """One short line each, as they stand under a column of the grid."""
    said = [] if epoch.likeness is None else [say("likeness {points:.0f}", points=epoch.likeness)]
    said += [] if epoch.fidelity is None else [say("prompt {points:.0f} %", points=epoch.fidelity)]
    return (*said, *_warnings(epoch))


def _warnings(epoch: Scored) -> list[str]:
    said = [say("copies photos {points:.0f}", points=epoch.memorising)] if (epoch.memorising or 0) >= NOTABLE else []
    return said + ([say("bleeds {points:.0f}", points=epoch.bleed)] if (epoch.bleed or 0) >= NOTABLE else [])
