"""What an epoch is worth by its scores: one number, where a suggestion is made and where votes are level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

NEAR = 2.0
"""Epochs within this many points are taken for equal."""


@dataclass(frozen=True, slots=True)
class Limit:
    """From `at` on every point of a score costs `price` points of likeness."""

    at: float
    price: float
    below: bool = False

    def cost(self, value: float | None) -> float:
        over = 0.0 if value is None else (self.at - value if self.below else value - self.at)
        return self.price * max(0.0, over)


LIMITS = {
    "fidelity": Limit(88.0, 1.0, below=True),
    "memorising": Limit(60.0, 0.5),
    "bleed": Limit(30.0, 0.1),
}
"""Leakage is told and does not decide: it grows with everything that is learnt. So does bleed, nearly: at a dear price it
bought early epochs that are less like the subject and bleed hardly less, so it breaks ties and no more."""


class Scored(Protocol):
    @property
    def likeness(self) -> float | None: ...
    @property
    def fidelity(self) -> float | None: ...
    @property
    def memorising(self) -> float | None: ...
    @property
    def bleed(self) -> float | None: ...


def worth_of(score: Scored) -> float:
    """Points of likeness, less what was paid for it."""
    return (score.likeness or 0.0) - sum(limit.cost(getattr(score, name)) for name, limit in LIMITS.items())


def paid_most(score: Scored) -> str | None:
    """The name of the score that cost the most, where it cost a point or more."""
    costs = {name: limit.cost(getattr(score, name)) for name, limit in LIMITS.items()}
    worst = max(costs, key=lambda name: costs[name])
    return worst if costs[worst] >= 1 else None
