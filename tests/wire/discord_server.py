"""As much of Discord as a bot needs to log in and stay: a few routes and a gateway, on a loopback socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

BOT = {"id": "1000", "username": "likeness", "discriminator": "0", "avatar": None, "bot": True}


@dataclass
class Wire:
    token: str
    port: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    identified: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    requests: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Wire]:
        app = web.Application()
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_route("*", "/api/v10/{rest:.*}", self._api)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _api(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} /{request.match_info['rest']}")
        if request.headers.get("Authorization") != f"Bot {self.token}":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        match request.match_info["rest"]:
            case "users/@me":
                return _json(BOT)
            case "oauth2/applications/@me":
                return _json({"id": "1000", "name": "likeness", "description": "", "flags": 0, **APPLICATION})
            case _:
                return _json([])

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            said = json.loads(message.data)
            if said["op"] == 2:
                self.identified.append(said["d"])
                await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": self._hello()})
                self.ready.set()
            elif said["op"] == 1:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        return socket

    def _hello(self) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [],
            "session_id": "s",
            "resume_gateway_url": f"ws://127.0.0.1:{self.port}/gateway/",
            "application": {"id": "1000", "flags": 0},
        }


APPLICATION = {
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "x",
    "owner": BOT,
    "summary": "",
}


def _json(body: Any, status: int = 200) -> web.Response:
    """The content type exactly as Discord sends it: with a charset discord.py would see text."""
    response = web.Response(body=json.dumps(body).encode(), status=status)
    response.headers["Content-Type"] = "application/json"
    return response
