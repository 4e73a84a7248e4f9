"""The rules of a vote, as pure functions: what is on it, in which order, and who wins.

one is ahead ──────────────────────────────────────► votes
level ──► one has the better score ────────────────► score
            └─► level there too: its owner is asked ► owner
                  └─► nobody answers in time ───────► rule: the engine's suggestion if it is level, else the earlier epoch
nobody voted ──────────────────────────────────────► nobody: the engine's suggestion
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.scores.worth import NEAR, Scored, worth_of
from storage.states import Decided

LETTERS = "ABCDEFGHIJ"
MOST_OPTIONS = len(LETTERS)
"""Columns of one ballot: more cannot be held against each other."""


@dataclass(frozen=True)
class Verdict:
    """Either a winner and how it won, or those whose owner has to choose."""

    winner: int | None
    how: Decided | None
    tied: tuple[int, ...] = ()


def chosen(numbers: Sequence[int], suggested: int) -> tuple[int, ...]:
    """The epochs to vote on, in order: all, or MOST_OPTIONS: the suggested, the last, others evenly from the whole length."""
    if len(numbers) <= MOST_OPTIONS:
        return tuple(numbers)
    kept = {numbers[-1], suggested}
    spread = [numbers[round(i * (len(numbers) - 1) / (MOST_OPTIONS - 1))] for i in range(MOST_OPTIONS)]
    for number in reversed(spread):
        if len(kept) < MOST_OPTIONS:
            kept.add(number)
    return tuple(sorted(kept))


def shuffled(numbers: Collection[int], seed: int) -> tuple[int, ...]:
    """The same order for the same seed, today and in any later version of this or of Python."""
    return tuple(sorted(numbers, key=lambda number: hashlib.blake2b(f"{seed}:{number}".encode()).digest()))


def verdict(tally: Mapping[int, int], scored: Mapping[int, Scored], suggested: int) -> Verdict:
    """`tally` holds every epoch of the ballot. Scores within NEAR points are level, and so are those nobody could read."""
    most = max(tally.values())
    if most == 0:
        return Verdict(suggested, Decided.NOBODY)
    first = sorted(epoch for epoch, votes in tally.items() if votes == most)
    if len(first) == 1:
        return Verdict(first[0], Decided.VOTES)
    read = {epoch: scored[epoch] for epoch in first if epoch in scored and scored[epoch].likeness is not None}
    if len(read) == len(first):
        worth = {epoch: worth_of(score) for epoch, score in read.items()}
        first = [epoch for epoch in first if worth[epoch] >= max(worth.values()) - NEAR]
        if len(first) == 1:
            return Verdict(first[0], Decided.SCORE)
    return Verdict(None, None, tuple(first))


def by_rule(tied: Collection[int], suggested: int) -> int:
    return suggested if suggested in tied else min(tied)
