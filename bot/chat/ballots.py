"""Reactions as votes: seeded by the bot, counted by Discord.

Reaction events are a hint while the ballot is open. What decides is the list Discord gives when it closes: it holds what
was voted while the bot was away. Nothing here must be remembered: a new process finds its ballots and their messages in
the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import discord

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.chat.errors import on_its_own
from bot.chat.ports import Place, Post
from bot.errors import UserError
from bot.studio.ballot import OpenBallot
from bot.studio.screens import Purpose
from bot.studio.studio import Studio

log = logging.getLogger(__name__)

LOOK_EVERY_S = 300
"""How often it is looked whether an open ballot's message still stands. Its deletion is told to nobody without an intent
this bot does not ask for."""
AGAIN_AFTER_S = 10
"""After an edit that Discord refused."""


def option_of(emoji: str) -> int | None:
    """The column this emoji stands for, from 0."""
    return BALLOT_EMOJI.index(emoji) if emoji in BALLOT_EMOJI else None


class Ballots:
    def __init__(self, client: discord.Client, studio: Studio, post: Post, clock: Callable[[], float]) -> None:
        self.client = client
        self.studio = studio
        self.post = post
        self.clock = clock
        self._open: dict[int, tuple[Place, int]] = {}
        """message id -> where, and how many columns. Made again from the database at every start."""
        self._looked: dict[int, float] = {}
        """ballot id -> when its message was last looked for."""
        self._tried: dict[int, float] = {}
        """message id -> when it was last tried to bring it up to date."""

    def opened(self, place: Place, options: int) -> None:
        self._open[place.message_id] = (place, options)

    def closed(self, message_id: int) -> None:
        self._open.pop(message_id, None)

    async def seed(self, place: Place, options: int) -> None:
        """One reaction per column. Putting one that is there already changes nothing."""
        message = self._message(place)
        for emoji in BALLOT_EMOJI[:options]:
            try:
                await message.add_reaction(emoji)
            except discord.Forbidden:
                log.warning("ballot %s: may not add reactions in channel %s", place.ref, place.channel_id)
                return
            except discord.NotFound:
                # Deleted under the bot's hands: looked for again, and posted anew, in its time.
                return

    # -- counting

    async def recount(self, place: Place) -> dict[int, frozenset[int]] | None:
        """Column -> members who chose it: people only, each once however they reacted. None: the message is gone."""
        message = await self._read(place)
        if message is None:
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

    async def voted(self, place: Place, member_id: int) -> frozenset[int] | None:
        """The columns this member reacted with, as Discord knows it. None: that cannot be seen."""
        message = await self._read(place)
        if message is None:
            return None
        found: set[int] = set()
        for reaction in message.reactions:
            option = option_of(str(reaction.emoji))
            if option is None or reaction.count <= int(reaction.me):
                continue
            kinds = [discord.ReactionType.normal]
            kinds += [discord.ReactionType.burst] if reaction.burst_count else []
            for kind in kinds:
                # Users come by their ids: the first one after the number before is this member, or they are not there.
                first = reaction.users(limit=1, after=discord.Object(member_id - 1), type=kind)
                if any([user.id == member_id async for user in first]):
                    found.add(option)
        return frozenset(found)

    async def take_up(self) -> None:
        """After a start: every open ballot, with what happened while nobody was listening."""
        open_now = {str(ballot.ballot_id): ballot for ballot in await self.studio.open_ballots()}
        for place in await self.post.places({Purpose.BALLOT}):
            ballot = open_now.get(place.ref)
            if ballot is None or ballot.tied_at is not None:
                continue
            self._looked[ballot.ballot_id] = 0
            with on_its_own(f"ballot {place.ref}: taking up"):
                await self._resume(place, ballot.columns)

    async def _resume(self, place: Place, columns: int) -> None:
        self.opened(place, columns)
        await self.seed(place, columns)
        for option, members in (await self.recount(place) or {}).items():
            for member_id in sorted(members):
                if option < columns:
                    await self._vote(place, member_id, option, on=True)

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

    async def cleared(self, message_id: int) -> None:
        """A moderator took reactions away, ours with them: the letters stand there again to be pressed."""
        known = self._open.get(message_id)
        if known is not None:
            await self.seed(*known)

    async def _vote(self, place: Place, member_id: int, option: int, *, on: bool) -> None:
        try:
            await self.studio.vote(place.guild_id, int(place.ref), member_id, option, on)
        except UserError:
            # A reaction after the close: there is nobody to answer, and closing has counted.
            self.closed(place.message_id)

    # -- the round

    async def tend(self) -> tuple[Place, ...]:
        """End every ballot whose time has come, post those anew whose message is gone. Returns the cards to bring up to date:
        those of ballots that ended or are level now, also in an earlier process."""
        standing = await self.post.places({Purpose.BALLOT, Purpose.TIE})
        ballots = {str(ballot.ballot_id): ballot for ballot in await self.studio.open_ballots()}
        for ballot in ballots.values():
            with on_its_own(f"ballot {ballot.ballot_id}: looking after it"):
                place = next(
                    (p for p in standing if (p.purpose, p.ref) == (Purpose.BALLOT, str(ballot.ballot_id))), None
                )
                if ballot.ends_at <= self.clock():
                    await self._end(ballot, place)
                elif ballot.tied_at is None:
                    await self._look(ballot, place)
        self._tried = {place.message_id: self._tried.get(place.message_id, 0) for place in standing}
        self._looked = {id: at for id, at in self._looked.items() if str(id) in ballots}
        ballots = {str(ballot.ballot_id): ballot for ballot in await self.studio.open_ballots()}
        return tuple(place for place in standing if self._is_old(place, ballots.get(place.ref)))

    async def _end(self, ballot: OpenBallot, place: Place | None) -> None:
        counted = await self.recount(place) if place is not None and ballot.tied_at is None else None
        await self.studio.ballots.end(ballot.guild_id, ballot.ballot_id, counted)

    async def _look(self, ballot: OpenBallot, place: Place | None) -> None:
        now = self.clock()
        if now - self._looked.setdefault(ballot.ballot_id, now) < LOOK_EVERY_S:
            return
        self._looked[ballot.ballot_id] = now
        if place is not None:
            try:
                await self._message(place).fetch()
                return
            except discord.Forbidden:
                return
            except discord.NotFound:
                self.closed(place.message_id)
        if await self.studio.ballots.anew(ballot.guild_id, ballot.ballot_id):
            log.warning("ballot %s: its message is gone, it is posted anew", ballot.ballot_id)

    def _is_old(self, place: Place, ballot: OpenBallot | None) -> bool:
        """Whether it shows less than is known. Tried again after a while where Discord refused an edit."""
        if ballot is not None and (
            place.purpose is Purpose.TIE or ballot.tied_at is None or place.edited_at >= ballot.tied_at
        ):
            return False
        if self.clock() - self._tried.get(place.message_id, 0) < AGAIN_AFTER_S:
            return False
        self._tried[place.message_id] = self.clock()
        return True

    async def _read(self, place: Place) -> discord.Message | None:
        try:
            return await self._message(place).fetch()
        except (discord.NotFound, discord.Forbidden):
            return None

    def _message(self, place: Place) -> discord.PartialMessage:
        channel = self.client.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
        return channel.get_partial_message(place.message_id)
