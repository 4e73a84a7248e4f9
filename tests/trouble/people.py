"""What people do that cannot work, or that comes too late, and the sentence they read then. Cases as in cases.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.errors import UserError
from bot.studio.requests import Who
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.trouble.cases import case, look, options_of, published, said, to_ballot, to_confirm


@case("too few usable photos", "5 usable photos are needed and 3 are there: add 2 more.", refuse={0: "is not a photo"})
async def too_few(town: Town) -> str:
    await town.train(photos=4)
    await town.engine_done()
    asked = Who(town.guild.id, town.alice.id, town.channel.id, "an older client", False)
    with pytest.raises(UserError) as refused:
        await town.app.studio.accept_crops(asked, 1)
    return str(refused.value)


@case(
    "photos of different people",
    "No two of these photos seem to show the same person.",
    measured={n: look(n) for n in range(6)},
)
async def all_different(town: Town) -> str:
    """Asked, with a way to say that it is one person all the same."""
    await town.train(photos=6)
    await town.engine_done()
    asked = town.the("No two of these photos")
    read = words(asked)
    await town.alice.click(asked, label="It is one person")
    assert town.find("No two of these photos") == []
    return read


@case(
    "a prompt of 2,001 characters",
    "A prompt has at most 1500 characters, and the base reads about 75 words of it. Shorten it and send it again.",
)
async def too_long(town: Town) -> str:
    """Discord's own clients stop at the limit; another one may not."""
    del options_of(town, "imagine")["prompt"]["max_length"]
    return said(await town.alice.slash(town.channel, "imagine", prompt="x" * 2001))


@case("a caption of 2,001 characters", "the captions")
async def long_caption(town: Town) -> str:
    """It is kept as far as the base could ever read it, and the sheet still fits into a message."""
    await town.train(photos=6)
    await town.engine_done()
    await town.press("Looks right", "the crops")
    form = await town.alice.click(town.the("the captions"), custom_id="lk1:cap.edit:1:1.2")
    for part in form._interaction.modal["components"]:
        part["component"]["max_length"] = 4000
    await town.alice.submit_modal(form, {"caption.2": "w" * 2001})
    (kept,) = [p.caption for p in await town.app.store.photos.list(Scope(town.guild.id), 1) if p.number == 2]
    assert len(kept) <= 2001
    return words(town.the("the captions"))


@case("an answer longer than a message", "x" * 1999 + "\N{HORIZONTAL ELLIPSIS}")
async def long_answer(town: Town) -> str:
    async def refuse(who: Who) -> Any:
        raise UserError("x" * 2001)

    town.app.studio.queue = refuse  # type: ignore[method-assign]
    return said(await town.alice.slash(town.channel, "queue"))


@case("26 LoRAs", "kat3r1na-26")
async def many_loras(town: Town) -> str:
    """Twenty-five are offered while typing, and the others are found by typing on; a list has pages."""
    await published(town)
    scope, store = Scope(town.guild.id), town.app.store
    (first,) = await store.loras.list(scope)
    for number in range(2, 27):
        run = await store.runs.create(scope, 1, recipe={}, base=first.base, trigger=first.trigger, class_word="person")
        await store.epochs.record(scope, run.id, 1, lora_sha256=first.sha256)
        await store.loras.publish(
            scope, run.id, epoch=1, name=f"kat3r1na-{number}", trigger=first.trigger, base=first.base, sha256=first.sha256,
            key_id=first.key_id, access=first.access, owner_id=first.owner_id,
        )  # fmt: skip
    await town.stop_and_start()
    for command in ("imagine", "export", "retrain"):
        assert len(await town.alice.autocomplete(town.channel, command, "lora", "")) == 25
        assert [c["value"] for c in await town.alice.autocomplete(town.channel, command, "lora", "a-26")] == [
            "kat3r1na-26"
        ]
    shown = await town.alice.slash(town.channel, "loras")
    read = said(shown)
    for _ in range(5):
        if "kat3r1na-26" in read:
            break
        shown = await town.alice.click(shown.response, label="Next")
        read = said(shown)
    return read


@case(
    "a prompt longer than the base reads",
    'The prompt is longer than the base reads; left out was: "blue hour"',
    reads=5,
)
async def over_the_length(town: Town) -> str:
    await town.bob.slash(town.channel, "imagine", prompt="a house by the sea, blue hour".replace(",", ""), count=1)
    await town.engine_done()
    return words(town.the("left out was"))


@case("pressed twice", "Started.")
async def double_press(town: Town) -> str:
    """At the same moment, and once more afterwards: one training."""
    await to_confirm(town)
    card = town.the("Ready to learn")
    at_once = [Who(town.guild.id, town.alice.id, town.channel.id, f"press {n}", False) for n in range(3)]
    await asyncio.gather(*(town.app.studio.start_training(who, 1) for who in at_once))
    await town.alice.click(card, label="Start training")
    await town.engine_done()
    assert len(await town.app.store.runs.of_dataset(Scope(town.guild.id), 1)) == 1
    return words(town.the("Ready to learn"))


@case("a button from before a restart", "The crops are agreed")
async def stale_button(town: Town) -> str:
    await town.train()
    await town.engine_done()
    await town.kill_and_start()
    await town.press("Looks right", "the crops")
    return words(town.the("the crops"))


@case("a button of a version that is no more", "That panel was from an older version of me; this is a fresh one.")
async def old_version(town: Town) -> str:
    await town.train()
    await town.engine_done()
    sheet = town.the("the crops")
    stored = town.env.backend.messages[sheet.channel.id][sheet.id]
    old = {"type": 2, "style": 1, "label": "Old", "custom_id": "lk0:crop.ok:1", "id": 2}
    stored.components = [{"type": 1, "id": 1, "components": [old]}]
    return said(await town.alice.click(sheet, label="Old"))


@case(
    "somebody else's button",
    "These are somebody else's photos: only the one who brought them, or an admin, may do that.",
)
async def not_theirs(town: Town) -> str:
    await town.train()
    await town.engine_done()
    town.env.backend.add_thread_member(town.room.id, town.bob.id)
    return said(await town.bob.click(town.the("the crops"), label="Looks right"))


@case("an emoji as trigger word", "A trigger word is made of the letters a to z, digits and _.")
async def emoji_trigger(town: Town) -> str:
    await to_confirm(town)
    form = await town.press("Change trigger word", "Ready to learn")
    return said(await town.alice.submit_modal(form, {"trigger": "\N{BIRTHDAY CAKE}\N{BIRTHDAY CAKE}\N{BIRTHDAY CAKE}"}))


@case("nobody voted", "Nobody voted, so epoch 2 wins")
async def no_voters(town: Town) -> str:
    await to_ballot(town)
    await town.app.bot.presenter.stop()
    await town.round(25 * 3600)
    await town.kill_and_start()
    await town.round()
    return words(town.the("is here"))


@case("a vote after its end", "is here")
async def late_vote(town: Town) -> str:
    await to_ballot(town)
    await town.press("Close now", "is best?")
    await town.alice.react(town.the("is best?"), BALLOT_EMOJI[0])
    votes = await town.app.store.ballots.tally(Scope(town.guild.id), 1)
    assert not any(votes.values())
    return words(town.the("is here"))
