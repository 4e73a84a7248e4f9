"""Starts, attempts, crashes: what happens to a training between Start and the vote."""

from __future__ import annotations

import pytest

from bot.errors import NotAllowed, UserError
from bot.studio.results import CRASHED
from bot.studio.screens import Purpose, TroubleCard
from engine.protocol import Done, EpochReady, FailureKind, Interrupted, Progress, TrainJob
from engine.script import At, Script
from storage.errors import Stale
from storage.states import JobKind, JobState
from tests.studio.house import ADMIN, FRIEND, GUILD, SCOPE, House

# -- one live training per dataset


async def test_every_start_of_a_dataset_is_the_same_training(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.ready()
        first = await studio.start_training(house.who(request="start"), dataset)
        again = await studio.start_training(house.who(request="start"), dataset)
        other = await studio.start_training(house.who(ADMIN, admin=True), dataset)
        assert first.run_id == again.run_id == other.run_id
        assert len(await house.store.jobs.of_dataset(SCOPE, dataset, JobKind.TRAIN)) == 1
        assert await house.posts("status") == [("status", "1")]
        house.engine.release("train")
        await house.settled()
        assert (await studio.start_training(house.who(), dataset)).state == "voting"
        assert await house.posts("status") == [("status", "1")]


async def test_start_before_the_sheets_were_agreed_on(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.begin()
        with pytest.raises(UserError, match="press Looks right"):
            await studio.start_training(house.who(), dataset)
        assert await house.store.runs.of_dataset(SCOPE, dataset) == ()


async def test_start_that_was_accepted_before_the_bot_died(house: House) -> None:
    async with house.life(started=True) as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(request="start"), dataset)
        await house.crash()
    async with house.life() as studio:
        card = await studio.start_training(house.who(request="start"), dataset)
        assert card.run_id == 1
        await house.settled()
        assert (await house.status()).state == "voting"
        assert await house.posts("ballot") == [("ballot", "1")]


# -- fencing


async def test_events_of_an_older_attempt_change_nothing(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        await house.under_way()
        await house.crash()
    async with house.life() as studio:
        await house.until(house.training)
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and (job.attempt, job.crashes) == (2, 0)
        old = {"job_id": job.id, "attempt": 1}
        for event in (
            Progress(**old, phase="training", step=5, total=6),
            EpochReady(**old, epoch=3, blobs={"lora": b"late", "preview_0": b"late"}),
            Done(**old, suggested=3),
        ):
            with pytest.raises(Stale):
                await studio.results.take(SCOPE, event)
        assert 3 not in await house.epochs()
        assert (await house.store.jobs.get(SCOPE, job.id)).state is JobState.RUNNING
        house.engine.release("train")
        await house.settled()
        train = [sent for sent in house.engine.submitted if isinstance(sent, TrainJob)]
        assert [sent.attempt for sent in train] == [2]


async def test_epochs_that_are_stored_are_not_asked_for_again(house: House) -> None:
    house.script = Script(hold={"train": 4})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.epoch(2)
        before = {e.number: e for e in await house.store.epochs.list(SCOPE, 1)}
        await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        (sent,) = [s for s in house.engine.submitted if isinstance(s, TrainJob)]
        assert sent.have_epochs == (0, 1, 2) and sent.seal is not None and len(bytes.fromhex(sent.seal)) == 32
        after = {e.number: e for e in await house.store.epochs.list(SCOPE, 1)}
        assert {n: after[n] for n in before} == before and sorted(after) == [0, 1, 2, 3]
        assert len(await house.posts("epoch")) == 3


async def test_the_same_epoch_reported_twice_is_posted_once(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.epoch(1)
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None
        again = EpochReady(job_id=job.id, attempt=1, epoch=1, blobs={"lora": b"other", "preview_0": b"other"})
        await studio.results.take(SCOPE, again)
        assert len(await house.posts("epoch")) == 1
        (epoch,) = [e for e in await house.store.epochs.list(SCOPE, 1) if e.number == 1]
        assert len(epoch.previews) == 4
        house.engine.release("train")
        await house.settled()


# -- crashes


async def test_two_crashes_are_survived_and_told(house: House) -> None:
    house.script = Script(crash={"train": At(step=3, times=2)})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.settled()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and (job.attempt, job.crashes, job.state) == (3, 2, JobState.DONE)
        assert await house.epochs() == [0, 1, 2, 3] and len(await house.posts("epoch")) == 3
        assert (await house.status()).state == "voting"
        assert await house.posts("trouble") == []


async def test_the_third_crash_stops_it_until_a_person_comes(house: House) -> None:
    house.script = Script(crash={"train": At(step=3, times=3)})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.settled()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and (job.state, job.attempt) == (JobState.DEAD, 3)
        assert await house.posts("trouble") == [("trouble", job.id)]
        card = await studio.screen(GUILD, Purpose.TROUBLE, job.id)
        assert isinstance(card, TroubleCard) and card.can_retry and "three times" in card.sentence
        shown = await house.status()
        assert (shown.state, shown.can_cancel) == ("failed", False) and "three times" in shown.headline
        assert "three times" in CRASHED
    house.script = Script()
    async with house.life() as studio:
        assert house.engine.submitted == []
        with pytest.raises(NotAllowed):
            await studio.retry(house.who(FRIEND), job.id)
        for _ in range(2):
            assert "in the queue again" in (await studio.retry(house.who(), job.id)).sentence
        assert await studio.screen(GUILD, Purpose.TROUBLE, job.id) is None
        await house.settled()
        again = await house.store.jobs.get(SCOPE, job.id)
        assert (again.attempt, again.crashes) == (4, 0)
        assert await house.epochs() == [0, 1, 2, 3] and (await house.status()).state == "voting"


async def test_a_third_interruption_stops_it_even_if_the_engine_would_go_on(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        await house.under_way()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None
        await studio.results.take(SCOPE, Interrupted(job_id=job.id, attempt=2, crashes=2))
        assert (await house.store.jobs.get(SCOPE, job.id)).state is JobState.RUNNING
        await studio.results.take(SCOPE, Interrupted(job_id=job.id, attempt=3, crashes=3))
        assert (await house.store.jobs.get(SCOPE, job.id)).state is JobState.DEAD
        assert len(await house.posts("trouble")) == 1


async def test_crashes_of_the_bot_are_not_the_jobs_fault(house: House) -> None:
    house.script = Script(hold={"train": 3})
    dataset = 0
    for life in range(4):
        async with house.life() as studio:
            if not life:
                dataset = await house.ready()
                await studio.start_training(house.who(), dataset)
            await house.until(house.training)
            await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and (job.attempt, job.crashes, job.state) == (5, 0, JobState.DONE)


async def test_a_kind_stop_parks_and_goes_on(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        await house.under_way()
        await studio.stop()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and job.state is JobState.PARKED
        card = await house.status()
        assert card.state == "paused" and "goes on from its last checkpoint" in card.headline
    house.script = Script()
    async with house.life():
        await house.settled()
        assert (await house.status()).state == "voting"


@pytest.mark.parametrize(
    ("kind", "retry"),
    [(FailureKind.INPUT, False), (FailureKind.BASE, True), (FailureKind.MEMORY, True), (FailureKind.INTERNAL, True)],
)
async def test_a_failure_is_told_with_what_may_help(house: House, kind: FailureKind, retry: bool) -> None:
    house.script = Script(fail={"train": kind})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.settled()
        ((_, ref),) = await house.posts("trouble")
        card = await studio.screen(GUILD, Purpose.TROUBLE, ref)
        assert isinstance(card, TroubleCard) and card.can_retry is retry and card.sentence
        assert (await house.status()).state == "failed"
        if not retry:
            with pytest.raises(UserError, match="end the same way"):
                await studio.retry(house.who(), ref)
        assert (await studio.start_training(house.who(), dataset)).run_id == 2
        await house.settled()


async def test_a_lost_file_is_told_and_the_queue_goes_on(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        kept = await house.store.photos.numbered(SCOPE, dataset, 1)
        key = (await house.store.datasets.get(SCOPE, dataset)).key_id
        await house.store.blobs.drop(SCOPE, key, kept.clean_sha256 or "")
        await studio.start_training(house.who(), dataset)
        await house.settled()
        assert (await house.status()).state == "failed"
        await house.begin(5, draft="next")
