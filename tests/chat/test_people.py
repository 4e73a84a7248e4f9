"""Consent in the channel, in an imitated Discord with the real studio: asked, answered, refused, taken back, forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio
import simcord

from bot.chat.threads import CLEARED
from storage.records import Scope
from storage.states import ConsentState
from tests.journeys.town import Town, words


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


async def asked(town: Town) -> discord.Message:
    """Bob is asked for his face; the card that asks him."""
    await town.train(kind="member")
    await town.round()
    await town.alice.select(town.the("whose face is it?"), [town.bob], custom_id="lk1:person.choose:1")
    return town.the("would like me to learn your face")


async def allow(town: Town, card: discord.Message, **filled: bool) -> simcord.InteractionResult:
    form = await town.bob.click(card, label="Allow")
    return await town.bob.submit_modal(form, {"adult": True, **filled})


async def test_the_one_in_the_photos_is_asked_and_only_they_can_answer(town: Town) -> None:
    card = await asked(town)
    assert card.channel.id == town.channel.id and town.bob.id in [m.id for m in card.mentions]
    said = words(card)
    for promise in ("paint pictures with it", "Who may use the result", "take it back at any time"):
        assert promise in said
    for label in ("Allow", "No"):
        result = await town.alice.click(card, label=label)
        assert result.modal is None
        answer = result.response if result.response is not None else result.followups[0]
        assert "Only the one who is in the photos" in words(answer)
    assert "was asked" in words(town.the("was asked"))

    await town.kill_and_start()
    refused = await allow(town, town.the("would like me"), adult=False)
    assert "18 or older" in words(refused.followups[0])
    await allow(town, town.the("would like me"))
    assert "They can take it back here" in words(town.the("allows me to learn"))
    told = town.the("You can start the training")
    assert told.channel.id == town.room.id and town.alice.id in [m.id for m in told.mentions]
    assert town.find("was asked") == [], "one card, the newer one"


async def test_nothing_starts_before_the_answer(town: Town) -> None:
    card = await asked(town)
    await town.engine_done()
    await town.press("Looks right", "the crops")
    await town.press("Looks right", "the captions")
    assert "has not answered yet" in words(town.the("Ready to learn"))
    pressed = await town.press("Start training", "Ready to learn")
    assert "Nothing is trained before they allow it" in words(pressed.followups[0])
    await allow(town, card)
    await town.round()
    assert "has not answered yet" not in words(town.the("Ready to learn"))
    await town.press("Start training", "Ready to learn")
    await town.engine_done()
    assert town.the("is best?")


async def test_no_takes_the_photos_with_it_and_tells_the_one_who_brought_them(town: Town) -> None:
    card = await asked(town)
    await town.engine_done()
    room = town.room
    assert town.find("the crops")
    result = await town.bob.click(card, label="No")
    assert result.response is not None and "You said no" in words(result.response)
    await town.round(2)
    told = town.the("said no. The photos")
    assert town.alice.id in [m.id for m in told.mentions]
    assert town.find("would like me") == []
    left = town.env.backend.channels[room.id]
    assert left.name == CLEARED, "a bot may not delete a thread: it is emptied, renamed and put away"
    assert [message for message in room.history() if message.author.id == town.env.backend.bot_user.id] == []
    assert await town.app.store.erasures.due_everywhere() == ()


@pytest.mark.parametrize("ending", ["never", "kill"])
async def test_taken_back_from_the_card_and_then_forgotten(town: Town, ending: str) -> None:
    await allow(town, await asked(town))
    await town.engine_done()
    await town.press("Looks right", "the crops")
    await town.press("Looks right", "the captions")
    await town.press("Start training", "Ready to learn")
    await town.engine_done()
    assert town.find("is best?") and len(town.find("**Epoch")) == 3
    if ending == "kill":
        await town.kill_and_start()
    elsewhere = await town.press("Take it back", "allows me to learn")
    assert "Only the one who is in the photos" in words(elsewhere.followups[0])
    await town.press("Take it back", "allows me to learn", town.bob)
    await town.round(2)
    assert town.find("is best?") == [] and town.find("**Epoch") == []
    if ending == "kill":
        await town.kill_and_start()
    consent = await town.app.store.consents.of_subject(Scope(town.guild.id), 1)
    assert consent.state is ConsentState.REVOKED
    form = await town.press("Forget everything", "took it back. What was running", town.bob)
    wrong = await town.bob.submit_modal(form, {"word": "yes"})
    assert wrong.response is not None and "Nothing was deleted" in words(wrong.response)
    form = await town.press("Forget everything", "took it back. What was running", town.bob)
    done = await town.bob.submit_modal(form, {"word": "Forget"})
    assert done.response is not None and words(done.response).startswith("Forgotten")
    await town.round(2)
    said = [m for m in town.channel.history() if m.type is discord.MessageType.default]
    assert said == [], "but for Discord's own line that a thread was opened"
    assert town.app.store.database.vault.key_ids() == set()


async def test_someone_who_agreed_is_not_offered_by_itself(town: Town) -> None:
    shown = await town.alice.slash(town.channel, "train")
    assert shown.modal is not None and "agreed" not in str(shown.modal)


async def test_someone_who_agreed_is_offered_where_the_owner_allows_it(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.settings = dataclasses.replace(town.settings, attested=True)
    async with town.open():
        shown = await town.alice.slash(town.channel, "train")
        assert shown.modal is not None and "'agreed'" in str(shown.modal)
        await town.train(kind="agreed")
        (line,) = await town.app.store.audit.list(Scope(town.guild.id))
        assert (line.act, line.who_id) == ("attested", town.alice.id)


async def test_a_bot_has_no_face(town: Town) -> None:
    robot = town.guild.add_member(town.env.create_user("robot", bot=True))
    await town.train(kind="member")
    await town.round()
    card = town.the("whose face is it?")
    result = await town.alice.select(card, [robot], custom_id="lk1:person.choose:1")
    assert "bots have no face" in words(result.followups[0])
