"""The queue: one job per request, one live training per dataset, fair claims, and the fence."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from storage.errors import Stale, WrongState
from storage.states import JobKind, JobState, Stop
from tests.storage.conftest import Clock
from tests.storage.story import dataset, painting, run, training


async def running(store: Store, scope: Scope) -> str:
    await painting(store, scope, "job")
    job = await store.jobs.claim_everywhere()
    assert job is not None
    assert (job.state, job.attempt) == (JobState.RUNNING, 1)
    return job.id


async def test_a_repeated_request_returns_the_same_job(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    first = await training(store, scope, "one", its_run, request_id="click")
    again = await training(store, scope, "two", its_run, request_id="click")
    assert again == first
    await store.jobs.cancel(scope, "one")
    assert (await training(store, scope, "three", its_run, request_id="click")).id == "one"


async def test_one_live_training_per_dataset(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    first = await training(store, scope, "one", its_run)
    assert await training(store, scope, "two", its_run) == first
    await store.jobs.claim_everywhere()
    assert (await training(store, scope, "three", its_run)).id == "one"
    await store.jobs.park(scope, "one", 1)
    assert (await training(store, scope, "four", its_run)).id == "one"
    await store.jobs.cancel(scope, "one")
    assert (await training(store, scope, "five", its_run)).id == "five"


async def test_the_database_itself_refuses_a_second_live_training(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    await training(store, scope, "one", its_run)
    await store.jobs.claim_everywhere()
    await store.jobs.fail(scope, "one", 1, "It failed.")
    await training(store, scope, "two", its_run)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await store.jobs.retry(scope, "one")
    assert (await store.jobs.get(scope, "one")).state is JobState.FAILED


async def test_thirty_clicks_at_once_make_one_job(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    jobs = await asyncio.gather(*(training(store, scope, f"job{n}", its_run) for n in range(30)))
    assert len({job.id for job in jobs}) == 1
    assert len(await store.jobs.live(scope)) == 1


async def claim_all(store: Store) -> list[str]:
    claimed: list[str] = []
    while (job := await store.jobs.claim_everywhere()) is not None:
        claimed.append(job.id)
    return claimed


async def test_short_work_goes_before_long(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    await training(store, scope, "train", its_run)
    key_id = (await store.datasets.get(scope, its_run.dataset_id)).key_id
    await store.jobs.enqueue(
        scope, "prepare", kind=JobKind.PREPARE, request_id="p", member_id=1, channel_id=1, key_id=key_id, spec="{}",
        dataset_id=its_run.dataset_id,
    )  # fmt: skip
    await painting(store, scope, "paint")
    assert await claim_all(store) == ["paint", "prepare", "train"]


async def test_members_take_turns(store: Store, scope: Scope) -> None:
    for job_id, member_id in [("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("b2", 2), ("c1", 3)]:
        await painting(store, scope, job_id, member_id)
    order = await claim_all(store)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_the_same_member_of_two_guilds_is_two_people_in_the_queue(store: Store) -> None:
    await painting(store, Scope(1), "a1", 5)
    await painting(store, Scope(1), "a2", 5)
    await painting(store, Scope(2), "b1", 5)
    assert await claim_all(store) == ["a1", "b1", "a2"]


async def test_only_the_kinds_asked_for_are_claimed(store: Store, scope: Scope) -> None:
    await painting(store, scope, "paint")
    assert await store.jobs.claim_everywhere([JobKind.TRAIN, JobKind.PREPARE]) is None
    job = await store.jobs.claim_everywhere([JobKind.PAINT])
    assert job is not None
    assert job.id == "paint"


async def test_the_live_list_is_in_serving_order(store: Store, scope: Scope) -> None:
    for job_id, member_id in [("a1", 1), ("a2", 1), ("b1", 2)]:
        await painting(store, scope, job_id, member_id)
    await painting(store, Scope(555), "elsewhere", 1)
    await store.jobs.claim_everywhere()
    assert [job.id for job in await store.jobs.live(scope)] == ["a1", "b1", "a2"]
    assert [job.id for job in await store.jobs.live(scope, member_id=1)] == ["a1", "a2"]
    assert [job.id for job in await store.jobs.live_everywhere()] == ["a1", "b1", "elsewhere", "a2"]


async def test_an_older_attempt_is_stale(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    await store.jobs.progress(scope, job_id, 1, {"step": 3})
    taken_up = await store.jobs.interrupted(scope, job_id, 2, crashes=1)
    assert (taken_up.attempt, taken_up.crashes, taken_up.state) == (2, 1, JobState.RUNNING)
    reports = (
        lambda: store.jobs.fence(scope, job_id, 1),
        lambda: store.jobs.progress(scope, job_id, 1, {"step": 4}),
        lambda: store.jobs.interrupted(scope, job_id, 2, crashes=2),
        lambda: store.jobs.crashed(scope, job_id, 1, "It crashed."),
        lambda: store.jobs.park(scope, job_id, 1),
        lambda: store.jobs.finish(scope, job_id, 1),
        lambda: store.jobs.fail(scope, job_id, 1, "It failed."),
        lambda: store.jobs.bury(scope, job_id, 1, "It died."),
        lambda: store.jobs.cancelled(scope, job_id, 1),
    )
    for report in reports:
        with pytest.raises(Stale):
            await report()
    job = await store.jobs.get(scope, job_id)
    assert job == taken_up
    assert job.progress == {"step": 3}
    assert (await store.jobs.finish(scope, job_id, 2)).state is JobState.DONE


async def test_a_stale_report_takes_its_transaction_with_it(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    await store.jobs.interrupted(scope, job_id, 2, crashes=1)
    with pytest.raises(Stale):
        async with store.write():
            await store.outbox.add(scope, channel_id=1, purpose="epoch", ref=1)
            await store.jobs.fence(scope, job_id, 1)
    assert await store.outbox.pending_everywhere() == ()


async def test_nothing_is_reported_twice(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    done = await store.jobs.finish(scope, job_id, 1)
    assert done.ended_at is not None
    with pytest.raises(Stale):
        await store.jobs.finish(scope, job_id, 1)
    with pytest.raises(Stale):
        await store.jobs.fail(scope, job_id, 1, "It failed after all.")
    assert await store.jobs.get(scope, job_id) == done


async def test_after_a_restart_the_old_attempt_is_stale(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    assert [job.id for job in await store.jobs.recover_everywhere()] == [job_id]
    again = await store.jobs.claim_everywhere()
    assert again is not None
    assert (again.id, again.attempt) == (job_id, 2)
    with pytest.raises(Stale):
        await store.jobs.progress(scope, job_id, 1, {})


async def test_a_parked_job_waits_again_after_a_restart(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    assert (await store.jobs.park(scope, job_id, 1)).state is JobState.PARKED
    assert await store.jobs.claim_everywhere() is None
    (job,) = await store.jobs.recover_everywhere()
    assert job.state is JobState.QUEUED


async def test_three_crashes_and_it_waits_for_a_person(store: Store, scope: Scope) -> None:
    await painting(store, scope, "job")
    for attempt in (1, 2, 3):
        assert await store.jobs.claim_everywhere() is not None
        job = await store.jobs.crashed(scope, "job", attempt, "It stopped the engine three times.")
        assert job.state is (JobState.DEAD if attempt == 3 else JobState.QUEUED)
    assert job.error == "It stopped the engine three times."
    assert await store.jobs.claim_everywhere() is None
    again = await store.jobs.retry(scope, "job")
    assert (again.state, again.crashes, again.attempt, again.error) == (JobState.QUEUED, 0, 3, "")
    claimed = await store.jobs.claim_everywhere()
    assert claimed is not None
    assert claimed.attempt == 4


async def test_the_engine_may_count_the_crashes_itself(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    await store.jobs.interrupted(scope, job_id, 2, crashes=1)
    await store.jobs.interrupted(scope, job_id, 3, crashes=2)
    job = await store.jobs.bury(scope, job_id, 3, "It stopped the engine three times.")
    assert (job.state, job.crashes) == (JobState.DEAD, 2)


async def test_ended_jobs_are_not_cancelled_or_retried(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    await store.jobs.finish(scope, job_id, 1)
    with pytest.raises(WrongState):
        await store.jobs.cancel(scope, job_id)
    with pytest.raises(WrongState):
        await store.jobs.retry(scope, job_id)
    assert (await store.jobs.ask_to_stop(scope, job_id, Stop.NOW)).stop is None


async def test_cancelling_twice_is_cancelling_once(store: Store, scope: Scope, clock: Clock) -> None:
    job_id = await running(store, scope)
    first = await store.jobs.cancel(scope, job_id)
    clock.now += 10
    assert await store.jobs.cancel(scope, job_id) == first
    with pytest.raises(Stale):
        await store.jobs.finish(scope, job_id, 1)


async def test_the_wish_to_stop_survives_and_does_not_weaken(store: Store, scope: Scope) -> None:
    job_id = await running(store, scope)
    await store.jobs.ask_to_stop(scope, job_id, Stop.AFTER_EPOCH)
    await store.jobs.recover_everywhere()
    job = await store.jobs.claim_everywhere()
    assert job is not None
    assert job.stop is Stop.AFTER_EPOCH
    await store.jobs.ask_to_stop(scope, job_id, Stop.NOW)
    assert (await store.jobs.ask_to_stop(scope, job_id, Stop.AFTER_EPOCH)).stop is Stop.NOW


async def test_a_job_that_cannot_be_sent_is_refused(store: Store, scope: Scope) -> None:
    await painting(store, scope, "job")
    job = await store.jobs.refuse(scope, "job", "The LoRA is gone.")
    assert (job.state, job.error) == (JobState.FAILED, "The LoRA is gone.")


async def test_the_spec_comes_back_as_it_was_and_stays_out_of_logs(store: Store, scope: Scope) -> None:
    job = await painting(store, scope, "job", spec='{"prompt": "ohwx on the moon"}')
    assert job.spec == '{"prompt": "ohwx on the moon"}'
    assert "moon" not in repr(job)


async def test_looked_up_by_dataset_and_run(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope, await dataset(store, scope))
    job = await training(store, scope, "one", its_run)
    assert await store.jobs.of_run(scope, its_run.id) == job
    assert await store.jobs.of_dataset(scope, its_run.dataset_id) == (job,)
    assert await store.jobs.of_dataset(scope, its_run.dataset_id, JobKind.PREPARE) == ()


def _claim_until_empty(path: Path, vault_folder: Path) -> list[str]:
    async def work() -> list[str]:
        vault = Vault.open(vault_folder, environ={})
        async with Store.open(path, vault=vault, clock=Clock(), alone=False) as store:
            return await claim_all(store)

    return asyncio.run(work())


async def test_two_processes_claim_without_duplicates(tmp_path: Path, vault: Vault, clock: Clock) -> None:
    path = tmp_path / "shared.db"
    async with Store.open(path, vault=vault, clock=clock, alone=False) as store:
        async with store.write():
            for number in range(60):
                await painting(store, Scope(1), f"job{number}", member_id=number % 4)
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            results = await asyncio.to_thread(pool.starmap, _claim_until_empty, [(path, vault.folder)] * 2)
            pool.close()
            await asyncio.to_thread(pool.join)
        claimed = [job_id for result in results for job_id in result]
        assert sorted(claimed) == sorted(f"job{number}" for number in range(60))
        assert {job.attempt for job in await store.jobs.live_everywhere()} == {1}
