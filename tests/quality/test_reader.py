"""The reader that judges learning must itself read well, and tell a stranger from the person."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.miniature.drawing import draw_portrait
from engine.miniature.world import Identity, Scene
from tests.quality.reader import CHOICES, FOLDER, Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    torch.set_num_threads(1)
    return Reader.load()


def test_the_reader_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 3 * 1024 * 1024


def test_it_reads_drawn_portraits(reader: Reader) -> None:
    rng = np.random.default_rng(17)
    scenes = [Scene.random(rng) for _ in range(80)]
    read = reader.attributes(
        [draw_portrait(Identity.from_seed(8000 + index, "unseen"), scene) for index, scene in enumerate(scenes)]
    )
    for name in CHOICES:
        assert (
            np.mean([found[name] == getattr(scene, name) for found, scene in zip(read, scenes, strict=True)]) > 0.93
        ), name


def test_likeness_is_0_for_strangers_and_100_for_the_person(reader: Reader) -> None:
    rng = np.random.default_rng(18)

    def portraits(seeds: list[int]) -> list:
        return [draw_portrait(Identity.from_seed(seed, "unseen"), Scene.random(rng)) for seed in seeds]

    photos, strangers = portraits([9000] * 12), portraits(list(range(9100, 9140)))
    assert 80 < reader.likeness(portraits([9000] * 12), photos, strangers) < 120
    assert -25 < reader.likeness(portraits(list(range(9200, 9240))), photos, strangers) < 25
