"""How long members wait while the machine is busy: `python -m tests.load [ROUNDS]`, a table on stdout.

The real process over sockets against the loopback Discord, its engine a real child that trains the miniature all the while.
In each round fifty members want four things each at the same moment; the first answer to each is timed from Discord's saying
so to the bot's callback. The next round begins when every picture of the last one has been posted.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.miniature.photos import draw_photos
from tests.load.crowd import EACH, MEMBERS, Crowd, resident_mib, share
from tests.wire.board import Payload
from tests.wire.discord_server import Wire
from tests.wire.interactions import COMMAND
from tests.wire.member import Member
from tests.wire.process import TOKEN, Bot
from tests.wire.story import Story, words

ROUNDS = 5
PHOTOS = 10
LONG_S = 900
ASKED, BAR_S, BAR_P99_S = MEMBERS * EACH, 3.0, 1.0


class Busy:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.story = Story(wire)
        self.alice = Member(wire, "101", "alice")

    async def until(self, look: Callable[[], object]) -> None:
        """Looks again after every request of the bot, as long as a slow machine needs."""
        async with asyncio.timeout(LONG_S), self.wire._changed:
            while not look():
                await self.wire._changed.wait()

    async def train(self, name: str, seed: int, preset: str) -> None:
        files = [(f"IMG_{n}.jpg", photo.data) for n, photo in enumerate(draw_photos(seed, PHOTOS))]
        form = await self.alice.command("train", name=name)
        await self.alice.fill(form, name=name, consent=True, photos=files)
        await self.until(lambda: self.story.can(f"{name}: the crops", "crop.accept"))
        await self.press(f"{name}: the crops", "crop.accept")
        await self.until(lambda: self.story.can(f"{name}: the captions", "cap.accept"))
        await self.press(f"{name}: the captions", "cap.accept")
        await self.until(lambda: self.story.can(f"Ready to learn {name}", "set.start"))
        await self.press(f"Ready to learn {name}", "set.preset", preset)
        await self.press(f"Ready to learn {name}", "set.access", "server")
        await self.press(f"Ready to learn {name}", "set.start")

    async def press(self, card: str, verb: str, choice: str | None = None) -> None:
        asked = await self.alice.press(self.story.the(card), verb, choose=choice)
        await self.until(lambda: asked.first is not None)

    def training(self, name: str) -> bool:
        return any("Training epoch" in words(card) or "Painting previews" in words(card) for card in self.cards(name))

    def cards(self, name: str) -> list[Payload]:
        return self.story.find(f"### {name}\n")


async def measure(rounds: int) -> int:
    with tempfile.TemporaryDirectory(prefix="likeness-load-") as folder:
        async with Wire(TOKEN).open() as wire, Bot(wire, Path(folder), engine="--real") as bot:
            busy = Busy(wire)
            await busy.train("Kat", 21, "quick")
            await busy.until(lambda: busy.story.can("Which Kat", "vote.close"))
            await busy.press("Which Kat", "vote.close")
            await busy.until(lambda: busy.story.find("kat-gen0 is here"))
            await busy.train("Rex", 22, "thorough")
            await busy.until(lambda: busy.training("Rex"))
            crowd = Crowd(wire, busy.story.the("Kat: the crops"), busy.story.the("kat-gen0 is here"), "ohwx")
            return await _rounds(busy, bot, crowd, rounds)


async def _rounds(busy: Busy, bot: Bot, crowd: Crowd, rounds: int) -> int:
    before = resident_mib(bot.pid)
    say(f"{ASKED} interactions at once from {MEMBERS} members, the first answer to each, while a training runs")
    say(f"{'round':>5} {'answered':>9} {'median s':>9} {'p99 s':>7} {'longest s':>10} {'bot MiB':>8}")
    every: list[float] = []
    wanted = 0
    for number in range(1, rounds + 1):
        asked = await crowd.rush()
        waited = [crowd.waited[one.id] for one in asked if one.id in crowd.waited]
        every += waited
        say(
            f"{number:>5} {len(waited):>9} {share(waited, 0.5):>9.3f} {share(waited, 0.99):>7.3f} {max(waited):>10.3f} "
            f"{resident_mib(bot.pid):>8.1f}"
        )
        wanted += sum(one.about == "imagine" and one.kind == COMMAND for one in asked)
        await busy.until(lambda wanted=wanted: len(_painted(busy)) >= wanted)
    lost = rounds * ASKED - len(every)
    still = busy.training("Rex")
    say(
        f"all {len(every)}: lost {lost}, median {share(every, 0.5):.3f} s, p99 {share(every, 0.99):.3f} s, "
        f"longest {max(every):.3f} s; memory {before:.1f} MiB before, {resident_mib(bot.pid):.1f} MiB after; "
        f"the training {'still ran' if still else 'HAD ENDED'}"
    )
    good = not lost and still and max(every) < BAR_S and share(every, 0.99) < BAR_P99_S
    say("good" if good else f"NOT good: none lost, p99 under {BAR_P99_S:g} s, all under {BAR_S:g} s, training still on")
    return 0 if good else 1


def _painted(busy: Busy) -> list[Payload]:
    return [m for m in busy.story.find("a portrait of ohwx person") if m["attachments"]]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))
