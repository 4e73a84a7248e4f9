"""Who is to be seen in painted pictures and whether they show what was asked for, read by a reader that took no part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.miniature.drawing import draw_portrait
from engine.miniature.training.gallery import snapshot
from engine.miniature.world import Identity, Scene
from tests.quality.reader import Reader

OWN, STRANGERS = 16, 60
UNNAMED = ("none", "neutral", "straight")


@dataclass(frozen=True)
class Likeness:
    """0 is what strangers of the same world reach, 100 how alike the identity's own pictures are to each other."""

    photos: float
    """Held against crops of photos of the identity (and of strangers) that nobody else ever saw."""
    portraits: float
    """Held against clean drawn portraits of both: the same question without light, framing and clutter."""


class Judge:
    def __init__(self) -> None:
        self.reader = Reader.load()
        rng = np.random.default_rng(99)
        strangers = [Identity.from_seed(600_000 + seed, "unseen") for seed in range(STRANGERS)]
        self.strangers = [draw_portrait(who, Scene.random(rng)) for who in strangers]
        self.snapped = [snapshot(who, Scene.random(rng), rng) for who in strangers]

    def likeness(self, pictures: Sequence[Image.Image], identity: int) -> Likeness:
        who, rng = Identity.from_seed(identity, "unseen"), np.random.default_rng([98, identity])
        drawn = [draw_portrait(who, Scene.random(rng)) for _ in range(OWN)]
        snapped = [snapshot(who, Scene.random(rng), rng) for _ in range(OWN)]
        return Likeness(
            round(self.reader.likeness(pictures, snapped, self.snapped), 1),
            round(self.reader.likeness(pictures, drawn, self.strangers), 1),
        )

    def right(self, pictures: Sequence[Image.Image], scenes: Sequence[Scene]) -> dict[str, float]:
        """Percent read right, of what the prompts named: a bare head or a plain look is not named."""
        hits: dict[str, list[bool]] = {}
        for read, scene in zip(self.reader.attributes(pictures), scenes, strict=True):
            for name, asked in scene.named().items():
                if asked not in UNNAMED:
                    hits.setdefault(name, []).append(read[name] == asked)
        shares = {name: round(100 * float(np.mean(one)), 1) for name, one in sorted(hits.items())}
        return shares | {"all": round(100 * float(np.mean([hit for one in hits.values() for hit in one])), 1)}
