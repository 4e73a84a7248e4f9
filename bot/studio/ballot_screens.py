"""What people are shown of a vote: the ballot, one column of it, the question to its owner, the winner.

While a ballot is blind and has no winner, none of these says which epoch a column is: not in words, not in a picture's name
or description, not in what a menu sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.studio.screens import Image


@dataclass(frozen=True)
class BallotColumn:
    letter: str
    """A to J"""
    epoch: int | None = None
    """None where it may not be said."""
    votes: int | None = None
    """None before they are counted."""
    wins: bool = False
    level: bool = False
    """One of those its owner is asked about."""


@dataclass(frozen=True)
class BallotCard:
    ballot_id: int
    run_id: int
    subject: str
    sheets: tuple[Image, ...]
    """The grid, at most four columns and the base to a picture; together every column in the order of their letters."""
    columns: tuple[BallotColumn, ...]
    blind: bool
    suggestion: str
    """The engine's own reading with its reason; "" where it may not be said, or there is none."""
    closes_at: int
    state: str = "open"
    """open, tied or closed"""
    decides_at: int | None = None
    """Until when the owner is waited for, where votes are level."""
    result: str = ""
    """ "" before there is a winner."""
    decided_by: int | None = None
    """The member who chose, where somebody did."""
    anew: bool = False
    """Posted in place of a message that was deleted."""

    @property
    def closed(self) -> bool:
        return self.state == "closed"


@dataclass(frozen=True)
class ColumnCard:
    """One column of a ballot, large."""

    ballot_id: int
    place: int | None
    """From 0; None is the base."""
    column: BallotColumn | None
    """None is the base."""
    picture: Image
    places: int
    """How many columns there are."""
    open: bool


@dataclass(frozen=True)
class TieCard:
    """Its owner is asked which of the level columns wins."""

    ballot_id: int
    subject: str
    owner_id: int
    level: tuple[tuple[int, BallotColumn], ...]
    """Places (from 0) and columns."""
    sheets: tuple[Image, ...]
    """The level columns beside each other; none once it is decided."""
    decides_at: int
    result: str = ""
    """ "" until it is decided."""
    decided_by: int | None = None


@dataclass(frozen=True)
class WinnerCard:
    lora_id: int
    name: str
    trigger: str
    owner_id: int
    picture: Image
    result: str
    """ "Epoch 6 wins, 5 of 8 votes." """
    try_it: str
    """A prompt to start with."""
    ranking: tuple[BallotColumn, ...] = ()
    """What every letter was and got, most votes first; empty where nobody was asked."""
    voters: int = 0
    decided_by: int | None = None
    curve: Image | None = field(default=None)
    """The scores over the epochs with the winner marked; None where nothing was read."""
