"""Queue, attempts, crashes, cancelling: what happens to a training between Start and the vote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.results import CRASHED
from bot.studio.screens import EpochPost, Purpose, StatusCard, TroubleCard
from engine.protocol import Done, EpochReady, FailureKind, Interrupted, Progress, TrainJob
from engine.script import At, Script
from storage.errors import Stale
from storage.states import JobKind, JobState, RunState
from tests.studio.house import ADMIN, FRIEND, GUILD, SCOPE, House


async def status(house: House, run: int = 1) -> StatusCard:
    card = await house.studio.screen(GUILD, Purpose.STATUS, str(run))
    assert isinstance(card, StatusCard)
    return card


async def running(house: House) -> bool:
    return any(j.state is JobState.RUNNING and j.progress for j in await house.store.jobs.live(SCOPE))


async def epochs(house: House, run: int = 1) -> list[int]:
    return [epoch.number for epoch in await house.store.epochs.list(SCOPE, run)]


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
        assert (await status(house)).state == "voting"
        assert await house.posts("ballot") == [("ballot", "1")]


# -- fencing


async def test_events_of_an_older_attempt_change_nothing(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.until(lambda: running(house))
        await house.crash()
    async with house.life() as studio:
        await house.until(lambda: running(house))
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
        assert 3 not in await epochs(house)
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

        async def two() -> bool:
            return await epochs(house) == [0, 1, 2]

        await house.until(two)
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

        async def one() -> bool:
            return await epochs(house) == [0, 1]

        await house.until(one)
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
        assert await epochs(house) == [0, 1, 2, 3] and len(await house.posts("epoch")) == 3
        assert (await status(house)).state == "voting"
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
        shown = await status(house)
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
        assert await epochs(house) == [0, 1, 2, 3] and (await status(house)).state == "voting"


async def test_a_third_interruption_stops_it_even_if_the_engine_would_go_on(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.until(lambda: running(house))
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
            await house.until(lambda: running(house))
            await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and (job.attempt, job.crashes, job.state) == (5, 0, JobState.DONE)


async def test_a_kind_stop_parks_and_goes_on(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.until(lambda: running(house))
        await studio.stop()
        job = await house.store.jobs.of_run(SCOPE, 1)
        assert job is not None and job.state is JobState.PARKED
        card = await status(house)
        assert card.state == "paused" and "goes on from its last checkpoint" in card.headline
    house.script = Script()
    async with house.life():
        await house.settled()
        assert (await status(house)).state == "voting"


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
        assert (await status(house)).state == "failed"
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
        assert (await status(house)).state == "failed"
        await house.begin(5, draft="next")


# -- wishes


async def test_cancelling_what_waits(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        first, second = await house.ready(), await house.ready(draft="two", name="Ann")
        await studio.start_training(house.who(), first)
        await house.until(lambda: running(house))
        card = await studio.start_training(house.who(), second)
        assert (card.state, card.place, card.headline) == ("queued", 1, "Next in line.")
        with pytest.raises(NotAllowed):
            await studio.cancel(house.who(FRIEND), run_id=2)
        for _ in range(2):
            assert "Cancelled" in (await studio.cancel(house.who(), run_id=2)).sentence
        assert (await status(house, 2)).state == "cancelled"
        house.engine.release("train")
        await house.settled()
        assert len([s for s in house.engine.submitted if isinstance(s, TrainJob)]) == 1


async def test_cancelling_keeps_the_epochs_and_offers_them(house: House) -> None:
    house.script = Script(hold={"train": 5})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.choose(house.who(), dataset, wants_vote=False)
        await studio.start_training(house.who(), dataset)

        async def two() -> bool:
            return await epochs(house) == [0, 1, 2]

        await house.until(two)
        notice = await studio.cancel(house.who())
        assert "epochs that were finished are kept" in notice.sentence
        ballot = await house.store.ballots.of_run(SCOPE, 1)
        assert ballot is not None and ballot.options == (1, 2)
        assert (await status(house)).state == "voting"
        house.engine.release("train")
        await house.engine.idle()
        assert await epochs(house) == [0, 1, 2]
        with pytest.raises(NotFound):
            await studio.cancel(house.who())


async def test_cancelling_before_the_first_epoch_leaves_the_photos_to_start_again(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.until(lambda: running(house))
        await studio.cancel(house.who())
        assert (await status(house)).state == "cancelled"
        house.engine.release("train")
        assert (await studio.start_training(house.who(), dataset)).run_id == 2
        await house.settled()
        assert (await status(house, 2)).state == "voting"


async def test_stop_after_this_epoch_survives_a_crash(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)

        async def one() -> bool:
            return await epochs(house) == [0, 1]

        await house.until(one)
        with pytest.raises(NotAllowed):
            await studio.stop_after_epoch(house.who(FRIEND), 1)
        card = await studio.stop_after_epoch(house.who(), 1)
        assert not card.can_stop and "stops after this epoch" in card.headline
        await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        assert await epochs(house) == [0, 1, 2]
        run = await house.store.runs.get(SCOPE, 1)
        assert run.state is RunState.VOTING and run.suggested == 2


# -- the queue


async def test_one_training_at_a_time_and_whoever_had_least_comes_next(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        sets = [await house.ready(), await house.ready(draft="b", name="B")]
        friends = await house.begin(5, draft="c", name="C", member=FRIEND)
        await studio.accept_crops(house.who(FRIEND), friends)
        await studio.accept_captions(house.who(FRIEND), friends)
        for dataset in sets:
            await studio.start_training(house.who(), dataset)
        await studio.start_training(house.who(FRIEND), friends)
        await house.until(lambda: running(house))
        lines = (await studio.queue(house.who(FRIEND))).lines
        assert [(line.place, line.what, line.mine) for line in lines] == [
            (0, "training", False),
            (1, "training: C", True),
            (2, "training", False),
        ]
        assert (await studio.confirm_card(house.who(), sets[0])).queue.startswith("4th in line")
        assert [name for _, name in await studio.cancellable(house.who())] == ["training: Kat3r1na", "training: B"]
        assert len(await studio.cancellable(house.who(ADMIN, admin=True))) == 3
        with pytest.raises(UserError, match="several things"):
            await studio.cancel(house.who())
        house.engine.release("train")
        await house.settled()
        trained = [s.job_id for s in house.engine.submitted if isinstance(s, TrainJob)]
        runs = [(await house.store.jobs.get(SCOPE, job)).dataset_id for job in trained]
        assert runs == [sets[0], friends, sets[1]]


async def test_nobody_fills_the_queue_alone(house: House) -> None:
    house.script = Script(hold={"train": 1})
    house.settings = replace(house.settings, trainings_per_member=1)
    async with house.life() as studio:
        first, second = await house.ready(), await house.ready(draft="b", name="B")
        await studio.start_training(house.who(), first)
        with pytest.raises(UserError, match="most one member may"):
            await studio.start_training(house.who(), second)
        house.engine.release("train")
        await house.settled()
        assert (await studio.start_training(house.who(), second)).run_id == 2
        await house.settled()


async def test_minutes_are_measured_and_say_so_when_they_are_not(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        (choice, *_) = (await studio.confirm_card(house.who(), dataset)).presets
        assert choice.title == "Quick" and choice.minutes.endswith("not measured here yet")
        await studio.start_training(house.who(), dataset)
        await house.settled()
        speed = await house.store.speeds.get(base="miniature", kind="train")
        # The script's epochs take one second; 6 photos x 12 exposures in 3 epochs are 24 each.
        assert speed is not None and speed.seconds == pytest.approx(1 / 24)
        (choice, *_) = (await studio.confirm_card(house.who(), dataset)).presets
        assert choice.minutes == "under a minute"


async def test_the_status_card_tells_where_it_is(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)

        async def third() -> bool:
            job = await house.store.jobs.of_run(SCOPE, 1)
            return job is not None and (job.progress or {}).get("step") == 3

        await house.until(third)
        card = await status(house)
        assert (card.state, card.headline) == ("training", "Training epoch 2 of 3.")
        assert (card.done, card.epoch, card.losses, card.place) == (0.5, 1, (0.2,), 0)
        assert card.can_cancel and card.can_stop
        assert card.ends_at is not None and abs(card.ends_at - house.clock.now - 3) <= 10
        ((_, ref),) = await house.posts("epoch")
        post = await studio.screen(GUILD, Purpose.EPOCH, ref)
        assert isinstance(post, EpochPost) and post.note == "likeness 27, prompt kept 95 %"
        house.engine.release("train")
        await house.settled()
