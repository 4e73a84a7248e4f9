"""Posted once whatever dies; answered whatever breaks; permissions named; commands synced when they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import discord
import pytest
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.chat import router
from bot.chat.bot import LikenessBot
from bot.chat.layout import Drawn
from bot.chat.ports import Due
from bot.studio.screens import Purpose, Screen
from tests.chat.conftest import PHOTO, World, words
from tests.chat.memory import Died


def requests(world: World, method: str, ending: str) -> list[str]:
    return [r.path for r in world.env.http_requests if r.method == method and r.path.endswith(ending)]


async def posted_and_unmarked(world: World) -> None:
    """The sheet of crops stands, and the process died before its row was marked."""
    await world.train()
    await world.pulse(11)
    world.studio.finish_reading()
    world.outbox.crash_before_marking = 1
    with pytest.raises(Died):
        await world.bot.presenter.deliver()


async def before_ready(world: World) -> tuple[LikenessBot, Callable[[], Awaitable[None]]]:
    """A new process that hears presses already; and what READY will begin."""
    bot = world.make_bot()
    rounds, bot.presenter.start = bot.presenter.start, _nothing  # type: ignore[method-assign]
    await world.env.restart_bot(bot)
    return bot, rounds


# -- the bot dies


async def test_killed_between_accepting_and_replying(world: World) -> None:
    """The photos are in, the row is written, and the process ends before a word was said."""
    await world.train()
    world.studio.finish_reading()
    assert [due.purpose for due in world.outbox.rows] == [Purpose.CROPS]
    await world.restart()
    await world.pulse()
    assert world.outbox.rows == [] and len(world.find("the crops", world.room())) == 1


@pytest.mark.parametrize("gap", [0, 24 * 3600])
async def test_killed_between_posting_and_marking(world: World, gap: int) -> None:
    """Discord has the message, the database does not know: after the start it is found, not posted again."""
    await posted_and_unmarked(world)
    assert len(world.find("the crops", world.room())) == 1 and world.outbox.rows
    await world.bot.presenter.stop()
    await world.pulse(gap)
    await world.restart()
    await world.pulse()
    assert len(world.find("the crops", world.room())) == 1
    assert world.outbox.rows == []
    standing = await world.outbox.place(world.guild.id, Purpose.CROPS, "1")
    assert standing is not None and standing.message_id == world.find("the crops", world.room())[0].id


async def test_a_press_between_posting_and_marking_does_not_hide_the_message(world: World) -> None:
    """The card was changed by a press before its row was marked: it still carries the row's mark."""
    await posted_and_unmarked(world)
    # The new process answers the press before its first round.
    _, rounds = await before_ready(world)
    sheet = world.find("the crops", world.room())[0]
    await world.alice.select(sheet, ["3"], custom_id="lk1:crop.fix:1:1.0")
    await rounds()
    await world.env.settle()
    await world.pulse()
    assert [words(m).splitlines()[0] for m in world.room().history()] == ["### Photo 3"]
    assert world.outbox.rows == []


async def test_killed_between_posting_anew_and_marking_leaves_one_card(world: World) -> None:
    """The newer sheet stands, its row is not marked: the older one is gone already, and stays gone."""
    sheet = await world.to_crops()
    world.outbox.put_row(world.guild.id, world.room().id, Purpose.CROPS, 1)
    world.outbox.crash_before_marking = 1
    with pytest.raises(Died):
        await world.bot.presenter.deliver()
    (newer,) = world.find("the crops", world.room())
    assert newer.id != sheet.id
    await world.restart()
    await world.pulse()
    assert [m.id for m in world.find("the crops", world.room())] == [newer.id] and world.outbox.rows == []


async def test_killed_where_it_may_not_read_back_the_nonce_alone_keeps_it_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.train()
    world.studio.finish_reading()
    world.outbox.crash_before_marking = 1
    with pytest.raises(Died):
        await world.bot.presenter.deliver()
    world.env.inject_error("GET", f"/channels/{world.room().id}/messages", status=403, code=50001)
    await world.restart()
    await world.pulse()
    assert "cannot be looked for" in caplog.text
    posts = [r.json for r in world.env.http_requests if r.method == "POST" and r.path.endswith("/messages") and r.json]
    first, again = posts[-2:]
    assert first["nonce"] == again["nonce"] and again["enforce_nonce"], "Discord answers with the first message"
    assert world.outbox.rows == [] and world.outbox.dropped == []


async def test_a_kind_stop_lets_the_post_under_way_be_marked(world: World) -> None:
    await world.train()
    await world.pulse(11)
    world.studio.finish_reading()
    presenter, sent, go_on = world.bot.presenter, asyncio.Event(), asyncio.Event()
    send = presenter._send

    async def slowly(due: Due, drawn: Drawn) -> int:
        message_id = await send(due, drawn)
        sent.set()
        await go_on.wait()
        return message_id

    presenter._send = slowly  # type: ignore[method-assign]
    posting = asyncio.create_task(presenter.deliver())
    await sent.wait()
    stopping = asyncio.create_task(presenter.stop())
    await asyncio.sleep(0)
    assert world.outbox.rows and not stopping.done()
    go_on.set()
    await stopping
    assert world.outbox.rows == [] and len(world.find("the crops", world.room())) == 1
    await posting


async def test_ready_in_the_middle_of_a_post_does_not_have_it_posted_again(world: World) -> None:
    """A press of the new process was answered before READY, and is posting what the earlier one had posted already."""
    await posted_and_unmarked(world)
    bot, rounds = await before_ready(world)
    drawn, screen = asyncio.Event(), world.studio.screen
    go_on = asyncio.Event()

    async def slowly(guild_id: int, purpose: Purpose, ref: str) -> Screen | None:
        drawn.set()
        await go_on.wait()
        return await screen(guild_id, purpose, ref)

    world.studio.screen = slowly  # type: ignore[method-assign]
    posting = asyncio.create_task(bot.presenter.deliver())
    await drawn.wait()
    starting = asyncio.create_task(rounds())
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(posting, starting)
    await world.env.settle()
    assert len(world.find("the crops", world.room())) == 1 and world.outbox.rows == []


async def _nothing() -> None: ...


async def test_every_kind_of_post_is_sent_with_its_row_as_nonce(world: World) -> None:
    await world.alice.select(await world.to_ballot(), ["2"], custom_id="lk1:vote.win:1")
    sent = [r.json for r in world.env.http_requests if r.method == "POST" and r.path.endswith("/messages")]
    nonces = [body["nonce"] for body in sent if body and "nonce" in body]
    assert len(nonces) == len(set(nonces))
    assert {str(due.id) for due in world.outbox.done} <= set(nonces)
    assert all(body["enforce_nonce"] for body in sent if body and "nonce" in body)


async def test_a_failed_post_waits_and_keeps_its_order(world: World) -> None:
    await world.to_training()
    for _ in range(3):
        world.studio.finish_epoch()
    world.env.inject_error("POST", f"/channels/{world.room().id}/messages", status=500, times=1)
    await world.bot.presenter.deliver()
    assert len(world.outbox.rows) == 3
    await world.pulse(2)
    posts = [words(m).splitlines()[0] for m in world.room().history() if words(m).startswith("**Epoch")]
    assert posts == [f"**Epoch {n} of 4**" for n in (1, 2, 3)]


async def test_what_cannot_be_posted_is_dropped_and_holds_nothing_up(world: World) -> None:
    await world.to_training()
    world.outbox.put_row(world.guild.id, 12345, Purpose.STATUS, 1)
    world.outbox.put_row(world.guild.id, world.room().id, Purpose.PICTURES, "no-such-job")
    world.studio.finish_epoch()
    await world.pulse(2)
    assert [reason for _, reason in world.outbox.dropped] == ["Discord said 404/10003", "nothing to show any more"]
    assert world.find("**Epoch 1", world.room())


async def test_the_round_goes_on_after_a_failure(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.to_training()
    broken = world.studio.screen

    async def breaks(guild_id: int, purpose: Purpose, ref: str) -> None:
        raise RuntimeError("a portrait of somebody")

    world.studio.screen = breaks  # type: ignore[assignment, method-assign]
    world.studio.finish_epoch()
    await world.pulse(12)
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert errors and all("RuntimeError" in e and "portrait" not in e for e in errors)
    caplog.clear()
    world.studio.screen = broken  # type: ignore[method-assign]
    await world.pulse(12)
    assert world.find("**Epoch 1", world.room())


# -- something breaks


async def test_a_broken_handler_is_a_reference_for_the_member_and_a_place_for_the_owner(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    sheet = await world.to_crops()
    world.studio.breaks = RuntimeError("the prompt was: secret")
    results = [
        await world.alice.click(sheet, label="Looks right"),
        await world.alice.slash(world.channel, "queue"),
        await world.alice.slash(world.channel, "imagine", prompt="secret"),
    ]
    said = [words(results[0].followups[0]), *(words(r.response) for r in results[1:])]
    for sentence in said:
        reference = sentence.split("`")[1]
        logged = [r.getMessage() for r in caplog.records if reference in r.getMessage()]
        assert len(logged) == 1 and "RuntimeError" in logged[0] and "double.py" in logged[0]
    assert "secret" not in caplog.text
    caplog.clear()


@pytest.mark.parametrize("code", [10062, 40060])
async def test_too_late_to_answer_is_nobodys_fault(world: World, code: int, caplog: pytest.LogCaptureFixture) -> None:
    sheet = await world.to_crops()
    world.env.inject_error("POST", "/interactions/*", status=404 if code == 10062 else 400, code=code)
    await world.alice.click(sheet, label="Looks right")
    world.env.inject_error("POST", "/interactions/*", status=404 if code == 10062 else 400, code=code)
    await world.alice.slash(world.channel, "queue")
    assert "accept_crops" not in world.studio.calls and "queue" not in world.studio.calls
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_a_panel_of_another_version_is_answered_with_a_fresh_one(world: World) -> None:
    sheet = await world.to_crops()
    stored = world.env.backend.messages[sheet.channel.id][sheet.id]
    for text in ("lk0:crop.ok:1", "lk1:crop.gone:1", "lk2:crop.accept:1"):
        stored.components = [
            {"type": 1, "id": 1, "components": [{"type": 2, "style": 1, "label": "Old", "custom_id": text, "id": 2}]}
        ]
        result = await world.alice.click(sheet, label="Old")
        assert "fresh one" in words(result.followups[0])
        assert "the crops" in words(world.last(world.room()))
    await world.outbox.remove((await world.outbox.places({Purpose.CROPS}))[0])
    stored.components = [
        {"type": 1, "id": 1, "components": [{"type": 2, "style": 1, "label": "Old", "custom_id": "lk0:a:1", "id": 2}]}
    ]
    result = await world.alice.click(sheet, label="Old")
    assert "older version" in words(result.followups[0])


# -- permissions


def deny(world: World, *names: str) -> None:
    me = world.env.backend.bot_user.id
    channel = world.env.backend.channels[world.channel.id]
    bits = discord.Permissions(**dict.fromkeys(names, True)).value
    world.env.backend.edit_channel(channel.id, {}, overwrites=[Overwrite(me, OverwriteType.MEMBER, deny=bits)])


@pytest.mark.parametrize(
    ("denied", "kind", "said"),
    [
        (("create_private_threads",), 11, "for a private one, Create Private Threads is missing"),
        (
            ("create_private_threads", "create_public_threads"),
            None,
            "Create Private Threads and Create Public Threads are missing",
        ),
        (("send_messages_in_threads",), None, "Send Messages in Threads are missing"),
    ],
)
async def test_the_job_room_falls_back_and_names_what_is_missing(
    world: World, denied: Iterable[str], kind: int | None, said: str
) -> None:
    deny(world, *denied)
    result = await world.train()
    assert result.response is not None and said in result.response.content
    threads = world.channel.threads
    assert [t._channel.type for t in threads] == ([kind] if kind else [])
    assert world.studio.training is not None
    assert world.studio.training.ask.room_id == (threads[0].id if threads else world.channel.id)


@pytest.mark.parametrize(("denied", "name"), [("send_messages", "Send Messages"), ("attach_files", "Attach Files")])
async def test_what_is_missing_to_post_is_said_before_anything_starts(world: World, denied: str, name: str) -> None:
    deny(world, denied)
    for result in (
        await world.alice.slash(world.channel, "train"),
        await world.alice.slash(world.channel, "imagine", prompt="a dog"),
    ):
        assert result.response is not None and name in words(result.response) and result.modal is None
    assert world.studio.calls == []


async def test_train_inside_a_thread_opens_its_room_beside_it(world: World) -> None:
    await world.train()
    first = world.room()
    shown = await world.alice.slash(first, "train")
    result = await world.alice.submit_modal(
        shown, {"name": "Rex", "kind": "pet", "consent": True, "photos": [("a.jpg", PHOTO)]}
    )
    assert result.response is not None
    assert [t.name.rpartition("-")[0] for t in world.channel.threads] == ["train-katerina", "train-rex"]


# -- commands


async def test_commands_are_synced_once_and_again_when_they_change(world: World) -> None:
    assert len(requests(world, "PUT", "/commands")) == 1
    await world.restart()
    assert len(requests(world, "PUT", "/commands")) == 1
    world.facts.kept["command tree"] = "something else"
    await world.restart()
    assert len(requests(world, "PUT", "/commands")) == 2


COMMANDS = [
    "Report this picture", "cancel", "compare", "export", "forget", "gallery", "help", "imagine", "inspire", "loras", "privacy",
    "queue", "report", "retrain", "settings", "stop-after-epoch", "train",
]  # fmt: skip


SHOWN = {"pic.strength"}
"""A button that cannot be pressed: it shows a value between the two that change it."""


async def test_only_what_is_needed_is_asked_of_discord(world: World) -> None:
    assert world.bot.intents == discord.Intents(guilds=True, guild_reactions=True)
    mentions = world.bot.allowed_mentions
    assert mentions is not None and mentions.to_dict() == discord.AllowedMentions.none().to_dict()
    assert sorted(c.name for c in world.bot.tree.get_commands()) == COMMANDS


def test_every_verb_that_is_drawn_is_answered() -> None:
    """What is drawn names its verb, and so does the door that answers it (`@on`, `@opens`): neither stands alone."""
    import re
    from pathlib import Path

    import bot.chat as room

    verb = re.compile(r'"((?:[a-z]+\.)+[a-z]+)"')
    folder = Path(str(room.__path__[0]))
    code = {file.name: re.sub(r'@(?:on|opens)\("[a-z.]+"', "", file.read_text()) for file in folder.glob("*.py")}
    named = {name: set(verb.findall(text)) for name, text in code.items()}
    drawn = set[str]().union(*(found for name, found in named.items() if name.endswith(("_cards.py", "forms.py"))))
    answered = set(router.HANDLERS) | set(router.OPENERS)
    assert drawn - answered == SHOWN
    assert answered - set[str]().union(*named.values()) == set()


async def test_nothing_pressed_or_sent_is_remembered_by_the_library(world: World) -> None:
    await world.alice.select(await world.to_ballot(), ["2"], custom_id="lk1:vote.win:1")
    await world.alice.slash(world.channel, "train")
    store = world.bot._connection._view_store
    assert store._views == {} and store._modals == {}
