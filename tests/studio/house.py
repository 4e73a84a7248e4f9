"""A studio on real files with a scripted engine, its clock, its people, and ways to wait without sleeping."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from PIL import Image

from bot.studio.requests import BeginTraining, GivenPhoto, Imagine, Who
from bot.studio.screens import Purpose, StatusCard
from bot.studio.settings import StudioSettings
from bot.studio.studio import Studio
from engine.fake import FakeEngine
from engine.protocol import BaseModelRef, Recipe, SubjectKind
from engine.script import Script
from storage.records import Scope
from storage.states import JobState
from storage.store import Store
from storage.vault import Vault

GUILD, OWNER, FRIEND, ADMIN, CHANNEL, ROOM = 1000, 1, 2, 9, 500, 501
SCOPE = Scope(GUILD)


def photo(seed: int, width: int = 320, height: int = 400) -> bytes:
    """A JPEG of coloured tiles, different for every seed."""
    tiles = Random(seed).randbytes(6 * 6 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (6, 6), tiles).resize((width, height), Image.Resampling.NEAREST).save(out, "JPEG")
    return out.getvalue()


def given(number: int, first: int = 1) -> tuple[GivenPhoto, ...]:
    return tuple(GivenPhoto(f"IMG_{seed}.jpg", photo(seed)) for seed in range(first, first + number))


def short(preset: str, base: BaseModelRef, kind: SubjectKind, photos: int) -> Recipe:
    return Recipe(preset=preset, exposures=photos * 12, epochs=3, rank=4)


@dataclass
class Clock:
    now: int = 1_790_000_000

    def __call__(self) -> int:
        return self.now


@dataclass
class House:
    """One life of the bot's process after another on the same files."""

    folder: Path
    script: Script = field(default_factory=Script)
    settings: StudioSettings = field(default_factory=lambda: StudioSettings(recipe=short, min_side_px=64))
    clock: Clock = field(default_factory=Clock)
    numbers: count[int] = field(default_factory=lambda: count(1))
    store: Store = field(init=False)
    engine: FakeEngine = field(init=False)
    studio: Studio = field(init=False)

    @asynccontextmanager
    async def life(self, *, started: bool = True) -> AsyncIterator[Studio]:
        """The process runs. Ends as it would by SIGTERM unless `crash` was called."""
        vault = Vault.open(self.folder / "vault", environ={})
        async with Store.open(self.folder / "likeness.db", vault=vault, clock=self.clock) as self.store:
            self.engine = FakeEngine(self.script, scratch=self.folder / "scratch")
            self.studio = Studio(self.store, self.engine, self.settings, self.clock, self.new_id, Random(7))
            self._stored = asyncio.Condition()
            self._watch()
            if started:
                await self.studio.start()
            try:
                yield self.studio
            finally:
                await self.studio.stop()

    async def crash(self) -> None:
        """The process dies at once: no parking, no last words stored."""
        for task in self.studio.dispatch._tasks:
            task.cancel()
        await asyncio.gather(*self.studio.dispatch._tasks, return_exceptions=True)
        self.studio.dispatch._tasks = []
        await self.engine.kill()

    async def until(self, wanted: Callable[[], Awaitable[object]]) -> None:
        """Returns once `wanted` is true; asked again after every event of the engine that was stored or dropped."""
        async with asyncio.timeout(20), self._stored:
            while not await wanted():
                await self._stored.wait()

    async def epoch(self, number: int) -> None:
        """Returns once the first run has this epoch, and nothing after it."""

        async def there() -> bool:
            return await self.epochs() == list(range(number + 1))

        await self.until(there)

    async def settled(self, *but: JobState) -> None:
        """No job waits or runs any more."""

        async def quiet() -> bool:
            return not [job for job in await self.store.jobs.live(SCOPE) if job.state not in but]

        await self.until(quiet)

    def new_id(self) -> str:
        return f"job{next(self.numbers)}"

    def who(self, member: int = OWNER, request: str | None = None, *, admin: bool = False) -> Who:
        return Who(GUILD, member, CHANNEL, request or f"r{next(self.numbers)}", admin)

    # -- the way to each place of the story

    async def begin(self, photos: int = 6, *, draft: str = "draft", name: str = "Kat3r1na", member: int = OWNER) -> int:
        ask = BeginTraining(draft, name, "person", True, given(photos), room_id=ROOM)
        reading = await self.studio.begin(self.who(member), ask)
        await self.settled()
        return reading.dataset_id

    async def ready(self, photos: int = 6, **more: str) -> int:
        dataset = await self.begin(photos, **more)
        await self.studio.accept_crops(self.who(), dataset)
        await self.studio.accept_captions(self.who(), dataset)
        return dataset

    async def under_way(self) -> int:
        """The dataset of a training that has begun; `script.hold` keeps it from ending."""
        dataset = await self.ready()
        await self.studio.start_training(self.who(), dataset)
        await self.until(self.training)
        return dataset

    async def trained(self, **more: str) -> tuple[int, int]:
        """(run id, ballot id)"""
        dataset = await self.ready(**more)
        run = (await self.studio.start_training(self.who(), dataset)).run_id
        await self.settled()
        ballot = await self.store.ballots.of_run(SCOPE, run)
        assert ballot is not None
        return run, ballot.id

    async def places(self, ballot: int) -> dict[int, int]:
        """Epoch -> the place of its column."""
        options = (await self.store.ballots.get(SCOPE, ballot)).options
        return {epoch: place for place, epoch in enumerate(options)}

    async def counted(self, ballot: int, votes: Mapping[int, frozenset[int]]) -> dict[int, frozenset[int]]:
        """Votes by epoch as the chat would count them, by place."""
        places = await self.places(ballot)
        return {places[epoch]: who for epoch, who in votes.items()}

    async def published(self, *, access: str = "server", **more: str) -> str:
        """The name of a LoRA."""
        dataset = await self.ready(**more)
        await self.studio.choose(self.who(), dataset, access=access)
        run = (await self.studio.start_training(self.who(), dataset)).run_id
        await self.settled()
        ballot = await self.store.ballots.of_run(SCOPE, run)
        assert ballot is not None
        return (await self.studio.close_ballot(GUILD, ballot.id, {})).name

    async def posts(self, purpose: str | None = None) -> list[tuple[str, str]]:
        return [(row.purpose, row.ref) for row in await self.store.outbox.list(SCOPE, purpose=purpose)]

    async def status(self, run: int = 1) -> StatusCard:
        card = await self.studio.screen(GUILD, Purpose.STATUS, str(run))
        assert isinstance(card, StatusCard)
        return card

    async def training(self) -> bool:
        """A training has begun and said how far it is."""
        return any(j.state is JobState.RUNNING and j.progress for j in await self.store.jobs.live(SCOPE))

    async def epochs(self, run: int = 1) -> list[int]:
        return [epoch.number for epoch in await self.store.epochs.list(SCOPE, run)]

    def imagine(self, prompt: str, **more: object) -> Imagine:
        return Imagine(prompt, **more)  # type: ignore[arg-type]

    def _watch(self) -> None:
        take = self.studio.dispatch._take

        async def told(event: object) -> None:
            await take(event)  # type: ignore[arg-type]
            async with self._stored:
                self._stored.notify_all()

        self.studio.dispatch._take = told  # type: ignore[method-assign]
        send = self.studio.dispatch._send_next

        async def sent() -> bool:
            more = await send()
            async with self._stored:
                self._stored.notify_all()
            return more

        self.studio.dispatch._send_next = sent  # type: ignore[method-assign]
