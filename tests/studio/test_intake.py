from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.requests import BeginTraining, GivenPhoto
from bot.studio.screens import CropSheet, Purpose, TroubleCard
from engine.protocol import FailureKind, PrepareJob
from engine.script import Script
from storage.states import DatasetState, JobKind, PhotoState
from tests.studio.house import FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given, photo

ASK = BeginTraining("draft", "Kat", "person", True, given(6), room_id=ROOM)


async def sheet(house: House, dataset: int = 1) -> CropSheet:
    found = await house.studio.screen(GUILD, Purpose.CROPS, str(dataset))
    assert isinstance(found, CropSheet)
    return found


async def test_four_photos_are_kept_but_do_not_go_on(house: House) -> None:
    async with house.life() as studio:
        await house.begin(4)
        shown = await sheet(house)
        assert not shown.can_go_on and shown.summary == "4 photos in. 1 more usable photo is needed to go on."
        with pytest.raises(UserError, match="5 usable photos are needed and 4 are there: add 1 more"):
            await studio.accept_crops(house.who(), 1)
        await studio.add_photos(house.who(), 1, given(2, first=20))
        await house.settled()
        assert (await sheet(house)).can_go_on


async def test_one_too_many_is_left_out_with_its_reason_and_the_others_stay(house: House) -> None:
    async with house.life() as studio:
        await studio.begin(house.who(), replace(ASK, photos=given(51)))
        await house.settled()
        shown = await sheet(house)
        assert shown.summary == "51 photos in. 1 left out: IMG_51 is one too many: a subject has at most 50 photos."
        assert len(await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)) == 50 and shown.can_go_on
        with pytest.raises(UserError, match=r"50 photos and 50 are in.*Leave some out"):
            await studio.add_photos(house.who(), 1, given(1, first=60))


async def test_more_than_the_room_left_fills_it(house: House) -> None:
    house.settings = replace(house.settings, max_photos=8)
    async with house.life() as studio:
        dataset = await house.begin(6)
        who = house.who(request="more")
        for _ in range(2):
            await studio.add_photos(who, dataset, given(3, first=20))
        await house.settled()
        await studio.add_photos(who, dataset, given(3, first=20))
        photos = await house.store.photos.list(SCOPE, dataset)
        assert [photo.state for photo in photos] == [PhotoState.KEPT] * 8 + [PhotoState.REFUSED]
        assert (photos[-1].cause, photos[-1].facts) == ("no_room", {"most": 8})


async def test_what_moves_is_left_out_and_its_first_frame_taken_when_asked_for(house: House) -> None:
    house.script = Script(moving=(2, 4))
    async with house.life() as studio:
        dataset = await house.begin(6)
        shown = await sheet(house)
        assert shown.animated == 2 and not shown.can_go_on
        assert "IMG_3 is animated; take its first frame, or send one still picture of it" in shown.summary
        for _ in range(2):
            await studio.intake.take_first_frames(house.who(), dataset)
        await house.settled()
        shown = await sheet(house)
        assert shown.animated == 0 and shown.summary == "6 photos in." and shown.can_go_on
        assert [line.number for line in shown.photos] == [1, 2, 3, 4, 5, 6]
        with pytest.raises(NotAllowed):
            await studio.intake.take_first_frames(house.who(FRIEND), dataset)


async def test_words_given_beside_a_photo_are_its_caption(house: House) -> None:
    async with house.life() as studio:
        photos = tuple(replace(one, caption="on a beach" if n == 2 else "") for n, one in enumerate(given(6)))
        await studio.begin(house.who(), replace(ASK, photos=photos))
        await house.settled()
        captions = [photo.caption for photo in await house.store.photos.list(SCOPE, 1)]
        assert captions[2] == "on a beach" and captions[1] == captions[3] == house.script.caption


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"photos": ()}, "no photos"),
        ({"consent": False}, "Tick the box"),
        ({"name": "  "}, "1 to 60 characters"),
        ({"name": "x" * 61}, "1 to 60 characters"),
        ({"kind": "planet"}, "Choose what it is"),
    ],
)
async def test_what_is_missing_is_said_and_nothing_is_kept(house: House, change: dict[str, object], part: str) -> None:
    async with house.life() as studio:
        with pytest.raises(UserError, match=part):
            await studio.begin(house.who(), replace(ASK, **change))  # type: ignore[arg-type]
        assert await house.store.subjects.list(SCOPE) == ()


async def test_every_refused_photo_is_named_with_its_reason(house: House) -> None:
    house.script = Script(refuse={3: "is 240 px wide; at least 256 are needed"}, copies={8: 2})
    async with house.life() as studio:
        photos = (*given(9), GivenPhoto("notes.jpg", b"buy milk"), GivenPhoto("cut.jpg", photo(77)[:2000]))
        await studio.begin(house.who(), replace(ASK, photos=photos))
        await house.settled()
        assert (await sheet(house)).summary == (
            "11 photos in. 4 left out: IMG_4 is 240 px wide; at least 256 are needed, IMG_9 is a copy of IMG_3, "
            "notes is not a photo, cut is an incomplete upload; send it again."
        )
        assert (await sheet(house)).can_go_on
        with pytest.raises(UserError, match=r"Photo 10 could not be used: it is not a photo\."):
            await studio.crop_editor(house.who(), 1, 10)


async def test_photos_of_the_same_name_are_told_apart_by_number(house: House) -> None:
    house.script = Script(refuse={1: "is too dark"})
    async with house.life() as studio:
        await studio.begin(house.who(), replace(ASK, photos=tuple(replace(p, name="image.png") for p in given(6))))
        await house.settled()
        assert "1 left out: photo 2 is too dark." in (await sheet(house)).summary


async def test_the_same_request_is_accepted_once(house: House) -> None:
    async with house.life() as studio:
        who = house.who(request="train")
        first = await studio.begin(who, ASK)
        assert (await studio.begin(who, ASK)).dataset_id == first.dataset_id
        await house.settled()
        assert (await studio.begin(who, ASK)).done == 6
        more = house.who(request="more")
        for _ in range(2):
            assert (await studio.add_photos(more, first.dataset_id, given(2, first=30))).given == 8
        await house.settled()
        assert len(await house.store.jobs.of_dataset(SCOPE, first.dataset_id)) == 2
        assert len(await house.store.subjects.list(SCOPE)) == 1


async def test_accepted_before_the_reply_was_lost(house: House) -> None:
    """Promise 1: the bot dies between commit and reply; the same click finds the same thing, and the work is done."""
    house.script = Script(hold={"prepare": 2})
    async with house.life() as studio:
        await studio.begin(house.who(request="train"), ASK)
        await house.crash()
    house.script = Script()
    async with house.life() as studio:
        again = await studio.begin(house.who(request="train"), ASK)
        assert (again.dataset_id, again.given) == (1, 6)
        await house.settled()
        assert await house.posts() == [("crops", "1")]
        (job,) = await house.store.jobs.of_dataset(SCOPE, 1)
        assert job.attempt == 2


async def test_photos_read_before_a_crash_are_not_read_again(house: House) -> None:
    house.script = Script(hold={"prepare": 3})
    async with house.life() as studio:
        await studio.begin(house.who(), ASK)

        async def three() -> bool:
            return len(await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)) == 3

        await house.until(three)
        await house.crash()
    house.script = Script()
    async with house.life():
        await house.settled()
        (job,) = house.engine.submitted
        assert isinstance(job, PrepareJob)
        assert [ref.photo_id for ref in job.photos] == ["4", "5", "6"]
        assert [ref.photo_id for ref in job.known] == ["1", "2", "3"]


async def test_the_second_form_of_a_draft_adds_to_the_first(house: House) -> None:
    async with house.life() as studio:
        await studio.begin(house.who(), ASK)
        both = await studio.begin(house.who(), replace(ASK, photos=given(3, first=40), consent=False))
        assert (both.dataset_id, both.given) == (1, 9)
        with pytest.raises(NotAllowed):
            await studio.begin(house.who(FRIEND), ASK)
        await house.settled()
        shown = await sheet(house)
        assert [line.number for line in shown.photos] == list(range(1, 10))


async def test_the_same_form_sent_again_takes_nothing_twice(house: House) -> None:
    """No answer came, so the member sends the form that still stands there: the bot had died after the commit, or before."""
    async with house.life() as studio:
        first = await studio.begin(house.who(), ASK)
        await house.crash()
    async with house.life() as studio:
        again = await studio.begin(house.who(), ASK)
        assert (again.dataset_id, again.given) == (first.dataset_id, 6)
        more = await studio.begin(house.who(), replace(ASK, photos=(*ASK.photos, *given(1, first=40))))
        assert more.given == 7
        await house.settled()
        assert "left out" not in (await sheet(house)).summary
        assert await studio.room_of_draft(house.who(), "draft") == ROOM
        assert await studio.room_of_draft(house.who(), "another") is None
        with pytest.raises(NotAllowed):
            await studio.room_of_draft(house.who(FRIEND), "draft")


async def test_more_photos_bring_a_captioned_set_back_to_its_sheet(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.edit_captions(house.who(), dataset, {1: "by hand"})
        await studio.add_photos(house.who(), dataset, given(1, first=50))
        with pytest.raises(UserError, match="still being looked at"):
            await studio.accept_crops(house.who(), dataset)
        await house.settled()
        assert (await house.store.datasets.get(SCOPE, dataset)).state is DatasetState.CROPPING
        assert (await studio.accept_crops(house.who(), dataset)).lines[0].caption == "by hand"


async def test_discarding_takes_everything_at_once(house: House) -> None:
    house.script = Script(hold={"prepare": 2})
    async with house.life() as studio:
        await studio.begin(house.who(), ASK)
        with pytest.raises(NotAllowed):
            await studio.discard(house.who(FRIEND), 1)
        key = (await house.store.datasets.get(SCOPE, 1)).key_id
        sealed = house.folder / "vault" / "blobs" / key
        assert sealed.exists()
        for _ in range(2):
            assert "deleted" in (await studio.discard(house.who(), 1)).sentence
        assert not sealed.exists() and not (house.folder / "vault" / "keys" / key).exists()
        assert await studio.screen(GUILD, Purpose.CROPS, "1") is None
        with pytest.raises(NotFound):
            await studio.crop_sheet(house.who(), 1)
        assert await house.store.jobs.live(SCOPE) == ()
        house.engine.release("prepare")
        assert await house.begin(5, draft="next") == 2
        subjects = await house.store.subjects.list(SCOPE)
        assert [(s.trigger, s.id) for s in subjects] == [("ohwx", 2)]


async def test_cancelled_reading_leaves_a_sheet_of_what_was_read(house: House) -> None:
    house.script = Script(hold={"prepare": 5})
    async with house.life() as studio:
        await studio.begin(house.who(), ASK)

        async def five() -> bool:
            return len(await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)) == 5

        await house.until(five)
        await studio.cancel(house.who())
        shown = await sheet(house)
        assert shown.can_go_on and "IMG_6 was not looked at" in shown.summary
        assert await house.posts() == [("crops", "1")]


async def test_what_a_failed_reading_left_is_read_with_the_next_upload(house: House) -> None:
    house.script = Script(fail={"prepare": FailureKind.INPUT})
    async with house.life() as studio:
        await studio.begin(house.who(), ASK)
        await house.settled()
        ((_, ref),) = await house.posts("trouble")
        assert isinstance(await studio.screen(GUILD, Purpose.TROUBLE, ref), TroubleCard)
    house.script = Script()
    async with house.life() as studio:
        await studio.add_photos(house.who(), 1, given(1, first=60))
        await studio.add_photos(house.who(), 1, given(1, first=61))
        await house.settled()
        shown = await sheet(house)
        assert shown.can_go_on and [line.number for line in shown.photos] == list(range(1, 9))


async def test_nothing_of_the_photos_lies_open_on_the_disk(house: House) -> None:
    async with house.life():
        dataset = await house.ready()
        await house.studio.start_training(house.who(), dataset)
        await house.settled()
        secrets = [photo(1)[200:260], b"IMG_1", b"red sweater", b"lora_unet_mid_block"]
        files = [path for path in house.folder.rglob("*") if path.is_file() and "scratch" not in path.parts]
        assert len(files) > 20
        for path in files:
            data = path.read_bytes()
            assert not [secret for secret in secrets if secret in data], path.name


async def test_two_members_get_two_trigger_words(house: House) -> None:
    async with house.life() as studio:
        await house.begin(5, draft="one")
        await studio.begin(house.who(FRIEND), replace(ASK, draft="two", name="Ann"))
        first, second = await house.store.subjects.list(SCOPE)
        assert first.trigger == "ohwx" and second.trigger != "ohwx"
        assert (first.owner_id, second.owner_id) == (OWNER, FRIEND)
        assert [j.kind for j in await house.store.jobs.of_dataset(SCOPE, 2)] == [JobKind.PREPARE]
        await house.settled()
