"""The card of a reading in the whole conversation: it tells what is known, more photos may come, and it goes at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.chat.presenter import READING_EVERY_S
from bot.studio import glance
from engine.script import Script
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.studio.house import photo
from tests.studio.test_glance import DARK, FRONT


@pytest.mark.parametrize("killed", [False, True])
async def test_a_first_word_while_photos_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(glance, "AFTER_S", 0)
    script = Script(measured=dict.fromkeys(range(12), FRONT) | {3: DARK}, refuse={1: "is damaged"}, hold={"prepare": 8})
    async with Town(tmp_path, script=script).open() as town:
        await town.train(12)

        async def eight() -> bool:
            photos = await town.app.store.photos.list(Scope(town.guild.id), 1)
            return sum(one.state != "given" for one in photos) == 8

        await town.until(eight)
        await town.round()
        card = town.the("Looking at the photos")
        assert "8 of 12" in words(card) and "1 left out: IMG\\_10 is damaged." in words(card)
        assert "Photo 4 is too dark" in words(card) and "So far all of them look into the camera" in words(card)
        if killed:  # the four that are left are another job's first ones
            town.script = script.model_copy(update={"hold": {"prepare": 0}, "refuse": {}})
            await town.kill_and_start()
        form = await town.alice.click(town.the("Looking at the photos"), label="Add photos")
        await town.alice.submit_modal(form, {"photos": [(f"IMG_{n}.jpg", photo(n)) for n in range(20, 23)]})
        await town.round(READING_EVERY_S)
        assert town.the("Looking at the photos").id == card.id
        assert "8 of 15" in words(town.the("Looking at the photos"))
        town.engine.release("prepare")
        await town.engine_done()
        await town.round(READING_EVERY_S)
        assert town.find("Looking at the photos") == []
        assert "15 photos in" in words(town.the("the crops")) and "too dark" in words(town.the("the photos"))
