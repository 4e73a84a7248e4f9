"""The two engines under one handle, jobs to give them, and a reader of what they say."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest
from PIL import Image

from engine.fake import FakeEngine
from engine.local import LocalEngine
from engine.protocol import (
    ENDS,
    BaseModelRef,
    EventBase,
    LoraUse,
    PaintJob,
    PhotoRef,
    PrepareJob,
    PreviewPrompt,
    Recipe,
    TrainImage,
    TrainJob,
)
from engine.script import Script

if TYPE_CHECKING:
    from engine.families.loaded import LoadedBase

TOY = Path(__file__).parent


def drawn(colour: str, size: tuple[int, int] = (400, 300)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


class Store:
    """A BlobSource that counts."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = {hashlib.sha256(blob).hexdigest(): blob for blob in blobs}
        self.asked: list[str] = []

    async def __call__(self, sha256: str) -> bytes:
        self.asked.append(sha256)
        return self.blobs[sha256]


PHOTOS = (drawn("red"), drawn("green"), drawn("blue"))
LORA = b"a file of a LoRA"


class Rig(Protocol):
    """An engine that plays a script, with what a test may do to it."""

    engine: FakeEngine | LocalEngine
    store: Store

    def release(self, kind: str) -> None: ...

    async def crash(self) -> None: ...


class FakeRig:
    def __init__(self, script: Script, scratch: Path, store: Store) -> None:
        self.engine = FakeEngine(script, scratch)
        self.store = store

    def release(self, kind: str) -> None:
        self.engine.release(kind)

    async def crash(self) -> None:
        self.engine.crash()


class LocalRig:
    def __init__(self, script: Script, scratch: Path, store: Store) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "script.json").write_text(script.model_dump_json())
        self.scratch, self.store = scratch, store
        hang_timeout_s = 0.6 if script.hang else 30.0  # short only where it is wanted: other machines are slow
        self.engine = LocalEngine(
            scratch, heartbeat_s=0.05, hang_timeout_s=hang_timeout_s, log=scratch / "engine.log", verbs="toy_worker"
        )

    def release(self, kind: str) -> None:
        (self.scratch / f"release-{kind}").touch()

    async def crash(self) -> None:
        (worker,) = await self.engine.workers()
        assert worker.pid is not None
        os.kill(worker.pid, 9)


RIGS: dict[str, Callable[[Script, Path, Store], Any]] = {"fake": FakeRig, "local": LocalRig}


class Told:
    """Everything an engine says, in order; `until` waits for something it says."""

    def __init__(self, engine: FakeEngine | LocalEngine) -> None:
        self.events: list[EventBase] = []
        self.over = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read(engine))

    async def _read(self, engine: FakeEngine | LocalEngine) -> None:
        async for event in engine.events():
            self.events.append(event)
            self._changed.set()
        self.over = True
        self._changed.set()

    async def until(self, is_it: Callable[[EventBase], bool], within_s: float = 20.0) -> EventBase:
        async with asyncio.timeout(within_s):
            while (found := next(filter(is_it, self.events), None)) is None:
                assert not self.over, f"it ended with {[(e.job_id, type(e).__name__) for e in self.events]}"
                self._changed.clear()
                await self._changed.wait()
        return found

    async def end_of(self, job_id: str) -> EventBase:
        return await self.until(lambda event: event.job_id == job_id and isinstance(event, ENDS))

    async def all(self) -> list[EventBase]:
        async with asyncio.timeout(20):
            await self._task
        return self.events

    def of(self, job_id: str, *kinds: type[EventBase]) -> list[Any]:
        return [event for event in self.events if event.job_id == job_id and (not kinds or isinstance(event, kinds))]


@pytest.fixture(params=["fake", "local"])
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[Script], Any]]:
    """`await stage(script)` starts an engine that plays it: (rig, told). Stopped at the end of the test."""
    monkeypatch.setenv("PYTHONPATH", str(TOY))
    monkeypatch.setattr("engine.local.TERM_GRACE_S", 0.2)
    rigs: list[Rig] = []

    async def raise_curtain(script: Script | None = None, name: str = "scratch") -> tuple[Rig, Told]:
        rig = RIGS[request.param](script or Script(), tmp_path / name, Store(*PHOTOS, LORA))
        rigs.append(rig)
        await rig.engine.start()
        return rig, Told(rig.engine)

    yield raise_curtain
    for rig in rigs:
        with contextlib.suppress(TimeoutError):
            await rig.engine.stop(drain_s=2)


def sha(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def prepare_job(job_id: str = "prepare", **more: Any) -> PrepareJob:
    photos = tuple(PhotoRef(photo_id=f"photo{place}", sha256=sha(photo)) for place, photo in enumerate(PHOTOS))
    return PrepareJob(job_id=job_id, photos=photos, **more)


def train_job(job_id: str = "train", epochs: int = 3, **more: Any) -> TrainJob:
    images = tuple(
        TrainImage(photo_id=f"photo{n}", sha256=sha(photo), caption=f"ohwx {n}") for n, photo in enumerate(PHOTOS)
    )
    return TrainJob(
        job_id=job_id, trigger="ohwx", class_word="person", recipe=Recipe(epochs=epochs), images=images,
        previews=(PreviewPrompt(prompt="a portrait of ohwx", seed=7),), **more,
    )  # fmt: skip


def paint_job(job_id: str = "paint", **more: Any) -> PaintJob:
    loras = more.pop("loras", (LoraUse(sha256=sha(LORA)),))
    return PaintJob(job_id=job_id, prompt="ohwx on the moon", seeds=(1, 2), loras=loras, **more)


NOWHERE = BaseModelRef(source="nowhere")


# ---- random bases of the real classes ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random base of a family ("sd15", "sdxl", "zimage"), made when it is first asked for."""

    @functools.cache
    def folder(family: str) -> Path:
        from tiny_families import KINDS

        return KINDS[family].folder(tmp_path_factory.mktemp(family))

    return folder


@pytest.fixture(scope="session")
def tiny_folder(folder_of: Callable[[str], Path]) -> Path:
    return folder_of("sd15")


@pytest.fixture
def base(tiny_folder: Path) -> Iterator[LoadedBase]:
    """A base of its own; afterwards its weights are what they were and nothing hangs on it."""
    import tiny
    import torch

    loaded = tiny.base(tiny_folder)
    before = copy.deepcopy(loaded.denoiser.state_dict())
    yield loaded
    after = loaded.denoiser.state_dict()
    plain = {name.replace(".base_layer", ""): value for name, value in after.items()}
    assert not [name for name in plain if "lora_" in name], "an adapter was left on the base"
    for name, value in before.items():
        assert torch.equal(value, plain[name]), name


def unit(*numbers: float) -> Any:
    """A vector of length 1 in this direction, as what was seen of a face."""
    vector = np.array(numbers, dtype=np.float32)
    return vector / np.linalg.norm(vector)
