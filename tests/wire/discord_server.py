"""As much of Discord as the whole conversation needs, on a loopback socket: its REST routes, its gateway, its files.

A request can be held: `hold` gives a place to stand between Discord's receipt of something and the bot's knowledge of it.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from tests.judge.judge import Request
from tests.wire.board import APPLICATION_ID, BOT, CHANNEL_ID, GUILD_ID, Board, Files, Payload, Refused
from tests.wire.gateway import REACTIONS, Gateway
from tests.wire.interactions import Interactions

Wanted = Callable[[Request], bool]
Found = TypeVar("Found")

PATIENCE_S = 60
"""For the bot on a busy machine."""
RETRY_AFTER_S = 0.05
APPLICATION = {
    "id": APPLICATION_ID,
    "name": "likeness",
    "description": "",
    "flags": 0,
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "x",
    "owner": BOT,
    "summary": "",
    "type": None,
    "flags_new": "0",
    "redirect_uris": [],
    "interactions_endpoint_url": None,
    "role_connections_verification_url": None,
    "approximate_guild_count": 1,
    "approximate_user_install_count": 0,
    "approximate_user_authorization_count": 0,
    "explicit_content_filter": 0,
    "team": None,
    "eligible_oauth2_scopes": [],
}
NOTHING = None


@dataclass
class Hold:
    """The first request that fits is received and never answered. `effect`: what it asks for is done all the same."""

    wanted: Wanted
    effect: bool
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Wire:
    token: str
    port: int = 0
    board: Board = field(default_factory=Board)
    sent: list[Request] = field(default_factory=list[Request])
    """Every request of the bot, in order."""
    answered: list[tuple[Request, int, Any]] = field(default_factory=list[tuple[Request, int, Any]])
    """And what it was told: status and body."""
    limited: list[Wanted] = field(default_factory=list[Wanted])
    """The next request that fits each of these is told to come again a little later."""
    holds: list[Hold] = field(default_factory=list[Hold])
    still: bool = False
    """Set when a hold is reached: nobody sees anything any more, so nobody goes on telling a process that is about to end."""
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.interactions = Interactions(self.board)
        self.gateway = Gateway(self._guilds)

    @property
    def ready(self) -> asyncio.Event:
        return self.gateway.ready

    @property
    def requests(self) -> list[str]:
        return [str(request) for request in self.sent]

    def hold(self, wanted: Wanted, *, effect: bool = True) -> Hold:
        made = Hold(wanted, effect)
        self.holds.append(made)
        return made

    async def until(self, look: Callable[[], Found | None]) -> Found:
        """What `look` finds, once there is something; looked for after every request of the bot."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            while self.still or not (found := look()):
                await self._changed.wait()
        return found

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Wire]:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/files/{rest:.*}", self._file)
        app.router.add_route("*", "/api/v10/{rest:.*}", self._api)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.gateway.port = runner.addresses[0][1]
        self.board.address = f"http://127.0.0.1:{self.port}"
        try:
            yield self
        finally:
            self._over.set()
            await runner.cleanup()

    # -- one request

    async def _api(self, request: web.Request) -> web.Response:
        sent, files = await _read(request)
        self.sent.append(sent)
        held = next((hold for hold in self.holds if hold.wanted(sent)), None)
        if held is not None:
            self.holds.remove(held)
            if not held.effect:
                await self._keep_waiting(held)
        limited = next((wanted for wanted in self.limited if wanted(sent)), None)
        if limited is not None:
            self.limited.remove(limited)
            return _too_many()
        try:
            self._check_token(request, sent)
            body, status = await self._answer(sent, files)
        except Refused as refused:
            body, status = refused.body, refused.status
        if held is not None:
            await self._keep_waiting(held)
        async with self._changed:
            self._changed.notify_all()
        return _json(body, status)

    async def _keep_waiting(self, held: Hold) -> None:
        self.still = True
        held.reached.set()
        await self._over.wait()

    def _check_token(self, request: web.Request, sent: Request) -> None:
        by_its_own_token = sent.path.startswith(("/interactions/", "/webhooks/"))
        if not by_its_own_token and request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")

    async def _answer(self, sent: Request, files: Files) -> tuple[Any, int]:
        """Body and status. None: there is nothing to say (204)."""
        for method, pattern, answer in ROUTES:
            found = re.fullmatch(pattern, sent.path)
            if found is not None and method == sent.method:
                body = await answer(self, sent, files, *found.groups())
                status = 204 if body is NOTHING else CREATED.get(pattern, 200)
                self.answered.append((sent, status, copy.deepcopy(body)))
                return body, status
        raise Refused(404, 0, f"404: {sent} is not known here")

    async def _file(self, request: web.Request) -> web.Response:
        data = self.board.files.get(request.path)
        return web.Response(status=404) if data is None else web.Response(body=data)

    def _guilds(self) -> list[Payload]:
        """The server, its channels and threads, and the bot as its only known member."""
        channels = [c for c in self.board.channels.values() if "parent_id" not in c or c["parent_id"] is None]
        everyone = {"id": GUILD_ID, "name": "@everyone", "permissions": str(ALL), "position": 0, "color": 0}
        everyone |= {"colors": {"primary_color": 0}, "hoist": False, "managed": False, "mentionable": False, "flags": 0}
        me = {
            "user": BOT,
            "roles": [],
            "joined_at": "2026-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        }
        guild: Payload = {"id": GUILD_ID, "name": "The house", "owner_id": "101", "unavailable": False}
        return [guild | {"roles": [everyone], "channels": channels, "threads": self.board.threads, "members": [me]}]


ALL = (1 << 50) - 1
"""Every permission."""


# -- the routes: each is told the request, its files, and the parts of its path


async def _me(wire: Wire, sent: Request, files: Files) -> Payload:
    return {**BOT, "mfa_enabled": False, "locale": "en-US"}


async def _application(wire: Wire, sent: Request, files: Files) -> Payload:
    return APPLICATION


async def _commands(wire: Wire, sent: Request, files: Files) -> list[Payload]:
    about = {"application_id": APPLICATION_ID, "version": "1", "default_member_permissions": None}
    said = [{key: value for key, value in command.items() if value is not None} for command in sent.body]
    # A context menu is sent without a description, and comes back with an empty one.
    return [{"description": "", **command, **about, "id": wire.board.new_id()} for command in said]


async def _callback(wire: Wire, sent: Request, files: Files, id: str, token: str) -> Payload:
    return wire.interactions.callback(id, token, sent.body, files)


async def _follow_up(wire: Wire, sent: Request, files: Files, token: str) -> Payload:
    return wire.interactions.follow_up(token, sent.body, files)


async def _edit_original(wire: Wire, sent: Request, files: Files, token: str) -> Payload:
    return wire.interactions.edit_original(token, sent.body, files)


async def _delete_original(wire: Wire, sent: Request, files: Files, token: str) -> None:
    wire.interactions.delete_original(token)


async def _history(wire: Wire, sent: Request, files: Files, channel: str) -> list[Payload]:
    return wire.board.history(channel, int(sent.params.get("limit", 50)), sent.params.get("before"))


async def _post(wire: Wire, sent: Request, files: Files, channel: str) -> Payload:
    return wire.board.post(channel, sent.body, files)


async def _get(wire: Wire, sent: Request, files: Files, channel: str, message: str) -> Payload:
    return wire.board.shown(wire.board.message(channel, message))


async def _edit(wire: Wire, sent: Request, files: Files, channel: str, message: str) -> Payload:
    return wire.board.edit(channel, message, sent.body, files)


async def _delete(wire: Wire, sent: Request, files: Files, channel: str, message: str) -> None:
    wire.board.delete(channel, message)


async def _react(wire: Wire, sent: Request, files: Files, channel: str, message: str, emoji: str) -> None:
    if wire.board.react(channel, message, emoji, APPLICATION_ID):
        await wire.gateway.say("MESSAGE_REACTION_ADD", reaction(channel, message, emoji, BOT), intent=REACTIONS)


async def _reacted(wire: Wire, sent: Request, files: Files, channel: str, message: str, emoji: str) -> list[Payload]:
    return wire.board.reacted(channel, message, emoji)


async def _open_thread(wire: Wire, sent: Request, files: Files, channel: str) -> Payload:
    thread = wire.board.open_thread(channel, sent.body)
    await wire.gateway.say("THREAD_CREATE", {**thread, "newly_created": True})
    return thread


async def _close_channel(wire: Wire, sent: Request, files: Files, channel: str) -> Payload:
    gone = wire.board.close_channel(channel)
    await wire.gateway.say("THREAD_DELETE", {key: gone[key] for key in ("id", "guild_id", "parent_id", "type")})
    return gone


async def _invite(wire: Wire, sent: Request, files: Files, thread: str, member: str) -> None:
    wire.board.channel(thread)
    wire.board.members[thread].add(member)


CHANNEL, MESSAGE = r"/channels/(\d+)", r"/channels/(\d+)/messages/(\d+)"
THREADS = f"{CHANNEL}/threads"
HOOK = r"/webhooks/\d+/([\w-]+)"
CREATED = {THREADS: 201}
ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/users/@me", _me),
    ("GET", "/oauth2/applications/@me", _application),
    ("PUT", r"/applications/\d+/commands", _commands),
    ("POST", r"/interactions/(\d+)/([\w-]+)/callback", _callback),
    ("POST", HOOK, _follow_up),
    ("PATCH", f"{HOOK}/messages/@original", _edit_original),
    ("DELETE", f"{HOOK}/messages/@original", _delete_original),
    ("GET", f"{CHANNEL}/messages", _history),
    ("POST", f"{CHANNEL}/messages", _post),
    ("GET", MESSAGE, _get),
    ("PATCH", MESSAGE, _edit),
    ("DELETE", MESSAGE, _delete),
    ("PUT", f"{MESSAGE}/reactions/([^/]+)/@me", _react),
    ("GET", f"{MESSAGE}/reactions/([^/]+)", _reacted),
    ("POST", THREADS, _open_thread),
    ("DELETE", CHANNEL, _close_channel),
    ("PUT", rf"{CHANNEL}/thread-members/(\d+)", _invite),
]


def reaction(channel: str, message: str, emoji: str, user: Payload) -> Payload:
    about = {"channel_id": channel, "message_id": message, "guild_id": GUILD_ID, "user_id": user["id"], "type": 0}
    who = {
        "user": user,
        "roles": [],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
    }
    return {
        **about,
        "emoji": {"id": None, "name": emoji},
        "burst": False,
        "member": who,
        "message_author_id": BOT["id"],
    }


async def _read(request: web.Request) -> tuple[Request, Files]:
    body: Any = None
    files: Files = {}
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            data = bytes(await part.read())
            if part.name == "payload_json":
                body = json.loads(data)
            else:
                files[part.name] = (part.filename, data)
    elif request.can_read_body:
        body = await request.json()
    sizes = tuple((part, name, len(data)) for part, (name, data) in files.items())
    return Request(request.method, f"/{request.match_info['rest']}", body, sizes, dict(request.query)), files


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """The content type exactly as Discord sends it: with a charset discord.py would see text."""
    if body is NOTHING:
        return web.Response(status=status)
    data = json.dumps(body).encode()
    response = web.Response(body=data, status=status, headers=headers)
    response.headers["Content-Type"] = "application/json"
    return response


def _too_many() -> web.Response:
    # Without "Via" discord.py takes it for a ban by the network before Discord.
    headers = {"Via": "1.1 google", "Retry-After": "1", "X-RateLimit-Scope": "user", "X-RateLimit-Remaining": "0"}
    headers |= {"X-RateLimit-Limit": "5", "X-RateLimit-Reset-After": str(RETRY_AFTER_S), "X-RateLimit-Reset": "1"}
    body = {"message": "You are being rate limited.", "retry_after": RETRY_AFTER_S, "global": False}
    return _json(body, 429, headers)


__all__ = ["CHANNEL_ID", "Hold", "Wire", "reaction"]
