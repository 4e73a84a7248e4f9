"""A first word on photos while they are read: what it says, when it is shown, and that it goes."""

from __future__ import annotations

import pytest

from bot.studio import coaching
from bot.studio.coaching import Looked, Matter
from bot.studio.requests import BeginTraining
from bot.studio.screens import Purpose, Reading
from engine.facts import Pair, PhotoFacts
from engine.photos import SubjectKind
from engine.protocol import Progress
from engine.script import Script
from storage.records import Scope
from tests.studio.house import GUILD, SCOPE, House, given

FRONT = PhotoFacts(face=300, crop=640, wanted=512, sharpness=300, middle=120, brightest=190, turn=0.0)
DARK = FRONT.model_copy(update={"brightest": 40})
BURST = FRONT.model_copy(update={"pairs": (Pair(other="4", bits=9),)})


def held(at: int, count: int = 12) -> Script:
    """The engine stops before photo `at`, counted from 0, until it is let go on."""
    facts = dict.fromkeys(range(count), FRONT) | {3: DARK, 5: BURST}
    return Script(measured=facts, copies={6: 0}, hold={"prepare": at})


async def card(house: House, dataset: int = 1) -> Reading | None:
    shown = await house.studio.screen(GUILD, Purpose.READING, str(dataset))
    assert shown is None or isinstance(shown, Reading)
    return shown


async def begun(house: House, read: int) -> None:
    """So many of twelve photos are judged, and the engine stands still."""
    await house.studio.begin(house.who(), BeginTraining("draft", "Kat", "person", True, given(12), room_id=501))

    async def there() -> bool:
        return sum(one.state != "given" for one in await house.store.photos.list(SCOPE, 1)) == read

    await house.until(there)


async def test_what_is_known_of_eight_photos_of_twelve(house: House) -> None:
    house.script = held(8)
    async with house.life():
        await begun(house, 8)
        # The clock stood still, so the row says how far it was at its first second: the photos themselves are counted.
        shown = await card(house)
        assert shown is not None and (shown.given, shown.done, shown.looked, shown.out) == (12, 8, 8, 1)
        assert shown.reasons == ("IMG_7 is a copy of IMG_1",)
        assert [(one.matter, one.photos) for one in shown.findings] == [
            (Matter.DARK, (4,)),
            (Matter.BURST, (5, 6)),
            (Matter.ANGLE, (1, 2, 3, 4, 5, 6, 8)),
        ]
        house.engine.release("prepare")
        await house.settled()
        assert await card(house) is None


@pytest.mark.parametrize("seconds", [1, 5])
async def test_it_is_shown_once_and_only_where_reading_takes_a_while(house: House, seconds: int) -> None:
    house.script = held(8)
    async with house.life():
        await begun(house, 8)
        assert await house.posts("reading") == []
        house.clock.now += seconds
        house.engine.release("prepare")
        await house.settled()
        assert await house.posts("reading") == ([("reading", "1")] if seconds == 5 else [])
        assert await house.posts() == [*await house.posts("reading"), ("coaching", "1"), ("crops", "1")]


async def test_it_goes_with_a_reading_that_is_cancelled(house: House) -> None:
    house.script = held(8)
    async with house.life() as studio:
        await begun(house, 8)
        assert await card(house) is not None
        (job,) = await house.store.jobs.live(SCOPE)
        await studio.cancel(house.who(), job_id=job.id)
        assert await card(house) is None


async def test_opened_is_told_apart_from_judged(house: House) -> None:
    """The real engine opens all photos first, and judges them in a second pass."""
    house.script = held(3)
    async with house.life() as studio:
        await begun(house, 3)
        (job,) = await house.store.jobs.live(SCOPE)
        said = {"phase": "reading", "step": 9, "total": 12}
        async with house.store.write():
            await house.store.jobs.progress(Scope(GUILD), job.id, job.attempt, said)
        shown = await card(house)
        assert shown is not None and (shown.done, shown.looked) == (3, 9)
        await studio.add_photos(house.who(), 1, given(4, first=20))
        shown = await card(house)
        assert shown is not None and (shown.given, shown.done, shown.looked) == (16, 3, 9)
        house.engine.release("prepare")
        await house.settled()


async def test_what_was_seen_at_first_sight_is_said_before_any_photo_is_judged(house: House) -> None:
    """As the real engine tells it: nothing is judged yet, and still it is known that all look into the camera."""
    house.script = held(0)
    async with house.life() as studio:
        await begun(house, 0)
        (job,) = await house.store.jobs.live(SCOPE)
        for place in range(6):
            facts = DARK if place == 3 else FRONT
            await studio.results.take(
                SCOPE,
                Progress(
                    job_id=job.id,
                    attempt=job.attempt,
                    phase="reading",
                    step=place + 1,
                    total=12,
                    photo_id=str(place + 1),
                    measured=facts,
                ),
            )
        shown = await card(house)
        assert shown is not None and shown.done == 0
        assert [(one.matter, one.photos) for one in shown.findings] == [
            (Matter.DARK, (4,)),
            (Matter.ANGLE, (1, 2, 3, 4, 5, 6)),
        ]
        assert await house.store.measures.of_dataset(SCOPE, 1) == {}, "a first sight is not kept"
        house.engine.release("prepare")
        await house.settled()
        assert studio.desk.first_sights == {}


def test_what_the_next_photo_may_turn_round_is_not_said() -> None:
    stranger = PhotoFacts(turn=1.0, sharpness=300, brightest=190, pairs=(Pair(other="1", bits=32, who=0.0),))
    photos = [Looked(1, 1, True, facts=FRONT), Looked(2, 2, True, facts=stranger), Looked(3, 3, False, copy_of=1)]
    every = {one.matter for one in coaching.advise(photos, SubjectKind.PERSON, {})}
    assert {Matter.STRANGERS, Matter.FEW, Matter.COPIES} <= every
    assert not {Matter.STRANGERS, Matter.FEW, Matter.COPIES} & {
        one.matter for one in coaching.so_far(photos, SubjectKind.PERSON)
    }
