"""Threads, as far as a bot without Manage Threads may handle its own.

Discord lets whoever opened a thread archive and rename it, and a member of it take it out of the archive; deleting takes
Manage Threads, which this bot never asks for. In an archived thread nothing but deleting messages works: an edit or a
reaction is answered with 50083. (Discord's documentation, topics/threads.)
"""

from __future__ import annotations

import logging

import discord

from bot.chat import texts
from bot.chat.errors import where

log = logging.getLogger(__name__)

ARCHIVED = 50083
LOCKED = 160005
CLEARED = "forgotten"
"""What a thread is called that was emptied and could not be deleted."""


async def reopen(client: discord.Client, channel_id: int, error: discord.HTTPException) -> bool:
    """Whether the thread was archived, as `error` said, and is open again. False: a moderator locked it."""
    if error.code != ARCHIVED:
        return False
    try:
        await client.http.edit_channel(channel_id, archived=False)
    except discord.HTTPException as refused:
        log.info("thread %s stays archived: %s", channel_id, where(refused))
        return False
    return True


def missing(client: discord.Client, channel_id: int) -> tuple[str, ...]:
    """What of all that an invite asks for this bot may not do there, as Discord calls it. Nothing where the channel is not
    known."""
    channel = client.get_channel(channel_id)
    if not isinstance(channel, discord.TextChannel | discord.Thread):
        return ()
    may = channel.permissions_for(channel.guild.me)
    return tuple(name for key, name in texts.PERMISSIONS.items() if not getattr(may, key))


async def delete(client: discord.Client, channel_id: int) -> None:
    """The thread; or, where it may not be deleted, every message of this bot's in it, its name, and its place among the
    open threads. Raises what Discord says when not even that may be done."""
    try:
        await client.http.delete_channel(channel_id)
    except discord.Forbidden:
        await _empty(client, channel_id)


async def _empty(client: discord.Client, channel_id: int) -> None:
    channel = client.get_partial_messageable(channel_id)
    async for message in channel.history(limit=None):
        if client.user is not None and message.author.id == client.user.id:
            await channel.get_partial_message(message.id).delete()
    try:
        await client.http.edit_channel(channel_id, archived=False)
        await client.http.edit_channel(channel_id, name=CLEARED, archived=True)
    except discord.HTTPException as error:
        # Empty all the same: the name is what was given to it in front of everybody who is in it.
        log.info("thread %s keeps its name: %s", channel_id, where(error))
