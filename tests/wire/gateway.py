"""The gateway of the loopback Discord: sessions that are identified, lose their socket, and are resumed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from tests.wire.board import BOT, Payload

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
REACTIONS = 1 << 10


@dataclass
class Session:
    id: str
    intents: int
    socket: web.WebSocketResponse | None
    said: list[Payload] = field(default_factory=list[Payload])
    """Every event so far, the n-th with sequence number n + 1: what a RESUME replays from."""

    async def say(self, event: str, data: Payload) -> None:
        self.said.append({"op": DISPATCH, "t": event, "s": len(self.said) + 1, "d": data})
        await self._send(self.said[-1])

    async def replay(self, after: int) -> None:
        for event in self.said[after:]:
            await self._send(event)

    async def _send(self, event: Payload) -> None:
        if self.socket is not None and not self.socket.closed:
            with contextlib.suppress(ConnectionResetError):  # it has just gone: a RESUME asks for this again
                await self.socket.send_json(event)


@dataclass
class Gateway:
    guilds: Callable[[], list[Payload]]
    """As GUILD_CREATE tells them."""
    port: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a session has a socket and was told READY or RESUMED. A bot's process that is killed clears it."""
    identified: list[Payload] = field(default_factory=list[Payload])
    resumed: list[Payload] = field(default_factory=list[Payload])
    session: Session | None = None
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def say(self, event: str, data: Payload, *, intent: int = 0) -> None:
        """To the newest session, whether its socket stands or will be resumed; lost where there is none."""
        if self.session is not None and (not intent or self.session.intents & intent):
            await self.session.say(event, data)

    async def ask_to_reconnect(self) -> None:
        """As Discord does when it wants the bot on another machine: the bot resumes."""
        assert self.session is not None and self.session.socket is not None
        self.ready.clear()
        await self.session.socket.send_json({"op": RECONNECT, "d": None})

    def forget(self) -> None:
        """No session can be resumed, none hears anything."""
        self.session = None
        self.ready.clear()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            await self._heard(socket, json.loads(message.data))
        return socket

    async def _heard(self, socket: web.WebSocketResponse, said: Payload) -> None:
        match said["op"]:
            case 2:  # IDENTIFY
                self.identified.append(said["d"])
                session = self.session = Session(f"session-{next(self._numbers)}", int(said["d"]["intents"]), socket)
                await session.say("READY", self._hello(session))
                for guild in self.guilds():
                    await session.say("GUILD_CREATE", guild)
                self.ready.set()
            case 6:  # RESUME
                self.resumed.append(said["d"])
                session = self.session
                if session is None or session.id != said["d"]["session_id"]:
                    await socket.send_json({"op": INVALID_SESSION, "d": False})
                    return
                session.socket = socket
                await session.replay(int(said["d"]["seq"]))
                await session.say("RESUMED", {})
                self.ready.set()
            case 1:  # HEARTBEAT
                await socket.send_json({"op": ACK, "d": None, "s": None, "t": None})
            case _:
                pass

    def _hello(self, session: Session) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in self.guilds()],
            "session_id": session.id,
            "resume_gateway_url": f"ws://127.0.0.1:{self.port}/gateway/",
            "application": {"id": BOT["id"], "flags": 0},
        }
