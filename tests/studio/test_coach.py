"""The coaching card in a whole house: what a press does, what Undo does, what a restart changes (nothing)."""

from __future__ import annotations

import json

import pytest

from bot.errors import NotAllowed, UserError
from bot.studio.coaching import Grade, Matter
from bot.studio.dataset_screens import CoachingCard
from bot.studio.screens import Purpose
from engine.facts import Pair, PhotoFacts
from engine.script import Script
from storage.states import PhotoState
from tests.studio.house import FRIEND, GUILD, SCOPE, House

FINE = PhotoFacts(face=300, crop=640, wanted=512, sharpness=300, middle=120, brightest=190, turn=1.0)
BLURRED = FINE.model_copy(update={"sharpness": 12.0})


def measured(count: int, **other: PhotoFacts) -> Script:
    """`_2=BLURRED`: what is measured in photo 2."""
    facts = {n: other.get(f"_{n + 1}", FINE) for n in range(count)}
    return Script(measured=facts)


async def card_of(house: House, dataset: int = 1) -> CoachingCard:
    card = await house.studio.screen(GUILD, Purpose.COACHING, str(dataset))
    assert isinstance(card, CoachingCard)
    return card


async def kept(house: House) -> list[int]:
    return [photo.number for photo in await house.store.photos.list(SCOPE, 1, PhotoState.KEPT)]


async def test_the_card_stands_above_the_sheet_where_there_is_something_to_go_by(house: House) -> None:
    house.script = measured(12, _4=BLURRED)
    async with house.life():
        await house.begin(12)
        assert [purpose for purpose, _ in await house.posts()][-2:] == ["coaching", "crops"]
        card = await card_of(house)
        assert (card.grade, card.kept, card.epoch, card.epochs) == (Grade.GOOD, 12, 2, 3)
        assert [(one.matter, one.photos) for one in card.findings] == [(Matter.BLURRED, (4,))]


async def test_where_nothing_was_measured_nothing_is_posted(house: House) -> None:
    async with house.life() as studio:
        await house.begin(6)
        assert await house.posts("coaching") == []
        assert await studio.screen(GUILD, Purpose.COACHING, "1") is None


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_press_leaves_out_and_undo_brings_back(house: House, restarted: bool) -> None:
    house.script = measured(12, _4=BLURRED, _6=BLURRED)
    async with house.life() as studio:
        await house.begin(12)
        if not restarted:
            await leave_out_and_undo(house, studio.coach)
    if restarted:
        async with house.life() as studio:
            await leave_out_and_undo(house, studio.coach)


async def leave_out_and_undo(house: House, coach: object) -> None:
    from bot.studio.coach import Coach

    assert isinstance(coach, Coach)
    who = house.who()
    for again in (who, who, house.who()):
        card = await coach.act(again, 1, "blurred", "drop")
    assert card is not None and card.findings == () and await kept(house) == [1, 2, 3, 5, 7, 8, 9, 10, 11, 12]
    assert len(await house.store.answers.list(SCOPE, 1)) == 1, "pressed three times, done once"
    assert card.undo is not None and card.undo_matter is Matter.BLURRED
    await house.studio.adjust_crop(house.who(), 1, 6, "keep")  # somebody takes one back by hand meanwhile
    for _ in range(2):
        card = await coach.undo(house.who(), 1, card.undo or 1)
    assert card is not None and card.undo is None and len(await kept(house)) == 12
    assert [one.matter for one in card.findings] == [Matter.BLURRED]


async def test_keeping_them_is_an_answer_and_can_be_undone_too(house: House) -> None:
    house.script = measured(12, _4=BLURRED)
    async with house.life() as studio:
        await house.begin(12)
        card = await studio.coach.act(house.who(), 1, "blurred", "keep")
        assert card is not None and card.findings == () and len(await kept(house)) == 12
        assert card.grade is Grade.GOOD and card.undo is not None
        card = await studio.coach.undo(house.who(), 1, card.undo)
        assert card is not None and [one.matter for one in card.findings] == [Matter.BLURRED]
        for matter, key in (("blurred", "explode"), ("ghosts", "drop"), ("dark", "drop")):
            assert await studio.coach.act(house.who(), 1, matter, key) == card, "nothing to do is done"


async def test_copies_come_back_by_a_press_and_go_by_undo(house: House) -> None:
    twin = FINE.model_copy(update={"pairs": (Pair(other="0", bits=1),)})
    house.script = measured(7).model_copy(update={"copies": {1: 0}})
    async with house.life() as studio:
        await house.begin(7)
        card = await card_of(house)
        assert [(one.matter, one.photos) for one in card.findings] == [
            (Matter.COPIES, (2,)),
            (Matter.FEW, (1, 3, 4, 5, 6, 7)),
        ]
        # Read again alone, it is the first photo of its job; what was measured of the pair stays true.
        house.engine._script = house.script = Script(measured={0: twin})
        house.engine._play._script = house.script  # type: ignore[union-attr]
        await studio.coach.act(house.who(), 1, "copies", "take")
        await house.settled()
        assert await kept(house) == [1, 2, 3, 4, 5, 6, 7]
        card = await card_of(house)
        assert not {Matter.COPIES, Matter.TWINS} & {one.matter for one in card.findings}, (
            "it was wanted: not asked again"
        )
        assert card.undo is not None
        await studio.coach.undo(house.who(), 1, card.undo)
        assert await kept(house) == [1, 3, 4, 5, 6, 7]


async def test_a_stranger_presses_nothing_and_the_training_ends_it(house: House) -> None:
    house.script = measured(12, _4=BLURRED)
    async with house.life() as studio:
        dataset = await house.ready(12)
        with pytest.raises(NotAllowed):
            await studio.coach.act(house.who(FRIEND), dataset, "blurred", "drop")
        with pytest.raises(NotAllowed):
            await studio.coach.undo(house.who(FRIEND), dataset, 1)
        card = await studio.coach.act(house.who(), dataset, "blurred", "drop")
        assert card is not None and card.stage == "ready" and card.kept == 11
        await studio.start_training(house.who(), dataset)
        with pytest.raises(UserError, match="training has begun"):
            await studio.coach.act(house.who(), dataset, "blurred", "drop")
        assert await house.store.measures.of_dataset(SCOPE, dataset) == {}, "thrown away: nobody is advised any more"
        assert await studio.screen(GUILD, Purpose.COACHING, str(dataset)) is None
        await house.settled()


async def test_facts_are_sealed_and_go_with_the_photos(house: House) -> None:
    house.script = measured(6)
    async with house.life() as studio:
        await house.begin(6)
        facts = await house.store.measures.of_dataset(SCOPE, 1)
        assert json.loads(facts[1])["face"] == 300
        raw = await house.store.database.rows("SELECT facts FROM measures")
        assert not any(b"face" in row["facts"] for row in raw)
        await studio.discard(house.who(), 1)
        assert await house.store.measures.of_dataset(SCOPE, 1) == {}
