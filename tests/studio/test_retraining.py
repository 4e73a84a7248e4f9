"""A LoRA trained again: the old photos with their crops and captions, what is new about them, and what cannot be opened."""

from __future__ import annotations

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.retraining import Opened, Source
from bot.studio.rulebook import DAY
from engine.protocol import TrainJob
from storage.people import Rules
from storage.states import ConsentState, DatasetState, Origin, PhotoState
from tests.studio.house import ADMIN, FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given
from tests.studio.test_people import trained

AGAIN = 777


async def reopened(house: House, lora: int = 1, draft: str = "again") -> Opened:
    source = await house.studio.retraining.of_lora(house.who(), lora)
    return await house.studio.retraining.open(house.who(), source, draft=draft, room_id=AGAIN)


async def started(house: House, dataset: int) -> int:
    """The run of a version whose crops and captions are agreed to."""
    await house.studio.accept_crops(house.who(), dataset)
    await house.studio.accept_captions(house.who(), dataset)
    return (await house.studio.start_training(house.who(), dataset)).run_id


async def test_the_same_photos_crops_and_captions_as_a_new_version(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        old = await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)
        assert name == "kat3r1na-gen0"
        for photo in old:
            await house.store.measures.put(SCOPE, photo.id, f'{{"blur": {photo.id}}}')
        opened = await reopened(house)
        measured = await house.store.measures.of_dataset(SCOPE, opened.dataset_id)
        assert sorted(measured.values()) == [f'{{"blur": {photo.id}}}' for photo in old]
        assert (opened.generation, opened.carried, opened.room_id, opened.asked) == (1, len(old), AGAIN, None)
        new = await house.store.photos.list(SCOPE, opened.dataset_id)
        same = ("clean_sha256", "crop", "caption", "faces", "width", "given_name", "sharpness")
        for one, other in zip(old, new, strict=True):
            assert {f: getattr(one, f) for f in same} == {f: getattr(other, f) for f in same}
        assert {photo.origin for photo in new} == {Origin.CARRIED}
        frozen, version = [await house.store.datasets.get(SCOPE, n) for n in (1, opened.dataset_id)]
        assert frozen.state is DatasetState.FROZEN and version.state is DatasetState.CROPPING
        assert version.key_id != frozen.key_id and version.parent_id == frozen.id
        assert ("crops", str(version.id)) in await house.posts("crops")
        assert [photo.number for photo in (await studio.crop_sheet(house.who(), version.id)).photos] == [
            1,
            2,
            3,
            4,
            5,
            6,
        ]

        run = await started(house, version.id)
        await house.settled()
        job = [j for j in house.engine.submitted if isinstance(j, TrainJob)][-1]
        assert (job.trigger, len(job.images)) == ((await house.store.runs.get(SCOPE, 1)).trigger, 6)
        ballot = await house.store.ballots.of_run(SCOPE, run)
        assert ballot is not None
        assert (await studio.close_ballot(GUILD, ballot.id, {})).name == "kat3r1na-gen1"
        card = await studio.keeping.named(house.who(), "kat3r1na-gen1")
        assert card.versions == ("kat3r1na-gen0", "kat3r1na-gen1") and card.retrains
        first = await studio.keeping.named(house.who(), "kat3r1na-gen0")
        assert first.versions == ("kat3r1na-gen0",)
        theirs = await studio.keeping.named(house.who(FRIEND), "kat3r1na-gen1")
        assert not theirs.retrains


async def test_what_was_added_and_left_out_is_said_before_the_start(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        version = (await reopened(house)).dataset_id
        await studio.accept_crops(house.who(), version)
        await studio.accept_captions(house.who(), version)
        assert (await studio.confirm_card(house.who(), version)).change == "The same photos as in gen0."
        await studio.add_photos(house.who(), version, given(2, first=40))
        await house.settled()
        await studio.adjust_crop(house.who(), version, 3, "drop")
        await studio.accept_crops(house.who(), version)
        await studio.accept_captions(house.who(), version)
        card = await studio.confirm_card(house.who(), version)
        assert card.change == "Against gen0: 5 photos as before, 2 added (7, 8), 1 left out (3)."
        assert len(await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)) == 6, "gen0 stays as it was"


async def test_the_same_command_and_a_second_one_find_the_version_that_is_open(house: House) -> None:
    async with house.life():
        await house.published()
        first = await reopened(house)
        for again in (await reopened(house), await reopened(house, draft="another press")):
            assert (again.dataset_id, again.is_new, again.room_id) == (first.dataset_id, False, AGAIN)
        plan = await house.studio.retraining.plan(house.who(), Source(1, "x"))
        assert plan.opened is not None and plan.opened.dataset_id == first.dataset_id
        assert len(await house.store.photos.list(SCOPE, first.dataset_id)) == 6


async def test_a_crash_between_the_version_and_its_photos(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        fill = studio.retraining._fill
        studio.retraining._fill = None  # type: ignore[method-assign,assignment]
        with pytest.raises(TypeError):
            await reopened(house)
        studio.retraining._fill = fill  # type: ignore[method-assign]
        assert await house.store.photos.list(SCOPE, 2) == ()
        assert (await studio.retraining.plan(house.who(), Source(1, "x"))).opened is not None
        assert len(await house.store.photos.list(SCOPE, 2)) == 6
        assert (await house.posts("crops")).count(("crops", "2")) == 1


async def test_only_its_owner_trains_it_again(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        for who in (house.who(FRIEND), house.who(ADMIN, admin=True)):
            with pytest.raises(NotAllowed, match="photos are theirs"):
                await studio.retraining.named(who, "kat3r1na-gen0")
            with pytest.raises(NotAllowed, match="photos are theirs"):
                await studio.retraining.open(who, Source(1, "x"), draft="x", room_id=AGAIN)
            assert await studio.retraining.names(who, "") == ()
        with pytest.raises(NotFound, match="no LoRA called nobody"):
            await studio.retraining.named(house.who(), "nobody")
        assert await studio.retraining.names(house.who(), "KAT") == ("kat3r1na-gen0",)
        assert len(await house.store.datasets.of_subject(SCOPE, 1)) == 1


async def test_one_live_training_of_a_subject_whichever_version(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        version = (await reopened(house)).dataset_id
        await studio.accept_crops(house.who(), version)
        await studio.accept_captions(house.who(), version)
        await house.crash()  # what is started now stays in the queue
        await studio.start_training(house.who(), version)
        with pytest.raises(UserError, match="in training right now"):
            await reopened(house, draft="third")
    async with house.life() as studio:
        await house.settled()
        assert (await studio.retraining.plan(house.who(), Source(1, "x"))).opened is None


async def test_photos_past_their_days_are_said_and_asked_for(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await house.store.guilds.decide(SCOPE, Rules(keep_photos_days=30), by=ADMIN)
        house.clock.now += 31 * DAY
        await studio.tidy()
        opened = await reopened(house)
        assert opened.carried == 0
        sheet = await studio.crop_sheet(house.who(), opened.dataset_id)
        assert not sheet.can_go_on
        assert sheet.summary == (
            "The photos of gen0 are deleted: this server keeps photos for 30 days. Send them again, or others, with Add more "
            "photos."
        )
        await studio.add_photos(house.who(), opened.dataset_id, given(6))
        await house.settled()
        await studio.accept_crops(house.who(), opened.dataset_id)
        await studio.accept_captions(house.who(), opened.dataset_id)
        change = (await studio.confirm_card(house.who(), opened.dataset_id)).change
        assert change == "Against gen0: 0 photos as before, 6 added (1, 2, 3, 4, 5, 6)."


async def test_a_word_that_was_taken_back_is_asked_for_anew(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        await studio.people.revoke(house.who(FRIEND), 1)
        assert await studio.retraining.names(house.who(), "bob") == ("bob-gen0",), "its owner may still ask"
        opened = await reopened(house)
        assert opened.asked == FRIEND
        with pytest.raises(NotAllowed, match="has not answered"):
            await started(house, opened.dataset_id)
        await studio.people.allow(house.who(FRIEND), 1, adult=True)
        await studio.start_training(house.who(), opened.dataset_id)
        await house.settled()
        first, second = await house.store.loras.get(SCOPE, 1), await house.store.loras.of_run(SCOPE, 2)
        assert first.withdrawn_at is not None, "what was withdrawn stays so"
        assert second is not None and second.withdrawn_at is None


async def test_a_word_that_stands_is_not_asked_for_again(house: House) -> None:
    async with house.life():
        await trained(house, wants_vote=False)
        asked = await house.posts("consent")
        assert (await reopened(house)).asked is None
        assert await house.posts("consent") == asked
        assert (await house.store.consents.of_subject(SCOPE, 1)).state is ConsentState.GIVEN


async def test_a_version_that_was_thrown_away_gives_its_number_back(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        version = (await reopened(house)).dataset_id
        await studio.discard(house.who(), version)
        opened = await reopened(house, draft="anew")
        assert opened.generation == 1 and opened.is_new and opened.carried == 6
        assert (await house.store.subjects.get(SCOPE, 1)).state == "live"


async def test_a_lora_that_was_deleted_can_be_trained_again_from_its_photos(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await studio.keeping.delete(house.who(), 1)
        assert await studio.retraining.names(house.who(), "") == ("Kat3r1na",)
        source = await studio.retraining.named(house.who(), "kat3r1na")
        opened = await studio.retraining.open(house.who(), source, draft="again", room_id=AGAIN)
        assert (opened.carried, opened.generation) == (6, 1)


async def test_forgetting_reaches_every_version(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await reopened(house)
        await studio.forgetting.forget_subject(house.who(OWNER), 1)
        assert house.store.database.vault.key_ids() == set()
        assert ROOM != AGAIN
        rooms = {
            erasure.channel_id for erasure in await house.store.erasures.due_everywhere() if not erasure.message_id
        }
        assert rooms == {ROOM, AGAIN}
