"""How long the next training waits where several run at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.studio.wait import slower, until_turn
from engine.script import Script
from tests.studio.house import SCOPE, House


@pytest.mark.parametrize(
    ("work", "lanes", "seconds"),
    [
        ([], 1, 0.0),
        ([30, 40], 1, 70.0),
        ([30], 2, 0.0),
        ([30, 50], 2, 30 * slower(2)),
        # 30 s of each are done together, the third takes the place of the first, and 20 s later the second is done too.
        ([30, 50, 100], 2, 50 * slower(2)),
        ([10, 10, 10, 10], 4, 10 * slower(4)),
    ],
)
def test_the_next_one_begins_when_a_place_is_free(work: list[float], lanes: int, seconds: float) -> None:
    assert until_turn(work, lanes) == pytest.approx(seconds)


def test_company_slows_everybody_but_pays() -> None:
    for together in (2, 4, 8):
        assert 1 < slower(together) < together


async def test_the_queue_foretells_by_what_runs_at_a_time(house: House) -> None:
    """Three live trainings of a known speed: with two at a time the next waits for one of them, not for all."""
    house.settings = replace(house.settings, joint_runs=2, trainings_per_member=3)
    house.script = Script(hold={"train": 1})
    async with house.life() as studio:
        await house.store.speeds.learn(base="miniature", device="cpu", kind="train", seconds=10)
        sets = [await house.ready(draft=name, name=name) for name in ("one", "two", "three")]
        for one in sets:
            await studio.start_training(house.who(), one)
        jobs = await studio.schedule.trainings()
        whole = await studio.schedule.seconds(72)
        assert whole is not None and len(jobs) == 3
        left = [await studio.schedule.seconds_left(job) for job in jobs]
        assert all(one is not None and one <= whole for one in left)
        waits = await studio.schedule.seconds_before(jobs)
        assert waits is not None and whole < waits < 2 * whole * slower(2) < 3 * whole
        assert await house.store.jobs.live(SCOPE)
        house.engine.release("train")
        await house.settled()
