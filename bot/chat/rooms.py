"""Where a training is talked about: a private thread, else a public one, else the channel itself."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass

import discord

from bot.chat import room_texts, texts, threads
from bot.chat.errors import where
from bot.errors import UserError

log = logging.getLogger(__name__)

NEEDED = ("view_channel", "send_messages", "attach_files")
FOR_A_VOTE = ("add_reactions", "read_message_history")
"""Without them no ballot could be seeded or counted: said before the first photo, not after the last epoch."""
ARCHIVE_AFTER_MIN = 10080


@dataclass(frozen=True)
class Room:
    channel_id: int
    thread: discord.Thread | None = None
    """Opened just now."""
    missing: tuple[str, ...] = ()
    """Permissions without which it could not be a thread, as Discord calls them."""
    public_for_want_of: tuple[str, ...] = ()
    """And those without which it could not be a private one."""

    def notes(self) -> list[str]:
        """What is otherwise than a member expects of it; nothing to say of a private thread, or of one found again."""
        notes = [room_texts.no_thread(self.missing)] if self.missing else []
        return notes + ([room_texts.is_public(self.public_for_want_of)] if self.public_for_want_of else [])

    async def close(self, client: discord.Client) -> None:
        """Nothing came of it. Never raises: whoever closes it has something else to say."""
        if self.thread is None:
            return
        try:
            await threads.delete(client, self.thread.id)
        except discord.HTTPException as error:
            log.info("thread %s stays: %s", self.thread.id, where(error))


def check_may_post(interaction: discord.Interaction, *more: str) -> None:
    """Raises UserError naming what is missing to post here, `more` of it included. No I/O: the interaction brings it."""
    in_thread = isinstance(interaction.channel, discord.Thread)
    needed = [*NEEDED, *more]
    if in_thread:
        needed[1] = "send_messages_in_threads"
    names = tuple(texts.PERMISSIONS[name] for name in needed if not getattr(interaction.app_permissions, name))
    if names:
        raise UserError(texts.missing_permission(names))


def check_may_train(interaction: discord.Interaction) -> None:
    """As `check_may_post`, for whatever may end in a vote: asked wherever a training can be begun."""
    check_may_post(interaction, *FOR_A_VOTE)


async def open_room(interaction: discord.Interaction, name: str, draft: str) -> Room:
    """A thread for `name` under the channel of the interaction, with the member in it.

    The same `draft` again finds the thread that a process opened for it and did not live to remember.
    """
    channel = interaction.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    here = Room(interaction.channel_id or 0)
    if not isinstance(parent, discord.TextChannel):
        return here
    may = interaction.app_permissions
    title = f"train-{slug(name)}-{hashlib.blake2s(draft.encode(), digest_size=3).hexdigest()}"
    opened = next((t for t in parent.threads if t.name == title and t.owner_id == parent.guild.me.id), None)
    if opened is not None:
        await opened.add_user(discord.Object(interaction.user.id))
        return Room(opened.id, opened)
    missing: list[str] = []
    kinds = [("create_private_threads", discord.ChannelType.private_thread)]
    kinds.append(("create_public_threads", discord.ChannelType.public_thread))
    if parent.is_news():
        kinds = [("create_public_threads", discord.ChannelType.news_thread)]
    for permission, kind in kinds:
        if not (getattr(may, permission) and may.send_messages_in_threads):
            missing.append(texts.PERMISSIONS[permission])
            continue
        try:
            thread = await parent.create_thread(name=title, type=kind, auto_archive_duration=ARCHIVE_AFTER_MIN)
        except discord.Forbidden:
            missing.append(texts.PERMISSIONS[permission])
            continue
        await thread.add_user(discord.Object(interaction.user.id))
        return Room(thread.id, thread, public_for_want_of=tuple(missing))
    if not may.send_messages_in_threads:
        missing.append(texts.PERMISSIONS["send_messages_in_threads"])
    return Room(here.channel_id, None, tuple(missing))


def slug(name: str) -> str:
    """Lowercase words joined by hyphens, at most 80 characters."""
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-_")[:80] or "subject"
