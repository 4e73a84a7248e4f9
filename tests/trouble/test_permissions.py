"""What the invite asks for: nothing privileged, nothing without a use, and each named where it is missing."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot.chat import texts
from bot.chat.bot import PERMISSIONS, LikenessBot
from bot.doctor import PERMISSIONS as INVITED
from tests.journeys.documented import deny
from tests.journeys.town import Town
from tests.trouble.cases import said

NAMED = sorted(texts.PERMISSIONS)
BEFORE_ANYTHING = ("view_channel", "send_messages", "attach_files", "add_reactions", "read_message_history")
POWERFUL = ("administrator", "manage_guild", "manage_channels", "manage_messages", "manage_threads", "manage_roles")


def test_the_invite_asks_for_what_is_used_and_no_more() -> None:
    assert PERMISSIONS.value == INVITED == 377957223488
    assert discord.Permissions(**dict.fromkeys(NAMED, True)) == PERMISSIONS, "each can be named when it is missing"
    assert not any(getattr(PERMISSIONS, name) for name in POWERFUL)


def test_no_intent_is_privileged() -> None:
    intents = discord.Intents(guilds=True, guild_reactions=True)
    bot = LikenessBot(None, None, None)  # type: ignore[arg-type]
    assert bot.intents == intents
    assert not (bot.intents.members or bot.intents.presences or bot.intents.message_content)


@pytest.mark.parametrize("name", NAMED)
async def test_each_is_missed_by_its_name(name: str, tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open():
        if name == "create_public_threads":
            # Used where a thread cannot be private: in an announcement channel.
            town.channel = town.guild.create_news_channel("news")
        deny(town.channel, name)
        told = said(await town.alice.slash(town.channel, "train", name="Kat"))
        if name not in BEFORE_ANYTHING:
            told = said(await town.train(photos=5))
    assert texts.PERMISSIONS[name] in told, told
