"""A bot in an in-process Discord, over a studio by hand."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
import pytest_asyncio
import simcord

from bot.chat.bot import LikenessBot
from bot.chat.layout import shown_texts
from bot.demo.stage import SETTLE_S, PatientEnv
from tests.chat.double import StudioDouble
from tests.chat.memory import Facts, Outbox

PHOTO = b"\x89PNG not really, nobody looks inside here"


@dataclass
class World:
    env: simcord.Env
    studio: StudioDouble
    outbox: Outbox
    facts: Facts
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    alice: simcord.MemberActor
    bob: simcord.MemberActor

    def now(self) -> float:
        return self.env.now().timestamp()

    def make_bot(self) -> LikenessBot:
        return LikenessBot(self.studio, self.outbox, self.facts, clock=self.now)

    async def restart(self) -> None:
        """The bot is gone and comes back as a new process would: with what the database keeps, and nothing else."""
        await self.env.restart_bot(self.make_bot())
        await self.env.settle()

    @property
    def bot(self) -> LikenessBot:
        assert isinstance(self.env.bot, LikenessBot)
        return self.env.bot

    async def pulse(self, seconds: float = 1.0) -> None:
        await self.env.advance_time(seconds)

    def room(self) -> simcord.ChannelHandle:
        return self.channel.threads[-1]

    def last(self, channel: simcord.ChannelHandle | None = None) -> discord.Message:
        message = (channel or self.channel).last_message
        assert message is not None
        return message

    def find(self, text: str, channel: simcord.ChannelHandle | None = None) -> list[discord.Message]:
        return [m for m in (channel or self.channel).history() if text in words(m)]

    # -- the steps of the conversation

    async def train(self, photos: int = 8, attached: int = 0, **values: Any) -> simcord.InteractionResult:
        files = {f"photo{n}": (f"a{n}.jpg", PHOTO) for n in range(1, attached + 1)}
        shown = await self.alice.slash(self.channel, "train", name="Katerina", **files)
        filled: dict[str, Any] = {"name": "Katerina", "kind": "me", "consent": True, **values}
        if photos:
            filled["photos"] = [(f"b{n}.jpg", PHOTO) for n in range(1, min(photos, 10) + 1)]
        if photos > 10:
            filled["more"] = [(f"c{n}.jpg", PHOTO) for n in range(11, photos + 1)]
        return await self.alice.submit_modal(shown, filled)

    async def to_crops(self, photos: int = 8) -> discord.Message:
        await self.train(photos)
        self.studio.finish_reading()
        await self.pulse()
        return self.last(self.room())

    async def to_captions(self, photos: int = 8) -> discord.Message:
        await self.alice.click(await self.to_crops(photos), label="Looks right")
        return self.last(self.room())

    async def to_confirm(self, photos: int = 8) -> discord.Message:
        await self.alice.click(await self.to_captions(photos), label="Looks right")
        return self.last(self.room())

    async def to_training(self, photos: int = 8) -> discord.Message:
        await self.alice.click(await self.to_confirm(photos), label="Start training")
        return self.last(self.room())

    async def to_ballot(self, epochs: int = 4) -> discord.Message:
        await self.to_training()
        for _ in range(epochs):
            self.studio.finish_epoch()
        self.studio.open_ballot()
        await self.pulse()
        return self.last()

    async def to_pictures(self, count: int = 4) -> discord.Message:
        await self.alice.slash(self.channel, "imagine", prompt="a portrait of ohwx", count=count)
        job_id = list(self.studio.jobs)[-1]
        self.studio.deliver_pictures(job_id, self.guild.id, self.channel.id)
        await self.pulse()
        return self.last()


def words(message: Any) -> str:
    """Everything a message says."""
    return "\n".join(part for part in (message.content, *shown_texts(_components(message))) if part)


def _components(message: Any) -> Any:
    if isinstance(message, simcord.ResponseMessage):
        return message.message.components
    return message.components


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing goes wrong unseen: what the error door writes fails the test, unless it clears the log."""
    caplog.set_level(logging.INFO, logger="bot")
    yield
    wrong = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not wrong, wrong


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    outbox, facts = Outbox(), Facts()
    clock: list[Any] = [None]
    studio = StudioDouble(outbox, lambda: clock[0].now().timestamp())
    env = PatientEnv(
        LikenessBot(studio, outbox, facts, clock=lambda: clock[0].now().timestamp()), settle_timeout=SETTLE_S
    )
    clock[0] = env
    guild = env.create_guild()
    channel = guild.create_text_channel("studio")
    alice, bob = (guild.add_member(env.create_user(name)) for name in ("alice", "bob"))
    await env.start()
    studio.acknowledged = lambda request_id: env.backend.interactions[int(request_id)].responded
    try:
        yield World(env, studio, outbox, facts, guild, channel, alice, bob)
    finally:
        await env.shutdown()
    env._raise_errors_since(env._errors_acknowledged)
