"""Favourites: whose gallery holds what, and what they keep."""

from __future__ import annotations

import pytest

from storage import Scope, Store
from storage.errors import NoSuchRow
from storage.people import ChannelRules
from storage.records import NewPicture, Picture
from storage.states import ReportState
from tests.storage.conftest import Clock
from tests.storage.story import CHANNEL, OWNER, PAINTER, painting, story


async def pictures(store: Store, scope: Scope, job_id: str = "two", count: int = 2) -> tuple[Picture, ...]:
    job = await painting(store, scope, job_id)
    stored = [await store.blobs.put(scope, job.key_id, f"{job_id}{n}".encode()) for n in range(count)]
    return await store.pictures.add(
        scope, job, [NewPicture(n, sha) for n, sha in enumerate(stored)], prompt="a cat", params={}
    )


async def test_one_members_own_kept_last_first(store: Store, scope: Scope, clock: Clock) -> None:
    first, second = await pictures(store, scope)
    await store.favourites.keep(scope, first.id, OWNER)
    clock.now += 1
    await store.favourites.keep(scope, second.id, OWNER)
    await store.favourites.keep(scope, first.id, OWNER)
    await store.favourites.keep(scope, first.id, PAINTER)
    mine = await store.favourites.list(scope, member_id=OWNER)
    assert [favourite.picture_id for favourite in mine] == [second.id, first.id]
    assert await store.favourites.count(scope, member_id=OWNER) == 2
    assert [f.picture_id for f in await store.favourites.list(scope, member_id=OWNER, limit=1, offset=1)] == [first.id]
    await store.favourites.drop(scope, second.id, OWNER)
    await store.favourites.drop(scope, second.id, OWNER)
    assert await store.favourites.count(scope, member_id=OWNER) == 1
    assert await store.favourites.kept_by_anybody(scope, "two") == {first.id}


async def test_only_its_painter_shows_one_to_the_server(store: Store, scope: Scope) -> None:
    (picture,) = await pictures(store, scope, count=1)
    for member in (OWNER, PAINTER):
        await store.favourites.keep(scope, picture.id, member)
    await store.favourites.share(scope, picture.id, OWNER, True)
    assert await store.favourites.list(scope, member_id=None) == ()
    await store.favourites.share(scope, picture.id, PAINTER, True)
    assert [f.member_id for f in await store.favourites.list(scope, member_id=None)] == [PAINTER]
    await store.favourites.share(scope, picture.id, PAINTER, False)
    assert not await store.favourites.shown(scope, picture, member_id=None)
    with pytest.raises(NoSuchRow):
        await store.favourites.share(scope, picture.id, 4711, True)


async def test_what_may_not_be_shown_is_in_no_gallery(store: Store, scope: Scope) -> None:
    told = await story(store, scope)

    async def shown(loras: tuple[int, ...] | None = None) -> bool:
        return await store.favourites.shown(scope, told.picture, member_id=PAINTER, loras=loras)

    assert not await shown()  # reported
    await store.reports.decide(scope, 1, ReportState.KEPT, by=OWNER)
    assert await shown() and await shown((told.lora.id,))
    assert not await shown(())
    await store.loras.withdraw(scope, told.lora.id)
    assert not await shown((told.lora.id,))


async def test_a_favourite_goes_with_its_picture_and_with_its_member(store: Store, scope: Scope) -> None:
    told = await story(store, scope)
    await store.favourites.keep(scope, told.picture.id, OWNER)
    await store.members.take_name_out(scope, PAINTER)
    assert await store.favourites.get(scope, told.picture.id, PAINTER) is None
    assert await store.favourites.get(scope, told.picture.id, OWNER) is not None
    await store.subjects.forget(scope, told.subject.id)
    assert await store.favourites.get(scope, told.picture.id, OWNER) is None
    with pytest.raises(NoSuchRow):
        await store.favourites.keep(scope, told.picture.id, OWNER)


async def test_the_sweep_takes_the_others_of_a_grid_and_never_a_favourite(
    store: Store, scope: Scope, clock: Clock
) -> None:
    first, second = await pictures(store, scope)
    job = await store.jobs.claim_everywhere()
    assert job is not None
    await store.jobs.finish(scope, job.id, job.attempt)
    await store.favourites.keep(scope, second.id, OWNER)
    clock.now += 100
    assert [job.id for job in await store.jobs.painted_before(scope, clock.now)] == ["two"]
    gone = await store.pictures.delete(scope, "two", but=await store.favourites.kept_by_anybody(scope, "two"))
    assert gone == (first,) and await store.pictures.of_job(scope, "two") == (second,)
    assert await store.jobs.painted_before(scope, clock.now) == ()
    await store.favourites.drop(scope, second.id, OWNER)
    assert [job.id for job in await store.jobs.painted_before(scope, clock.now)] == ["two"]


async def test_a_thread_goes_by_its_parent_until_it_has_rules_of_its_own(store: Store, scope: Scope) -> None:
    thread = 901
    await store.channels.decide(scope, CHANNEL, ChannelRules(count=1, painting=False), by=OWNER)
    assert (await store.channels.rules(scope, thread, CHANNEL)).painting is False
    assert await store.channels.rules(scope, thread) == ChannelRules()
    await store.channels.decide(scope, thread, ChannelRules(size="3:2"), by=OWNER)
    assert await store.channels.rules(scope, thread, CHANNEL) == ChannelRules(size="3:2")
    await store.channels.decide(scope, thread, ChannelRules(), by=OWNER)
    assert (await store.channels.rules(scope, thread, CHANNEL)).count == 1
    assert await store.channels.rules(Scope(5), CHANNEL) == ChannelRules()
