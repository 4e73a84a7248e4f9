"""What only a real child process can show: what it knows, how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineGone
from engine.local import LocalEngine
from engine.protocol import Done, EventBase, Failed, FailureKind, Interrupted, Progress
from engine.script import Script
from tests.engine.conftest import PHOTOS, TOY, Store, Told, paint_job, train_job

Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setenv("PYTHONPATH", str(TOY))
    engines: list[LocalEngine] = []

    async def begin(script: Script | None = None, **more: Any) -> tuple[LocalEngine, Told]:
        (tmp_path / "script.json").write_text((script or Script()).model_dump_json())
        settings: dict[str, Any] = {"heartbeat_s": 0.05, "verbs": "toy_worker", "log": tmp_path / "engine.log"}
        engine = LocalEngine(tmp_path, **(settings | more))
        engines.append(engine)
        await engine.start()
        return engine, Told(engine)

    yield begin
    for engine in engines:
        await engine.stop(drain_s=2)


async def pid_of(engine: LocalEngine) -> int:
    (worker,) = await engine.workers()
    assert worker.pid is not None
    return worker.pid


def environment_of(pid: int) -> list[bytes]:
    environ = Path(f"/proc/{pid}/environ")
    if not environ.exists():
        pytest.skip("no /proc here")
    return environ.read_bytes().split(b"\0")


async def test_the_child_is_told_no_secret_and_no_way_to_the_hub(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_TOKEN", "a-token")
    monkeypatch.setenv("DISCORD_TOKEN", "another-token")
    monkeypatch.setenv("LIKENESS_MASTER_KEY", "a-key")
    monkeypatch.setenv("HF_TOKEN", "a-token")
    engine, _ = await start()
    words = environment_of(await pid_of(engine))
    assert b"HF_HUB_OFFLINE=1" in words
    assert not [word for word in words if word.endswith((b"a-token", b"another-token", b"a-key"))]


async def test_it_has_a_session_of_its_own_and_ctrl_c_is_not_its_business(start: Start) -> None:
    engine, told = await start()
    pid = await pid_of(engine)
    assert os.getsid(pid) == pid != os.getsid(0)
    os.kill(pid, signal.SIGINT)
    await engine.submit(paint_job(loras=()), Store())
    assert isinstance(await told.end_of("paint"), Done)
    assert await pid_of(engine) == pid


async def test_sent_away_by_somebody_else_it_parks_and_nobody_is_blamed(start: Start) -> None:
    engine, told = await start(Script(hold={"train": 3}))
    await engine.submit(train_job(), Store(*PHOTOS))
    await told.until(lambda event: isinstance(event, Progress) and event.step == 3)
    os.kill(await pid_of(engine), signal.SIGTERM)
    interrupted = await told.until(lambda event: isinstance(event, Interrupted))
    assert (interrupted.attempt, interrupted.crashes) == (2, 0)


async def test_without_its_bot_it_ends_by_itself(start: Start) -> None:
    engine, told = await start(Script(hold={"train": 3}))
    await engine.submit(train_job(), Store(*PHOTOS))
    await told.until(lambda event: isinstance(event, Progress) and event.step == 3)
    process, writer = engine._process, engine._writer  # pyright: ignore[reportPrivateUsage]
    assert process is not None and writer is not None
    writer.transport.abort()
    async with asyncio.timeout(10):
        assert await process.wait() == 0


async def test_a_worker_that_cannot_start_is_said_at_once(start: Start) -> None:
    with pytest.raises(EngineGone, match="does not start"):
        await start(verbs="no_such_module")
    with pytest.raises(EngineGone, match="does not start"):
        await start(python="/no/such/python")


async def test_a_worker_without_its_device_fails_the_waiting_jobs_after_a_few_lives(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lame_worker.py").write_text(
        "import toy_worker, dataclasses\n"
        "def where(wanted): raise OSError\n"
        "def verbs(scratch): return dataclasses.replace(toy_worker.verbs(scratch), where=where)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TOY), str(tmp_path)]))
    monkeypatch.setattr("engine.local.MOST_BACK_OFF_S", 0.01)
    engine, told = await start(verbs="lame_worker")
    await engine.submit(paint_job(), Store())
    failed = await told.end_of("paint")
    assert isinstance(failed, Failed) and failed.failure is FailureKind.INTERNAL
    assert "does not start" in failed.sentence
    assert "The worker ends: OSError at" in (tmp_path / "engine.log").read_text()


async def test_a_stuck_worker_is_killed_when_the_time_to_stop_is_over(start: Start) -> None:
    from engine.script import At

    engine, told = await start(Script(hang={"train": At(step=1, times=9)}))
    await engine.submit(train_job(), Store(*PHOTOS))
    await told.until(lambda event: isinstance(event, Progress) and event.step == 1)
    pid = await pid_of(engine)
    await engine.stop(drain_s=0.3)
    assert [type(event).__name__ for event in await told.all()][-1] == "Parked"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_libraries_print_goes_to_the_log_and_not_into_the_channel(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loud_worker.py").write_text(
        "import toy_worker, os\n"
        "def verbs(scratch):\n"
        "    print('chatter'); os.write(1, b'raw chatter\\n'); return toy_worker.verbs(scratch)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TOY), str(tmp_path)]))
    engine, told = await start(verbs="loud_worker")
    await engine.submit(paint_job(loras=()), Store())
    assert isinstance(await told.end_of("paint"), Done)
    log = (tmp_path / "engine.log").read_text()
    assert "chatter" in log and "raw chatter" in log and "ohwx" not in log


async def test_a_full_log_is_set_aside(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.local.MOST_LOG_BYTES", 10)
    (tmp_path / "engine.log").write_text("more than ten bytes")
    await start()
    assert (tmp_path / "engine.log.1").read_text() == "more than ten bytes"


@pytest.mark.parametrize(
    "modules", ["engine.local, engine.fake, engine.protocol", "engine.worker.__main__, engine.worker.verbs"]
)
def test_neither_the_port_nor_the_hello_loads_anything_heavy(modules: str) -> None:
    heavy = "torch", "PIL", "numpy", "cv2", "transformers", "diffusers"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_long_silence_of_the_bot_blocks_nobody(start: Start) -> None:
    """Events wait in the reader's queue, however late it comes."""
    engine, told = await start()
    slow = asyncio.Event()
    store = Store(*PHOTOS)

    async def late(sha256: str) -> bytes:
        await slow.wait()
        return await store(sha256)

    await engine.submit(train_job(), late)
    await told.until(lambda event: event.job_id == "train")
    slow.set()
    end: EventBase = await told.end_of("train")
    assert isinstance(end, Done)
