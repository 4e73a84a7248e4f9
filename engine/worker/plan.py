"""Which photo, which noise, which rate at which step: pure functions of the recipe and the step.

Every step draws from a generator seeded by (seed, step) and nothing else. So there is no generator whose state would
have to be saved, a resumed training continues exactly, and pictures painted in between change nothing.
"""

from __future__ import annotations

import hashlib
import math

import torch

from engine.protocol import Recipe

FLOOR = 0.1
"""Cosine ends here, as a share of the full rate: at zero the last epochs would all be the same."""


def generator(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """A CPU generator of its own for this purpose and step."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def batch(recipe: Recipe, photos: int, step: int) -> list[int]:
    """The photos (indices) of `step`, 0-based. Exposures run through shuffled passes, so counts never differ by more than one."""
    shown = range(step * recipe.batch_size, (step + 1) * recipe.batch_size)
    orders = {
        turn: torch.randperm(photos, generator=generator(recipe.seed, "order", turn))
        for turn in {e // photos for e in shown}
    }
    return [int(orders[e // photos][e % photos]) for e in shown]


def rate(recipe: Recipe, step: int) -> float:
    """What the learning rates are multiplied by at `step`, 0-based: a linear rise, then constant or a cosine down to a tenth."""
    rise = round(recipe.warmup * recipe.steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    if recipe.schedule == "constant":
        return 1.0
    done = (step - rise) / max(1, recipe.steps - rise)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))
