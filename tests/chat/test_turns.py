"""Two devices on one message: every press counts, and what stands there in the end is how things are."""

from __future__ import annotations

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Any

from bot.chat import crops
from bot.chat.customid import Action
from bot.chat.layout import Drawn
from bot.chat.turns import Turns
from bot.studio.screens import CropEditor
from tests.chat.training import picture


async def test_a_turn_is_the_last_ones_and_a_message_is_forgotten() -> None:
    turns, drawn, entered = Turns(), [], asyncio.Event()
    go_on = asyncio.Event()

    async def press(number: int) -> None:
        async with turns.take(7) as mine:
            entered.set()
            if mine:
                await go_on.wait()
                drawn.append(number)

    first = asyncio.create_task(press(1))
    await entered.wait()
    later = [asyncio.create_task(press(number)) for number in (2, 3, 4)]
    elsewhere = turns.take(8)
    assert await elsewhere.__aenter__(), "another message is drawn meanwhile"
    await elsewhere.__aexit__(None, None, None)
    go_on.set()
    await asyncio.gather(first, *later)
    assert drawn == [1, 4], "the one that was drawing, and the last; those between leave it to the last"
    assert not turns._messages


async def test_one_that_cannot_be_drawn_leaves_no_message_locked() -> None:
    turns = Turns()
    try:
        async with turns.take(7):
            raise OSError("Discord is away")
    except OSError:
        pass
    async with turns.take(7) as mine:
        assert mine
    assert not turns._messages


class Set:
    """A studio with one photo: presses and drawings take as long as the dice say, and overlap as they like."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.pressed: list[str] = []
        self.shown = ""
        self.edits = 0

    async def dawdle(self) -> None:
        for _ in range(self.dice.randrange(6)):
            await asyncio.sleep(0)

    async def press(self, who: object, dataset_id: int, number: int, verb: str) -> None:
        await self.dawdle()
        self.pressed.append(verb)
        await self.dawdle()

    async def crop_editor(self, who: object, dataset_id: int, number: int) -> CropEditor:
        note = " ".join(self.pressed)
        await self.dawdle()
        return CropEditor(dataset_id, number, picture(), 2, note)


async def test_whatever_the_order_the_message_ends_with_all_presses() -> None:
    for seed in range(200):
        studio, turns = Set(Random(seed)), Turns()

        def press(verb: str, studio: Set = studio, turns: Turns = turns) -> Any:
            async def show(drawn: Drawn) -> None:
                await studio.dawdle()  # the way to Discord
                studio.shown = str(drawn.pieces[0].to_component_dict()["content"])
                studio.edits += 1

            return SimpleNamespace(
                bot=SimpleNamespace(turns=turns),
                interaction=SimpleNamespace(id=1, message=SimpleNamespace(id=99)),
                action=Action("crop.adjust", "1", f"3.{verb}.1"),
                who=None,
                studio=SimpleNamespace(framing=studio, crop_editor=studio.crop_editor),
                show=show,
            )

        verbs = ("tighter", "left", "up", "drop", "keep", "undo")
        await asyncio.gather(*(crops.adjust(press(verb)) for verb in verbs))
        assert sorted(studio.pressed) == sorted(verbs)
        assert " ".join(studio.pressed) in studio.shown, seed
        assert studio.edits <= len(verbs) and not turns._messages
