"""Whose word it takes: nothing trains before it is given, and everything stops when it is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.people_screens import ConsentCard, PersonCard
from bot.studio.requests import BeginTraining
from bot.studio.screens import Purpose
from engine.protocol import TrainJob
from engine.script import Script
from storage.states import ConsentState, JobState, RunState
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given


async def hand_in(house: House, depicts: str, *, kind: str = "person") -> int:
    ask = BeginTraining(f"draft-{depicts}", "Bob", kind, True, given(6), room_id=ROOM, depicts=depicts)
    dataset = (await house.studio.begin(house.who(), ask)).dataset_id
    await house.settled()
    await house.studio.accept_crops(house.who(), dataset)
    await house.studio.accept_captions(house.who(), dataset)
    return dataset


async def trained(house: House, *, wants_vote: bool = True) -> int:
    """A friend's face, allowed and trained up to the vote (or published); the run's id."""
    dataset = await hand_in(house, "member")
    await house.studio.people.ask(house.who(), 1, FRIEND)
    await house.studio.people.allow(house.who(FRIEND), 1, adult=True)
    await house.studio.choose(house.who(), dataset, access="server", wants_vote=wants_vote)
    run = (await house.studio.start_training(house.who(), dataset)).run_id
    await house.settled()
    return run


@pytest.mark.parametrize(
    ("kind", "depicts", "member", "act"),
    [("person", "me", OWNER, "allowed"), ("person", "agreed", OWNER, "attested"), ("style", "nobody", None, None)],
)
async def test_where_nobody_else_has_to_be_asked_it_is_given_and_written_down(
    house: House, kind: str, depicts: str, member: int | None, act: str | None
) -> None:
    house.settings = replace(house.settings, attested=True)
    async with house.life() as studio:
        dataset = await hand_in(house, depicts, kind=kind)
        consent = await house.store.consents.of_subject(SCOPE, 1)
        assert (consent.given, consent.depicts, consent.member_id) == (True, depicts, member)
        lines = [(a.act, a.who_id, a.at) for a in await house.store.audit.list(SCOPE, subject_id=1)]
        assert lines == ([] if act is None else [(act, OWNER, house.clock.now)])
        assert (await studio.confirm_card(house.who(), dataset)).waits == ""
        await studio.start_training(house.who(), dataset)
        await house.settled()
        assert (await house.store.audit.list(SCOPE))[0].act == "trained"


async def test_answering_for_somebody_is_off_unless_the_owner_of_the_machine_allows_it(house: House) -> None:
    async with house.life():
        with pytest.raises(NotAllowed, match="choose a member of this server"):
            await hand_in(house, "agreed")
        with pytest.raises(UserError, match="whose face it is"):
            await hand_in(house, "nobody")
        assert await house.store.subjects.list(SCOPE) == ()


async def test_a_member_is_asked_in_the_channel_and_nothing_trains_before_they_allow_it(house: House) -> None:
    async with house.life() as studio:
        dataset = await hand_in(house, "member")
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.PERSON)
        assert row.channel_id == ROOM
        with pytest.raises(NotAllowed, match="whose face"):
            await studio.start_training(house.who(), dataset)
        with pytest.raises(NotAllowed, match="Only the one who brought"):
            await studio.people.ask(house.who(ADMIN, admin=True), 1, FRIEND)

        for _ in range(2):
            card = await studio.people.ask(house.who(), 1, FRIEND)
            assert card == PersonCard(1, "Bob", OWNER, FRIEND, "asked")
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.CONSENT)
        assert row.channel_id == CHANNEL, "where the friend can see it"
        assert await studio.screen(GUILD, Purpose.CONSENT, "1") == ConsentCard(1, OWNER, FRIEND, "asked")
        assert "has not answered" in (await studio.confirm_card(house.who(), dataset)).waits
        with pytest.raises(NotAllowed, match="has not answered"):
            await studio.start_training(house.who(), dataset)
        for nosy in (house.who(), house.who(ADMIN, admin=True)):
            with pytest.raises(NotAllowed, match="Only the one who is in the photos"):
                await studio.people.allow(nosy, 1, adult=True)
            with pytest.raises(NotAllowed):
                await studio.people.refuse(nosy, 1)
        with pytest.raises(UserError, match="18 or older"):
            await studio.people.allow(house.who(FRIEND), 1, adult=False)
        assert house.engine.submitted and not [j for j in house.engine.submitted if isinstance(j, TrainJob)]

        for _ in range(2):
            assert (await studio.people.allow(house.who(FRIEND), 1, adult=True)).state == "given"
        assert [row.purpose for row in await house.store.outbox.list(SCOPE)][-1] == Purpose.CONFIRM
        await studio.start_training(house.who(), dataset)
        await house.settled()
        assert [j for j in house.engine.submitted if isinstance(j, TrainJob)]
        acts = [(a.act, a.who_id) for a in await house.store.audit.list(SCOPE, subject_id=1)]
        assert acts == [("trained", OWNER), ("allowed", FRIEND), ("asked", OWNER)]


async def test_their_own_face_after_all(house: House) -> None:
    async with house.life() as studio:
        await hand_in(house, "member")
        assert (await studio.people.ask(house.who(), 1, OWNER)).state == "given"
        assert (await house.store.consents.of_subject(SCOPE, 1)).member_id == OWNER


async def test_no_deletes_the_photos(house: House) -> None:
    async with house.life() as studio:
        dataset = await hand_in(house, "member")
        await studio.people.ask(house.who(), 1, FRIEND)
        key = (await house.store.datasets.get(SCOPE, dataset)).key_id
        card = await studio.people.refuse(house.who(FRIEND), 1)
        assert (card.state, card.owner_id, card.member_id) == ("refused", OWNER, FRIEND)
        assert not house.store.database.vault.knows(key)
        assert await house.store.subjects.list(SCOPE) == ()
        with pytest.raises(NotFound):
            await studio.start_training(house.who(), dataset)
        newest = (await house.store.audit.list(SCOPE))[0]
        assert (newest.act, newest.who_id) == ("refused", FRIEND)
        assert await studio.screen(GUILD, Purpose.CROPS, "1") is None


async def test_taken_back_in_the_middle_of_a_training(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await hand_in(house, "member")
        await studio.people.ask(house.who(), 1, FRIEND)
        await studio.people.allow(house.who(FRIEND), 1, adult=True)
        run = (await studio.start_training(house.who(), dataset)).run_id

        async def an_epoch() -> bool:
            return len(await house.store.epochs.list(SCOPE, run)) > 1

        await house.until(an_epoch)
        with pytest.raises(UserError, match="allowed it already"):
            await studio.people.refuse(house.who(FRIEND), 1)
        await studio.people.revoke(house.who(FRIEND), 1)
        house.engine.release("train")
        await house.settled()
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.CANCELLED
        assert await house.store.ballots.of_run(SCOPE, run) is None, "there is nothing to vote on"
        assert await house.posts("epoch") == [] and await house.posts("ballot") == []
        with pytest.raises(NotAllowed, match="took their word back"):
            await studio.start_training(house.who(), dataset)
        with pytest.raises(UserError):
            await studio.people.allow(house.who(FRIEND), 1, adult=True)


async def test_taken_back_while_it_waits_in_the_queue(house: House) -> None:
    """The engine is told nothing of a training whose word was taken back between the asking and the sending."""
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        first = await house.ready(draft="first")
        dataset = await hand_in(house, "member")
        await studio.start_training(house.who(), first)
        await studio.people.ask(house.who(), 2, FRIEND)
        await studio.people.allow(house.who(FRIEND), 2, adult=True)
        run = (await studio.start_training(house.who(), dataset)).run_id
        # As a revocation by another path would leave it: the word is gone, the job still waits.
        await house.store.consents.revoke(SCOPE, 2)
        house.engine.release("train")
        await house.settled()
        job = await house.store.jobs.of_run(SCOPE, run)
        assert job is not None and job.state is JobState.FAILED and "took their word back" in job.error
        assert len([j for j in house.engine.submitted if isinstance(j, TrainJob)]) == 1


async def test_taken_back_later_nobody_can_use_it_any_more(house: House) -> None:
    async with house.life() as studio:
        run = await trained(house, wants_vote=False)
        assert await studio.lora_names(house.who(ADMIN), "") == ("bob-gen0",)
        await studio.people.revoke(house.who(FRIEND), 1)
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.PUBLISHED
        for member in (OWNER, FRIEND, ADMIN):
            assert await studio.lora_names(house.who(member), "") == ()
            assert (await studio.loras(house.who(member))).lines == ()
        with pytest.raises(NotFound):
            await studio.imagine(house.who(), house.imagine("a portrait", lora="bob-gen0"))
        assert await house.posts("winner") == []
        assert (await house.store.consents.of_subject(SCOPE, 1)).state is ConsentState.REVOKED


async def test_taken_back_while_the_vote_is_open(house: House) -> None:
    async with house.life() as studio:
        run = await trained(house)
        ballot = await house.store.ballots.of_run(SCOPE, run)
        assert ballot is not None
        await studio.people.revoke(house.who(FRIEND), 1)
        assert await studio.open_ballots() == ()
        with pytest.raises(NotFound):
            await studio.close_ballot(GUILD, ballot.id, {})
        assert await house.store.loras.list(SCOPE) == ()


async def test_a_painting_under_way_is_not_shown_once_the_right_is_gone(house: House) -> None:
    house.script = Script(hold={"paint": 1})
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        card = await studio.imagine(house.who(ADMIN), house.imagine("ohwx on the moon"))

        async def sent() -> bool:
            return (await house.store.jobs.get(SCOPE, card.job_id)).state is JobState.RUNNING

        await house.until(sent)
        # Only its rights change: the painting itself is not stopped, but its result must not appear.
        await studio.keeping.share(house.who(), 1, "me")
        house.engine.release("paint")
        await house.settled()
        job = await house.store.jobs.get(SCOPE, card.job_id)
        assert job.state is JobState.FAILED and "took it back" in job.error
        assert await house.store.pictures.of_job(SCOPE, card.job_id) == ()
        assert await house.posts("pictures") == []
