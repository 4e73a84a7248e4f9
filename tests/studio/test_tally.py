"""Who wins, in which order columns stand, and which epochs are voted on: the rules by themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.tally import LETTERS, MOST_OPTIONS, Verdict, by_rule, chosen, shuffled, verdict
from storage.states import Decided


@dataclass(frozen=True)
class Score:
    likeness: float | None = None
    fidelity: float | None = None
    memorising: float | None = None
    bleed: float | None = None


EVEN = {1: Score(60, 95), 2: Score(61, 95), 3: Score(70, 95), 4: Score(72, 80)}


@pytest.mark.parametrize(
    ("votes", "scores", "wanted"),
    [
        ({1: 3, 2: 1, 3: 0, 4: 2}, EVEN, Verdict(1, Decided.VOTES)),
        ({1: 0, 2: 0, 3: 0, 4: 0}, EVEN, Verdict(2, Decided.NOBODY)),
        ({1: 2, 2: 0, 3: 2, 4: 0}, EVEN, Verdict(3, Decided.SCORE)),
        ({1: 0, 2: 0, 3: 1, 4: 1}, EVEN, Verdict(3, Decided.SCORE)),  # the likest one follows prompts too badly
        ({1: 2, 2: 2, 3: 0, 4: 0}, EVEN, Verdict(None, None, (1, 2))),  # a point apart is level
        ({1: 2, 2: 2, 3: 2, 4: 2}, {}, Verdict(None, None, (1, 2, 3, 4))),
        ({1: 1, 2: 0, 3: 1, 4: 0}, {**EVEN, 3: Score()}, Verdict(None, None, (1, 3))),  # unread is not worse
        ({4: 1, 1: 1, 2: 1, 3: 0}, EVEN, Verdict(4, Decided.SCORE)),
    ],
)
def test_who_wins(votes: dict[int, int], scores: dict[int, Score], wanted: Verdict) -> None:
    assert verdict(votes, scores, 2) == wanted


def test_a_tie_that_nobody_breaks() -> None:
    assert by_rule((2, 5), 5) == 5
    assert by_rule((5, 2), 3) == 2


@given(
    st.dictionaries(st.integers(1, 20), st.integers(0, 5), min_size=1, max_size=10),
    st.lists(st.floats(0, 100) | st.none(), min_size=20, max_size=20),
    st.data(),
)
def test_a_verdict_is_one_winner_or_those_that_are_level(
    votes: dict[int, int], likeness: list[float | None], data: st.DataObject
) -> None:
    suggested = data.draw(st.sampled_from(sorted(votes)))
    scores = {number: Score(value) for number, value in enumerate(likeness, 1)}
    found, most = verdict(votes, scores, suggested), max(votes.values())
    assert (found.winner is None) == (len(found.tied) > 1) and len(found.tied) != 1
    assert all(votes[epoch] == most for epoch in (*found.tied, *([found.winner] if found.winner and most else [])))
    if found.tied:
        assert by_rule(found.tied, suggested) in found.tied


def test_a_seed_is_one_order_for_ever() -> None:
    """Letters under a posted picture must mean the same after every update."""
    assert shuffled(range(1, 11), 7) == (9, 2, 3, 5, 7, 1, 4, 10, 6, 8)
    assert shuffled((3, 1, 2), 7) == shuffled((1, 2, 3), 7)


@given(st.sets(st.integers(1, 20), min_size=2, max_size=10), st.integers(0, 2**31))
def test_every_order_holds_every_epoch_once(numbers: set[int], seed: int) -> None:
    assert sorted(shuffled(numbers, seed)) == sorted(numbers)


def test_no_place_is_dearer_to_an_epoch_than_another() -> None:
    """Over a thousand ballots of eight the last epoch stands in every column about as often."""
    places = [shuffled(range(1, 9), seed).index(8) for seed in range(1000)]
    assert all(80 <= places.count(place) <= 175 for place in range(8))


@given(st.integers(1, 20), st.data())
def test_a_ballot_keeps_the_suggested_and_the_last_epoch(count: int, data: st.DataObject) -> None:
    numbers = tuple(range(1, count + 1))
    suggested = data.draw(st.sampled_from(numbers))
    options = chosen(numbers, suggested)
    assert len(options) == min(count, MOST_OPTIONS) == min(count, 10) and list(options) == sorted(set(options))
    assert set(options) <= set(numbers) and {suggested, count} <= set(options) and len(LETTERS) == 10
