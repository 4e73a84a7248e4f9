"""One epoch out of all, with its reasons in one sentence; and when more epochs are no use.

Ten pictures make a score that wobbles by some points from epoch to epoch, while what is learnt grows steadily. So every
score is read off a line through the epoch's neighbours before epochs are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from engine.scores.reading import Scores
from engine.scores.worth import LIMITS, paid_most, worth_of

NEIGHBOURS = (1.0, 0.5, 0.2)
"""Weights of an epoch itself, the epochs beside it and those next to them."""
EQUAL = 1.0
"""Points within which epochs, so read, are taken for equal. Votes are level from twice as many on: people see less."""
GAIN = 2.0
"""Points by which an epoch must be worth more than all before it to count as getting better."""

FAULTS = {
    "fidelity": "follows prompts less well than the base ({:.0f} of 100)",
    "memorising": "repeats the photos ({:.0f} of 100)",
    "bleed": "makes others of its kind look like it ({:.0f} of 100)",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    epoch: int | None
    reason: str


def suggest(scores: Mapping[int, Scores]) -> Suggestion:
    """The epoch (from 1 on) that is most like the subject and paid least for it; of equal ones the middle one, which is as far
    from too little as from too much."""
    calm = smooth(scores)
    if not calm:
        return Suggestion(None, "This base has no eyes to compare subjects with, so choose by the previews.")
    worth = {epoch: worth_of(score) for epoch, score in calm.items()}
    best = max(worth.values())
    equal = sorted(epoch for epoch, value in worth.items() if value >= best - EQUAL)
    epoch = equal[len(equal) // 2]
    return Suggestion(epoch, _reason(epoch, scores[epoch], calm))


def stalled(scores: Mapping[int, Scores], patience: int) -> bool:
    """Whether the last `patience` epochs were worth no more than one before them. Never where nothing can be read."""
    worth = [worth_of(score) for _, score in sorted(smooth(scores).items())]
    return 0 < patience < len(worth) and max(worth[-patience:]) < max(worth[:-patience]) + GAIN


def smooth(scores: Mapping[int, Scores]) -> dict[int, Scores]:
    """Every epoch from 1 on whose likeness was read, its scores on a line through those of its neighbours."""
    read = {epoch: score for epoch, score in sorted(scores.items()) if epoch > 0 and score.likeness is not None}
    return {
        epoch: Scores(**{field.name: _on_the_line(read, epoch, field.name) for field in fields(Scores)})
        for epoch in read
    }


def _on_the_line(read: Mapping[int, Scores], epoch: int, name: str) -> float | None:
    told: dict[int, float] = {other: value for other in read if (value := getattr(read[other], name)) is not None}
    near = [other for other in told if abs(other - epoch) < len(NEIGHBOURS)]
    if epoch not in told or len(near) < 3:
        return told.get(epoch)
    weights = np.array([NEIGHBOURS[abs(other - epoch)] for other in near])
    line = np.polyfit(np.array(near) - epoch, [told[other] for other in near], 1, w=np.sqrt(weights))
    return float(line[1])


def _reason(epoch: int, chosen: Scores, calm: Mapping[int, Scores]) -> str:
    said = f"Epoch {epoch} is {chosen.likeness:.0f} of 100 like the photos"
    worst = paid_most(calm[epoch])
    if worst is not None:
        fault = FAULTS[worst].format(getattr(calm[epoch], worst))
        return f"{said} but {fault}; no other epoch balances both better."
    if chosen.fidelity is not None:
        said += f" and still follows prompts like the base ({chosen.fidelity:.0f} of 100)"
    later = [name for name in LIMITS if _cost(calm[max(calm)], name) >= 1]
    if epoch == max(calm):
        return f"{said}; earlier ones are behind."
    if later:
        words = {
            "fidelity": "follow prompts less",
            "memorising": "repeat the photos",
            "bleed": "change others of its kind",
        }
        return f"{said}; later ones {words[later[0]]}."
    return f"{said}; later ones gain little."


def _cost(score: Scores, name: str) -> float:
    return LIMITS[name].cost(getattr(score, name))
