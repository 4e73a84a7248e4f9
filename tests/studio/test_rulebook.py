"""A server's rules: roles, channels, quotas, and what is deleted when its time has come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, UserError
from bot.studio.requests import Who
from bot.studio.screens import Purpose
from bot.studio.settings import Retention
from storage.errors import BlobMissing
from storage.people import Rules
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given

ROLE, DAY = 4000, 24 * 3600


def someone(house: House, id: int = OWNER, *, channel: int = CHANNEL, parent: int | None = None, role: int = 0) -> Who:
    roles = frozenset({role} if role else ())
    return Who(GUILD, id, channel, f"r{next(house.numbers)}", is_admin=id == ADMIN, roles=roles, parent_id=parent)


async def test_only_admins_see_and_make_rules(house: House) -> None:
    async with house.life() as studio:
        for act in (
            studio.rulebook.card(house.who()),
            studio.rulebook.choose(house.who(), channels=(1,)),
            studio.rulebook.number(house.who(), {}),
            studio.rulebook.audit(house.who()),
        ):
            with pytest.raises(NotAllowed, match="manage this server"):
                await act
        admin = house.who(ADMIN, admin=True)
        await studio.rulebook.choose(admin, training_roles=(ROLE,))
        await studio.rulebook.choose(admin, channels=(CHANNEL,))
        card = await studio.rulebook.choose(admin, report_channel=(600,))
        assert card.rules == Rules((ROLE,), (CHANNEL,), 600)
        card = await studio.rulebook.choose(admin, training_roles=(), channels=(), report_channel=())
        assert card.rules == Rules()
        for wrong in ("0", "-1", "many", "1.5", "99999", "\N{SUPERSCRIPT TWO}"):
            with pytest.raises(UserError, match="Nothing was changed"):
                await studio.rulebook.number(admin, {"pictures_per_day": "3", "keep_photos_days": wrong})
        assert (await studio.rulebook.card(admin)).rules == Rules()
        card = await studio.rulebook.number(admin, {"pictures_per_day": "3", "keep_photos_days": " 30 "})
        assert card.rules == Rules(pictures_per_day=3, keep_photos_days=30)
        assert (await studio.rulebook.number(admin, {})).rules == Rules()
        assert {line.act for line in (await studio.rulebook.audit(admin)).lines} == {"ruled"}


async def test_roles_and_channels(house: House) -> None:
    async with house.life() as studio:
        admin = house.who(ADMIN, admin=True)
        await studio.rulebook.choose(admin, training_roles=(ROLE,))
        with pytest.raises(NotAllowed, match=f"<@&{ROLE}>"):
            await house.begin()
        await studio.rulebook.choose(admin, training_roles=(), channels=(CHANNEL,))
        await house.begin()
        with pytest.raises(NotAllowed, match=f"Not in this channel: on this server I work in <#{CHANNEL}>"):
            await studio.imagine(someone(house, channel=999), house.imagine("a dog"))
        await studio.imagine(someone(house, channel=ROOM, parent=CHANNEL), house.imagine("a dog"))
        await house.settled()


async def test_quotas(house: House) -> None:
    async with house.life() as studio:
        admin = house.who(ADMIN, admin=True)
        await studio.rulebook.number(admin, {"pictures_per_day": "2", "trainings_per_member": "1"})
        for _ in range(2):
            await studio.imagine(house.who(), house.imagine("a dog"))
            await house.settled()
        with pytest.raises(UserError, match="asked 2 times in the last 24 hours"):
            await studio.imagine(house.who(), house.imagine("a dog"))
        await studio.imagine(house.who(FRIEND), house.imagine("a dog"))
        house.clock.now += DAY + 1
        await studio.imagine(house.who(), house.imagine("a dog"))
        await house.published()
        second = await house.ready(draft="second", name="Ann")
        with pytest.raises(UserError, match="begun 1 training in the last 30 days"):
            await studio.start_training(house.who(), second)
        house.clock.now += 30 * DAY + 1
        await studio.start_training(house.who(), second)
        await house.settled()


async def test_what_was_kept_long_enough_goes_and_the_winner_stays(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        card = await studio.imagine(house.who(), house.imagine("ohwx on the moon"))
        await house.settled()
        admin = house.who(ADMIN, admin=True)
        typed = {"keep_photos_days": "7", "keep_epochs_days": "14", "keep_pictures_days": "30"}
        await studio.rulebook.number(admin, typed)
        lora = await house.store.loras.get(SCOPE, 1)
        (photo, *_) = await house.store.photos.list(SCOPE, 1)
        epochs = await house.store.epochs.list(SCOPE, lora.run_id)
        posts = await house.store.outbox.list(SCOPE, purpose=Purpose.EPOCH)
        for post in posts:
            await house.store.outbox.sent(SCOPE, post.id, 7000 + int(post.ref))

        async def there() -> tuple[int, int, int]:
            return (
                len(await house.store.photos.list(SCOPE, 1)),
                len(await house.store.epochs.list(SCOPE, lora.run_id)),
                len(await house.store.pictures.of_job(SCOPE, card.job_id)),
            )

        await studio.tidy()
        assert await there() == (6, 4, 4)
        for days, left in ((8, (0, 4, 4)), (15, (0, 2, 4)), (31, (0, 2, 0))):
            house.clock.now = 1_790_000_000 + days * DAY
            await studio.tidy()
            assert await there() == left, days
        loser = next(e for e in epochs if e.number and e.number != lora.epoch)
        for sha in (photo.raw_sha256, loser.lora_sha256 or ""):
            with pytest.raises(BlobMissing):
                await house.store.blobs.get(SCOPE, lora.key_id, sha)
        assert await house.store.blobs.get(SCOPE, lora.key_id, lora.sha256)
        on_disk = {path.name for path in (house.folder / "vault" / "blobs").glob("*/*/*")}
        lost = [e for e in epochs if e.number and e.number != lora.epoch]
        assert not on_disk & {sha for e in lost for sha in (e.lora_sha256, *e.previews)} - {lora.sha256}
        erased = {erasure.message_id for erasure in await house.store.erasures.due_everywhere()}
        assert len(lost) == 2 and erased >= {7000 + e.id for e in lost}, "what shows them goes with them"
        (winner,) = (e for e in epochs if e.number == lora.epoch)
        assert 7000 + winner.id not in erased
        await studio.imagine(house.who(), house.imagine("a portrait", lora=name))
        await house.settled()


async def test_the_audit_is_read_in_pages(house: House) -> None:
    async with house.life() as studio:
        admin = house.who(ADMIN, admin=True)
        for n in range(45):
            await house.store.audit.add(SCOPE, "painted", n + 1, job_id=f"job{n}")
        seen: list[int] = []
        before = None
        for size, more in ((20, True), (20, True), (5, False)):
            page = await studio.rulebook.audit(admin, before)
            assert len(page.lines) == size and (page.before is not None) == more
            seen += [line.who_id for line in page.lines]
            before = page.before
        assert seen == list(range(45, 0, -1))


async def test_the_owner_of_the_machine_has_the_last_word_about_days(house: House) -> None:
    house.settings = replace(house.settings, retention=Retention(photos_days=7, epochs_days=7))
    async with house.life() as studio:
        await house.published()
        sheets = [row for row in await house.store.outbox.list(SCOPE) if row.purpose in ("crops", "captions")]
        for row in sheets:
            await house.store.outbox.sent(SCOPE, row.id, 5000 + row.id)
        draft = await house.begin(draft="left", name="Ann")
        told = (await studio.privacy.card(house.who())).rules
        assert (told.keep_photos_days, told.keep_epochs_days, told.keep_pictures_days) == (7, 7, None)
        await studio.rulebook.number(house.who(ADMIN, admin=True), {"keep_photos_days": "90", "keep_epochs_days": "2"})
        told = (await studio.privacy.card(house.who())).rules
        assert (told.keep_photos_days, told.keep_epochs_days) == (7, 2)
        house.clock.now += 8 * DAY
        await studio.tidy()
        assert await house.store.photos.list(SCOPE, 1) == ()
        gone = {erasure.message_id for erasure in await house.store.erasures.due_everywhere()}
        assert sheets and {5000 + row.id for row in sheets} <= gone, "the sheets show the photos"
        left = await house.store.datasets.get(SCOPE, draft)
        assert left.state == "discarded" and left.key_id not in house.store.database.vault.key_ids()
        assert len(await house.store.loras.list(SCOPE)) == 1


async def test_a_draft_that_somebody_works_on_stays(house: House) -> None:
    house.settings = replace(house.settings, retention=Retention(photos_days=7))
    async with house.life() as studio:
        draft = await house.begin()
        house.clock.now += 6 * DAY
        await studio.add_photos(house.who(), draft, given(2, first=30))
        await house.settled()
        house.clock.now += 2 * DAY
        await studio.tidy()
        assert (await house.store.datasets.get(SCOPE, draft)).state == "cropping"
