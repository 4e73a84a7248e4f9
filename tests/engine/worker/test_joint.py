"""Several trainings in one batch: each ends as it would have alone, whoever joins, leaves or breaks beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.files import lora
from engine.protocol import (
    Cancelled,
    CancelMode,
    Done,
    EpochReady,
    EventBase,
    Failed,
    FailureKind,
    Progress,
    TrainJob,
)
from engine.worker import cohort as cohorts
from engine.worker import plan
from engine.worker.cohort import Cohort, learn
from engine.worker.dataset import Dataset, Shelf, cache_texts, said
from engine.worker.desk import Desk, Verbs
from engine.worker.learner import Batch, Learner
from engine.worker.train import train

CLOSE = 1e-3
"""Relative to the largest weight, after all steps: Adam makes something of the last bits of sums taken in another order."""
RECIPE = tiny.RECIPE.model_copy(update={"exposures": 16, "epochs": 1, "min_snr_gamma": None})
PLAIN: dict[str, object] = {}


def learner(base: LoadedBase, seed: int, **changes: object) -> Learner:
    """A training of its own photos by its own recipe."""
    recipe = RECIPE.model_copy(update={"seed": seed, **changes})
    draw = torch.Generator().manual_seed(100 + seed)
    photos = 3 + seed % 3
    means, spreads = (torch.randn(photos, 4, 8, 8, generator=draw) * size for size in (1.0, 0.1))
    captions = [f"ohwx {seed} number {photo}" for photo in range(photos)]
    texts = cache_texts(base, said(recipe, captions), as_tokens=recipe.text_encoder_lr > 0)
    shelf, places = Shelf(means, spreads, None, photos), tuple((0, photo) for photo in range(photos))
    whole = (Framing.whole(32, 32),) * photos
    return Learner(
        base, recipe, Dataset((shelf,), places, plan.buckets([(32, 32)] * photos, [1] * photos), whole, texts, 1)
    )


def weights(one: Learner) -> Tensor:
    return torch.cat([block.leaf.detach() for block in one.blocks])


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def alone(base: LoadedBase, seed: int, steps: int, **changes: object) -> Learner:
    one = learner(base, seed, **changes)
    while one.step < steps:
        learn([one])
    return one


FOUR: Mapping[str, Sequence[dict[str, object]]] = {
    "alike": [PLAIN] * 4,
    "each its own recipe": [
        {"unet_lr": 3e-3, "alpha": 4.0},
        {"rank": 7, "min_snr_gamma": 5.0, "batch_size": 3},
        {"targets": "attn", "max_grad_norm": 0.1, "schedule": "constant"},
        {"conv_rank": 2, "batch_size": 1, "accumulation": 2, "noise_offset": 0.1, "optimizer": "Adafactor"},
    ],
    "with their text encoders": [{"text_encoder_lr": 1e-3}, {"text_encoder_lr": 5e-3, "rank": 2}] * 2,
}


@pytest.mark.parametrize("kind", FOUR)
def test_four_trainings_in_one_batch_end_as_each_alone(base: LoadedBase, kind: str) -> None:
    together = [learner(base, seed, **changes) for seed, changes in enumerate(FOUR[kind])]
    while any(one.step < 8 for one in together):
        learn([one for one in together if one.step < 8])
    for seed, (one, changes) in enumerate(zip(together, FOUR[kind], strict=True)):
        solo = alone(base, seed, 8, **changes)
        difference = apart(weights(one), weights(solo))
        assert difference < CLOSE, f"training {seed}: {difference:.1e}"
        assert one.epoch_loss() == pytest.approx(solo.epoch_loss(), rel=1e-5)
        assert apart(weights(solo), weights(learner(base, seed, **changes))) > 0.02, "nothing was learnt"


def test_a_neighbour_whose_loss_is_no_number_is_alone_with_it(
    base: LoadedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Learner.loss

    def loss(self: Learner, said: Tensor, batch: Batch) -> Tensor:
        return honest(self, said, batch) * (math.nan if self.recipe.seed == 1 and self.step == 3 else 1.0)

    monkeypatch.setattr(Learner, "loss", loss)
    together = [learner(base, seed) for seed in range(3)]
    for _ in range(6):
        learn(together)
    broken = together.pop(1)
    assert math.isnan(broken.epoch_loss() or 0.0), "whoever reads the loss hears of it"
    assert weights(broken).isfinite().all(), "and the update was dropped"
    for one in together:
        assert apart(weights(one), weights(alone(base, one.recipe.seed, 6))) < CLOSE


def test_a_neighbour_of_broken_weights_gives_nobody_a_broken_gradient(base: LoadedBase) -> None:
    together = [learner(base, seed, conv_rank=2, batch_size=1 + seed) for seed in range(3)]
    for block in together[1].blocks:
        block.leaf.data.fill_(math.nan)
    learn(together)
    assert [bool(weights(one).isfinite().all()) for one in together] == [True, False, True]
    assert apart(weights(together[2]), weights(alone(base, 2, 1, conv_rank=2, batch_size=3))) < CLOSE


def test_a_training_left_out_of_a_batch_goes_on_from_its_checkpoint_alone(base: LoadedBase) -> None:
    together = [learner(base, seed, optimizer="Prodigy", unet_lr=1.0) for seed in range(2)]
    for _ in range(4):
        learn(together)
    tensors, facts = together[0].state()
    again = learner(base, 0, optimizer="Prodigy", unet_lr=1.0)
    again.restore(4, {name: tensor.clone() for name, tensor in tensors.items()}, facts)
    assert torch.equal(weights(again), weights(together[0]))
    for _ in range(4):
        learn(together)
        learn([again])
    assert apart(weights(again), weights(together[0])) < CLOSE


def turns(cohort: Cohort, one: Learner, steps: int, took: list[int]) -> Iterator[None]:
    """As a training goes: wait, learn unless taken along."""
    while one.step < steps:
        if not (yield from cohort.wait(one)):
            cohort.learn(one)
            took.append(one.recipe.seed)


def test_trainings_join_and_leave_between_two_passes(base: LoadedBase, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counted(learners: Sequence[Learner], most: int | None = None) -> None:
        sizes.append(len(learners))
        learn(learners, most)

    monkeypatch.setattr(cohorts, "learn", counted)
    cohort, took = Cohort(), list[int]()
    early, late, other = learner(base, 0), learner(base, 1), learner(base, 2, text_encoder_lr=1e-3)
    first = turns(cohort, early, 8, took)
    for _ in range(4):
        next(first)
    assert early.step == 3
    running = [first, turns(cohort, late, 4, took), turns(cohort, other, 2, took)]
    while running:
        for one in list(running):
            if next(one, "ended") == "ended":
                running.remove(one)
    assert (early.step, late.step, other.step) == (8, 4, 2)
    assert sorted(sizes) == [1] * (sizes.count(1)) + [2] * 4, (
        "the two that are alike went together while both were there"
    )
    assert took.count(2) == 2, "one that learns words too cannot go along with those that do not"
    for one, steps in ((early, 8), (late, 4)):
        assert apart(weights(one), weights(alone(base, one.recipe.seed, steps))) < CLOSE


def test_one_that_leaves_while_it_waits_is_not_taken_along(base: LoadedBase) -> None:
    cohort, stays, leaves = Cohort(), learner(base, 0), learner(base, 1)
    waiting = cohort.wait(leaves)
    next(waiting)
    waiting.close()
    cohort.learn(stays)
    assert (stays.step, leaves.step) == (1, 0)


def test_where_memory_does_not_suffice_for_all_they_go_in_parts(
    base: LoadedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sizes = cohorts._part, []  # pyright: ignore[reportPrivateUsage]

    def small(learners: Sequence[Learner], batches: Any, part: range) -> Any:
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return real(learners, batches, part)

    monkeypatch.setattr(cohorts, "_part", small)
    cohort, one, other = Cohort(), learner(base, 0), learner(base, 1)
    waiting = cohort.wait(other)
    next(waiting)
    cohort.learn(one)
    assert (one.step, other.step) == (1, 1), "both have learnt"
    assert max(sizes[-2:]) <= 2 and len(cohort.notes) >= 1
    with pytest.raises(StopIteration) as end:
        next(waiting)
    assert end.value.value is True


# ---- through the desk ------------------------------------------------------------------------------------------------


class Told(list[EventBase]):
    def of(self, job_id: str, *kinds: type[EventBase]) -> list[Any]:
        return [event for event in self if event.job_id == job_id and isinstance(event, kinds)]

    def loras(self, job_id: str) -> dict[int, bytes]:
        return {event.epoch: event.blobs["lora"] for event in self.of(job_id, EpochReady) if event.epoch}

    def step(self, job_id: str) -> int:
        return max((event.step for event in self.of(job_id, Progress) if event.phase == "training"), default=0)


def job(job_id: str, seed: int) -> TrainJob:
    """AdamW with an eps that is not nothing: it does not make something of the last bits, so files can be held close."""
    recipe = tiny.RECIPE.model_copy(
        update={"seed": seed, "exposures": 16, "epochs": 2, "optimizer_args": {"eps": 1e-4}}
    )
    return tiny.job(recipe, job_id=job_id, previews=tiny.job().previews[:1])


def desk_for(base: LoadedBase, scratch: Path, told: Told, joint_runs: int | None) -> Desk:
    def none(*_: object) -> Iterator[None]:
        raise AssertionError

    verbs = Verbs(where=lambda _: "cpu", load=lambda *_: base, prepare=none, train=train, paint=none)
    return Desk(verbs, scratch, told.append, joint_runs=joint_runs)


def test_at_the_desk_one_ends_one_breaks_one_is_cancelled_one_comes_late(
    base: LoadedBase, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.worker.train.PROGRESS_S", 0.0)
    honest, sizes = Learner.loss, list[int]()

    def loss(self: Learner, said: Tensor, batch: Batch) -> Tensor:
        return honest(self, said, batch) * (math.nan if self.recipe.seed == 2 and self.step == 2 else 1.0)

    def counted(learners: Sequence[Learner], most: int | None = None) -> None:
        sizes.append(len(learners))
        learn(learners, most)

    monkeypatch.setattr(Learner, "loss", loss)
    monkeypatch.setattr(cohorts, "learn", counted)
    told = Told()
    desk = desk_for(base, tmp_path / "joint", told, 3)
    for seed, name in enumerate(("stays", "cancelled", "broken", "late")):
        desk.take(job(name, seed), tiny.PHOTOS)
    while desk.step():
        if told.step("cancelled") == 2:
            desk.cancel("cancelled", CancelMode.NOW)
        assert len(desk.running) <= 3
    assert max(sizes) == 3
    assert isinstance(told.of("stays", Done)[0], Done) and isinstance(told.of("late", Done)[0], Done)
    assert told.of("cancelled", Cancelled) and not told.loras("cancelled")
    (failed,) = told.of("broken", Failed)
    assert failed.failure is FailureKind.DIVERGED and not told.loras("broken")
    first_step = next(event for event in told.of("stays", Progress) if event.phase == "training")
    assert told.index(told.of("late", Progress)[0]) > told.index(first_step), "it came when another had left"
    assert not (tmp_path / "joint" / "cancelled").exists()

    for seed, name in ((0, "stays"), (3, "late")):
        solo = Told()
        desk = desk_for(tiny.base(tiny_folder), tmp_path / "alone", solo, None)
        desk.take(job(name, seed), tiny.PHOTOS)
        while desk.step():
            pass
        for epoch, data in solo.loras(name).items():
            one, other = (lora.read(d, lora.target_of(base)).weights for d in (told.loras(name)[epoch], data))
            for half in (0, 1):
                ours, theirs = (torch.cat([w[half].flatten().float() for w in side.values()]) for side in (one, other))
                assert float(theirs.abs().max()) > 0.01, "it has learnt"
                assert apart(ours, theirs) < CLOSE, "a file rounds to fp16 besides"


def test_by_itself_a_cpu_trains_one_at_a_time_and_only_one_base_at_a_time(base: LoadedBase, tmp_path: Path) -> None:
    def forever(*_: object) -> Iterator[None]:
        while True:
            yield

    verbs = Verbs(where=str, load=lambda *_: base, prepare=forever, train=forever, paint=forever)
    elsewhere = job("elsewhere", 9).model_copy(update={"base": base.ref.model_copy(update={"source": "another"})})
    for device, joint_runs, running in (("cpu", None, 1), ("cuda:0", None, 2), ("cpu", 2, 2), ("cuda:0", 1, 1)):
        desk = Desk(verbs, tmp_path, lambda _: None, device=device, joint_runs=joint_runs)
        for one in (job("a", 1), job("b", 2), elsewhere, job("c", 3)):
            desk.take(one, {})
        turns = [desk.step() for _ in range(12)]
        assert all(turns) and len(desk.running) == running, (device, joint_runs)
