"""Photos by every road, one of them moving, one a copy, one no photo; mended and taken back, the process ended in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.script import Script
from storage.records import Scope
from storage.states import PhotoState
from tests.corpus.parcels import packed
from tests.journeys.town import Town, words
from tests.studio.house import photo


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path, script=Script(moving=(4,), copies={5: 0})).open() as opened:
        yield opened


@pytest.mark.parametrize("ending", ["never", "kill"])
async def test_a_zip_with_what_people_have_in_it(town: Town, ending: str) -> None:
    async def it_ends_here() -> None:
        if ending == "kill":
            await town.kill_and_start()

    photos = [(f"holiday/IMG_{n}.jpg", photo(n)) for n in range(1, 8)]
    archive = packed(*photos, ("holiday/IMG_2.txt", b"on a beach"), ("holiday/more.zip", packed(("x.jpg", b"x"))))
    shown = await town.alice.slash(town.channel, "train", name="Kat")
    filled = {"name": "Kat", "kind": "me", "consent": True}
    files = {"photos": [("holiday.zip", archive)], "more": [("notes.jpg", b"buy milk")]}
    receipt = await town.alice.submit_modal(shown, {**filled, **files})
    assert receipt.response is not None and "8 photos in" in receipt.response.content
    assert "Left in holiday.zip: more.zip is an archive itself." in receipt.response.content
    await it_ends_here()

    await town.engine_done()
    sheet = town.the("the crops")
    told = words(sheet).replace("\\", "")
    assert "8 photos in. 3 left out:" in told and "notes is not a photo" in told
    assert "IMG_5 is animated; take its first frame" in told and "IMG_6 is a copy of IMG_1" in told
    await it_ends_here()

    await town.press("Take the first frames", "the crops")
    await town.engine_done()
    assert "8 photos in. 2 left out:" in words(town.the("the crops"))
    store, scope = town.app.store, Scope(town.guild.id)
    kept = await store.photos.list(scope, 1, PhotoState.KEPT)
    assert [one.number for one in kept] == [1, 2, 3, 4, 5, 7] and kept[1].caption == "on a beach"

    menu = next(
        part
        for row in town.the("the crops").components[0].children
        for part in getattr(row, "children", ())
        if "crop.fix" in (part.custom_id or "")
    )
    await town.alice.select(town.the("the crops"), ["3"], custom_id=menu.custom_id)
    before = await store.photos.numbered(scope, 1, 3)
    for label in ("Tighter", "Down", "Leave it out"):
        await town.press(label, "Photo 3")
        await it_ends_here()
    assert "left out of the training" in words(town.the("Photo 3"))
    for _ in range(3):
        await town.press("Undo", "Photo 3")
        await it_ends_here()
    assert await town.app.store.photos.numbered(scope, 1, 3) == before
    await town.press("Back", "Photo 3")
    await town.press("Looks right", "the crops")
    assert "on a beach" in words(town.the("the captions"))
