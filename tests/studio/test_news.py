"""News by its rows: what is written when, to whom, and what is left of it when it is taken back, forgotten or stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.errors import NotAllowed, UserError
from bot.studio.news_screens import Moment, NewsCard
from bot.studio.screens import Purpose
from bot.studio.studio import Studio
from engine.protocol import FailureKind
from engine.script import Script
from storage.states import OutboxState
from tests.studio.house import FRIEND, GUILD, OWNER, ROOM, SCOPE, House

PRIVATE = 700


@pytest.fixture(autouse=True)
def nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, Script(hold={"train": 3}))


async def asked(house: House) -> int:
    """A training goes on, and its owner wants to hear of it."""
    dataset = await house.ready()
    run = (await house.studio.start_training(house.who(), dataset)).run_id
    await house.until(house.training)
    await house.studio.news.ask(house.who(), run, PRIVATE, "de")
    return run


async def written(house: House) -> list[Moment]:
    rows = await house.store.outbox.list(SCOPE, purpose=Purpose.NEWS)
    assert {row.channel_id for row in rows} <= {PRIVATE}
    return [Moment(row.ref.split("-")[1]) for row in rows]


async def shown(studio: Studio, moment: Moment, wish: int = 1) -> NewsCard | None:
    card = await studio.screen(GUILD, Purpose.NEWS, f"{wish}-{moment}")
    assert card is None or isinstance(card, NewsCard)
    return card


async def test_one_for_each_thing_that_happens_and_only_while_it_is_so(house: House) -> None:
    async with house.life() as studio:
        run = await asked(house)
        await studio.news.ask(house.who(), run, PRIVATE, "en")
        assert await written(house) == [Moment.ASKED]
        assert await shown(studio, Moment.ASKED) == NewsCard(Moment.ASKED, "Kat3r1na", "de", GUILD, ROOM, None)
        house.engine.release("train")
        await house.settled()
        assert await written(house) == [Moment.ASKED, Moment.VOTE]
        (post,) = await house.store.outbox.list(SCOPE, purpose=Purpose.BALLOT)
        await house.store.outbox.sent(SCOPE, post.id, 4711)
        card = await shown(studio, Moment.VOTE)
        assert card is not None and (card.channel_id, card.message_id) == (post.channel_id, 4711)
        assert await shown(studio, Moment.READY) is None
        await studio.close_ballot(GUILD, int(post.ref), {})
        assert await written(house) == [Moment.ASKED, Moment.VOTE, Moment.READY]
        assert [m for m in Moment if await shown(studio, m)] == [Moment.READY], "what is over is not news"
        status = await house.status(run)
        assert not (status.can_ask or status.can_end)
        with pytest.raises(UserError, match="is over"):
            await studio.news.ask(house.who(), run, PRIVATE, "de")


async def test_an_admin_who_started_it_may_ask_beside_its_owner(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        run = (await studio.start_training(house.who(FRIEND, admin=True), dataset)).run_id
        await studio.news.ask(house.who(FRIEND), run, PRIVATE + 1, "en")
        status = await house.status(run)
        assert status.can_ask and status.can_end
        await studio.news.ask(house.who(OWNER), run, PRIVATE, "en")
        assert not (await house.status(run)).can_ask
        assert not await studio.news.end(house.who(9), run)
        with pytest.raises(NotAllowed):
            await studio.news.ask(house.who(9, admin=True), run, PRIVATE + 2, "en")
        assert await studio.news.end(house.who(FRIEND), run)
        assert [wish.member_id for wish in await house.store.wishes.of_run(SCOPE, run)] == [OWNER]
        await studio.cancel(house.who(OWNER), run_id=run)


@pytest.mark.parametrize("admin", [False, True])
async def test_whoever_stopped_it_knows_and_others_are_told(house: House, admin: bool) -> None:
    async with house.life() as studio:
        run = await asked(house)
        await studio.cancel(house.who(9 if admin else OWNER, admin=admin), run_id=run)
        assert await written(house) == [Moment.ASKED, *([Moment.STOPPED] if admin else [])]
        assert (await shown(studio, Moment.STOPPED) is not None) and await shown(studio, Moment.ASKED) is None


async def test_failed_is_told_once_and_no_more_once_it_was_tried_again(house: House) -> None:
    house.script.fail["train"] = FailureKind.MEMORY
    async with house.life() as studio:
        run = await asked(house)
        house.engine.release("train")
        await house.settled()
        assert await written(house) == [Moment.ASKED, Moment.FAILED]
        job = await house.store.jobs.of_run(SCOPE, run)
        assert job is not None and await shown(studio, Moment.FAILED)
        await studio.retry(house.who(), job.id)
        assert await shown(studio, Moment.FAILED) is None
        await house.settled()
        assert await written(house) == [Moment.ASKED, Moment.FAILED]


async def test_taking_ones_word_back_takes_news_of_it_down(house: House) -> None:
    """What shows the subject goes; that it was stopped is told to whoever asked and did not stop it."""
    async with house.life() as studio:
        run = await asked(house)
        async with house.store.write():
            await house.store.database.change("UPDATE consents SET depicts = 'member', member_id = ?", FRIEND)
        await studio.people.revoke(house.who(FRIEND), 1)
        assert await written(house) == [Moment.STOPPED]
        assert await studio.news.stands(house.who(), run)


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_forgotten_with_the_subject_and_with_the_member(house: House, all_of_it: bool) -> None:
    async with house.life() as studio:
        run = await asked(house)
        (first,) = await house.store.outbox.list(SCOPE, purpose=Purpose.NEWS)
        await house.store.outbox.sent(SCOPE, first.id, 4711)
        house.engine.release("train")
        await house.settled()
        assert (await studio.privacy.card(house.who())).held.wishes == 1
        if all_of_it:
            await studio.forgetting.forget_me(house.who())
        else:
            await studio.forgetting.forget_subject(house.who(), 1)
        assert await written(house) == [] and await house.store.wishes.of_member(SCOPE, OWNER) == ()
        assert (PRIVATE, 4711) in {(e.channel_id, e.message_id) for e in await house.store.erasures.due_everywhere()}
        assert not any(row.state is OutboxState.PENDING for row in await house.store.outbox.list(SCOPE))
        with pytest.raises(UserError):
            await studio.news.check(house.who(), run)


async def test_refused_by_discord_the_wish_goes_and_a_new_one_is_another(house: House) -> None:
    async with house.life() as studio:
        run = await asked(house)
        for _ in range(2):
            await studio.news.refused(GUILD, "1-asked")
        assert await written(house) == [] and not await studio.news.stands(house.who(), run)
        assert (await house.status(run)).can_ask
        await studio.news.ask(house.who(), run, PRIVATE, "de")
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.NEWS)
        assert row.ref == "2-asked", "what was meant for the one is never taken for the other"
        assert await shown(studio, Moment.ASKED) is None
