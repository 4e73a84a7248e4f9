"""Which epoch is suggested for which reason, through noise; and when a training may stop."""

from __future__ import annotations

import numpy as np
import pytest

from engine.scores.reading import Scores
from engine.scores.suggestion import stalled, suggest


def likenesses(*values: float) -> dict[int, Scores]:
    return {epoch: Scores(value, 97.0) for epoch, value in enumerate(values, 1)}


@pytest.mark.parametrize(
    ("scores", "epoch", "words"),
    [
        ({1: Scores(70, 99), 2: Scores(80, 98), 3: Scores(80, 95), 4: Scores(80, 94)}, 4, "still follows prompts"),
        ({1: Scores(40, 99), 2: Scores(90, 70)}, 2, "less well than the base (70"),
        ({1: Scores(40, None), 2: Scores(60, None)}, 2, "60 of 100"),
        ({0: Scores(99, 100), 1: Scores(40, 99)}, 1, "Epoch 1"),
        ({1: Scores(70, 99), 2: Scores(72, 70)}, 1, "later ones follow prompts less"),
        ({1: Scores(70, 99, memorising=10), 2: Scores(75, 99, memorising=95)}, 1, "later ones repeat the photos"),
        ({1: Scores(70, 99, memorising=95), 2: Scores(90, 99, memorising=95)}, 2, "but repeats the photos (95"),
        ({1: Scores(70, 99, bleed=5), 2: Scores(73, 99, bleed=90)}, 1, "later ones change others of its kind"),
        (
            {1: Scores(20, 99, bleed=90), 2: Scores(80, 99, bleed=90)},
            2,
            "but makes others of its kind look like it (90",
        ),
        (likenesses(20, 40, 60, 80), 4, "earlier ones are behind"),
        (likenesses(20, 70, 80, 80, 80, 80), 5, "later ones gain little"),
    ],
)
def test_the_suggestion_is_like_the_subject_for_a_fair_price(scores: dict[int, Scores], epoch: int, words: str) -> None:
    suggestion = suggest(scores)
    assert suggestion.epoch == epoch
    assert words in suggestion.reason
    assert suggestion.reason.endswith(".")
    assert suggestion.reason.count(".") == 1, "one sentence"


def test_leakage_alone_decides_nothing() -> None:
    leaky = {1: Scores(40, 99, leakage=5), 2: Scores(70, 99, leakage=110)}
    assert suggest(leaky).epoch == 2


@pytest.mark.parametrize("scores", [{}, {0: Scores(5, 100)}, {1: Scores(None, None, 40.0)}])
def test_no_likeness_no_suggestion(scores: dict[int, Scores]) -> None:
    suggestion = suggest(scores)
    assert suggestion.epoch is None
    assert "choose by the previews" in suggestion.reason


def test_an_epoch_that_was_lucky_once_is_not_taken_for_the_best() -> None:
    assert suggest(likenesses(20, 40, 72, 57, 62, 70, 75, 78)).epoch in (7, 8)


def test_the_suggestion_stays_near_the_best_through_the_noise_of_few_previews() -> None:
    """Curves that rise and settle or fall again, read with an error of six points: the choice costs few true points."""
    rng = np.random.default_rng(8)
    lost_smooth: list[float] = []
    lost_raw: list[float] = []
    for _ in range(200):
        top, pace, fall = rng.uniform(55, 95), rng.uniform(0.4, 1.2), rng.choice([0.0, 0.0, 3.0])
        true = [top * (1 - np.exp(-pace * epoch)) - fall * max(0, epoch - 5) for epoch in range(1, 9)]
        read = [float(value + rng.normal(0, 6)) for value in true]
        chosen = suggest(likenesses(*read)).epoch
        assert chosen is not None
        lost_smooth.append(max(true) - true[chosen - 1])
        lost_raw.append(max(true) - true[int(np.argmax(read))])
    assert np.mean(np.array(lost_smooth) <= 5) >= 0.85
    assert np.mean(lost_smooth) <= np.mean(lost_raw) + 0.2


@pytest.mark.parametrize(
    ("scores", "patience", "over"),
    [
        (likenesses(20, 40, 60, 80), 2, False),
        (likenesses(20, 60, 80, 80, 80, 79), 2, True),
        (likenesses(20, 60, 80, 80, 80, 79), 5, False),
        (likenesses(80, 80), 2, False),
        (likenesses(80, 80, 80), 0, False),
        ({epoch: Scores(80, 99 - 12 * epoch) for epoch in range(1, 6)}, 2, True),
        ({epoch: Scores(None, 99) for epoch in range(1, 9)}, 2, False),
    ],
)
def test_a_training_stops_early_only_where_nothing_is_gained(
    scores: dict[int, Scores], patience: int, over: bool
) -> None:
    assert stalled(scores, patience) is over
