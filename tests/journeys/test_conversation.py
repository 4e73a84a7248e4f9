"""Photos in, a voted LoRA out, pictures with it: the whole conversation, the process ended at every step of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio

from bot.chat.ballot_cards import BALLOT_EMOJI
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.studio.house import photo


def pressable(message: discord.Message) -> str:
    return str([component.to_dict() for component in message.components])


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


@pytest.mark.parametrize("ending", ["never", "stop", "kill"])
async def test_photos_in_pictures_out(town: Town, ending: str) -> None:
    async def it_ends_here() -> None:
        if ending == "stop":
            await town.stop_and_start()
        elif ending == "kill":
            await town.kill_and_start()

    receipt = await town.train()
    assert receipt.response is not None and "8 photos in" in receipt.response.content
    await it_ends_here()
    await town.engine_done()
    sheet = town.the("the crops")
    assert "8 photos in." in words(sheet) and sheet.channel.id == town.room.id

    await it_ends_here()
    menu = next(part for row in sheet.components[0].children for part in getattr(row, "children", ()))
    await town.alice.select(sheet, ["3"], custom_id=menu.custom_id)
    await town.press("Tighter", "Photo 3")
    await it_ends_here()
    await town.press("Back", "Photo 3")
    await town.press("Looks right", "the crops")
    assert "The crops are agreed" in words(town.the("the crops"))

    await it_ends_here()
    form = await town.alice.click(town.the("the captions"), custom_id="lk1:cap.edit:1:1.2")
    await it_ends_here()
    await town.alice.submit_modal(form, {"caption.2": "laughing, in a park"})
    await town.press("All captions at once", "the captions")
    await it_ends_here()
    form = await town.press("A word everywhere", "all captions")
    await town.alice.submit_modal(form, {"add": "indoors", "remove": "wearing a red sweater"})
    form = await town.press("Find and replace", "all captions")
    await it_ends_here()
    await town.alice.submit_modal(form, {"find": "INDOORS", "put": "at home"})
    assert "at home · " in words(town.the("all captions"))
    await town.press("Undo find and replace", "all captions")
    await it_ends_here()
    assert "indoors · " in words(town.the("all captions"))
    await town.press("Back", "all captions")
    assert "laughing, in a park, indoors" in words(town.the("the captions"))
    assert "wearing a red sweater" not in words(town.the("the captions"))
    await town.press("Looks right", "the captions")

    await it_ends_here()
    form = await town.press("Change trigger word", "Ready to learn")
    refused = await town.alice.submit_modal(form, {"trigger": "house"})
    assert refused.followups, "an ordinary word is refused"
    form = await town.press("Change trigger word", "Ready to learn")
    await town.alice.submit_modal(form, {"trigger": "k4tya"})
    await town.alice.select(town.the("Ready to learn"), ["server"], custom_id="lk1:set.access:1")
    await town.press("Start training", "Ready to learn")
    assert "Started." in words(town.the("Ready to learn"))

    await it_ends_here()
    await town.engine_done()
    posts = town.find("**Epoch")
    assert [words(m).splitlines()[0] for m in posts] == [f"**Epoch {n} of 3**" for n in (1, 2, 3)]
    ballot = town.the("is best?")
    assert ballot.channel.id == town.channel.id, "everybody here may use it, so everybody here votes"
    assert [str(r.emoji) for r in ballot.reactions] == list(BALLOT_EMOJI[:3])

    options = (await town.app.store.ballots.get(Scope(town.guild.id), 1)).options
    first, third = (BALLOT_EMOJI[options.index(epoch)] for epoch in (1, 3))
    await town.bob.react(ballot, third)
    await it_ends_here()
    await town.alice.react(ballot, third)
    await town.alice.react(ballot, first)
    await town.press("Close now", "is best?")
    winner = town.the("is here")
    assert "Epoch 3 wins" in words(winner) and [m.id for m in winner.mentions] == [town.alice.id]

    await it_ends_here()
    asked = await town.bob.slash(town.channel, "imagine", prompt="a portrait of k4tya person by the sea", count=2)
    assert asked.response is not None and asked.response.content.startswith("Painting")
    await it_ends_here()
    await town.engine_done()
    pictures = town.the("by the sea")
    assert [m.id for m in pictures.mentions] == [town.bob.id]
    alone = await town.bob.select(pictures, ["2"])
    assert alone.response is not None and len(alone.response.attachments) == 1

    await it_ends_here()
    await town.press("Again", "by the sea", town.bob)
    await town.engine_done()
    assert len(town.find("by the sea")) == 2
    listed = await town.bob.slash(town.channel, "loras")
    assert listed.response is not None and "kat3r1na-gen0" in words(listed.response)
    await town.round(20)
    assert len(town.find("is here")) == 1 and len(town.find("**Epoch")) == 3, "nothing twice, however often it ended"


async def test_the_live_card_says_where_it_stands_until_it_is_over(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.script = town.script.model_copy(update={"hold": {"train": 3}})
    async with town.open():
        await town.train()
        await town.engine_done()
        await town.press("Looks right", "the crops")
        await town.press("Looks right", "the captions")
        await town.press("Start training", "Ready to learn")
        await town.engine.idle()

        async def one_epoch() -> bool:
            return len(await town.app.store.outbox.list(Scope(town.guild.id), purpose="epoch")) == 1

        await town.until(one_epoch)
        await town.round(15)
        (card,) = [m for m in town.room.history() if "Stop after this epoch" in pressable(m)]
        assert "░" in words(card) and "Loss" in words(card)
        town.engine.release("train")
        await town.engine_done()
        await town.round(15)
        (after,) = [m for m in town.room.history() if m.id == card.id]
        assert "░" not in words(after) and "Stop after this epoch" not in pressable(after)


async def test_too_few_photos_are_counted_and_more_can_be_added(town: Town) -> None:
    await town.train(photos=3)
    await town.engine_done()
    with pytest.raises(Exception, match="disabled"):
        await town.press("Looks right", "the crops")
    form = await town.press("Add more photos", "the crops")
    await town.alice.submit_modal(form, {"photos": [(f"x{n}.jpg", photo(50 + n)) for n in range(4)]})
    await town.engine_done()
    assert "7 photos in." in words(town.the("the crops")), "one sheet, the new one"


async def test_cancel_before_it_starts_and_discard(town: Town) -> None:
    await town.train()
    await town.engine_done()
    await town.press("Discard", "the crops")
    assert town.find("the crops") == []
    empty = await town.alice.slash(town.channel, "queue")
    assert empty.response is not None and "Nobody is waiting" in words(empty.response)
