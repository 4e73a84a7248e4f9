"""What Discord's documentation says and the in-process Discord leaves out: threads, and what an invite gives.

topics/threads: only messages can be deleted in an archived thread; writing opens it again; a locked one stays closed;
whoever opened a thread may rename and archive it, a member may open it again, deleting takes Manage Threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import discord
import simcord
from simcord.backend import serializers
from simcord.backend.errors import BackendError
from simcord.backend.ops.guilds import DEFAULT_EVERYONE_PERMISSIONS
from simcord.http.client import FakeHTTPClient, _path_of, _raise_for

from bot.chat.bot import PERMISSIONS

ARCHIVED = BackendError(400, 50083, "Thread is archived")
LOCKED = BackendError(400, 160005, "Thread is locked")
PRIVATE_THREAD, THREAD_CREATED = 12, 18
MISSING = BackendError(403, 50013, "Missing Permissions")


@contextmanager
def documented() -> Iterator[None]:
    """Within it, what the bot asks of a thread is answered as documented."""
    real = FakeHTTPClient.request

    async def request(self: Any, route: Any, **more: Any) -> Any:
        found = re.fullmatch(r"/channels/(\d+)(/.*)?", _path_of(route.url))
        thread = self.backend.channels.get(int(found[1])) if found else None
        if thread is not None and thread.thread_metadata is not None:
            try:
                done, answer = _of_thread(self.backend, thread, route.method, found[2] or "", more.get("json") or {})
            except BackendError as refused:
                _raise_for(refused)
            if done:
                return answer
        answer = await real(self, route, **more)
        if found and found[2] == "/threads" and answer["type"] == PRIVATE_THREAD:
            _unannounced(self.backend, int(found[1]))
        return answer

    FakeHTTPClient.request = request  # type: ignore[method-assign]
    try:
        yield
    finally:
        FakeHTTPClient.request = real  # type: ignore[method-assign]


def _unannounced(backend: Any, channel_id: int) -> None:
    """Only those who are in a private thread are told that there is one."""
    messages = backend.messages[channel_id]
    del messages[max(id for id, message in messages.items() if message.type == THREAD_CREATED)]


def _of_thread(backend: Any, thread: Any, method: str, rest: str, body: dict[str, Any]) -> tuple[bool, Any]:
    """Whether it is answered here, and with what."""
    me, about = backend.bot_user.id, thread.thread_metadata
    may = backend.compute_permissions(thread.guild_id, me, thread.id)
    manages = bool(may & discord.Permissions(manage_threads=True).value)
    if not rest and method == "DELETE":
        if not manages:
            raise MISSING
        payload = dict(serializers.channel_payload(backend, thread))
        backend.delete_channel(thread.id)
        return True, payload
    if not rest and method == "PATCH":
        opens = body.get("archived") is False and set(body) == {"archived"}
        if not manages and not (me == thread.owner_id or (opens and me in thread.thread_members)):
            raise MISSING
        if about.locked and not manages:
            raise LOCKED
        if about.archived and body.get("archived") is not False:
            raise ARCHIVED
        state = {key: body[key] for key in ("archived",) if key in body}
        backend.edit_channel(thread.id, {key: body[key] for key in ("name",) if key in body}, thread_metadata=state)
        return True, dict(serializers.channel_payload(backend, thread))
    if rest == "/messages" and method == "POST":
        if about.locked and not manages:
            raise LOCKED
        if about.archived:
            backend.edit_channel(thread.id, {}, thread_metadata={"archived": False})
    changes = method in ("PATCH", "PUT") and rest.startswith(("/messages/", "/thread-members/"))
    if changes and (about.archived or about.locked) and not manages:
        raise ARCHIVED if about.archived else LOCKED
    return False, None


def archive(thread: simcord.ChannelHandle, *, locked: bool = False) -> None:
    state = {"archived": True, "locked": locked}
    thread._env.backend.edit_channel(thread.id, {}, thread_metadata=state)


def as_invited(env: simcord.Env, guild: simcord.GuildHandle) -> simcord.RoleHandle:
    """The bot has what its invite asks for and no more; returns the role that lets people use the server."""
    roles = env.backend.guilds[guild.id].roles
    roles[guild.id].permissions = 0
    (own,) = (role for role in roles.values() if role.managed)
    own.permissions = PERMISSIONS.value
    return guild.create_role("people", permissions=discord.Permissions(DEFAULT_EVERYONE_PERMISSIONS))


def deny(channel: simcord.ChannelHandle, *names: str) -> None:
    """The bot loses these in one channel, threads below it included."""
    from simcord.backend.models.channel import Overwrite
    from simcord.enums import OverwriteType

    backend = channel._env.backend
    bits = discord.Permissions(**dict.fromkeys(names, True)).value
    over = [Overwrite(backend.bot_user.id, OverwriteType.MEMBER, deny=bits)] if names else []
    backend.edit_channel(channel.id, {}, overwrites=over)
