"""The bot: one client, one command tree, one door for presses, one presenter. It holds no state worth keeping."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands

from bot.chat import (
    captions,
    coaching,
    confirm,
    crops,
    gallery,
    inspiration,
    intake,
    keeping,
    lexicon,
    news,
    people,
    pictures,
    retraining,
    router,
    rules,
    teaching,
    training,
    voting,
)
from bot.chat.answers import Answers
from bot.chat.commands import add_commands
from bot.chat.errors import on_its_own, tell
from bot.chat.keeping_commands import add_keeping_commands
from bot.chat.languages import CommandWords
from bot.chat.painting_commands import add_compare, add_gallery
from bot.chat.ports import Memory, Post
from bot.chat.presenter import Presenter
from bot.chat.turns import Turns, Underway
from bot.chat.uploads import Held
from bot.errors import UserError
from bot.language import say, speak
from bot.studio.studio import Studio

log = logging.getLogger(__name__)

HANDLERS = (
    intake, people, crops, captions, coaching, lexicon, confirm, training, news, voting, pictures, gallery, keeping, rules,
    retraining, inspiration, teaching,
)  # fmt: skip
"""Importing them registers what can be pressed."""

TREE = "command tree"
LAST_ANSWER_S = 5
"""As long as a kind stop waits for the members whose presses and commands are being answered."""
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    create_private_threads=True,
    attach_files=True,
    add_reactions=True,
    read_message_history=True,
)
"""What an invite asks for: 377957223488. Cards are components, which need no Embed Links."""


class Tree(app_commands.CommandTree["LikenessBot"]):
    async def interaction_check(self, interaction: discord.Interaction[LikenessBot], /) -> bool:
        """Comes before every command and every autocompletion: what they answer is in the member's language."""
        speak(interaction.locale)
        return True

    async def on_error(
        self, interaction: discord.Interaction[LikenessBot], error: app_commands.AppCommandError, /
    ) -> None:
        """What the commands' own door could not see: an option or a command that discord.py does not take."""
        told: Exception = error
        if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
            told = UserError(
                say("That command has changed since your Discord learnt it. Reload Discord and try again.")
            )
        elif isinstance(error, app_commands.TransformerError):
            told = UserError(
                say("This command does not take what stands in one of its options. Shorten it and try again.")
            )
        await tell(interaction, told, private_reply=False)


class LikenessBot(discord.Client):
    def __init__(self, studio: Studio, post: Post, memory: Memory, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_reactions=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self.studio = studio
        self.post = post
        self.memory = memory
        self.held = Held(clock)
        self.turns = Turns()
        self.underway = Underway()
        self.answers = Answers(lambda jobs: self.studio.standings.of(jobs), clock, lambda: self.underway.busy)
        self.presenter = Presenter(self, studio, post, clock, chore=self.held.purge)
        self.tree = Tree(self)
        add_commands(self, self.tree)
        add_compare(self, self.tree)
        add_gallery(self, self.tree)
        add_keeping_commands(self, self.tree)

    async def fetch(self, url: str) -> bytes:
        """An uploaded file from Discord's servers."""
        return await self.http.get_from_cdn(url)

    async def setup_hook(self) -> None:
        """Commands are synced only when they changed: Discord allows 200 creations a day."""
        await self.tree.set_translator(CommandWords())
        payload = [
            await command.get_translated_payload(self.tree, CommandWords()) for command in self.tree.get_commands()
        ]
        words = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        looks = hashlib.sha256(words.encode()).hexdigest()
        if await self.memory.recall(TREE) == looks:
            return
        await self.tree.sync()
        await self.memory.keep(TREE, looks)
        log.info("commands synced: %d", len(payload))

    async def on_ready(self) -> None:
        log.info("ready in %d servers", len(self.guilds))
        with on_its_own("servers"):
            await self.studio.servers([guild.id for guild in self.guilds])
        await self.presenter.start()
        self.answers.start()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        with on_its_own("removed from a server"):
            await self.studio.removed_from(guild.id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        with on_its_own("back in a server"):
            await self.studio.back_in(guild.id)

    async def on_interaction(self, interaction: discord.Interaction[LikenessBot]) -> None:
        with self.underway.one():
            await router.answer(self, interaction)

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        with on_its_own("a vote"):
            await self.presenter.ballots.reacted(payload, on=True)

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        with on_its_own("a vote taken back"):
            await self.presenter.ballots.reacted(payload, on=False)

    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        with on_its_own("votes cleared"):
            await self.presenter.ballots.cleared(payload.message_id)

    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        with on_its_own("a letter cleared"):
            await self.presenter.ballots.cleared(payload.message_id)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Nothing begins any more once this is closing: discord.py would say READY to a client that is gone, where it was
        stopped within two seconds of connecting."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def close(self) -> None:
        self.answers.stop()
        await self.presenter.stop()
        await self.underway.done(LAST_ANSWER_S)
        self.held.clear()
        await super().close()
