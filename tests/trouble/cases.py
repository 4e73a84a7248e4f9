"""What goes wrong in front of people, and the sentence they read then. One case each: the town it happens in comes as it is
after a start; what a case returns is what was read, by whom it concerns."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

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


@case(
    "their direct messages are closed",
    "Your direct messages are closed to me, so I cannot write to you. Allow direct messages from this server's members",
    hold={"train": 3},
)
async def closed_to_messages(town: Town) -> str:
    """Told at the press, wherever Discord refuses it; nothing is promised. Opened, the same button does it."""
    await to_status(town)
    await town.engine.idle()
    await town.round(15)
    alone = town.alice.user.dm_channel
    town.env.inject_error("POST", "/users/@me/channels", status=403, code=50278)
    told = [said(await town.press("Tell me when it is done", "Training epoch"))]
    town.env.inject_error("POST", f"/channels/{alone.id}/messages", status=403, code=50007)
    told += [said(await town.press("Tell me when it is done", "Training epoch"))]
    first, second = (each.splitlines()[-1] for each in told)
    assert first == second and alone.history() == []
    await town.round(90)
    assert await town.app.store.outbox.pending_everywhere() == () and alone.history() == []
    assert "I will write to you" in said(await town.press("Tell me when it is done", "Training epoch"))
    assert "I will write to you here" in words(alone.history()[0])
    return second


@case(
    "the direct messages of the one who is asked are closed",
    "alice> has photos of you and would like me to learn your face",
)
async def asked_in_the_channel(town: Town) -> str:
    """Nobody is written to in private who did not press for it: whoever is in the photos is asked where they can see it."""
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
    town.app.store.blobs.put = no_room  # type: ignore[method-assign, assignment]
    await town.bob.slash(town.channel, "imagine", prompt="a house by the sea", count=1)
    await town.engine_done()
    town.app.store.blobs.put = put  # type: ignore[method-assign]
    read = words(town.the("could not be kept"))
    await town.bob.click(town.the("could not be kept"), label="Try again")
    await town.engine_done()
    assert town.find("by the sea")
    return read
