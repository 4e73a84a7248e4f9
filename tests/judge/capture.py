"""Every request of every test that runs the bot inside simcord is judged when the test is over."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.judge.judge import Request, judge, own_problems

ASKS_FOR_NEWS = "lk1:news.ask:"
"""The one button whose pressing lets the bot write to a member in private."""


@pytest.fixture(autouse=True)
def requests_judged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Request]]:
    """The requests so far; at the end none of them may be one that Discord would refuse."""
    captured: list[Request] = []
    if "simcord" not in sys.modules:
        # Nothing of Discord in this test: do not load it for the sake of judging nothing.
        yield captured
        return
    _tap(monkeypatch, captured)
    yield captured
    problems = [problem for request in captured for problem in verdict(request)]
    assert not problems, "Discord would refuse:\n" + "\n".join(problems)


def verdict(request: Request) -> list[str]:
    discord = judge()
    return [*(discord.problems(request) if discord is not None else []), *own_problems(request)]


def _tap(monkeypatch: pytest.MonkeyPatch, captured: list[Request]) -> None:
    from simcord import actors
    from simcord.http.client import FakeHTTPClient, FakeWebhookAdapter, _path_of

    http, webhook, pressed = FakeHTTPClient.request, FakeWebhookAdapter.request, actors._component_interaction
    asked: set[int] = set()

    async def component_interaction(actor: Any, stored: Any, data: Any) -> Any:
        if data["custom_id"].startswith(ASKS_FOR_NEWS):
            asked.add(actor.id)
        return await pressed(actor, stored, data)

    async def http_request(self: Any, route: Any, *, files: Any = None, form: Any = None, **kwargs: Any) -> Any:
        request = _request(route, _path_of(route.url), kwargs.get("json"), form, kwargs.get("params"))
        if request.path == "/users/@me/channels":
            request = replace(request, asked=int(request.body["recipient_id"]) in asked)
        captured.append(request)
        return await http(self, route, files=files, form=form, **kwargs)

    async def webhook_request(
        self: Any, route: Any, session: Any, *, payload: Any = None, multipart: Any = None, **kwargs: Any
    ) -> Any:
        captured.append(_request(route, _path_of(route.url), payload, multipart, kwargs.get("params")))
        return await webhook(self, route, session, payload=payload, multipart=multipart, **kwargs)

    monkeypatch.setattr(actors, "_component_interaction", component_interaction)
    monkeypatch.setattr(FakeHTTPClient, "request", http_request)
    monkeypatch.setattr(FakeWebhookAdapter, "request", webhook_request)


def _request(route: Any, path: str, body: Any, form: Any, params: Any) -> Request:
    files: list[tuple[str, str, int]] = []
    for part in form or ():
        if part["name"] == "payload_json":
            body = json.loads(part["value"])
        elif "filename" in part:
            files.append((part["name"], part["filename"], _size(part["value"])))
    return Request(route.method, path, json.loads(json.dumps(body)), tuple(files), dict(params or {}))


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    place = value.tell()
    size = value.seek(0, io.SEEK_END)
    value.seek(place)
    return int(size)
