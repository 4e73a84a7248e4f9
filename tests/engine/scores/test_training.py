"""A training that is read: probes are painted and stay inside, scores come with every epoch, patience ends it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sights
import tiny
from PIL import Image

from engine.families.loaded import LoadedBase
from engine.protocol import Done, EpochReady, EventBase, TrainJob
from engine.scores import reading
from engine.scores.eyes import Glance, Sight
from engine.scores.probes import probes
from engine.scores.reading import Reader, Scores
from engine.worker.order import Order
from engine.worker.train import train

JOB = tiny.job(tiny.RECIPE.model_copy(update={"exposures": 12, "epochs": 6}))


class Told(Reader):
    """Counts the pictures it is shown, and says of each epoch what the test wants."""

    likeness: tuple[float, ...] = ()

    def __init__(self, job: TrainJob) -> None:
        found = probes(job.previews, job.subject_kind, job.trigger, job.class_word)
        photos = [sights.drawn(seed) for seed in range(3)]
        super().__init__(Sight(None, Glance(), None), photos, [one.prompt for one in job.previews], found)
        self.shown: list[int] = []

    def read(self, pictures: list[Image.Image]) -> Scores:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.shown.append(len(pictures))
        return Scores(self.likeness[len(self.shown) - 1], 97.0, 3.0, 5.0, 7.0)


def run(base: LoadedBase, scratch: Path, job: TrainJob) -> tuple[list[EpochReady], Done]:
    told: list[EventBase] = []
    for _ in train(base, job, tiny.PHOTOS, scratch, told.append, Order()):
        pass
    done = told[-1]
    assert isinstance(done, Done)
    return [event for event in told if isinstance(event, EpochReady)], done


def with_reader(monkeypatch: pytest.MonkeyPatch, *likeness: float) -> list[Told]:
    made: list[Told] = []

    def reader_for(job: TrainJob, *_: object) -> Told:
        made.append(Told(job))
        made[-1].likeness = likeness
        return made[-1]

    monkeypatch.setattr(reading, "reader_for", reader_for)
    return made


def test_probes_are_shown_to_the_reader_and_to_nobody_else(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_reader(monkeypatch, 0, 20, 40, 60, 70, 75, 80)
    epochs, done = run(base, tmp_path, JOB)
    assert made[0].shown == [2 + 6 + 3] * 7
    assert all({name for name in event.blobs if name != "lora"} == {"preview_0", "preview_1"} for event in epochs)
    assert [event.likeness for event in epochs] == [0, 20, 40, 60, 70, 75, 80]
    assert {(event.memorising, event.leakage, event.bleed) for event in epochs} == {(3.0, 5.0, 7.0)}
    assert (done.suggested, done.stopped_early) == (6, False)


def test_the_scores_of_epochs_that_were_kept_are_not_read_again(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_reader(monkeypatch, 0, 20, 40, 60, 70, 75, 80)
    first, done = run(base, tmp_path, JOB)
    again, said_again = run(base, tmp_path, JOB.model_copy(update={"attempt": 2}))
    assert made[1].shown == [11], "the base's own, by which later epochs would be counted"
    assert [event.likeness for event in again] == [event.likeness for event in first]
    assert (said_again.suggested, said_again.reason) == (done.suggested, done.reason)


def test_a_base_that_was_painted_with_fewer_probes_is_painted_again(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes on that an earlier version began."""
    made = with_reader(monkeypatch, 0, 20, 40, 60, 70, 75, 80)
    honest = reading.reader_for

    def before(*of: object) -> Told:
        one = honest(*of)  # type: ignore[arg-type]
        assert isinstance(one, Told)
        one.probes = one.probes[6:]
        return one

    monkeypatch.setattr(reading, "reader_for", before)
    first, _ = run(base, tmp_path, JOB)
    monkeypatch.setattr(reading, "reader_for", honest)
    again, _ = run(base, tmp_path, JOB.model_copy(update={"attempt": 2}))
    assert (made[0].shown, made[1].shown) == ([5] * 7, [11])
    assert [event.likeness for event in again] == [event.likeness for event in first]


def test_patience_ends_a_training_that_gains_nothing(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_reader(monkeypatch, 0, 60, 80, 80, 80, 80, 80)
    recipe = JOB.recipe.model_copy(update={"patience": 2})
    epochs, done = run(base, tmp_path, JOB.model_copy(update={"recipe": recipe}))
    assert [event.epoch for event in epochs][-1] < 6
    assert f"ended after epoch {epochs[-1].epoch}" in done.reason
    assert not done.stopped_early, "nobody cut it short, so whoever wanted no vote is not asked for one"


def test_the_real_reader_reads_a_base_without_eyes(base: LoadedBase, tmp_path: Path) -> None:
    epochs, done = run(base, tmp_path, JOB.model_copy(update={"recipe": JOB.recipe.model_copy(update={"epochs": 1})}))
    assert (epochs[0].leakage, epochs[0].likeness) == (0, None)
    assert epochs[1].leakage is not None
    assert epochs[1].leakage > 0
    assert (done.suggested, epochs[1].likeness, epochs[1].bleed) == (None, None, None)
