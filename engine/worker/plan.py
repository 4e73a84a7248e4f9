"""Which photo, which noise, which rate at which step: pure functions of the recipe and the step.

Every step draws from a generator seeded by (seed, step) and nothing else. So there is no generator whose state would
have to be saved, a resumed training continues exactly, and pictures painted in between change nothing.

A *batch* is what goes through the base at once: a step has `accumulation` of them, numbered through from 0.
"""

from __future__ import annotations

import bisect
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.recipes.recipe import Method, Recipe, Schedule

Shape = tuple[int, int]
"""Width and height in pixels."""


def generator(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """A CPU generator of its own for this purpose and step."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The photos of one shape, each as often as it is to be shown against the others."""

    photos: tuple[int, ...]

    def shown(self, seed: int, name: str, first: int, count: int) -> list[int]:
        """Exposures `first` .. `first + count` of this bucket: shuffled passes, so counts never differ by more than one."""
        size = len(self.photos)
        passes = {
            turn: torch.randperm(size, generator=generator(seed, name, turn))
            for turn in range(first // size, (first + count - 1) // size + 1)
        }
        return [self.photos[int(passes[at // size][at % size])] for at in range(first, first + count)]


def buckets(shapes: Sequence[Shape], repeats: Sequence[int]) -> tuple[Bucket, ...]:
    """One for each shape among the photos, in the order in which the shapes first appear."""
    return tuple(
        Bucket(tuple(photo for photo, (own, often) in enumerate(zip(shapes, repeats, strict=True))
                     for _ in range(often if own == shape else 0)))
        for shape in dict.fromkeys(shapes)
    )  # fmt: skip


def draw(recipe: Recipe, among: Sequence[Bucket], index: int) -> list[int]:
    """The photos of batch `index`, all of one bucket.

    In every cycle of as many batches as there are photos (repeats counted) each bucket is drawn as often as it has photos, in
    shuffled order: so over a cycle every photo is shown equally often, in buckets of whatever size.
    """
    size = recipe.batch_size
    if len(among) == 1:
        return among[0].shown(recipe.seed, "order", index * size, size)
    ends = [sum(len(bucket.photos) for bucket in among[: n + 1]) for n in range(len(among))]
    cycle, place = divmod(index, ends[-1])
    drawn = torch.randperm(ends[-1], generator=generator(recipe.seed, "buckets", cycle)).tolist()
    turns = [bisect.bisect_right(ends, ticket) for ticket in drawn[: place + 1]]
    bucket = among[turns[-1]]
    before = cycle * len(bucket.photos) + turns.count(turns[-1]) - 1
    return bucket.shown(recipe.seed, f"order of {turns[-1]}", before * size, size)


def rate(recipe: Recipe, step: int) -> float:
    """What the learning rates are multiplied by at `step`, 0-based: a linear rise, then as the schedule says."""
    rise = warmup_steps(recipe)
    if step < rise:
        return (step + 1) / (rise + 1)
    done = (step - rise) / max(1, recipe.steps - rise)
    floor = recipe.schedule_floor
    match recipe.schedule:
        case Schedule.CONSTANT | Schedule.CONSTANT_WITH_WARMUP:
            return 1.0
        case Schedule.LINEAR:
            left = 1 - done
        case Schedule.POLYNOMIAL:
            left = (1 - done) ** recipe.schedule_power
        case Schedule.COSINE:
            left = _cosine(done)
        case Schedule.COSINE_WITH_RESTARTS:
            left = _cosine(done * recipe.schedule_cycles % 1.0)
    return floor + (1 - floor) * left


def warmup_steps(recipe: Recipe) -> int:
    if recipe.schedule is Schedule.CONSTANT:
        return 0
    wanted = recipe.warmup * recipe.steps if recipe.warmup < 1 else recipe.warmup
    return min(round(wanted), recipe.steps)


def words_learn(recipe: Recipe, step: int) -> bool:
    """Whether the learned word's vectors still move at `step`: in a pivotal run they stand still after their share of it."""
    return recipe.method is not Method.PIVOTAL or step < recipe.embedding_share * recipe.steps


def reworded(recipe: Recipe, caption: str, turn: int) -> str:
    """The caption with its comma-separated parts in the order number `turn`, but for the first `keep_tokens`, which stay."""
    parts = [part.strip() for part in caption.split(",") if part.strip()]
    kept, rest = parts[: recipe.keep_tokens], parts[recipe.keep_tokens :]
    order = torch.randperm(len(rest), generator=generator(recipe.seed, "words", turn))
    return ", ".join([*kept, *(rest[int(place)] for place in order)])


def _cosine(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))
