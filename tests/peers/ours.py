"""Our trainer as a process: the real engine, a child of its own, is given one job and says `mark STEP/STEPS` as it goes.

    python -m tests.peers.ours FAMILY FOLDER DEVICE PHOTOS OUT --side ... --batch ... (see `arguments`)

Afterwards the engine, which has the base loaded now, is given a second job: the seconds from sending it to its first mark are
the last line, as JSON. It trains N steps for that (--again N), for on an accelerator a step is told of after READ_EVERY.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from engine.local import LocalEngine
from engine.protocol import ENDS, BaseModelRef, Done, EpochReady, EventBase, Failed, Progress, TrainImage, TrainJob
from engine.recipes.recipe import Recipe, Schedule, Targets
from tests.peers.workload import CLASS_WORD, PROMPT, TRIGGER


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.peers.ours", description=__doc__)
    for name in ("family", "folder", "device", "photos", "out"):
        parser.add_argument(name)
    for name in ("side", "batch", "rank", "steps", "epochs", "again"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--targets", required=True)
    return parser.parse_args()


def recipe_of(given: argparse.Namespace, steps: int, epochs: int) -> Recipe:
    return Recipe(
        rank=given.rank, alpha=given.rank, targets=Targets(given.targets), unet_lr=1e-4, schedule=Schedule.CONSTANT, warmup=0,
        exposures=steps * given.batch, epochs=epochs, batch_size=given.batch, resolution=given.side, caption_dropout=0,
        min_snr_gamma=None, seed=0,
    )  # fmt: skip


class Bench:
    """An engine, the photos, and what it says."""

    def __init__(self, given: argparse.Namespace, scratch: Path) -> None:
        self.given = given
        self.photos = {hashlib.sha256(data).hexdigest(): data for data in _files(Path(given.photos))}
        self.out = Path(given.out)
        self.engine = LocalEngine(scratch, device=given.device, hang_timeout_s=3600, log=self.out / "engine.log")

    async def blob(self, sha256: str) -> bytes:
        return self.photos[sha256]

    async def train(self, name: str, steps: int, epochs: int, *, keep: bool) -> tuple[int, float]:
        """To its end; the step of the first mark and the seconds until it came."""
        images = tuple(TrainImage(photo_id=sha[:8], sha256=sha, caption=PROMPT) for sha in self.photos)
        job = TrainJob(
            job_id=name, base=BaseModelRef(family=self.given.family, source=self.given.folder), trigger=TRIGGER,
            class_word=CLASS_WORD, recipe=recipe_of(self.given, steps, epochs), images=images, previews=(),
        )  # fmt: skip
        began = time.monotonic()
        await self.engine.submit(job, self.blob)
        first: tuple[int, float] | None = None
        async for event in self.engine.events():
            if isinstance(event, Progress) and event.phase == "training" and event.step:
                first = first or (event.step, time.monotonic() - began)
                if keep:
                    say(f"mark {event.step}/{event.total}")
            elif keep and isinstance(event, EpochReady) and "lora" in event.blobs:
                (self.out / f"epoch-{event.epoch:02d}.safetensors").write_bytes(event.blobs["lora"])
            if isinstance(event, ENDS):
                _check(event)
                break
        assert first is not None
        return first


def _check(event: EventBase) -> None:
    if not isinstance(event, Done):
        why = f"{event.sentence} ({event.detail})" if isinstance(event, Failed) else type(event).__name__
        raise SystemExit(f"The training ended otherwise: {why}")


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="likeness-peers-") as scratch:
        bench = Bench(given, Path(scratch))
        await bench.engine.start()
        try:
            await bench.train("first", given.steps, given.epochs, keep=True)
            step, seconds = await bench.train("second", given.again, 1, keep=False)
        finally:
            await bench.engine.stop(drain_s=5)
    say(json.dumps({"again_step": step, "again_s": seconds}))


if __name__ == "__main__":
    Path(sys.argv[5]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(arguments()))
