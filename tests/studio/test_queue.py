"""The queue and what people may do to it: whose turn it is, how long it takes, cancelling and stopping."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.dispatch import UNSENT, Parcel
from bot.studio.screens import EpochPost, Purpose
from engine.protocol import TrainJob
from engine.script import Script
from storage.records import Job, Scope
from storage.states import JobKind, JobState, RunState
from tests.studio.house import ADMIN, FRIEND, GUILD, SCOPE, House

# -- wishes


async def test_cancelling_what_waits(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        first, second = await house.ready(), await house.ready(draft="two", name="Ann")
        await studio.start_training(house.who(), first)
        await house.until(house.training)
        card = await studio.start_training(house.who(), second)
        assert (card.state, card.place, card.headline) == ("queued", 1, "Next in line.")
        with pytest.raises(NotAllowed):
            await studio.cancel(house.who(FRIEND), run_id=2)
        for _ in range(2):
            assert "Cancelled" in (await studio.cancel(house.who(), run_id=2)).sentence
        assert (await house.status(2)).state == "cancelled"
        house.engine.release("train")
        await house.settled()
        assert len([s for s in house.engine.submitted if isinstance(s, TrainJob)]) == 1


async def test_as_many_trainings_are_sent_as_run_at_a_time_and_the_next_one_is_told_the_truth(house: House) -> None:
    house.settings = replace(house.settings, joint_runs=2, trainings_per_member=3)
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        sets = [await house.ready(draft=name, name=name) for name in ("one", "two", "three")]
        await studio.start_training(house.who(), sets[0])
        await house.until(house.training)
        assert await studio.schedule.queue_words() == "next in line, starts at once"
        await studio.start_training(house.who(), sets[1])

        async def both() -> bool:
            return len([sent for sent in house.engine.submitted if isinstance(sent, TrainJob)]) == 2

        await house.until(both)
        card = await studio.start_training(house.who(), sets[2])
        assert (card.state, card.place) == ("queued", 1)
        assert (await studio.schedule.queue_words()).startswith("number 4 in line")
        assert await both()
        house.engine.release("train")
        await house.settled()


async def test_cancelling_keeps_the_epochs_and_offers_them(house: House) -> None:
    house.script = Script(hold={"train": 5})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.choose(house.who(), dataset, wants_vote=False)
        await studio.start_training(house.who(), dataset)
        await house.epoch(2)
        notice = await studio.cancel(house.who())
        assert "epochs that were finished are kept" in notice.sentence
        ballot = await house.store.ballots.of_run(SCOPE, 1)
        assert ballot is not None and sorted(ballot.options) == [1, 2]
        assert (await house.status()).state == "voting"
        house.engine.release("train")
        await house.engine.idle()
        assert await house.epochs() == [0, 1, 2]
        with pytest.raises(NotFound):
            await studio.cancel(house.who())


async def test_cancelling_before_the_first_epoch_leaves_the_photos_to_start_again(house: House) -> None:
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        dataset = await house.under_way()
        await studio.cancel(house.who())
        assert (await house.status()).state == "cancelled"
        house.engine.release("train")
        assert (await studio.start_training(house.who(), dataset)).run_id == 2
        await house.settled()
        assert (await house.status(2)).state == "voting"


async def test_stop_after_this_epoch_survives_a_crash(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        await house.epoch(1)
        with pytest.raises(NotAllowed):
            await studio.stop_after_epoch(house.who(FRIEND), 1)
        card = await studio.stop_after_epoch(house.who(), 1)
        assert not card.can_stop and "stops after this epoch" in card.headline
        await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        assert await house.epochs() == [0, 1, 2]
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
        await house.until(house.training)
        lines = (await studio.queue(house.who(FRIEND))).lines
        assert [(line.place, line.what, line.mine) for line in lines] == [
            (0, "training", False),
            (1, "training: C", True),
            (2, "training", False),
        ]
        assert (await studio.confirm_card(house.who(), sets[0])).queue.startswith("number 4 in line")
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
        card = await house.status()
        assert (card.state, card.headline) == ("training", "Training epoch 2 of 3.")
        assert (card.done, card.epoch, card.losses, card.place) == (0.5, 1, (0.2,), 0)
        assert card.can_cancel and card.can_stop
        assert card.ends_at is not None and abs(card.ends_at - house.clock.now - 3) <= 10
        ((_, ref),) = await house.posts("epoch")
        post = await studio.screen(GUILD, Purpose.EPOCH, ref)
        assert isinstance(post, EpochPost) and post.note == "likeness 27, prompt kept 95 %"
        house.engine.release("train")
        await house.settled()


async def test_a_stumble_neither_ends_the_queue_nor_tells_what_was_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.life() as studio:
        free_kinds, stumbled = studio.dispatch._free_kinds, asyncio.Event()

        async def stumbling() -> tuple[JobKind, ...]:
            if not stumbled.is_set():
                stumbled.set()
                raise KeyError("a portrait of ohwx in /home/kat/1.jpg")
            return await free_kinds()

        monkeypatch.setattr(studio.dispatch, "_free_kinds", stumbling)
        card = await studio.imagine(house.who(), house.imagine("a portrait on the moon", count=1))
        await stumbled.wait()
        studio.desk.wake.set()
        await house.settled()
        assert (await house.store.jobs.get(SCOPE, card.job_id)).state is JobState.DONE
    assert "the queue stumbled; it goes on at the next change: KeyError at test_queue.py:" in caplog.text
    assert "ohwx" not in caplog.text and "moon" not in caplog.text and "kat" not in caplog.text


async def test_what_breaks_while_a_job_is_made_ready_stops_that_job_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.life() as studio:
        parcel, broken = studio.dispatch._parcel, [True]

        async def breaking(scope: Scope, job: Job) -> Parcel | None:
            if broken:
                broken.clear()
                raise RuntimeError("a portrait of ohwx")
            return await parcel(scope, job)

        monkeypatch.setattr(studio.dispatch, "_parcel", breaking)
        first = await studio.imagine(house.who(), house.imagine("a portrait on the moon", count=1))
        await house.settled()
        job = await house.store.jobs.get(SCOPE, first.job_id)
        assert (job.state, job.error) == (JobState.FAILED, UNSENT)
        ((_, ref),) = await house.posts("trouble")
        assert ref == first.job_id
        again = await studio.imagine(house.who(), house.imagine("a portrait on the moon", count=1))
        await house.settled()
        assert (await house.store.jobs.get(SCOPE, again.job_id)).state is JobState.DONE
    assert "cannot be sent: RuntimeError at test_queue.py" in caplog.text and "ohwx" not in caplog.text
