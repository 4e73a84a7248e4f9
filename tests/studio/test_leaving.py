"""Servers that remove the bot: what ran is stopped, what is kept waits a month, then it is forgotten."""

from __future__ import annotations

from bot.studio.leaving import KEPT_S, REMOVED
from bot.studio.screens import Purpose
from engine.script import Script
from storage.states import JobState, RunState
from tests.studio.house import GUILD, SCOPE, House


async def test_a_removal_while_nobody_listened_is_found_at_the_start(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.under_way()
        await house.crash()
    async with house.life() as studio:
        await studio.servers([GUILD + 1])
        (job,) = [job for job in await house.store.jobs.of_dataset(SCOPE, dataset) if job.run_id]
        assert job.state is JobState.FAILED and job.error == REMOVED
        assert (await house.store.runs.get(SCOPE, 1)).state is RunState.FAILED
        assert await house.store.outbox.pending_everywhere() == ()
        await studio.servers([GUILD + 1])
        assert await house.posts(Purpose.TROUBLE) == [], "nobody is there to be told"

        house.clock.now += 60
        await studio.servers([GUILD, GUILD + 1])
        assert await house.posts(Purpose.TROUBLE) == [("trouble", job.id)]
        await studio.servers([GUILD, GUILD + 1])
        assert len(await house.posts(Purpose.TROUBLE)) == 1, "told once"
        house.engine.release("train")
        await studio.retry(house.who(), job.id)
        await house.settled()
        assert (await house.store.runs.get(SCOPE, 1)).state is RunState.VOTING


async def test_a_month_later_all_of_it_is_forgotten(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await studio.imagine(house.who(), house.imagine("a portrait of ohwx person", count=1))
        await house.settled()
        await studio.removed_from(GUILD)
        house.clock.now += KEPT_S - 3600
        await studio.tidy()
        assert await house.store.loras.list(SCOPE), "kept, in case they come back"
        house.clock.now += 2 * 3600
        await studio.tidy()
        store = house.store
        assert await store.loras.list(SCOPE) == () and await store.departures.subjects(SCOPE) == ()
        assert await store.departures.paintings(SCOPE) == () and await store.erasures.due_everywhere() == ()
        (row,) = await store.database.rows("SELECT count(*) FROM keys WHERE forgotten_at IS NULL")
        assert row[0] == 0, "and no key opens what a backup still holds"
    assert list((house.folder / "vault" / "blobs").glob("*/*/*")) == []


async def test_another_server_goes_on(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await studio.removed_from(GUILD + 1)
        assert len(await house.store.loras.list(SCOPE)) == 1
        await studio.servers([GUILD])
        assert await house.posts(Purpose.TROUBLE) == []
