from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.requests import Who
from bot.studio.studio import Studio
from engine.protocol import PhotoFlag
from engine.script import Script
from storage.states import DatasetState
from tests.studio.house import ADMIN, FRIEND, OWNER, SCOPE, House

ACTS: list[Callable[[Studio, Who], Awaitable[object]]] = [
    lambda studio, who: studio.crop_sheet(who, 1),
    lambda studio, who: studio.crop_editor(who, 1, 1),
    lambda studio, who: studio.adjust_crop(who, 1, 1, "tighter"),
    lambda studio, who: studio.accept_crops(who, 1),
    lambda studio, who: studio.caption_sheet(who, 1),
    lambda studio, who: studio.edit_captions(who, 1, {1: "x"}),
    lambda studio, who: studio.change_word(who, 1, add="x"),
    lambda studio, who: studio.accept_captions(who, 1),
    lambda studio, who: studio.confirm_card(who, 1),
    lambda studio, who: studio.choose(who, 1, access="server"),
    lambda studio, who: studio.start_training(who, 1),
]


async def test_a_stranger_may_nothing_and_an_admin_everything(house: House) -> None:
    async with house.life() as studio:
        await house.begin()
        before = await house.store.photos.list(SCOPE, 1)
        for act in ACTS:
            with pytest.raises(NotAllowed, match="somebody else's photos"):
                await act(studio, house.who(FRIEND))
        assert await house.store.photos.list(SCOPE, 1) == before
        for act in ACTS:
            await act(studio, house.who(ADMIN, admin=True))
        await house.settled()


async def test_another_server_sees_nothing(house: House) -> None:
    async with house.life() as studio:
        await house.begin()
        for act in ACTS:
            with pytest.raises(NotFound, match="/train"):
                await act(studio, Who(4711, OWNER, 5, house.new_id(), is_admin=True))


async def test_what_was_asked_about_is_answered_by_looking(house: House) -> None:
    house.script = Script(flags={1: (PhotoFlag.SEVERAL_FACES,), 2: (PhotoFlag.BLURRED,)}, faces={1: 2})
    async with house.life() as studio:
        await house.begin()
        lines = (await studio.crop_sheet(house.who(), 1)).photos
        assert [line.number for line in lines if line.asks] == [2]
        assert lines[1].note.startswith("several faces") and lines[2].note == "blurred"
        editor = await studio.adjust_crop(house.who(), 1, 2, "next_face")
        assert editor.faces == 2
        await studio.adjust_crop(house.who(), 1, 3, "keep")
        lines = (await studio.crop_sheet(house.who(), 1)).photos
        assert not any(line.asks for line in lines) and lines[2].note == "blurred"


async def test_left_out_and_taken_back(house: House) -> None:
    async with house.life() as studio:
        await house.begin(5)
        for _ in range(2):
            await studio.adjust_crop(house.who(), 1, 2, "drop")
        shown = await studio.crop_sheet(house.who(), 1)
        assert [line.kept for line in shown.photos] == [True, False, True, True, True] and not shown.can_go_on
        await studio.adjust_crop(house.who(), 1, 2, "keep")
        assert (await studio.crop_sheet(house.who(), 1)).can_go_on
        with pytest.raises(UserError, match="use the buttons"):
            await studio.adjust_crop(house.who(), 1, 2, "explode")
        with pytest.raises(NotFound, match="no photo with that number"):
            await studio.adjust_crop(house.who(), 1, 99, "drop")


async def test_sheets_come_in_pages(house: House) -> None:
    async with house.life() as studio:
        await house.begin(23)
        crops = [await studio.crop_sheet(house.who(), 1, page) for page in (0, 1, 2, 9)]
        assert [(c.page, c.pages, len(c.photos)) for c in crops] == [(1, 2, 12), (1, 2, 12), (2, 2, 11), (2, 2, 11)]
        await studio.accept_crops(house.who(), 1)
        sheet = await studio.edit_captions(house.who(), 1, {12: "in a park"})
        assert (sheet.page, sheet.pages) == (2, 3)
        assert [line.number for line in sheet.lines] == list(range(11, 21)) and sheet.lines[1].caption == "in a park"


async def test_captions_are_all_or_nothing(house: House) -> None:
    async with house.life() as studio:
        await house.begin()
        with pytest.raises(NotFound):
            await studio.edit_captions(house.who(), 1, {1: "x", 99: "y"})
        assert (await house.store.photos.numbered(SCOPE, 1, 1)).caption == house.script.caption


async def test_accepting_twice_and_going_back_is_no_mistake(house: House) -> None:
    async with house.life() as studio:
        await house.begin()
        for _ in range(2):
            await studio.accept_crops(house.who(), 1)
            await studio.accept_captions(house.who(), 1)
        assert (await house.store.datasets.get(SCOPE, 1)).state is DatasetState.READY


async def test_after_the_start_the_photos_stay_as_they_are(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)
        for act in (ACTS[2], ACTS[3], ACTS[5], ACTS[6], ACTS[7], ACTS[9]):
            with pytest.raises(UserError, match="training has begun"):
                await act(studio, house.who())
        assert (await studio.confirm_card(house.who(), dataset)).started
        await house.settled()
