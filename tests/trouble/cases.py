"""What goes wrong in front of people, and the sentence they read then. One case each: the town it happens in comes as it is
after a start; what a case returns is what was read, by whom it concerns."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.errors import UserError
from bot.studio.requests import Who
from engine.facts import Pair, PhotoFacts
from engine.protocol import FailureKind
from engine.script import Script
from storage.errors import DiskFull
from storage.records import Scope
from storage.states import JobState, RunState
from tests.journeys.documented import archive
from tests.journeys.town import Town, words
from tests.studio.house import photo

Happening = Callable[[Town], Awaitable[str]]


@dataclass(frozen=True)
class Case:
    happens: Happening = field(repr=False)
    sentence: str
    script: Script = field(default_factory=Script)


CASES: dict[str, Case] = {}


def case(name: str, sentence: str, **script: Any) -> Callable[[Happening], Happening]:
    def keep(happens: Happening) -> Happening:
        CASES[name] = Case(happens, sentence, Script(**script))
        return happens

    return keep


def options_of(town: Town, command: str) -> dict[str, dict[str, Any]]:
    """What Discord keeps of a command's options, by name."""
    known = [one for all in town.env.backend.commands.values() for (name, _), one in all.items() if name == command]
    return {option["name"]: option for option in known[0]["options"]}


def said(result: Any) -> str:
    """Everything an interaction was answered with."""
    messages = [*([result.response] if result.response is not None else []), *result.followups]
    return "\n".join(words(message) for message in messages)


def look(photo: int) -> PhotoFacts:
    """A face, as unlike those of the photos before as two strangers are."""
    pairs = tuple(Pair(other=str(earlier), bits=30, who=0.1) for earlier in range(photo))
    return PhotoFacts(
        face=200, crop=300, wanted=64, sharpness=300, darkest=40, middle=120, brightest=220, colourful=40, pairs=pairs
    )


async def to_confirm(town: Town, photos: int = 6) -> None:
    await town.train(photos=photos)
    await town.engine_done()
    await town.press("Looks right", "the crops")
    await town.press("Looks right", "the captions")


async def to_status(town: Town) -> None:
    await to_confirm(town)
    await town.press("Start training", "Ready to learn")


async def to_ballot(town: Town) -> None:
    await to_status(town)
    await town.engine_done()


async def published(town: Town) -> None:
    await to_confirm(town)
    await town.alice.select(town.the("Ready to learn"), ["server"], custom_id="lk1:set.access:1")
    await town.press("Start training", "Ready to learn")
    await town.engine_done()
    await town.press("Close now", "is best?")


# -- what Discord will not do


@case("the thread went to the archive", "Training epoch 2 of 3.", hold={"train": 3})
async def archived_thread(town: Town) -> str:
    """An edit is answered with 50083: the bot takes the thread out of the archive and the card goes on in it."""
    await to_status(town)
    await town.engine.idle()
    archive(town.room)
    await town.round(15)
    assert not town.room._channel.thread_metadata.archived
    (card,) = town.find("Stop") or town.find("Training epoch") or town.find("### Kat3r1na\n")
    return words(card)


@case("pressed in an archived thread", "This thread is in the archive, where nothing can change. Write a word in it")
async def pressed_in_the_archive(town: Town) -> str:
    await town.train()
    await town.engine_done()
    town.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=400, code=50083)
    return said(await town.press("Looks right", "the crops"))


@case("a moderator locked the thread", "6 photos in.")
async def locked_thread(town: Town) -> str:
    """Nothing can be posted; it waits, and is there once the lock is taken away."""
    await town.train(photos=6)
    archive(town.room, locked=True)
    await town.engine_done()
    await town.round(90)
    assert town.find("the crops") == []
    about = town.room._channel.thread_metadata
    about.locked = about.archived = False
    await town.round(90)
    return words(town.the("the crops"))


@case("their direct messages are closed", "alice> has photos of you and would like me to learn your face")
async def closed_to_messages(town: Town) -> str:
    """Nobody is ever written to in private: whoever is in the photos is asked where they can see it."""
    shown = await town.alice.slash(town.channel, "train", name="Bob")
    files = [(f"{n}.jpg", photo(n)) for n in range(1, 7)]
    await town.alice.submit_modal(shown, {"name": "Bob", "kind": "member", "consent": True, "photos": files})
    await town.engine_done()
    town.env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)
    await town.alice.select(town.the("whose face is it?"), [town.bob])
    await town.round()
    asked = town.the("has photos of you")
    assert asked.channel.id == town.channel.id and town.bob.id in [m.id for m in asked.mentions]
    return words(asked).replace(f"<@{town.alice.id}>", "<alice>")


@case("the token ran out while it worked", "by the sea")
async def token_over(town: Town) -> str:
    """The answer is lost, the pictures are not: they never hang on it."""
    town.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=401, code=50027)
    await town.bob.slash(town.channel, "imagine", prompt="a house by the sea", count=1)
    await town.engine_done()
    return words(town.the("by the sea"))


@case("three seconds went by", "5 photos in.")
async def unknown_interaction(town: Town) -> str:
    """The press is lost with its interaction: nothing was done, the button still stands."""
    await town.train(photos=5)
    await town.engine_done()
    town.env.inject_error("POST", "/interactions/*", status=404, code=10062)
    await town.press("Looks right", "the crops")
    assert town.find("the captions") == []
    return words(town.the("the crops"))


@case("the photo was gone before the download", "IMG_2.jpg was not there any more. Send those again")
async def photo_gone(town: Town) -> str:
    cdn = town.env.backend.cdn
    get = cdn.get
    cdn.get = lambda url: None if "IMG_2" in url else get(url)
    try:
        return said(await town.train(photos=6))
    finally:
        cdn.get = get


@case(
    "removed from the server in the middle of it",
    "I was removed from this server while this was under way",
    hold={"train": 3},
)
async def removed(town: Town) -> str:
    """Its job is stopped, nothing more is posted; back again, whoever waited is told and may go on."""
    await to_status(town)
    await town.engine.idle()
    scope, store = Scope(town.guild.id), town.app.store
    requests = len(town.env.http_requests)
    await town.app.bot.on_guild_remove(town.app.bot.get_guild(town.guild.id))
    (job,) = [job for job in await store.jobs.of_dataset(scope, 1) if job.run_id]
    assert job.state is JobState.FAILED and (await store.runs.get(scope, 1)).state is RunState.FAILED
    await town.engine.idle()
    assert [w.running for w in await town.engine.workers()] == [()], "the engine has dropped it"
    assert len(await store.photos.list(scope, 1)) == 6, "kept, in case they come back"
    asked = [r for r in town.env.http_requests[requests:] if r.method == "POST"]
    assert asked == [] and await store.outbox.pending_everywhere() == ()
    await town.app.bot.on_guild_join(town.app.bot.get_guild(town.guild.id))
    await town.round()
    trouble = town.the("I was removed")
    town.engine.release("train")
    await town.press("Try again", "I was removed")
    await town.engine_done()
    assert town.find("is best?")
    return words(trouble)


# -- what the engine cannot do


@case("the engine is away", "The engine is away. The training goes on from its last checkpoint", hold={"train": 3})
async def engine_away(town: Town) -> str:
    await to_status(town)
    await town.engine.idle()
    town.engine.leave()
    await town.engine.idle()
    await town.round(15)
    card = words(town.the("The engine is away"))
    town.engine.release("train")
    town.engine.come_back()
    await town.engine_done()
    assert town.find("is best?"), "and it did go on"
    return card


@case("out of memory", "Train a lighter one", fail={"train": FailureKind.MEMORY})
async def out_of_memory(town: Town) -> str:
    await to_status(town)
    await town.engine_done()
    trouble = town.the("out of memory")
    town.script.fail.clear()
    rank = (await town.app.store.runs.get(Scope(town.guild.id), 1)).recipe["rank"]
    told = said(await town.press("Train a lighter one", "out of memory"))
    assert "A lighter training is in the queue" in told
    await town.engine_done()
    assert town.find("is best?")
    less = (await town.app.store.runs.get(Scope(town.guild.id), 2)).recipe["rank"]
    assert isinstance(rank, int) and isinstance(less, int) and less <= rank
    return words(trouble) + str([part.to_dict() for part in trouble.components])


@case("its disk is full", "The disk of this bot's machine is full, so nothing was kept. Tell its owner")
async def disk_full(town: Town) -> str:
    def no_room(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    durable, os.fsync = os.fsync, no_room
    try:
        told = said(await town.train())
    finally:
        os.fsync = durable
    assert await town.app.store.photos.list(Scope(town.guild.id), 1) == (), "nothing half stored"
    return told


@case(
    "its disk is full when the pictures come", "so its result could not be kept. Tell its owner, then press Try again."
)
async def full_later(town: Town) -> str:
    """Nothing half stored; there is room again, and the same button brings them."""

    async def no_room(*_: object) -> str:
        raise DiskFull

    put = town.app.store.blobs.put
    await town.bob.slash(town.channel, "imagine", prompt="a house by the sea", count=1)
    town.app.store.blobs.put = no_room  # type: ignore[method-assign, assignment]
    await town.engine_done()
    town.app.store.blobs.put = put  # type: ignore[method-assign]
    read = words(town.the("could not be kept"))
    await town.bob.click(town.the("could not be kept"), label="Try again")
    await town.engine_done()
    assert town.find("by the sea")
    return read


# -- what people do


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


@case("a prompt of 2,001 characters", "A prompt has at most 1500 characters; the base reads about 75 words anyway.")
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
