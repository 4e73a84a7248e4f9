"""Coaching in the whole conversation: advice under the photos, a press that acts, Undo, and a process that ends in between."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from engine.facts import Pair, PhotoFacts
from engine.script import Script
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.studio.house import photo

FINE = PhotoFacts(face=300, crop=640, wanted=512, sharpness=300, middle=120, brightest=190, turn=1.0)
BURST = FINE.model_copy(update={"sharpness": 200, "pairs": (Pair(other="1", bits=9),)})
MEASURED = dict.fromkeys(range(12), FINE) | {2: BURST, 4: FINE.model_copy(update={"sharpness": 12.0})}


@pytest.mark.parametrize("ending", ["never", "stop", "kill"])
async def test_advice_is_pressed_undone_and_taken_into_the_sheet(tmp_path: Path, ending: str) -> None:
    async with Town(tmp_path, script=Script(measured=MEASURED)).open() as town:

        async def it_ends_here() -> None:
            if ending == "stop":
                await town.stop_and_start()
            elif ending == "kill":
                await town.kill_and_start()

        await town.train(12)
        await town.engine_done()
        card, sheet = town.the("the photos"), town.the("the crops")
        assert card.id < sheet.id, "the sheet is what is looked at next"
        assert "Likely a likeness by epoch 2 of 3" in words(card)
        assert "Photos 2 and 3 were shot moments apart" in words(card) and "photo 5 is blurred" in words(card)
        await it_ends_here()
        stale = town.the("the photos")
        await town.press("Keep the sharpest", "the photos")
        assert "moments apart" not in words(town.the("the photos"))
        await it_ends_here()
        await town.alice.click(town.the("the photos"), custom_id="lk1:coach.do:1:blurred.drop")
        assert "Nothing stands in the way" in words(town.the("the photos"))
        assert town.the("the photos").id == stale.id
        kept = [p.number for p in await town.app.store.photos.list(_scope(town), 1) if p.state == "kept"]
        assert kept == [1, 2, 4, 6, 7, 8, 9, 10, 11, 12]
        await it_ends_here()
        await town.press("Undo", "the photos")
        assert "photo 5 is blurred" in words(town.the("the photos"))
        await town.press("Undo", "the photos")
        assert "Photos 2 and 3" in words(town.the("the photos"))


async def test_captions_are_taken_away_and_brought_back(tmp_path: Path) -> None:
    async with Town(tmp_path).open() as town:
        await town.train(8)
        await town.engine_done()
        await town.press("Looks right", "the crops")
        await town.press("All captions at once", "the captions")
        shown = await town.press("Download", "all captions")
        (file,) = shown.followups[0].attachments if shown.followups else shown.response.attachments
        with zipfile.ZipFile(io.BytesIO(await file.read())) as archive:
            assert len(archive.namelist()) == 16
            mine = archive.read("photo-03.txt").decode()
        form = await town.press("Upload captions", "all captions")
        text = mine.replace("smiling", "asleep").encode()
        done = await town.alice.submit_modal(form, {"files": [("photo-03.txt", text), ("strange.txt", b"x")]})
        assert "1 caption is in." in words(done.followups[0]) and "strange.txt" in words(done.followups[0])
        assert "asleep · 1" in words(town.the("all captions"))
        form = await town.press("Upload captions", "all captions")
        refused = await town.alice.submit_modal(form, {"files": [("IMG_1.jpg", photo(1))]})
        assert "There was no caption in that" in words(refused.followups[0])
        await town.alice.select(town.the("all captions"), ["smiling"], custom_id="lk1:lex.remove:1:1")
        assert "smiling ·" not in words(town.the("all captions"))
        await town.press("Back", "all captions")
        assert "asleep" in words(town.the("the captions"))


def _scope(town: Town) -> Scope:
    return Scope(town.guild.id)
