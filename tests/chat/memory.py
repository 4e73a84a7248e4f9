"""The chat's ports in memory: what a database would keep across restarts of the bot."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.chat.ports import Due, Erasure, Place
from bot.studio.screens import Purpose


@dataclass
class Outbox:
    """The port `Post`, in memory: what a database would keep across restarts."""

    rows: list[Due] = field(default_factory=list[Due])
    to_erase: list[Erasure] = field(default_factory=list[Erasure])
    dropped: list[tuple[Due, str]] = field(default_factory=list[tuple[Due, str]])
    done: list[Due] = field(default_factory=list[Due])
    standing: dict[tuple[int, Purpose, str], Place] = field(default_factory=dict[tuple[int, Purpose, str], Place])
    crash_before_marking: int = 0
    """That many times the process dies between Discord's answer and the mark."""
    _next: int = 1

    async def add(self, guild_id: int, channel_id: int, purpose: Purpose, ref: str) -> None:
        self.put_row(guild_id, channel_id, purpose, ref)

    def put_row(self, guild_id: int, channel_id: int, purpose: Purpose, ref: int | str) -> None:
        self.rows.append(Due(self._next, guild_id, channel_id, purpose, str(ref)))
        self._next += 1

    async def pending(self) -> list[Due]:
        return list(self.rows)

    async def sent(self, due: Due, place: Place) -> None:
        if self.crash_before_marking:
            self.crash_before_marking -= 1
            raise Died
        self.rows.remove(due)
        self.done.append(due)
        self.standing[place.guild_id, place.purpose, place.ref] = place

    async def drop(self, due: Due, reason: str) -> None:
        self.rows.remove(due)
        self.dropped.append((due, reason))

    async def place(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        return self.standing.get((guild_id, purpose, ref))

    async def put(self, place: Place) -> None:
        self.standing[place.guild_id, place.purpose, place.ref] = place

    async def remove(self, place: Place) -> None:
        key = (place.guild_id, place.purpose, place.ref)
        standing = self.standing.get(key)
        if standing is not None and standing.message_id == place.message_id:
            del self.standing[key]

    async def posted(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        return self.standing.get((guild_id, purpose, ref))

    async def erasures(self) -> list[Erasure]:
        return list(self.to_erase)

    async def erased(self, erasure: Erasure) -> None:
        self.to_erase.remove(erasure)

    async def at(self, guild_id: int, message_id: int) -> Place | None:
        return next((p for p in self.standing.values() if (p.guild_id, p.message_id) == (guild_id, message_id)), None)

    async def places(self, purposes: object) -> list[Place]:
        return [p for p in self.standing.values() if p.purpose in purposes]  # type: ignore[operator]


class Died(BaseException):
    """The process is gone: nothing of it goes on, no handler sees it."""


@dataclass
class Facts:
    """Command tree and the like, kept across restarts."""

    kept: dict[str, str] = field(default_factory=dict[str, str])

    async def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    async def keep(self, key: str, value: str) -> None:
        self.kept[key] = value
