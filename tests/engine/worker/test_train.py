"""What a training promises: its events, its length, its file, and that nothing in between changes a bit of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
import tiny
import torch

from engine.errors import BadInput, Diverged
from engine.families.loaded import LoadedBase
from engine.protocol import (
    CancelMode,
    Checkpointed,
    Done,
    EpochReady,
    EventBase,
    LoraUse,
    Painted,
    PaintJob,
    Parked,
    Progress,
    TrainJob,
)
from engine.worker import train as training
from engine.worker.learner import Batch, Learner
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.train import train

SEAL = "5a" * 32


T = TypeVar("T", bound=EventBase)


class Told(list[EventBase]):
    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self if isinstance(event, kind)]

    def loras(self) -> dict[int, bytes]:
        return {event.epoch: event.blobs["lora"] for event in self.of(EpochReady) if event.epoch}


def run(
    base: LoadedBase,
    scratch: Path,
    job: TrainJob | None = None,
    *,
    stop_after: int | None = None,
    order: Order | None = None,
) -> Told:
    """Train to the end, or drop the training (as a crash does) once `stop_after` optimizer steps were made."""
    told, order = Told(), order or Order()
    for _ in train(base, job or tiny.job(), tiny.PHOTOS, scratch, told.append, order):
        if stop_after is not None and base_steps(told) >= stop_after:
            break
    return told


def base_steps(told: Told) -> int:
    return max((event.step for event in told.of(Progress) if event.phase == "training"), default=0)


@pytest.fixture(autouse=True, scope="module")
def talkative() -> Iterator[None]:
    """Every step is told, and every step leaves a checkpoint: the moments a crash can come at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "PROGRESS_S", 0.0)
        patch.setattr(training, "CHECKPOINT_S", 0.0)
        yield


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One training nobody disturbed."""
    return run(tiny.base(tiny_folder), tmp_path_factory.mktemp("whole"))


def test_epochs_come_in_order_with_previews_and_files(whole: Told) -> None:
    epochs = whole.of(EpochReady)
    assert [event.epoch for event in epochs] == [0, 1, 2, 3]
    assert set(epochs[0].blobs) == {"preview_0", "preview_1"}
    assert all(set(event.blobs) == {"lora", "preview_0", "preview_1"} for event in epochs[1:])
    assert len(set(whole.loras().values())) == 3
    assert epochs[0].blobs["preview_0"] != epochs[3].blobs["preview_0"], "the LoRA changed nothing in its preview"
    assert all(event.loss is not None and math.isfinite(event.loss) for event in epochs[1:])
    assert isinstance(whole[-1], Done)


def test_exposures_and_epochs_are_the_recipes(whole: Told) -> None:
    told = [event for event in whole.of(Progress) if event.phase == "training"]
    assert [event.step for event in told] == list(range(1, 13))
    assert {event.total for event in told} == {tiny.RECIPE.steps} == {12}
    assert [event.epoch for event in told] == [1] * 4 + [2] * 4 + [3] * 4


def test_a_base_without_eyes_gets_no_scores_and_no_made_up_suggestion(whole: Told) -> None:
    done = whole[-1]
    assert isinstance(done, Done)
    assert done.suggested is None
    assert "choose by the previews" in done.reason
    assert all(event.likeness is None for event in whole.of(EpochReady))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    base: LoadedBase, tmp_path: Path, whole: Told
) -> None:
    assert run(base, tmp_path / "again").loras() == whole.loras()
    other = tiny.RECIPE.model_copy(update={"seed": 6, "exposures": 8, "epochs": 1})
    assert run(base, tmp_path / "other", tiny.job(other)).loras()[1] not in whole.loras().values()


@pytest.mark.parametrize("seal", [None, SEAL])
@pytest.mark.parametrize("stop_after", [1, 4, 6, 11])
def test_a_training_killed_at_any_step_ends_bit_equal(
    base: LoadedBase, tiny_folder: Path, tmp_path: Path, whole: Told, stop_after: int, seal: str | None
) -> None:
    first = run(base, tmp_path, tiny.job(seal=seal), stop_after=stop_after)
    have = tuple(event.epoch for event in first.of(EpochReady))
    then = run(tiny.base(tiny_folder), tmp_path, tiny.job(seal=seal, attempt=2, have_epochs=have))
    assert first.loras() | then.loras() == whole.loras()
    assert sorted([*have, *(event.epoch for event in then.of(EpochReady))]) == [0, 1, 2, 3], "told once each"
    begun_at = min(event.step for event in then.of(Progress) if event.phase == "training")
    assert begun_at == first.of(Checkpointed)[-1].step + 1, "went on from the last reported checkpoint"


def test_a_training_left_in_mid_preview_ends_bit_equal(base: LoadedBase, tmp_path: Path, whole: Told) -> None:
    first = Told()
    for _ in train(base, tiny.job(), tiny.PHOTOS, tmp_path, first.append, Order()):
        last = first.of(Progress)[-1]
        if last.phase == "preview" and last.epoch == 2:
            break
    assert set(first.loras()) == {1}
    then = run(base, tmp_path, tiny.job(have_epochs=(0, 1)))
    assert first.loras() | then.loras() == whole.loras()


def test_epochs_the_sender_lost_are_told_again_with_the_same_bytes(base: LoadedBase, tmp_path: Path) -> None:
    first = run(base, tmp_path, stop_after=9)
    then = run(base, tmp_path, tiny.job(attempt=2))
    again = {event.epoch: event for event in then.of(EpochReady)}
    assert sorted(again) == [0, 1, 2, 3]
    for event in first.of(EpochReady):
        assert again[event.epoch].blobs == event.blobs
        assert again[event.epoch].loss == event.loss


def test_a_finished_training_asked_for_again_answers_without_learning(
    base: LoadedBase, tmp_path: Path, whole: Told
) -> None:
    run(base, tmp_path)
    again = run(base, tmp_path, tiny.job(attempt=2, have_epochs=(0, 1, 2)))
    assert [event.epoch for event in again.of(EpochReady)] == [3]
    assert again.loras()[3] == whole.loras()[3]
    assert not [event for event in again.of(Progress) if event.phase == "training"]
    assert isinstance(again[-1], Done)


def test_a_checkpoint_of_another_recipe_is_not_gone_on_from(base: LoadedBase, tmp_path: Path) -> None:
    run(base, tmp_path, stop_after=6)
    other = tiny.RECIPE.model_copy(update={"unet_lr": 5e-3})
    then = run(base, tmp_path, tiny.job(other), stop_after=1)
    assert then.of(Progress)[-1].step == 1


def test_a_checkpoint_under_another_seal_is_not_gone_on_from(base: LoadedBase, tmp_path: Path) -> None:
    run(base, tmp_path, tiny.job(seal=SEAL), stop_after=6)
    assert base_steps(run(base, tmp_path, tiny.job(seal="11" * 32), stop_after=1)) == 1


def test_nothing_of_a_sealed_training_lies_open(base: LoadedBase, tmp_path: Path) -> None:
    told = run(base, tmp_path, tiny.job(seal=SEAL))
    kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"manifest.json", "state.safetensors", "lora.safetensors", "preview_0.png"} <= set(kept)
    for name, data in kept.items():
        assert b"PNG" not in data[:8], name
        assert b"lora_unet" not in data, name
        assert b"identity" not in data, name
    assert told.loras()[1] not in kept.values()


def test_pictures_painted_in_between_change_no_bit(base: LoadedBase, tmp_path: Path, whole: Told) -> None:
    told, painted = Told(), Told()
    lora = whole.loras()[2]
    other: dict[int, object] = {}
    for step, _ in enumerate(train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, Order())):
        if step % 7 == 3:
            use = LoraUse(sha256="ab" * 32, strength=0.7)
            job = PaintJob(job_id=f"paint{step}", prompt="ohwx", seeds=(step, 2), loras=(use,), steps=3)
            other[step] = paint(base, job, {use.sha256: lora}, painted.append, Order())
        for started in list(other.values()):
            next(started, None)  # one denoising step of each, so that paintings stand open while the training goes on
            torch.rand(3)
    for started in other.values():
        for _ in started:
            pass
    assert len(painted.of(Painted)) == len(other) >= 3
    assert told.loras() == whole.loras()


def test_park_saves_a_checkpoint_and_says_where(base: LoadedBase, tmp_path: Path, whole: Told) -> None:
    order, told = Order(), Told()
    for _ in train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, order):
        order.park = base_steps(told) >= 6
    assert told[-1] == Parked(job_id="job1", attempt=1, step=6)
    then = run(base, tmp_path, tiny.job(attempt=2, have_epochs=(0, 1)))
    assert {**told.loras(), **then.loras()} == whole.loras()


@pytest.mark.parametrize("epoch", [0, 2])
def test_park_in_mid_preview_does_not_wait_for_it(base: LoadedBase, tmp_path: Path, whole: Told, epoch: int) -> None:
    order, told, steps_after = Order(), Told(), 0
    for _ in train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, order):
        last = told.of(Progress)[-1]
        order.park = order.park or (last.phase == "preview" and last.epoch == epoch)
        steps_after += order.park
    assert isinstance(told[-1], Parked)
    assert steps_after == 1
    then = run(base, tmp_path, tiny.job(attempt=2))
    assert then.loras() == whole.loras()


def test_stop_after_this_epoch(base: LoadedBase, tmp_path: Path, whole: Told) -> None:
    order, told = Order(), Told()
    for _ in train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, order):
        if base_steps(told) >= 5:
            order.cancel = CancelMode.AFTER_EPOCH
    assert sorted(told.loras()) == [1, 2]
    assert told.loras()[2] == whole.loras()[2]
    done = told[-1]
    assert isinstance(done, Done)
    assert done.stopped_early


def test_cancel_now_leaves_nothing_on_the_disk(base: LoadedBase, tmp_path: Path) -> None:
    order, told = Order(), Told()
    work = train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, order)
    for _ in work:
        if base_steps(told) >= 5:
            break
    assert list(tmp_path.iterdir())
    order.cancel = CancelMode.NOW
    work.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert not list(tmp_path.iterdir())


def test_a_text_encoder_that_learns_is_in_the_file_and_resumes_bit_equal(base: LoadedBase, tmp_path: Path) -> None:
    recipe = tiny.RECIPE.model_copy(
        update={"text_encoder_lr": 1e-3, "exposures": 8, "epochs": 2, "flip": True, "noise_offset": 0.1}
    )
    straight = run(base, tmp_path / "a", tiny.job(recipe))
    first = run(base, tmp_path / "b", tiny.job(recipe), stop_after=3)
    then = run(base, tmp_path / "b", tiny.job(recipe, have_epochs=(0, 1)))
    assert first.loras() | then.loras() == straight.loras()
    assert b"lora_te_text_model_encoder_layers_1_mlp_fc2.lora_up.weight" in straight.loras()[2]


def test_a_loss_that_is_no_number_ends_it_and_is_never_saved(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, honest = Told(), Learner.loss

    def loss(self: Learner, said: torch.Tensor, batch: Batch) -> torch.Tensor:
        return honest(self, said, batch) * (math.nan if self.step == 2 else 1.0)

    monkeypatch.setattr(Learner, "loss", loss)
    with pytest.raises(Diverged, match="lower learning rate"):
        for _ in train(base, tiny.job(), tiny.PHOTOS, tmp_path, told.append, Order()):
            pass
    steps = [int(path.name[5:]) for path in tmp_path.rglob("step-*")]
    assert max(steps, default=0) < base_steps(told) + 1
    assert not told.loras()


@pytest.mark.parametrize(
    ("changes", "blobs", "sentence"),
    [
        ({"images": ()}, tiny.PHOTOS, "no photos"),
        ({}, dict.fromkeys(tiny.PHOTOS, b"no picture"), "cannot be read any more"),
        ({"recipe": tiny.RECIPE.model_copy(update={"resolution": 30})}, tiny.PHOTOS, "30 px does not fit"),
    ],
)
def test_a_job_that_cannot_be_done_says_so(
    base: LoadedBase, tmp_path: Path, changes: Mapping[str, object], blobs: Mapping[str, bytes], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        for _ in train(base, tiny.job(**changes), blobs, tmp_path, Told().append, Order()):  # pyright: ignore[reportArgumentType]
            pass
