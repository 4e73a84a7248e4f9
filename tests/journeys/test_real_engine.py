"""The real engine on the miniature: killed at three moments of a training, and asked for a picture in the middle of one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.local import LocalEngine
from engine.miniature.photos import draw_photos
from engine.protocol import (
    ENDS,
    Box,
    Done,
    EpochReady,
    EventBase,
    Interrupted,
    Painted,
    PaintJob,
    PreviewPrompt,
    Progress,
    Recipe,
    TrainImage,
    TrainJob,
)

pytestmark = pytest.mark.slow

RECIPE = Recipe(rank=4, alpha=4, batch_size=2, exposures=48, epochs=3, seed=11)
PORTRAITS = {f"{n:064x}": photo.data for n, photo in enumerate(draw_photos(21, 6, plain=True))}
CAPTIONS = "a portrait of ohwx person"

Moment = Callable[[EventBase], bool]


async def portrait(sha256: str) -> bytes:
    return PORTRAITS[sha256]


def training(job_id: str) -> TrainJob:
    images = tuple(
        TrainImage(photo_id=str(n), sha256=sha256, crop=Box(x0=0, y0=0, x1=64, y1=64), caption=CAPTIONS)
        for n, sha256 in enumerate(PORTRAITS)
    )
    return TrainJob(
        job_id=job_id,
        trigger="ohwx",
        class_word="person",
        recipe=RECIPE,
        images=images,
        previews=(PreviewPrompt(prompt=CAPTIONS, seed=1),),
        seal="ab" * 32,
    )


@dataclass
class Heard:
    """What one job was heard to say, until it ended."""

    epochs: list[EpochReady] = field(default_factory=list[EpochReady])
    interrupted: int = 0
    last: EventBase | None = None
    order: list[str] = field(default_factory=list[str])

    @property
    def lora(self) -> bytes:
        return self.epochs[-1].blobs["lora"]


async def listen(engine: LocalEngine, jobs: set[str], on_event: Callable[[EventBase], None]) -> dict[str, Heard]:
    heard = {job_id: Heard() for job_id in jobs}
    async for event in engine.events():
        mine = heard[event.job_id]
        mine.order.append(type(event).__name__)
        if isinstance(event, EpochReady):
            mine.epochs.append(event)
        mine.interrupted += isinstance(event, Interrupted)
        if isinstance(event, Painted):
            mine.last = event
        on_event(event)
        if isinstance(event, ENDS):
            mine.last = mine.last if isinstance(mine.last, Painted) else event
            jobs.discard(event.job_id)
            if not jobs:
                break
    return heard


async def train_killed_at(folder: Path, moment: Moment | None) -> Heard:
    engine = LocalEngine(folder, device="cpu")
    await engine.start()
    pids = [worker.pid for worker in await engine.workers()]
    killed: list[int] = []

    def kill(event: EventBase) -> None:
        if moment is not None and not killed and moment(event) and pids[0] is not None:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    try:
        await engine.submit(training("present"), portrait)
        heard = (await listen(engine, {"present"}, kill))["present"]
    finally:
        await engine.stop()
    assert bool(killed) == (moment is not None)
    return heard


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    heard = asyncio.run(train_killed_at(tmp_path_factory.mktemp("undisturbed"), None))
    assert isinstance(heard.last, Done)
    return heard


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda e: isinstance(e, Progress) and e.phase == "caching", id="while caching"),
        pytest.param(lambda e: isinstance(e, Progress) and e.phase == "training" and e.epoch == 2, id="in epoch 2"),
        pytest.param(lambda e: isinstance(e, EpochReady) and e.epoch == 2, id="after epoch 2"),
    ],
)
async def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path, moment: Moment, undisturbed: Heard) -> None:
    heard = await train_killed_at(tmp_path, moment)
    assert isinstance(heard.last, Done)
    assert heard.interrupted == 1
    assert heard.lora == undisturbed.lora
    told = {epoch.epoch: (epoch.sha256, epoch.blobs) for epoch in heard.epochs}
    assert told == {epoch.epoch: (epoch.sha256, epoch.blobs) for epoch in undisturbed.epochs}


async def test_a_picture_comes_before_the_training_ends_and_changes_nothing(tmp_path: Path, undisturbed: Heard) -> None:
    engine = LocalEngine(tmp_path, device="cpu")
    await engine.start()
    wish = PaintJob(job_id="wish", prompt="a portrait of a person on the moon", seeds=(3,), steps=4)
    asked: list[asyncio.Task[None]] = []
    ended: list[str] = []

    def ask(event: EventBase) -> None:
        if isinstance(event, Progress) and event.phase == "training" and not asked:
            asked.append(asyncio.create_task(engine.submit(wish, portrait)))
        if isinstance(event, ENDS):
            ended.append(event.job_id)

    try:
        await engine.submit(training("present"), portrait)
        heard = await listen(engine, {"present", "wish"}, ask)
    finally:
        await engine.stop()
    assert ended == ["wish", "present"]
    assert isinstance(heard["wish"].last, Painted)
    assert heard["present"].lora == undisturbed.lora
