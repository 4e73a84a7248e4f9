"""The real process: started, connected over sockets, and ended by signals."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.wire.discord_server import PATIENCE_S, Wire
from tests.wire.process import ended, running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_kindly_within_thirty_seconds(tmp_path: Path, number: signal.Signals) -> None:
    async with Wire("a.b.c").open() as wire, running(wire.port, tmp_path) as process:
        await asyncio.wait_for(wire.ready.wait(), PATIENCE_S)
        process.send_signal(number)
        code, said = await ended(process, 30)
    assert code == 0, said
    assert "stopped" in said and "Traceback" not in said
    assert wire.gateway.identified[0]["intents"] == (1 << 0) | (1 << 10), "guilds and reactions, nothing privileged"
    assert "PUT /applications/1000/commands" in wire.requests
    assert (tmp_path / "data" / "likeness.db").exists()


async def test_commands_are_not_synced_again_by_the_next_process(tmp_path: Path) -> None:
    async with Wire("a.b.c").open() as wire:
        for _ in range(2):
            wire.ready.clear()
            async with running(wire.port, tmp_path) as process:
                await asyncio.wait_for(wire.ready.wait(), PATIENCE_S)
                process.terminate()
                code, said = await ended(process, 30)
                assert code == 0, said
    assert wire.requests.count("PUT /applications/1000/commands") == 1


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    async with Wire("a.b.c").open() as wire, running(wire.port, tmp_path, "--stuck") as process:
        await asyncio.wait_for(wire.ready.wait(), PATIENCE_S)
        process.terminate()
        assert process.stderr is not None
        while b"stopping" not in await asyncio.wait_for(process.stderr.readline(), PATIENCE_S):
            pass
        process.terminate()
        code, _ = await ended(process, 5)
    assert code == 130


async def test_a_token_discord_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    async with Wire("another").open() as wire, running(wire.port, tmp_path) as process:
        code, said = await ended(process, PATIENCE_S)
    assert code == 2
    assert said.splitlines()[-1].startswith("Discord does not accept this bot token.")
    assert "Traceback" not in said and "a.b.c" not in said


async def test_no_discord_at_all_is_one_sentence(tmp_path: Path) -> None:
    async with Wire("a.b.c").open() as wire:
        port = wire.port
    async with running(port, tmp_path) as process:
        code, said = await ended(process, PATIENCE_S)
    assert code == 2 and "Discord cannot be reached." in said.splitlines()[-1]
    assert "Traceback" not in said
