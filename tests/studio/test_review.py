from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from unittest.mock import patch

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio import crops, sheets
from bot.studio.requests import Who
from bot.studio.studio import Studio
from engine.protocol import PhotoFlag
from engine.script import Script
from storage.records import Box, Photo
from storage.states import DatasetState, PhotoState
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


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the editor at every press would be most of the test."""
    monkeypatch.setattr(sheets, "crop_editor", lambda tile: b"undrawn")


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


async def test_undo_goes_back_press_by_press_after_a_restart_too(house: House, undrawn: None) -> None:
    house.script = Script(flags={1: (PhotoFlag.SEVERAL_FACES,)}, faces={1: 2})
    verbs = ["tighter", "left", "next_face", "drop", "keep", "original", "original"]
    async with house.life() as studio:
        await house.begin()
        seen = [await house.store.photos.numbered(SCOPE, 1, 2)]
        for verb in verbs:
            editor = await studio.adjust_crop(house.who(), 1, 2, verb)
            seen.append(await house.store.photos.numbered(SCOPE, 1, 2))
        assert editor.steps == 6, "the last press changed nothing"
        assert not (await studio.crop_sheet(house.who(), 1)).asks
    async with house.life() as studio:
        for steps, before in zip(range(5, -1, -1), reversed(seen[:-2]), strict=True):
            editor = await studio.adjust_crop(house.who(), 1, 2, "undo")
            assert await house.store.photos.numbered(SCOPE, 1, 2) == before
            assert editor.steps == steps and editor.dropped is (before.state is PhotoState.DROPPED)
        assert (await studio.crop_sheet(house.who(), 1)).asks == (2,), "what was asked is asked again"
        await studio.adjust_crop(house.who(), 1, 2, "undo")
        assert await house.store.photos.numbered(SCOPE, 1, 2) == seen[0]


async def test_two_devices_pressing_at_once_lose_nothing(house: House, undrawn: None) -> None:
    """Presses from two tasks, truly interleaved: the end is that of some order, each press is a step, and Undo finds all."""
    mine = ["left"] * 3 + ["up"] * 2 + ["drop", "keep"]
    theirs = ["right"] * 2 + ["tighter", "down", "keep"]
    async with house.life() as studio:
        await house.begin()
        for _ in range(5):  # room for every nudge
            await studio.adjust_crop(house.who(), 1, 1, "tighter")
        before = await house.store.photos.numbered(SCOPE, 1, 1)

        async def press(verbs: list[str]) -> None:
            for verb in verbs:
                await studio.adjust_crop(house.who(), 1, 1, verb)

        await asyncio.gather(press(mine), press(theirs))
        after = await house.store.photos.numbered(SCOPE, 1, 1)
        assert (after.crop, after.state) in _ends(before, mine, theirs)
        steps = (await studio.crop_editor(house.who(), 1, 1)).steps
        assert steps >= 5 + len(mine) + len(theirs) - 2, "only a keep of what is kept leaves no step"
        await asyncio.gather(*(studio.adjust_crop(house.who(), 1, 1, "undo") for _ in range(steps - 5)))
        assert await house.store.photos.numbered(SCOPE, 1, 1) == before


def _ends(before: Photo, mine: list[str], theirs: list[str]) -> set[tuple[Box | None, PhotoState]]:
    """Where the presses can end, over every order in which two devices can make them."""
    places = {(0, 0): {(before.crop, before.state)}}
    for m in range(len(mine) + 1):
        for t in range(len(theirs) + 1):
            came = [(verb, places[m - 1, t]) for verb in mine[m - 1 : m] if m]
            came += [(verb, places[m, t - 1]) for verb in theirs[t - 1 : t] if t]
            for verb, froms in came:
                places.setdefault((m, t), set()).update(_pressed(before, crop, state, verb) for crop, state in froms)
    return places[len(mine), len(theirs)]


def _pressed(photo: Photo, crop: Box | None, state: PhotoState, verb: str) -> tuple[Box | None, PhotoState]:
    if verb == "drop":
        return crop, PhotoState.DROPPED
    state = PhotoState.KEPT if verb == "keep" else state
    return crops.adjust(photo.width, photo.height, crop, photo.faces, crops.Verb(verb)), state


async def test_the_doubtful_ones_are_gone_through(house: House, undrawn: None) -> None:
    house.script = Script(
        flags={1: (PhotoFlag.SEVERAL_FACES,), 3: (PhotoFlag.CUT_FACE,), 4: (PhotoFlag.NO_FACE,)}, faces={1: 2}
    )
    async with house.life() as studio:
        await house.begin()
        assert (await studio.crop_sheet(house.who(), 1)).asks == (2, 4, 5)
        editor = await studio.adjust_crop(house.who(), 1, 4, "keep")
        assert (editor.next_ask, editor.asks) == (5, 2)
        editor = await studio.crop_editor(house.who(), 1, 5)
        assert (editor.next_ask, editor.asks) == (2, 1)
        await studio.adjust_crop(house.who(), 1, 2, "next_face")
        editor = await studio.adjust_crop(house.who(), 1, 5, "drop")
        assert (editor.next_ask, editor.asks) == (0, 0) and editor.dropped


async def test_what_was_left_out_stands_on_the_sheet_too(house: House) -> None:
    house.script = Script(refuse={1: "is too dark"}, moving=(2,), copies={3: 0})
    drawn: list[sheets.PhotoTile] = []
    async with house.life() as studio:
        await house.begin()
        real = sheets.contact_sheet
        with patch.object(sheets, "contact_sheet", lambda tiles: drawn.extend(tiles) or real(tiles)):
            shown = await studio.crop_sheet(house.who(), 1)
        assert [(tile.number, tile.left_out, bool(tile.photo)) for tile in drawn] == [
            (1, "", True), (2, "is too dark", False), (3, "animated", True),
            (4, "copy of 1", False), (5, "", True), (6, "", True),
        ]  # fmt: skip
        assert [line.number for line in shown.photos] == [1, 5, 6]
        assert shown.sheet is not None and "greyed with why it was left out" in shown.sheet.alt


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
