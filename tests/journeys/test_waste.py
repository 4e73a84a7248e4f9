"""What a process that was killed between a blob and its row left behind is gone a week later."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from bot.app import open_app
from bot.studio.settings import StudioSettings
from bot.waste import DAY_S, collect_daily
from engine.fake import FakeEngine
from storage import Scope, Store, Vault
from storage.orphans import WEEK_S, Orphans
from tests.studio.house import SCOPE, Clock, House


def left(folder: Path) -> int:
    return len(list((folder / "vault" / "blobs").glob("*/*/*")))


async def test_the_next_start_after_a_week_removes_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    async with house.life():
        lora = await house.published()
        kept = left(tmp_path)
        await house.store.blobs.put(SCOPE, await house.store.keys.create(SCOPE), b"put, and then the process died")
    house.clock.now += WEEK_S + 1
    collect, counted = Orphans.collect_everywhere, asyncio.Queue[int]()

    async def told(self: Orphans, **more: int) -> int:
        counted.put_nowait(count := await collect(self, **more))
        return count

    monkeypatch.setattr(Orphans, "collect_everywhere", told)
    async with open_app(tmp_path, FakeEngine(), StudioSettings(), clock=house.clock) as app:
        assert await asyncio.wait_for(counted.get(), 20) == 1
        assert left(tmp_path) == kept
        (published,) = await app.store.loras.list(SCOPE)
        assert published.name == lora
        assert await app.store.blobs.get(SCOPE, published.key_id, published.sha256)


async def test_every_day_again_whatever_went_wrong(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, waits = Clock(), asyncio.Queue[float]()
    days = asyncio.Queue[None]()

    async def wait(seconds: float) -> None:
        waits.put_nowait(seconds)
        await days.get()

    caplog.set_level(logging.INFO)
    vault = await asyncio.to_thread(Vault.open, tmp_path / "vault", environ={})
    async with Store.open(tmp_path / "likeness.db", vault=vault, clock=clock) as store:
        scope, task = Scope(1), asyncio.create_task(collect_daily(store, wait))
        assert await asyncio.wait_for(waits.get(), 20) == DAY_S
        await store.blobs.put(scope, await store.keys.create(scope), b"waste")
        clock.now += WEEK_S + 1
        collect, broken = store.orphans.collect_everywhere, OSError("the disk is away")

        async def breaks(**more: int) -> int:
            raise broken

        store.orphans.collect_everywhere = breaks  # type: ignore[method-assign]
        days.put_nowait(None)
        await asyncio.wait_for(waits.get(), 20)
        assert left(tmp_path) == 1 and "could not be removed: OSError" in caplog.text
        store.orphans.collect_everywhere = collect  # type: ignore[method-assign]
        days.put_nowait(None)
        await asyncio.wait_for(waits.get(), 20)
        assert left(tmp_path) == 0 and "1 blobs that no row named were removed" in caplog.text
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
