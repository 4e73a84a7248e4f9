"""An epoch's scores as people read them: in a line, under a column. `curve` draws them over the epochs.

Likeness and prompt are always said; copying and bleeding only where there is something to be said of them. Points are
explained in `engine.scores.reading`.
"""

from __future__ import annotations

from typing import Protocol

NOTABLE = 35.0
"""Copying and bleeding below this is nothing to worry anybody with."""


class Scored(Protocol):
    """An epoch as stored, reported or heard of."""

    @property
    def likeness(self) -> float | None: ...
    @property
    def fidelity(self) -> float | None: ...
    @property
    def memorising(self) -> float | None: ...
    @property
    def leakage(self) -> float | None: ...
    @property
    def bleed(self) -> float | None: ...


def note(epoch: Scored) -> str:
    """ "likeness 71, prompt kept 96 %", with "copies photos 60" where it is notable; "" where nothing was read."""
    said = [] if epoch.likeness is None else [f"likeness {epoch.likeness:.0f}"]
    said += [] if epoch.fidelity is None else [f"prompt kept {epoch.fidelity:.0f} %"]
    return ", ".join([*said, *_warnings(epoch)])


def whole(epoch: Scored) -> str:
    """Every score there is, for a terminal."""
    said = [] if epoch.likeness is None else [f"likeness {epoch.likeness:.0f}"]
    said += [] if epoch.fidelity is None else [f"prompt kept {epoch.fidelity:.0f} %"]
    said += [] if epoch.memorising is None else [f"copies photos {epoch.memorising:.0f}"]
    said += [] if epoch.leakage is None else [f"leaks {epoch.leakage:.0f}"]
    said += [] if epoch.bleed is None else [f"bleeds {epoch.bleed:.0f}"]
    return ", ".join(said)


def column(epoch: Scored) -> tuple[str, ...]:
    """One short line each, as they stand under a column of the grid."""
    said = [] if epoch.likeness is None else [f"likeness {epoch.likeness:.0f}"]
    said += [] if epoch.fidelity is None else [f"prompt {epoch.fidelity:.0f} %"]
    return (*said, *_warnings(epoch))


def _warnings(epoch: Scored) -> list[str]:
    said = [f"copies photos {epoch.memorising:.0f}"] if (epoch.memorising or 0) >= NOTABLE else []
    return said + ([f"bleeds {epoch.bleed:.0f}"] if (epoch.bleed or 0) >= NOTABLE else [])
