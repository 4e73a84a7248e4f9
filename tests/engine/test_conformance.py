"""What every engine promises, asked of the fake one and of a real child process."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.errors import EngineGone
from engine.protocol import (
    Accepted,
    Cancelled,
    CancelMode,
    Checkpointed,
    Done,
    EpochReady,
    Failed,
    FailureKind,
    Interrupted,
    Painted,
    Parked,
    PhotoRead,
    Progress,
)
from engine.script import At, Script
from tests.engine.conftest import LORA, NOWHERE, PHOTOS, paint_job, prepare_job, sha, train_job

HELD = Script(hold={"train": 3})
"""A training that waits in the middle of its second epoch until it is released."""


def loras(told: Any, job_id: str = "train") -> dict[int, bytes]:
    return {event.epoch: event.blobs["lora"] for event in told.of(job_id, EpochReady) if event.epoch}


async def held_training(rig: Any, told: Any, **more: Any) -> None:
    """Submit a training and wait until it stands at step 3."""
    await rig.engine.submit(train_job(**more), rig.store)
    await told.until(lambda event: isinstance(event, Progress) and event.step == 3)


async def test_a_training_tells_its_life_in_order(stage: Any) -> None:
    rig, told = await stage()
    await rig.engine.submit(train_job(), rig.store)
    await told.end_of("train")
    kinds = [type(event) for event in told.of("train") if not isinstance(event, Progress | Checkpointed)]
    assert kinds == [Accepted, EpochReady, EpochReady, EpochReady, EpochReady, Done]
    assert [event.epoch for event in told.of("train", EpochReady)] == [0, 1, 2, 3]
    steps = [event.step for event in told.of("train", Progress) if event.phase == "training"]
    assert steps == sorted(steps) == list(range(1, 7))


async def test_bytes_go_in_and_come_out_whole(stage: Any) -> None:
    rig, told = await stage()
    await rig.engine.submit(train_job(), rig.store)
    await rig.engine.submit(prepare_job(), rig.store)
    await rig.engine.submit(paint_job(), rig.store)
    await told.end_of("train")
    assert set(rig.store.asked) == {sha(photo) for photo in PHOTOS} | {sha(LORA)}
    for event in told.of("train", EpochReady)[1:]:
        assert sha(event.blobs["lora"]) == event.sha256
    (painted,) = told.of("paint", Painted)
    pictures = [Image.open(io.BytesIO(painted.blobs[f"picture_{n}"])) for n in range(2)]
    assert [picture.size for picture in pictures] == [(64, 64), (64, 64)]
    assert "Seed: 1" in pictures[0].text["parameters"]  # pyright: ignore
    photo = told.of("prepare", PhotoRead)[0].blobs["photo"]
    assert Image.open(io.BytesIO(photo)).size == (400, 300)


async def test_the_same_job_and_attempt_is_done_once(stage: Any) -> None:
    rig, told = await stage()
    for _ in range(3):
        await rig.engine.submit(prepare_job(), rig.store)
    await told.end_of("prepare")
    await rig.engine.submit(prepare_job(), rig.store)
    await rig.engine.submit(paint_job(), rig.store)
    await told.end_of("paint")
    assert len(told.of("prepare", Accepted)) == len(told.of("prepare", Done)) == 1
    assert [event.photo_id for event in told.of("prepare", PhotoRead)] == ["photo0", "photo1", "photo2"]


async def test_a_later_attempt_replaces_an_earlier_one(stage: Any) -> None:
    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.submit(train_job(attempt=2), rig.store)
    rig.release("train")
    end = await told.until(lambda event: isinstance(event, Done))
    assert end.attempt == 2
    assert [event.attempt for event in told.of("train", Accepted)] == [1, 2]
    assert not told.of("train", Cancelled, Failed)


async def test_pictures_are_painted_between_training_steps_and_change_nothing(stage: Any) -> None:
    rig, told = await stage(name="alone")
    await rig.engine.submit(train_job(), rig.store)
    await told.end_of("train")
    alone = loras(told)

    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.submit(paint_job(), rig.store)
    await rig.engine.submit(prepare_job(), rig.store)
    assert isinstance(await told.end_of("paint"), Done)
    assert isinstance(await told.end_of("prepare"), Done)
    assert not told.of("train", Done)
    rig.release("train")
    assert isinstance(await told.end_of("train"), Done)
    assert loras(told) == alone


async def test_a_waiting_picture_goes_before_waiting_photos(stage: Any) -> None:
    rig, told = await stage(Script(hold={"prepare": 1}))
    await rig.engine.submit(prepare_job(), rig.store)
    await rig.engine.submit(prepare_job("later"), rig.store)
    await told.until(lambda event: isinstance(event, PhotoRead))
    await rig.engine.submit(paint_job(), rig.store)
    await told.end_of("paint")
    assert not told.of("prepare", Done) and not told.of("later", PhotoRead)
    rig.release("prepare")
    await told.end_of("later")


async def test_cancelled_before_it_begins(stage: Any) -> None:
    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.submit(train_job("second"), rig.store)
    await rig.engine.cancel("second")
    assert isinstance(await told.end_of("second"), Cancelled)
    assert not told.of("second", Progress)
    rig.release("train")
    assert isinstance(await told.end_of("train"), Done)


async def test_cancelled_at_once(stage: Any) -> None:
    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.cancel("train", CancelMode.NOW)
    assert isinstance(await told.end_of("train"), Cancelled)
    assert [event.epoch for event in told.of("train", EpochReady)] == [0, 1]
    await rig.engine.submit(paint_job(), rig.store)
    assert isinstance(await told.end_of("paint"), Done)
    assert isinstance(told.of("train")[-1], Cancelled), "nothing is said after the end"


async def test_cancelled_after_the_epoch(stage: Any) -> None:
    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.cancel("train", CancelMode.AFTER_EPOCH)
    rig.release("train")
    end = await told.end_of("train")
    assert isinstance(end, Done) and end.stopped_early
    assert [event.epoch for event in told.of("train", EpochReady)] == [0, 1, 2]


async def test_cancelling_a_stranger_does_nothing(stage: Any) -> None:
    rig, told = await stage()
    await rig.engine.cancel("nobody")
    await rig.engine.submit(paint_job(), rig.store)
    assert isinstance(await told.end_of("paint"), Done)
    assert {event.job_id for event in told.events} == {"paint"}


async def test_killed_in_mid_job_it_resumes_to_the_same_end(stage: Any) -> None:
    rig, told = await stage(name="alone")
    await rig.engine.submit(train_job(), rig.store)
    await told.end_of("train")
    alone = loras(told)

    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.submit(train_job("waiting"), rig.store)
    await told.until(lambda event: event.job_id == "waiting")
    asked = len(rig.store.asked)
    await rig.crash()
    interrupted = await told.until(lambda event: isinstance(event, Interrupted))
    assert (interrupted.job_id, interrupted.attempt, interrupted.crashes) == ("train", 2, 1)
    rig.release("train")
    assert isinstance(await told.end_of("train"), Done)
    assert isinstance(await told.end_of("waiting"), Done)
    assert loras(told) == alone
    assert len(told.of("train", EpochReady)) == 4, "no epoch is told twice"
    steps = [event.step for event in told.of("train", Progress) if event.attempt == 2 and event.phase == "training"]
    assert steps == [4, 5, 6], "it goes on where it stood"
    assert {event.attempt for event in told.of("waiting")} == {1}, "what had not begun is not interrupted"
    assert len(told.of("waiting", Accepted)) == 1
    assert len(rig.store.asked) >= asked + len(PHOTOS), "the bytes are asked for again"
    (worker,) = await rig.engine.workers()
    assert worker.restarts == 1


async def test_the_third_crash_sets_the_job_aside_and_the_others_go_on(stage: Any) -> None:
    rig, told = await stage(Script(crash={"paint": At(step=1, times=9)}))
    await rig.engine.submit(paint_job(), rig.store)
    await rig.engine.submit(prepare_job(), rig.store)
    await rig.engine.submit(train_job(), rig.store)
    failed = await told.end_of("paint")
    assert isinstance(failed, Failed) and failed.failure is FailureKind.CRASHED
    assert [event.crashes for event in told.of("paint", Interrupted)] == [1, 2]
    assert "three times" in failed.sentence
    assert isinstance(await told.end_of("prepare"), Done)
    assert isinstance(await told.end_of("train"), Done)
    assert not told.of("train", Interrupted), "it had not begun"


async def test_a_bystander_is_interrupted_but_not_blamed(stage: Any) -> None:
    rig, told = await stage(Script(hold={"train": 3}, crash={"paint": At(step=1, times=9)}))
    await held_training(rig, told)
    await rig.engine.submit(paint_job(), rig.store)
    assert isinstance(await told.end_of("paint"), Failed)
    rig.release("train")
    assert isinstance(await told.end_of("train"), Done)
    assert {event.crashes for event in told.of("train", Interrupted)} == {0}


async def test_a_job_with_three_crashes_is_not_even_begun(stage: Any) -> None:
    rig, told = await stage()
    await rig.engine.submit(train_job(crashes=3), rig.store)
    failed = await told.end_of("train")
    assert isinstance(failed, Failed) and failed.failure is FailureKind.CRASHED
    assert not rig.store.asked


async def test_a_hang_is_a_crash(stage: Any) -> None:
    rig, told = await stage(Script(hang={"train": At(step=3, times=1)}))
    await rig.engine.submit(train_job(), rig.store)
    interrupted = await told.until(lambda event: isinstance(event, Interrupted))
    assert (interrupted.attempt, interrupted.crashes) == (2, 1)
    assert isinstance(await told.end_of("train"), Done)


async def test_stop_parks_what_runs_and_what_waits(stage: Any) -> None:
    rig, told = await stage(HELD)
    await held_training(rig, told)
    await rig.engine.submit(train_job("second"), rig.store)
    await told.until(lambda event: event.job_id == "second")
    await rig.engine.stop(drain_s=10)
    await told.all()
    (parked,) = told.of("train", Parked)
    assert parked.step == 3
    assert len(told.of("second", Parked)) == 1
    with pytest.raises(EngineGone):
        await rig.engine.submit(paint_job(), rig.store)

    rig, later = await stage(HELD)  # the same scratch: it goes on where it was parked
    rig.release("train")
    await rig.engine.submit(train_job(attempt=2, have_epochs=(0, 1)), rig.store)
    assert isinstance(await later.end_of("train"), Done)
    assert [event.step for event in later.of("train", Progress) if event.phase == "training"] == [4, 5, 6]
    assert [event.epoch for event in later.of("train", EpochReady)] == [2, 3]


@pytest.mark.parametrize(
    "kind", [FailureKind.INPUT, FailureKind.BASE, FailureKind.DIVERGED, FailureKind.MEMORY, FailureKind.INTERNAL]
)
async def test_a_failure_is_told_with_its_kind_and_a_sentence(stage: Any, kind: FailureKind) -> None:
    rig, told = await stage(Script(fail={"paint": kind}))
    await rig.engine.submit(paint_job(), rig.store)
    failed = await told.end_of("paint")
    assert isinstance(failed, Failed) and failed.failure is kind
    assert failed.sentence.endswith(".") and " " in failed.sentence
    assert failed.detail.startswith(
        ("BadInput at", "BaseUnavailable at", "Diverged at", "MemoryError at", "RuntimeError at")
    )
    assert "moon" not in failed.detail
    await rig.engine.submit(train_job(), rig.store)
    assert isinstance(await told.end_of("train"), Done)


async def test_an_unknown_base_fails_the_job_alone(stage: Any) -> None:
    rig, told = await stage()
    await rig.engine.submit(paint_job(base=NOWHERE), rig.store)
    failed = await told.end_of("paint")
    assert isinstance(failed, Failed) and failed.failure is FailureKind.BASE
    assert "nowhere" in failed.sentence
    await rig.engine.submit(paint_job("second"), rig.store)
    assert isinstance(await told.end_of("second"), Done)
    (worker,) = await rig.engine.workers()
    assert worker.restarts == 0


async def test_a_file_that_is_not_stored_any_more_fails_the_job_alone(stage: Any) -> None:
    rig, told = await stage()
    del rig.store.blobs[sha(LORA)]
    await rig.engine.submit(paint_job(), rig.store)
    failed = await told.end_of("paint")
    assert isinstance(failed, Failed) and failed.failure is FailureKind.INPUT
    assert "not stored any more" in failed.sentence
    await rig.engine.submit(train_job(), rig.store)
    assert isinstance(await told.end_of("train"), Done)


async def test_stopping_twice_and_without_work(stage: Any, tmp_path: Path) -> None:
    rig, told = await stage()
    await asyncio.gather(rig.engine.stop(), rig.engine.stop())
    assert await told.all() == []
