"""A picture somebody objects to: hidden at once, decided by an admin, once."""

from __future__ import annotations

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.people_screens import HiddenCard
from bot.studio.screens import PicturesCard, Purpose
from storage.errors import NoSuchRow
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, SCOPE, House


async def painted(house: House) -> str:
    """The job of four pictures that were posted as message 77."""
    card = await house.studio.imagine(house.who(), house.imagine("a dog"))
    await house.settled()
    (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES)
    await house.store.outbox.sent(SCOPE, row.id, 77)
    return card.job_id


async def test_reported_pictures_are_hidden_until_an_admin_puts_them_back(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house)
        await studio.rulebook.choose(house.who(ADMIN, admin=True), report_channel=(600,))
        assert isinstance(await studio.screen(GUILD, Purpose.PICTURES, job), PicturesCard)
        card = await studio.reports.report(house.who(FRIEND), 77)
        assert await studio.reports.report(house.who(), 77) == card
        assert (card.report_id, card.reporter_id, card.painter_id, card.channel_id) == (1, FRIEND, 1, CHANNEL)
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.REPORT)
        assert row.channel_id == 600
        assert await studio.screen(GUILD, Purpose.PICTURES, job) == HiddenCard(job)
        for act in (studio.reports.look, studio.reports.put_back, studio.reports.remove):
            with pytest.raises(NotAllowed, match="manage this server"):
                await act(house.who(FRIEND), 1)
        assert len((await studio.reports.look(house.who(ADMIN, admin=True), 1)).pictures) == 5
        assert (await studio.reports.put_back(house.who(ADMIN, admin=True), 1)).state == "kept"
        assert isinstance(await studio.screen(GUILD, Purpose.PICTURES, job), PicturesCard)
        with pytest.raises(UserError, match="decided already"):
            await studio.reports.remove(house.who(ADMIN, admin=True), 1)
        assert [a.act for a in await house.store.audit.list(SCOPE)] == ["kept", "reported", "ruled", "painted"]


async def test_removed_for_good(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house)
        key = (await house.store.jobs.get(SCOPE, job)).key_id
        await studio.reports.report(house.who(FRIEND), 77)
        await studio.reports.remove(house.who(ADMIN, admin=True), 1)
        with pytest.raises(NoSuchRow):
            await house.store.jobs.get(SCOPE, job)
        assert not house.store.database.vault.knows(key)
        assert [e.message_id for e in await house.store.erasures.due_everywhere()] == [77]
        assert (await house.store.audit.list(SCOPE))[0].act == "removed"


async def test_only_pictures_of_this_bot_can_be_reported(house: House) -> None:
    async with house.life() as studio:
        await painted(house)
        with pytest.raises(NotFound, match="nothing to report"):
            await studio.reports.report(house.who(FRIEND), 78)
