"""What reaches people without being asked: the outbox is posted, live cards are edited, ballots end on time.

A row is posted once. The nonce (the row's id) lets Discord itself refuse a repeat within minutes; rows that an earlier
process may have posted are first looked for in the channel by the mark their card carries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import discord
from discord.ext import tasks

from bot.chat import threads
from bot.chat.ballots import Ballots
from bot.chat.cards import FOLLOWED, TENDED, draw, settled
from bot.chat.errors import on_its_own, where
from bot.chat.languages import language_of
from bot.chat.layout import MARK, Drawn, mark_of
from bot.chat.ports import Due, Place, Post
from bot.language import speaking
from bot.studio.screens import BallotCard, Purpose
from bot.studio.studio import Studio

log = logging.getLogger(__name__)

EDIT_EVERY_S = 10
READING_EVERY_S = 4
"""Photos are read in a minute or less, and their card goes when they are."""
REPOST_AFTER_S = 55 * 60
"""Messages older than an hour may only be edited a few times (error 30046): a card moves to a new message before."""
LAST_POST_S = 5
TRY_AGAIN_S = 60
SHUT_FOR_S = 24 * 3600
"""As long as a post waits for a permission that is missing."""
LOOK_BACK = 100
"""Messages searched for a card that may already be there."""

TOO_MANY_OLD_EDITS = 30046

Key = tuple[int, Purpose, str]


class Presenter:
    def __init__(
        self,
        client: discord.Client,
        studio: Studio,
        post: Post,
        clock: Callable[[], float],
        chore: Callable[[], None] = lambda: None,
    ) -> None:
        """`chore` is done once a round."""
        self.client = client
        self.studio = studio
        self.post = post
        self.clock = clock
        self.chore = chore
        self.ballots = Ballots(client, studio, post, clock)
        self._lock = asyncio.Lock()
        """Held while rows are posted."""
        self._asking = asyncio.Lock()
        self._doubtful: set[int] = set()
        """Rows that may have been posted without being marked."""
        self._begun = False
        """Before the first row is posted all that wait are in doubt: an earlier process may have been cut off."""
        self._over = False
        self._shut: dict[int, float] = {}
        """Channels this bot may not write to at the moment, and when it tries again."""

    # -- the round

    async def start(self) -> None:
        """On READY, and again whenever Discord starts a new session."""
        with on_its_own("ballots: taking up"):
            await self.ballots.take_up()
        if not self._round.is_running() and not self._over:
            self._round.start()

    async def stop(self) -> None:
        """What is being posted is marked before the end, so that the next process has nothing to look for."""
        self._over = True
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_POST_S), self._lock:
                self._round.cancel()
        self._round.cancel()

    @tasks.loop(seconds=1.0)
    async def _round(self) -> None:
        with on_its_own("round"):
            await self.tick()

    async def tick(self) -> None:
        """One round: post what is due, bring live cards up to date, end ballots whose time has come."""
        self.chore()
        for place in await self.ballots.tend():
            await self.refresh(place)
        await self.deliver()
        with on_its_own("erasures"):
            await self.erase()
        with on_its_own("retention"):
            await self.studio.tidy()
        for place in await self.post.places(FOLLOWED):
            with on_its_own(f"card {place.purpose} {place.ref}"):
                await self._follow(place)

    async def erase(self) -> None:
        """Delete what was forgotten, singly: Discord's bulk deletion ends at two weeks. One that fails waits for the next
        round; one this bot may not delete is given up and written down."""
        for erasure in await self.post.erasures():
            channel = self.client.get_partial_messageable(erasure.channel_id, guild_id=erasure.guild_id)
            try:
                if erasure.message_id:
                    await channel.get_partial_message(erasure.message_id).delete()
                else:
                    await threads.delete(self.client, erasure.channel_id)
            except discord.NotFound:
                pass
            except discord.Forbidden as error:
                log.warning("message %s in channel %s stays: %s", erasure.message_id, erasure.channel_id, where(error))
            except (discord.HTTPException, OSError, TimeoutError) as error:
                log.warning("message %s waits to be deleted: %s", erasure.message_id, where(error))
                return
            await self.post.erased(erasure)

    # -- posting

    async def deliver(self) -> None:
        """Post what is due, oldest first. A channel that fails waits for the next round."""
        async with self._lock:
            rows = await self.post.pending()
            if not self._begun:
                self._doubtful.update(due.id for due in rows)
                self._begun = True
            held = {channel_id for channel_id, until in self._shut.items() if until > self.clock()}
            for due in rows:
                if due.channel_id in held:
                    continue
                # One row that cannot be drawn must not keep the others from being posted.
                with on_its_own(f"outbox {due.id}"):
                    try:
                        await self._post(due)
                    except (discord.HTTPException, OSError, TimeoutError) as error:
                        held.add(due.channel_id)
                        log.warning("outbox %s waits: %s", due.id, where(error))

    async def _post(self, due: Due) -> None:
        with speaking(await language_of(self.client, self.studio, due.guild_id)):
            await self._post_spoken(due)

    async def _post_spoken(self, due: Due) -> None:
        screen = await self.studio.screen(due.guild_id, due.purpose, due.ref)
        if screen is None:
            await self.post.drop(due, "nothing to show any more")
            return
        drawn = draw(screen)
        try:
            message_id = await self._message_for(due, drawn)
        except discord.HTTPException as error:
            if error.status not in (400, 403, 404):
                raise
            await self._refused(due, error)
            return
        older = await self.post.place(due.guild_id, due.purpose, due.ref)
        if older is not None and older.message_id != message_id:
            # Before the mark: a crash between the two finds this message again, and so deletes the older one after all.
            await self._delete(older)
        now = int(self.clock())
        place = Place(
            due.guild_id,
            due.purpose,
            due.ref,
            due.channel_id,
            message_id,
            drawn.content_hash,
            posted_at=now,
            edited_at=now,
        )
        await self.post.sent(due, place)
        self._doubtful.discard(due.id)
        if isinstance(screen, BallotCard) and screen.state == "open":
            await self._open(place, screen)

    async def _refused(self, due: Due, error: discord.HTTPException) -> None:
        """Nobody can be told where nobody can be written to: the owner of the machine reads it in the log. A permission or a
        lock may be put right within a day, and is tried again once a minute: ten thousand refusals end in a ban."""
        if due.purpose is Purpose.NEWS:
            # It was they who asked, and they who closed it: their wish goes, and the row with it.
            log.info("outbox %s is not let into their direct messages: %s", due.id, where(error))
            await self.studio.news.refused(due.guild_id, due.ref)
            return
        shut = error.status == 403 or error.code in (threads.ARCHIVED, threads.LOCKED)
        if shut and self.clock() - due.since < SHUT_FOR_S:
            self._shut[due.channel_id] = self.clock() + TRY_AGAIN_S
            names = ", ".join(threads.missing(self.client, due.channel_id)) or "a permission, or the thread is locked"
            log.warning("outbox %s waits: missing in channel %s: %s", due.id, due.channel_id, names)
            return
        log.warning("outbox %s dropped: %s", due.id, where(error))
        await self.post.drop(due, f"Discord said {error.status}/{error.code}")

    async def _message_for(self, due: Due, drawn: Drawn) -> int:
        if due.id in self._doubtful:
            found = await self._find(due)
            if found is not None:
                return found
        # Until it is marked: whatever comes in between, the next try looks first.
        self._doubtful.add(due.id)
        return await self._send(due, drawn)

    async def _find(self, due: Due) -> int | None:
        channel = self.client.get_partial_messageable(due.channel_id, guild_id=due.guild_id)
        try:
            async for message in channel.history(limit=LOOK_BACK):
                mine = self.client.user is not None and message.author.id == self.client.user.id
                if mine and mark_of(message) == MARK + due.id:
                    return message.id
        except discord.Forbidden:
            # May write here and not read back: then the nonce alone keeps it from standing twice.
            log.warning("outbox %s cannot be looked for: no Read Message History in channel %s", due.id, due.channel_id)
        return None

    async def _send(self, due: Due, drawn: Drawn) -> int:
        channel = self.client.get_partial_messageable(due.channel_id, guild_id=due.guild_id)
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(id) for id in drawn.mentions] or False
        )
        # discord.py adds enforce_nonce: sent twice within minutes, Discord answers with the first message.
        message = await channel.send(
            view=drawn.view(MARK + due.id),
            files=drawn.files(),
            silent=drawn.silent,
            allowed_mentions=mentions,
            nonce=str(due.id),
        )
        return message.id

    async def _open(self, place: Place, screen: BallotCard) -> None:
        self.ballots.opened(place, len(screen.columns))
        with on_its_own(f"ballot {place.ref}: reactions"):
            await self.ballots.seed(place, len(screen.columns))

    async def show_below(self, key: Key, channel_id: int, message_id: int) -> bool:
        """Have this screen stand below the message `message_id`. False: that very message is where it stands.

        It stands there once, however often that is asked for, also when the process ends in between.
        """
        guild_id, purpose, ref = key
        async with self._asking:
            await self.deliver()
            stands = await self.post.place(guild_id, purpose, ref)
            if stands is None or stands.message_id < message_id:
                await self.post.add(guild_id, channel_id, purpose, ref)
                await self.deliver()
        return stands is None or stands.message_id != message_id

    # -- live cards

    async def shown(self, guild_id: int, purpose: Purpose, ref: str, message_id: int, content_hash: str) -> None:
        """A press has changed this card itself."""
        place = await self.post.place(guild_id, purpose, ref)
        if place is not None and place.message_id == message_id:
            await self.post.put(replace(place, content_hash=content_hash, edited_at=int(self.clock())))

    async def refresh_key(self, guild_id: int, purpose: Purpose, ref: str) -> None:
        place = await self.post.place(guild_id, purpose, ref)
        if place is not None:
            await self.refresh(place)

    async def refresh_posted(self, guild_id: int, purpose: Purpose, ref: str) -> None:
        """As `refresh_key`, also for a card that nobody looks after any more."""
        place = await self.post.posted(guild_id, purpose, ref)
        if place is not None:
            await self.refresh(place)

    async def refresh(self, place: Place) -> None:
        """Edit a card now, if what it shows has changed."""
        with on_its_own(f"card {place.purpose} {place.ref}"):
            await self._bring_up_to_date(place)

    async def _follow(self, place: Place) -> None:
        pause = READING_EVERY_S if place.purpose is Purpose.READING else EDIT_EVERY_S
        if self.clock() - place.edited_at >= pause:
            await self._bring_up_to_date(place)

    async def _bring_up_to_date(self, place: Place) -> None:
        with speaking(await language_of(self.client, self.studio, place.guild_id)):
            await self._bring_up_to_date_spoken(place)

    async def _bring_up_to_date_spoken(self, place: Place) -> None:
        screen = await self.studio.screen(place.guild_id, place.purpose, place.ref)
        if screen is None:
            if place.purpose in FOLLOWED | TENDED:
                await self._delete(place)
                await self.post.remove(place)
            return
        drawn = draw(screen)
        over = settled(screen)
        if drawn.content_hash != place.content_hash:
            if self.clock() - place.posted_at >= REPOST_AFTER_S and not over and place.purpose in FOLLOWED:
                await self.post.add(place.guild_id, place.channel_id, place.purpose, place.ref)
                await self.deliver()
                return
            if not await self._edit(place, drawn):
                return
            await self.post.put(replace(place, content_hash=drawn.content_hash, edited_at=int(self.clock())))
        if over and place.purpose in FOLLOWED | TENDED:
            self.ballots.closed(place.message_id)
            await self.post.remove(place)

    async def _edit(self, place: Place, drawn: Drawn) -> bool:
        try:
            try:
                await self._put(place, drawn)
            except discord.HTTPException as error:
                if not await threads.reopen(self.client, place.channel_id, error):
                    raise
                await self._put(place, drawn)
        except (discord.NotFound, discord.Forbidden) as error:
            log.info("card %s %s is not followed any more: %s", place.purpose, place.ref, where(error))
            await self.post.remove(place)
            return False
        except discord.HTTPException as error:
            if error.code in (threads.ARCHIVED, threads.LOCKED):
                log.info("card %s %s stands in a locked thread", place.purpose, place.ref)
                await self.post.remove(place)
                return False
            if error.code != TOO_MANY_OLD_EDITS:
                raise
            if place.purpose not in TENDED:  # a vote's message holds its reactions: it is edited later instead
                await self.post.add(place.guild_id, place.channel_id, place.purpose, place.ref)
            return False
        return True

    async def _put(self, place: Place, drawn: Drawn) -> None:
        channel = self.client.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
        await channel.get_partial_message(place.message_id).edit(
            view=drawn.view(), attachments=drawn.files(), allowed_mentions=discord.AllowedMentions.none()
        )

    async def _delete(self, place: Place) -> None:
        channel = self.client.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
        try:
            await channel.get_partial_message(place.message_id).delete()
        except (discord.NotFound, discord.Forbidden) as error:
            log.info("message of %s %s stays or is gone: %s", place.purpose, place.ref, where(error))
