"""Fifty members who all want something at the same moment, and how long each waits for the first sign of life."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.wire.board import Payload
from tests.wire.discord_server import Wire
from tests.wire.interactions import Asked
from tests.wire.member import Member

MEMBERS = 50
EACH = 4
LOOKS = ("loras", "queue", "privacy", "help")
PATIENCE_S = 120


@dataclass
class Crowd:
    """`sheet` is a card of somebody else's crops, `winner` the announcement of a LoRA that everybody may use."""

    wire: Wire
    sheet: Payload
    winner: Payload
    trigger: str
    waited: dict[str, float] = field(default_factory=dict[str, float])
    """Interaction -> seconds to its first answer."""
    rounds: int = 0

    def __post_init__(self) -> None:
        # As it stood before its owner agreed to it: such buttons are pressed for days after.
        button = {"type": 2, "style": 1, "label": "Looks right", "custom_id": "lk1:crop.accept:1"}
        parts = [*self.sheet["components"], {"type": 1, "components": [button]}]
        self.sheet = {**self.sheet, "components": parts}
        self.members = [Member(self.wire, str(5000 + n), f"member{n}") for n in range(MEMBERS)]
        self._asked_at: dict[str, float] = {}
        callback = self.wire.interactions.callback

        def answered(id: str, *rest: Any) -> Payload:
            told = callback(id, *rest)
            if id in self._asked_at:
                self.waited[id] = time.perf_counter() - self._asked_at[id]
            return told

        self.wire.interactions.callback = answered  # type: ignore[method-assign]
        new = self.wire.interactions.new

        def begun(*where: Any) -> Asked:
            asked = new(*where)
            self._asked_at[asked.id] = time.perf_counter()
            return asked

        self.wire.interactions.new = begun  # type: ignore[method-assign]

    async def rush(self) -> list[Asked]:
        """All at once, EACH of everybody; returns when every one was answered. TimeoutError where one is lost."""
        self.rounds += 1
        wishes = [wish for n, member in enumerate(self.members) for wish in self._wishes(n, member)]
        asked = list(await asyncio.gather(*wishes))
        async with asyncio.timeout(PATIENCE_S):
            await self.wire.until(lambda: all(one.first is not None for one in asked))
        return asked

    def _wishes(self, n: int, member: Member) -> list[Coroutine[Any, Any, Asked]]:
        """Finding a LoRA while typing; a list; a button; and of every other member a picture, of the rest a form."""
        wishes = [
            member.complete("imagine", "lora", "kat"),
            member.command(LOOKS[n % len(LOOKS)]),
            member.press(self.sheet, "crop.accept"),
        ]
        if n % 2 == self.rounds % 2:
            wishes.append(member.command("imagine", prompt=f"a portrait of {self.trigger} person", count=1, seed=n))
        else:
            wishes.append(member.press(self.winner, "lora.imagine"))
        return wishes


def resident_mib(pid: int) -> float:
    """Memory that process holds, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def share(waited: list[float], part: float) -> float:
    """The time within which that part of them was answered."""
    return sorted(waited)[min(len(waited) - 1, int(part * len(waited)))]
