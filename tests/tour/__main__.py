"""Take the pictures of docs/tour.md anew: python -m tests.tour [--out DIR] [--preset quick|balanced] [--scripted]

The real bot, engine and embedded base play an evening; a headless Chromium looks at every card. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.app import open_app
from bot.demo.stage import Stage, imitated_discord
from bot.studio.settings import StudioSettings
from engine.fake import FakeEngine
from engine.local import LocalEngine
from engine.miniature.photos import write_photos
from tests.tour.browser import browser, open_page
from tests.tour.evening import FRIENDS, HOST, evening, photos_of
from tests.tour.walk import Camera

PICTURES = Path(__file__).parents[2] / "docs" / "tour"
BEGINS = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
ALL_TOGETHER = 2.5 * 2**20
"""Bytes of all pictures."""


async def take(out: Path, preset: str, *, scripted: bool, program: str) -> Camera:
    out.mkdir(parents=True, exist_ok=True)
    world: list[object] = []

    def now() -> float:
        return world[0].now().timestamp() if world else BEGINS.timestamp()  # type: ignore[attr-defined]

    with TemporaryDirectory(prefix="likeness-tour-") as home:
        folder = Path(home)
        write_photos(folder / "photos", 7, 12)
        scratch = folder / "scratch"
        engine = FakeEngine(scratch=scratch) if scripted else LocalEngine(scratch, log=folder / "engine.log")
        settings = StudioSettings(preset=preset, attested=True)
        async with (
            open_app(folder, engine, settings, clock=now) as app,
            imitated_discord(app.bot, BEGINS) as env,
            open_page(program) as page,
        ):
            world.append(env)
            env.backend.edit_bot_profile("Likeness")
            stage = Stage(env, (HOST, *FRIENDS), lambda line: None)
            camera = Camera(stage, page, out)
            await evening(stage, camera, photos_of(folder / "photos"), preset)
    return camera


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.tour")
    words.add_argument("--out", type=Path, default=PICTURES)
    words.add_argument("--preset", default="balanced")
    words.add_argument("--scripted", action="store_true", help="without the engine: quick, and the pictures are tiles")
    given = words.parse_args()
    program = browser()
    if program is None:
        sys.stderr.write("No Chromium or Chrome is installed, so there is nothing to take pictures with.\n")
        return 2
    camera = asyncio.run(take(given.out, given.preset, scripted=given.scripted, program=program))
    for name, (width, height, size) in sorted(camera.taken.items()):
        sys.stdout.write(f"{name:24} {width:5} x {height:5} {size / 1024:7.0f} KB\n")
    total = sum(size for _, _, size in camera.taken.values())
    sys.stdout.write(f"{len(camera.taken)} pictures, {total / 2**20:.2f} MB\n")
    return 0 if total < ALL_TOGETHER else 1


if __name__ == "__main__":
    sys.exit(main())
