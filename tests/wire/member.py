"""People in the loopback Discord: they run commands, press what they see, fill in forms and react."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.judge.judge import walk
from tests.wire.board import APPLICATION_ID, CHANNEL_ID, GUILD_ID, NOBODY, Payload, pressable
from tests.wire.discord_server import ALL, Wire, reaction
from tests.wire.gateway import REACTIONS
from tests.wire.interactions import COMMAND, COMPLETION, COMPONENT, MODAL, Asked

OPTION_TYPES = {str: 3, int: 4, bool: 5, float: 10}
UPLOAD = 19


@dataclass
class Member:
    wire: Wire
    id: str
    name: str

    def __post_init__(self) -> None:
        self.user: Payload = {"id": self.id, "username": self.name, **NOBODY}
        self.wire.board.people[self.id] = self.user

    async def command(self, name: str, /, **options: Any) -> Asked:
        asked = self.wire.interactions.new(CHANNEL_ID)
        asked.about = name
        given = [{"name": k, "type": OPTION_TYPES[type(v)], "value": v} for k, v in options.items()]
        await self._ask(asked, COMMAND, {"id": "1", "name": name, "type": 1, "options": given})
        return asked

    async def complete(self, command: str, option: str, typed: str) -> Asked:
        """What the bot offers while an option is being typed."""
        asked = self.wire.interactions.new(CHANNEL_ID)
        asked.about = command
        given = [{"name": "prompt", "type": 3, "value": ""}] if command == "imagine" else []
        given.append({"name": option, "type": 3, "value": typed, "focused": True})
        await self._ask(asked, COMPLETION, {"id": "1", "name": command, "type": 1, "options": given})
        return asked

    async def press(self, message: Payload, verb: str, *, choose: str | None = None) -> Asked:
        """The button or menu of this verb under the message. AssertionError where there is none to press."""
        found = [part for part in pressable(message) if part["custom_id"].split(":")[1] == verb]
        assert found, f"nothing to press for {verb}"
        asked = self.wire.interactions.new(message["channel_id"], message["id"])
        asked.about = verb
        data: Payload = {"custom_id": found[0]["custom_id"], "component_type": found[0]["type"]}
        if choose is not None:
            data["values"] = [choose]
        await self._ask(asked, COMPONENT, data)
        return asked

    async def fill(self, opened: Asked, /, **values: Any) -> Asked:
        """Send the form that was opened. What is not given stays as the form offers it; photos are (name, bytes)."""
        form = await self.wire.until(lambda: opened.form)
        asked = self.wire.interactions.new(opened.channel_id, opened.message_id)
        asked.about = form["custom_id"].split(":")[1]
        resolved: Payload = {}
        parts = [self._filled(part, values, resolved) for part in form["components"]]
        data: Payload = {"custom_id": form["custom_id"], "components": parts}
        if resolved:
            data["resolved"] = {"attachments": resolved}
        await self._ask(asked, MODAL, data)
        return asked

    async def react(self, message: Payload, emoji: str) -> None:
        channel, id = message["channel_id"], message["id"]
        if self.wire.board.react(channel, id, emoji, self.id):
            await self.wire.gateway.say(
                "MESSAGE_REACTION_ADD", reaction(channel, id, emoji, self.user), intent=REACTIONS
            )

    def _filled(self, label: Payload, values: dict[str, Any], resolved: Payload) -> Payload:
        field = label["component"]
        key, kind = field["custom_id"], field["type"]
        filled: Payload = {"type": kind, "id": label.get("id", 0) + 1, "custom_id": key}
        given = values.get(key.replace(".", "__"))
        if kind == UPLOAD:
            filled["values"] = [self._uploaded(name, data, resolved) for name, data in given or ()]
        else:
            chosen = next((option["value"] for option in field.get("options", ()) if option.get("default")), None)
            filled["value"] = given if given is not None else field.get("value", chosen or "")
        return {"type": label["type"], "id": label.get("id", 0), "component": filled}

    def _uploaded(self, name: str, data: bytes, resolved: Payload) -> str:
        url, id = self.wire.board.keep(name, data), self.wire.board.new_id()
        resolved[id] = {"id": id, "filename": name, "url": url, "proxy_url": url, "size": len(data), "ephemeral": True}
        return id

    async def _ask(self, asked: Asked, kind: int, data: Payload) -> None:
        asked.kind, board = kind, self.wire.board
        payload: Payload = {
            "id": asked.id,
            "application_id": APPLICATION_ID,
            "type": kind,
            "token": asked.token,
            "version": 1,
            "guild_id": GUILD_ID,
            "guild": {"id": GUILD_ID, "locale": "en-US", "features": []},
            "channel_id": asked.channel_id,
            "channel": board.channel(asked.channel_id) | {"permissions": str(ALL)},
            "member": {
                "user": self.user,
                "roles": [],
                "permissions": "0",
                "joined_at": "2026-01-01T00:00:00+00:00",
                "deaf": False,
                "mute": False,
                "flags": 0,
            },
            "data": data,
            "app_permissions": str(ALL),
            "attachment_size_limit": 10 << 20,
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": GUILD_ID},
            "context": 0,
        }
        if asked.message_id is not None:
            payload["message"] = board.shown(board.message(asked.channel_id, asked.message_id))
        await self.wire.gateway.say("INTERACTION_CREATE", payload)


def labels(message: Payload) -> list[str]:
    return [part["label"] for part in walk(message["components"]) if part.get("label")]
