"""The conversation as a list of lines: who did what, and every message in the state it was last seen in.

Reads the in-process Discord's store after every step, so a message that is edited stays in its place and is told anew
only when its words changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol

Component = dict[str, Any]


class StoredMessage(Protocol):
    """What is read of a message in the in-process Discord."""

    id: int
    channel_id: int
    author_id: int
    content: str
    flags: int
    embeds: list[dict[str, Any]]
    components: list[Component]
    attachments: list[dict[str, Any]]
    reactions: list[Any]


class World(Protocol):
    """The store of the in-process Discord."""

    messages: dict[int, dict[int, Any]]
    channels: dict[int, Any]
    users: dict[int, Any]


@dataclass
class Act:
    """Something a member did: a command, a press, a vote."""

    at: float
    who: str
    text: str
    place: str


@dataclass
class Said:
    """A message, as it was last seen."""

    at: float
    message_id: int
    who: str
    is_bot: bool
    place: str
    private: bool
    """Only one person sees it."""
    content: str
    embeds: list[dict[str, Any]]
    components: list[Component]
    attachments: list[dict[str, Any]]
    reactions: list[tuple[str, int]]
    edits: int = 0


@dataclass
class Transcript:
    world: World
    clock: Callable[[], float]
    on_line: Callable[[Act | Said], None]
    """Called for every new line, and again when the words of a message change."""
    lines: list[Act | Said] = field(default_factory=list["Act | Said"])
    _seen: dict[int, Said] = field(default_factory=dict[int, Said])

    def act(self, who: str, text: str, channel_id: int) -> None:
        self.collect()
        line = Act(self.clock(), who, text, self.place(channel_id))
        self.lines.append(line)
        self.on_line(line)

    def place(self, channel_id: int) -> str:
        channel = self.world.channels[channel_id]
        parent = self.world.channels.get(channel.parent_id) if channel.parent_id else None
        return f"#{parent.name} › {channel.name}" if parent is not None else f"#{channel.name}"

    def collect(self) -> None:
        """Take up new and changed messages, oldest first."""
        messages = [m for channel in self.world.messages.values() for m in channel.values()]
        for message in sorted(messages, key=lambda m: m.id):
            self._take(message)

    def _take(self, message: StoredMessage) -> None:
        known = self._seen.get(message.id)
        author = self.world.users[message.author_id]
        reactions = [(r.emoji, len(r.user_ids)) for r in message.reactions if r.user_ids]
        if known is None:
            said = Said(
                at=self.clock(),
                message_id=message.id,
                who=author.name,
                is_bot=author.bot,
                place=self.place(message.channel_id),
                private=bool(message.flags & 64),
                content=message.content,
                embeds=deepcopy(message.embeds),
                components=deepcopy(message.components),
                attachments=deepcopy(message.attachments),
                reactions=reactions,
            )
            self._seen[message.id] = said
            self.lines.append(said)
            if words_of(said):
                self.on_line(said)
            return
        known.reactions = reactions
        if (message.content, message.embeds, message.components) == (known.content, known.embeds, known.components):
            return
        before = words_of(known)
        known.content, known.embeds = message.content, deepcopy(message.embeds)
        known.components, known.attachments = deepcopy(message.components), deepcopy(message.attachments)
        known.edits += 1
        if words_of(known) != before:
            self.on_line(known)


def walk(components: Iterable[Component]) -> Iterator[Component]:
    """Every component, nested ones after the one that holds them."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        if component.get("accessory"):
            yield from walk([component["accessory"]])


def words_of(said: Said, names: Mapping[str, str] | None = None) -> str:
    """The text of a message without markup, for a terminal. `names`: who the mentioned ids are."""
    parts = [said.content]
    for embed in said.embeds:
        parts += [embed.get("title") or "", embed.get("description") or ""]
        fields: list[dict[str, str]] = embed.get("fields") or []
        parts += [f"{each['name']}: {each['value']}" for each in fields]
    parts += [c.get("content", "") for c in walk(said.components) if c.get("type") == 10]
    text = "\n".join(part for part in parts if part)
    text = re.sub(r"<t:\d+(?::[tTdDfFR])?>", "soon", text)
    text = re.sub(r"<[@#]!?(\d+)>", lambda m: "@" + (names or {}).get(m[1], "someone"), text)
    text = re.sub(r"^(?:#{1,3}|-#|>) +|\*\*|`", "", text, flags=re.MULTILINE)
    return re.sub(r"\\([\\*_`~|<>#])", r"\1", text).strip()


def buttons_of(said: Said) -> list[str]:
    """Labels of the buttons under a message."""
    return [c["label"] for c in walk(said.components) if c.get("type") == 2 and c.get("label")]
