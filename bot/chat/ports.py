"""What the chat needs from outside, besides the studio: where messages stand and what is still to be posted.

The studio's side keeps this in the database; the chat sees only these few verbs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.studio.screens import Purpose


@dataclass(frozen=True)
class Due:
    """Something that must be posted. `id` never comes twice: it is the message's nonce."""

    id: int
    guild_id: int
    channel_id: int
    purpose: Purpose
    ref: str
    since: int = 0
    """Unix seconds, when it was asked for."""


@dataclass(frozen=True)
class Place:
    """Where a screen stands, and what it last showed."""

    guild_id: int
    purpose: Purpose
    ref: str
    channel_id: int
    message_id: int
    content_hash: str
    posted_at: int
    """Unix seconds, as `edited_at`."""
    edited_at: int


@dataclass(frozen=True)
class Erasure:
    guild_id: int
    channel_id: int
    message_id: int
    """0: the whole thread."""


class Post(Protocol):
    async def pending(self) -> Sequence[Due]:
        """What is to be posted, oldest first."""
        ...

    async def sent(self, due: Due, place: Place) -> None:
        """Mark it sent and remember where it stands, in one commit."""
        ...

    async def drop(self, due: Due, reason: str) -> None:
        """It cannot be posted (no channel, no permission, nothing to show any more)."""
        ...

    async def add(self, guild_id: int, channel_id: int, purpose: Purpose, ref: str) -> None:
        """Have a screen posted, or posted anew where it stands already."""
        ...

    async def place(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None: ...

    async def put(self, place: Place) -> None:
        """Remember, instead of what stood under the same purpose and ref."""
        ...

    async def remove(self, place: Place) -> None:
        """Its message is gone, or needs no more edits. Nothing happens when another message stands there by now."""
        ...

    async def posted(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        """Where it was posted last, also when nobody follows it any more; what it shows is not known."""
        ...

    async def erasures(self) -> Sequence[Erasure]:
        """Messages that must go, longest waiting first; a few at a time."""
        ...

    async def erased(self, erasure: Erasure) -> None:
        """It is gone, or cannot be deleted by this bot."""
        ...

    async def at(self, guild_id: int, message_id: int) -> Place | None:
        """What stands in this message."""
        ...

    async def places(self, purposes: Collection[Purpose]) -> Sequence[Place]:
        """Every place of these purposes that was not removed, of all guilds."""
        ...


class Memory(Protocol):
    """A few facts kept across restarts, such as what the command tree looked like when it was last synced."""

    async def recall(self, key: str) -> str | None: ...

    async def keep(self, key: str, value: str) -> None: ...
