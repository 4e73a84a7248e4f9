"""Two hundred interactions at once from fifty members: none is lost, each is answered once and rightly. How fast it is
depends on the machine and is measured by `python -m tests.load`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path

from tests.load.crowd import EACH, MEMBERS, Crowd
from tests.wire.discord_server import Wire
from tests.wire.interactions import CHOICES, COMMAND, COMPLETION, COMPONENT, DEFERRED, DEFERRED_UPDATE, FORM, MESSAGE
from tests.wire.process import TOKEN, Bot
from tests.wire.story import Story


async def test_two_hundred_at_once_and_none_is_lost(tmp_path: Path) -> None:
    async with Wire(TOKEN).open() as wire, Bot(wire, tmp_path, engine="") as bot:
        story = Story(wire)
        await story.tell(to=story.pictures)
        crowd = Crowd(wire, story.the("the crops"), story.the("is here"), "k4tya")
        asked = await crowd.rush()
        assert len(asked) == MEMBERS * EACH
        first = Counter((one.kind, one.first) for one in asked)
        assert first == {
            (COMPLETION, CHOICES): 50,
            (COMMAND, DEFERRED): 25 + 50 - 12,
            (COMMAND, MESSAGE): 12,
            (COMPONENT, DEFERRED_UPDATE): 50,
            (COMPONENT, FORM): 25,
        }
        painted = [one for one in asked if one.about == "imagine" and one.kind == COMMAND]
        await wire.until(lambda: all(one.said for one in painted))
        assert all(one.said[0].startswith("Painting") for one in painted)
        offered = [one.choices for one in asked if one.kind == COMPLETION]
        assert all(choices and choices[0]["value"] == "kat3r1na-gen0" for choices in offered)
        pressed = [one for one in asked if one.about == "crop.accept"]
        await wire.until(lambda: all(one.said for one in pressed))
        assert {said for one in pressed for said in one.said} == {
            "These are somebody else's photos: only the one who brought them, or an admin, may do that."
        }
        await wire.until(lambda: len(story.find("a portrait of k4tya person")) == len(painted))
        await bot.stop()
        log = bot.log.read_text()
        assert "ERROR" not in log and "Traceback" not in log
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "likeness.db")) as database:
            rows = database.execute("SELECT state, count(*) FROM jobs WHERE kind = 'paint' GROUP BY state").fetchall()
        assert rows == [("done", len(painted))]
