"""Favourites: whose, kept how long, shown to whom, and gone with what they show."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.painting_screens import MINE, SERVER, GalleryCard
from bot.studio.requests import Who
from engine.files.picture import MADE_BY_A_MODEL
from storage.errors import BlobMissing
from storage.states import Access
from tests.studio.house import ADMIN, FRIEND, OWNER, SCOPE, House
from tests.studio.shelf import planted

DAY = 24 * 3600


async def painted(house: House, prompt: str = "a cat", *, count: int = 1, member: int = OWNER) -> str:
    card = await house.studio.imagine(house.who(member), house.imagine(prompt, count=count))
    await house.settled()
    return card.job_id


async def kept(house: House, job_id: str, number: int = 0, *, member: int = OWNER) -> int:
    """The picture's id."""
    await house.studio.gallery.toggle(house.who(member), job_id, number)
    return (await house.studio.gallery.alone(house.who(member), job_id, number)).picture_id


async def mine(house: House, member: int = OWNER, page: int = 1) -> GalleryCard:
    return await house.studio.gallery.page(house.who(member), MINE, page)


async def theirs(house: House, member: int = OWNER) -> list[int]:
    return [line.picture_id for line in (await house.studio.gallery.page(house.who(member), SERVER)).lines]


async def test_a_press_keeps_and_another_lets_go_each_for_themselves(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house, count=3)
        assert "Picture 3 is a favourite" in (await studio.gallery.toggle(house.who(), job, 2)).sentence
        assert (await mine(house)).total == 1 and (await mine(house, FRIEND)).total == 0
        assert (await mine(house, FRIEND)).sheet is None
        await kept(house, job, 1, member=FRIEND)
        assert "Picture 3 is a favourite" in (await studio.gallery.toggle(house.who(), job, 2)).sentence, (
            "pressed twice"
        )
        house.clock.now += 3
        assert "no favourite" in (await studio.gallery.toggle(house.who(), job, 2)).sentence
        assert (await mine(house)).total == 0 and (await mine(house, FRIEND)).total == 1
        with pytest.raises(NotFound, match="not kept"):
            await studio.gallery.toggle(house.who(), job, 3)


async def test_pages_of_nine_kept_last_first(house: House) -> None:
    async with house.life() as studio:
        jobs = [await painted(house, f"cat number {n}", count=4) for n in range(3)]
        ids = [await kept(house, job, number) for job in jobs for number in range(4)][:11]
        for id in ids:
            house.clock.now += 1
            await studio.gallery.drop(house.who(), id)
            await studio.gallery.keep(house.who(), id)
        extra = (await mine(house)).lines[-1].picture_id
        assert (await mine(house)).total == 12 and (await mine(house)).pages == 2
        await studio.gallery.drop(house.who(), (await mine(house, page=2)).lines[-1].picture_id)
        first, second = await mine(house), await mine(house, page=9)
        assert [line.picture_id for line in (*first.lines, *second.lines)] == ids[::-1] and extra in ids
        assert [line.number for line in second.lines] == [10, 11] and second.page == 2
        assert first.sheet is not None
        sheet = Image.open(io.BytesIO(first.sheet.data))
        assert MADE_BY_A_MODEL.encode() in sheet.info["xmp"] and sheet.width < 2048


async def test_one_is_opened_with_all_that_made_it(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        job = await painted(house, "ohwx on the moon --seed 40", count=2)
        id = await kept(house, job, 1)
        card = await studio.gallery.open(house.who(), id, "mine.1")
        assert (card.prompt, card.seed, card.lora, card.kept, card.back) == (
            "ohwx on the moon",
            41,
            lora.name,
            True,
            "mine.1",
        )
        for stranger in (house.who(FRIEND), replace(house.who(), guild_id=4711)):
            with pytest.raises(NotFound):
                await studio.gallery.open(stranger, id)
        assert not (await studio.gallery.drop(house.who(), id)).kept
        with pytest.raises(NotFound, match="in no gallery"):
            await studio.gallery.open(house.who(), id)
        with pytest.raises(UserError):
            await studio.gallery.page(house.who(), "everybody")


async def test_shown_to_the_server_by_its_painter_only(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house)
        id = await kept(house, job)
        await kept(house, job, member=FRIEND)
        assert await theirs(house, FRIEND) == []
        with pytest.raises(NotAllowed, match="Only the one who had it painted"):
            await studio.gallery.share(house.who(FRIEND), id, True)
        assert (await studio.gallery.share(house.who(), id, True)).shared
        assert await theirs(house, FRIEND) == [id]
        await studio.gallery.drop(house.who(FRIEND), id)
        opened = await studio.gallery.open(house.who(FRIEND), id)
        assert not opened.kept and not opened.can_share
        assert not (await studio.gallery.share(house.who(), id, False)).shared
        assert await theirs(house, FRIEND) == []


async def test_a_gallery_holds_nothing_one_may_not_use(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        id = await kept(house, await painted(house, "ohwx"))
        theirs_too = await painted(house, "ohwx at sea", member=FRIEND)
        await kept(house, theirs_too, member=FRIEND)
        await studio.gallery.share(house.who(), id, True)
        assert await theirs(house, FRIEND) == [id] and (await mine(house, FRIEND)).total == 1
        await studio.keeping.share(house.who(), lora.id, Access.ME)
        assert await theirs(house, FRIEND) == [] and (await mine(house, FRIEND)).total == 0
        assert await theirs(house) == [id]
        with pytest.raises(NotFound):
            await studio.gallery.open(house.who(FRIEND), id)
        job = await painted(house, "ohwx by night")
        with pytest.raises(NotAllowed, match="not one you may use"):
            await studio.gallery.toggle(house.who(FRIEND), job, 0)
        await house.store.loras.withdraw(SCOPE, lora.id)
        assert await theirs(house) == [] and (await mine(house)).total == 0


async def test_a_reported_picture_is_in_no_gallery(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house)
        id = await kept(house, job)
        (row,) = await house.store.outbox.list(SCOPE, purpose="pictures")
        await house.store.outbox.sent(SCOPE, row.id, 9000)
        report = await studio.reports.report(house.who(FRIEND), 9000)
        assert (await mine(house)).total == 0
        await studio.reports.put_back(house.who(ADMIN, admin=True), report.report_id)
        assert [line.picture_id for line in (await mine(house)).lines] == [id]


async def keeps_for(house: House, days: int) -> Who:
    admin = house.who(ADMIN, admin=True)
    await house.studio.rulebook.number(admin, {"keep_pictures_days": str(days)})
    return admin


async def test_a_favourite_outlives_the_days_its_server_keeps_pictures(house: House) -> None:
    async with house.life() as studio:
        await keeps_for(house, 1)
        job = await painted(house, "a cat --seed 5", count=3)
        id = await kept(house, job, 1, member=FRIEND)
        gone = await house.store.pictures.of_job(SCOPE, job)
        house.clock.now += 2 * DAY
        await studio.tidy()
        (left,) = await house.store.pictures.of_job(SCOPE, job)
        assert left.id == id
        for picture in gone:
            if picture.id != id:
                with pytest.raises(BlobMissing):
                    await house.store.blobs.get(SCOPE, picture.key_id, picture.sha256)
        card = await studio.gallery.open(house.who(FRIEND), id)
        assert card.prompt == "a cat" and card.seed == 6 and card.number == 1
        again = await studio.again(house.who(FRIEND), card.job_id, same_seed=True)
        assert again.seeds == (5, 6, 7)
        await house.settled()
        posted = await studio.paint.card(SCOPE, await house.store.jobs.get(SCOPE, job))
        assert (posted.numbers, posted.seeds, len(posted.pictures)) == ((1,), (6,), 1)
        await studio.gallery.drop(house.who(FRIEND), id)
        house.clock.now += 2 * DAY
        await studio.tidy()
        assert await house.store.pictures.of_job(SCOPE, job) == ()
        assert not house.store.database.vault.knows(left.key_id)


async def test_what_is_deleted_or_forgotten_is_nobodys_favourite(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        deleted = await kept(house, await painted(house), member=FRIEND)
        forgotten = await kept(house, await painted(house, "ohwx"), member=FRIEND)
        own = await kept(house, await painted(house, "a dog", member=FRIEND))
        assert (await mine(house, FRIEND)).total == 2 and (await mine(house)).total == 1
        await studio.delete_pictures(house.who(), (await house.store.pictures.get(SCOPE, deleted)).job_id)
        assert [line.picture_id for line in (await mine(house, FRIEND)).lines] == [forgotten]
        await studio.forgetting.forget_subject(house.who(), await house.store.loras.subject_of(SCOPE, lora.id))
        assert (await mine(house, FRIEND)).total == 0
        held = await house.store.members.held(SCOPE, OWNER)
        assert held.favourites == 1
        await studio.forgetting.forget_me(house.who())
        assert await house.store.favourites.get(SCOPE, own, OWNER) is None
        assert (await house.store.members.held(SCOPE, OWNER)).favourites == 0
        await kept(house, await painted(house, "a bird", member=FRIEND))
        await studio.forgetting.forget_me(house.who(FRIEND))
        assert (await mine(house)).total == 0, "the painter's word is enough"
