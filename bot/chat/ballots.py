"""Reactions as votes: seeded by the bot, counted by Discord.

Reaction events are a hint while the ballot is open. What decides is the list Discord gives when it closes: it holds what
was voted while the bot was away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import discord

from bot.chat import threads
from bot.chat.errors import on_its_own
from bot.chat.ports import Place, Post
from bot.chat.training_cards import BALLOT_EMOJI
from bot.errors import UserError
from bot.studio.screens import BallotCard, Purpose
from bot.studio.studio import Studio

log = logging.getLogger(__name__)

VARIATION = "\N{VARIATION SELECTOR-16}"


def option_of(emoji: str) -> int | None:
    """The column this emoji stands for, from 0. With or without the variation selector: clients differ."""
    plain = emoji.replace(VARIATION, "")
    return next((n for n, known in enumerate(BALLOT_EMOJI) if known.replace(VARIATION, "") == plain), None)


class Ballots:
    def __init__(self, client: discord.Client, studio: Studio, post: Post, clock: Callable[[], float]) -> None:
        self.client = client
        self.studio = studio
        self.post = post
        self.clock = clock
        self._open: dict[int, tuple[Place, int]] = {}
        """message id -> where, and how many columns. Made again from the database at every start."""

    def opened(self, place: Place, options: int) -> None:
        self._open[place.message_id] = (place, options)

    def closed(self, message_id: int) -> None:
        self._open.pop(message_id, None)

    async def seed(self, place: Place, options: int) -> None:
        """One reaction per column. Putting one that is there already changes nothing."""
        message = self._message(place)
        for emoji in BALLOT_EMOJI[:options]:
            try:
                try:
                    await message.add_reaction(emoji)
                except discord.HTTPException as error:
                    if not await threads.reopen(self.client, place.channel_id, error):
                        raise
                    await message.add_reaction(emoji)
            except discord.Forbidden:
                log.warning("ballot %s: may not add reactions in channel %s", place.ref, place.channel_id)
                return

    async def recount(self, place: Place) -> dict[int, frozenset[int]] | None:
        """Column -> members who chose it: people only, each once however they reacted. None: the message is gone."""
        try:
            message = await self._message(place).fetch()
        except (discord.NotFound, discord.Forbidden):
            return None
        counted: dict[int, frozenset[int]] = {}
        for reaction in message.reactions:
            option = option_of(str(reaction.emoji))
            if option is None:
                continue
            members = {user.id async for user in reaction.users() if not user.bot}
            if reaction.burst_count:
                burst = reaction.users(type=discord.ReactionType.burst)
                members |= {user.id async for user in burst if not user.bot}
            counted[option] = counted.get(option, frozenset()) | members
        return counted

    async def resume(self, place: Place, screen: BallotCard) -> None:
        """After a start: take it up again, with what happened while nobody was listening."""
        self.opened(place, len(screen.options))
        await self.seed(place, len(screen.options))
        for option, members in (await self.recount(place) or {}).items():
            for member_id in sorted(members):
                if option < len(screen.options):
                    await self._vote(place, member_id, option, on=True)

    async def close_due(self) -> tuple[Place, ...]:
        """End every ballot whose time has come; returns where they stand."""
        ended: list[Place] = []
        for guild_id, ballot_id, closes_at in await self.studio.open_ballots():
            if closes_at > self.clock():
                continue
            with on_its_own(f"ballot {ballot_id}: closing"):
                place = await self.post.place(guild_id, Purpose.BALLOT, str(ballot_id))
                counted = await self.recount(place) if place is not None else None
                await self.studio.close_ballot(guild_id, ballot_id, counted)
                if place is not None:
                    ended.append(place)
        return tuple(ended)

    async def reacted(self, payload: discord.RawReactionActionEvent, *, on: bool) -> None:
        known = self._open.get(payload.message_id)
        option = option_of(str(payload.emoji))
        if known is None or option is None or option >= known[1]:
            return
        if self.client.user is not None and payload.user_id == self.client.user.id:
            return
        if payload.member is not None and payload.member.bot:
            return
        await self._vote(known[0], payload.user_id, option, on=on)

    async def _vote(self, place: Place, member_id: int, option: int, *, on: bool) -> None:
        try:
            await self.studio.vote(place.guild_id, int(place.ref), member_id, option, on)
        except UserError:
            # A reaction after the close: there is nobody to answer, and closing has counted.
            self.closed(place.message_id)

    def _message(self, place: Place) -> discord.PartialMessage:
        channel = self.client.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
        return channel.get_partial_message(place.message_id)
