"""`likeness try`, as a browser meets it: the page is served, a command is answered through it, and it stops."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bot.demo.trial
from bot.cli import main
from bot.demo.trial import MEMBERS, run_trial
from bot.errors import UserError
from engine.fake import FakeEngine

SITTERS = {"ada": (7, 2)}


@dataclass
class Visitor:
    """What the page's own script does: a key in every request, one numbered action after the other."""

    session: aiohttp.ClientSession
    address: str
    key: str
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    done: int = 0

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"X-Simcord-Capability": self.key}
        if self.state:
            headers["X-Simcord-Context"] = self.state["context"]["id"]
        async with self.session.request(method, self.address + path, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def enter(self) -> None:
        self.state = await self.ask("POST", "/api/pages", {})

    async def command(self, name: str) -> Any:
        found = (await self.ask("GET", "/api/commands"))["entries"]
        entry = next(command for command in found if command["path"] == [name])
        self.state = await self.ask("GET", "/api/state")
        self.done += 1
        body = {
            "protocol_version": 3,
            "sequence": self.done,
            "request_id": f"r{self.done}",
            "generation": self.state["context"]["generation"],
            "bot_generation": self.state["botGeneration"],
            "published_revision": self.state["publishedRevision"],
            "kind": "run_command",
            "command_id": entry["commandId"],
            "schema_fingerprint": entry["schemaFingerprint"],
            "path": [name],
            "options": {},
        }
        answer = await self.ask("POST", "/api/action", body)
        self.state = await self.ask("GET", "/api/state")
        return answer


@asynccontextmanager
async def trial(folder: Path, **options: Any) -> AsyncIterator[tuple[Visitor, list[str]]]:
    """It runs, somebody has opened the page; it is stopped by a signal at the end."""
    lines: list[str] = []
    open_now = asyncio.Event()

    def tell(line: str) -> None:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            open_now.set()

    running = asyncio.create_task(run_trial(folder, browser=False, tell=tell, **options))
    opening = asyncio.create_task(open_now.wait())
    await asyncio.wait({running, opening}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        opening.cancel()
        await running
    address, key = lines[0].split()[-1].split("/#")
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, address, key)
        yield visitor, lines
        signal.raise_signal(signal.SIGTERM)
        await running
        with pytest.raises(aiohttp.ClientConnectorError):
            await visitor.ask("GET", "/")


@pytest.fixture(autouse=True)
def two_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them all takes seconds."""
    monkeypatch.setattr(bot.demo.trial, "SITTERS", SITTERS)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def scripted(scratch: Path, *, log: Path) -> FakeEngine:
        return FakeEngine(scratch=scratch)

    monkeypatch.setattr(bot.demo.trial, "LocalEngine", scripted)


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Teach a face, a character or a style"), ("de", "Bring mir etwas bei")]
)
async def test_a_browser_gets_the_page_and_an_answer_to_train(tmp_path: Path, language: str, title: str) -> None:
    async with trial(tmp_path, language=language) as (visitor, lines):
        async with visitor.session.get(visitor.address + "/") as page:
            assert page.status == 200 and "<!doctype html>" in await page.text()
        await visitor.enter()
        assert [viewer["name"] for viewer in visitor.state["viewers"]] == list(MEMBERS)
        answer = await visitor.command("train")
        assert answer["rejected"] is False, answer["diagnostics"]
        assert answer["acknowledgement"] != "pending"
        assert visitor.state["modal"]["payload"]["title"] == title
    assert lines[-1] == "Stopped."
    for name, (_, count) in SITTERS.items():
        assert len(list((tmp_path / "photos" / name).glob("*.jpg"))) == count
        assert any(line.strip() == str(tmp_path / "photos" / name) for line in lines)


async def test_without_the_key_nobody_is_let_in(tmp_path: Path) -> None:
    async with trial(tmp_path) as (visitor, _), visitor.session.post(visitor.address + "/api/pages", json={}) as answer:
        assert answer.status == 401


async def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} is taken"):
            await run_trial(tmp_path, port=port, browser=False, tell=lambda line: None)


def test_without_its_extra_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.commands.trial.find_spec", lambda name: None)
    assert main(["try"]) == 2
    assert "pip install 'likeness[demo]'" in capsys.readouterr().err


def test_a_language_there_is_none_of_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--language", "fr"]) == 2
    assert "there are en, de" in capsys.readouterr().err
