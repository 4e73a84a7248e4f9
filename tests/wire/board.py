"""What the loopback Discord remembers: channels, messages, reactions, files. Its rules, each refused with Discord's code."""

from __future__ import annotations

import copy
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.judge.judge import walk

APPLICATION_ID = "1000"
GUILD_ID = "2000"
CHANNEL_ID = "3000"
NOBODY: dict[str, Any] = {"discriminator": "0", "avatar": None, "global_name": None, "primary_guild": None}
NOBODY |= {"flags": 0, "public_flags": 0}
"""What a user is beside an id and a name."""
BOT: dict[str, Any] = {"id": APPLICATION_ID, "username": "likeness", "bot": True, **NOBODY}

Payload = dict[str, Any]
Files = dict[str, tuple[str, bytes]]
"""Part name, as "files[0]" -> file name and content."""

TEXT, PUBLIC_THREAD, PRIVATE_THREAD = 0, 11, 12
EPHEMERAL = 1 << 6
V2 = 1 << 15
MOST_REACTIONS = 20


class Refused(Exception):
    """As Discord answers it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message}


UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")


@dataclass
class Board:
    address: str = ""
    """Of this server, for links to files."""
    channels: dict[str, Payload] = field(default_factory=dict[str, Payload])
    messages: dict[str, dict[str, Payload]] = field(default_factory=dict[str, dict[str, Payload]])
    """By channel and id, in the order they were posted."""
    posted: list[Payload] = field(default_factory=list[Payload])
    """Every message of a channel as it was when it was posted, deleted since or not."""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    members: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Of a thread."""
    reactions: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """By message and emoji, who."""
    nonces: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Channel and nonce -> message. Discord keeps them for some minutes only: clear it to let them pass."""
    people: dict[str, Payload] = field(default_factory=lambda: {APPLICATION_ID: BOT})
    _last: int = 0

    def __post_init__(self) -> None:
        self._new_channel(CHANNEL_ID, "studio", TEXT)

    def new_id(self) -> str:
        """A snowflake: later ones are greater, and say when they were made."""
        self._last = max(self._last + 1, (time.time_ns() // 1_000_000 - 1_420_070_400_000) << 22)
        return str(self._last)

    # -- channels

    def channel(self, channel_id: str) -> Payload:
        if channel_id not in self.channels:
            raise Refused(*UNKNOWN_CHANNEL)
        return self.channels[channel_id]

    def open_thread(self, parent_id: str, body: Payload) -> Payload:
        self.channel(parent_id)
        thread = self._new_channel(self.new_id(), body["name"], body["type"])
        thread |= {
            "parent_id": parent_id,
            "owner_id": APPLICATION_ID,
            "message_count": 0,
            "total_message_sent": 0,
            "flags": 0,
            "member_count": 1,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": body["auto_archive_duration"],
                "archive_timestamp": stamp(),
                "locked": False,
            },
        }
        self.members[thread["id"]] = {APPLICATION_ID}
        return thread

    def close_channel(self, channel_id: str) -> Payload:
        gone = self.channel(channel_id)
        del self.channels[channel_id], self.messages[channel_id]
        return gone

    @property
    def threads(self) -> list[Payload]:
        return [channel for channel in self.channels.values() if channel["type"] != TEXT]

    def _new_channel(self, id: str, name: str, kind: int) -> Payload:
        made: Payload = {"id": id, "guild_id": GUILD_ID, "name": name, "type": kind, "last_message_id": None}
        if kind == TEXT:
            made |= {"position": 0, "permission_overwrites": [], "parent_id": None, "topic": None, "nsfw": False}
        self.channels[id] = made
        self.messages[id] = {}
        return made

    # -- messages

    def message(self, channel_id: str, message_id: str) -> Payload:
        self.channel(channel_id)
        if message_id not in self.messages[channel_id]:
            raise Refused(*UNKNOWN_MESSAGE)
        return self.messages[channel_id][message_id]

    def post(self, channel_id: str, body: Payload, files: Files) -> Payload:
        """A message by the bot. The same nonce again, where it is enforced, is the same message."""
        self.channel(channel_id)
        nonce = str(body["nonce"]) if body.get("nonce") is not None else None
        if nonce is not None and body.get("enforce_nonce") and (channel_id, nonce) in self.nonces:
            return self.message(channel_id, self.nonces[channel_id, nonce])
        made = self.compose(channel_id, body, files)
        if nonce is not None:
            made["nonce"] = nonce
            self.nonces[channel_id, nonce] = made["id"]
        self.messages[channel_id][made["id"]] = made
        self.channels[channel_id]["last_message_id"] = made["id"]
        self.posted.append(copy.deepcopy(made))
        return made

    def compose(self, channel_id: str, body: Payload, files: Files) -> Payload:
        made: Payload = {
            "id": self.new_id(),
            "channel_id": channel_id,
            "author": BOT,
            "type": 0,
            "content": "",
            "timestamp": stamp(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "flags": 0,
        }
        self.fill(made, body, files)
        called = {str(id) for id in (body.get("allowed_mentions") or {}).get("users") or []}
        words = "\n".join(texts(made))
        made["mentions"] = [self.people[id] for id in re.findall(r"<@(\d+)>", words) if id in called]
        return made

    def fill(self, message: Payload, body: Payload, files: Files) -> None:
        """What `body` names is changed, the rest stays."""
        for key in ("content", "embeds", "flags"):
            if body.get(key) is not None:
                message[key] = body[key]
        if body.get("attachments") is not None:
            message["attachments"] = [self._attached(message, given, files) for given in body["attachments"]]
        if body.get("components") is not None:
            message["components"] = self._numbered(message, copy.deepcopy(body["components"]))

    def edit(self, channel_id: str, message_id: str, body: Payload, files: Files) -> Payload:
        message = self.message(channel_id, message_id)
        self.fill(message, body, files)
        message["edited_timestamp"] = stamp()
        return message

    def delete(self, channel_id: str, message_id: str) -> None:
        self.message(channel_id, message_id)
        del self.messages[channel_id][message_id]
        self.reactions.pop(message_id, None)

    def history(self, channel_id: str, limit: int, before: str | None) -> list[Payload]:
        """Newest first."""
        self.channel(channel_id)
        found = [m for m in self.messages[channel_id].values() if before is None or int(m["id"]) < int(before)]
        return [self.shown(m) for m in reversed(found[-limit:])]

    def shown(self, message: Payload) -> Payload:
        """With its reactions, as it is read."""
        there = self.reactions.get(message["id"], {})
        return {
            **message,
            "reactions": [
                {
                    "emoji": {"id": None, "name": emoji},
                    "count": len(who),
                    "count_details": {"burst": 0, "normal": len(who)},
                    "me": APPLICATION_ID in who,
                    "me_burst": False,
                    "burst_colors": [],
                }
                for emoji, who in there.items()
            ],
        }

    def keep(self, name: str, data: bytes) -> str:
        """Put a file where it can be fetched; its link."""
        place = f"/files/{self.new_id()}/{name}"
        self.files[place] = data
        return f"{self.address}{place}"

    def content(self, attachment: Payload) -> bytes:
        return self.files[attachment["url"].removeprefix(self.address)]

    def _attached(self, message: Payload, given: Payload, files: Files) -> Payload:
        kept = next((a for a in message["attachments"] if a["id"] == str(given["id"])), None)
        if kept is not None:
            return kept
        name, data = files[f"files[{given['id']}]"]
        url = self.keep(name, data)
        return {
            "id": self.new_id(),
            "filename": name,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": "image/webp",
            "description": given.get("description"),
        }

    def _numbered(self, message: Payload, components: list[Payload]) -> list[Payload]:
        """Every component has an id, and every picture a link, once it was received."""
        links = {f"attachment://{a['filename']}": a["url"] for a in message["attachments"]}
        taken = {part["id"] for part in walk(components) if part.get("id")}
        free = (n for n in range(1, 10_000) if n not in taken)
        for part in walk(components):
            part["id"] = part.get("id") or next(free)
            for holder in (part, *(part.get("items") or [])):
                if holder.get("media"):
                    url = links.get(holder["media"]["url"], holder["media"]["url"])
                    holder["media"] = {"id": self.new_id(), "url": url, "proxy_url": url}
        return components

    # -- reactions

    def react(self, channel_id: str, message_id: str, emoji: str, user_id: str) -> bool:
        """Whether that is new."""
        self.message(channel_id, message_id)
        there = self.reactions.setdefault(message_id, {})
        if emoji not in there and len(there) >= MOST_REACTIONS:
            raise Refused(400, 30010, "Maximum number of reactions reached (20)")
        who = there.setdefault(emoji, [])
        if user_id in who:
            return False
        who.append(user_id)
        return True

    def reacted(self, channel_id: str, message_id: str, emoji: str) -> list[Payload]:
        self.message(channel_id, message_id)
        return [self.people[id] for id in self.reactions.get(message_id, {}).get(emoji, [])]


def stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())


def texts(message: Payload) -> Iterator[str]:
    """Everything a message says, in order."""
    if message["content"]:
        yield message["content"]
    yield from (part["content"] for part in walk(message["components"]) if part.get("type") == 10)


def pressable(message: Payload) -> list[Payload]:
    """What can be pressed or chosen from."""
    return [p for p in walk(message["components"]) if p.get("custom_id") and not p.get("disabled")]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
