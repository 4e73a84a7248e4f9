"""Times things against each other on a machine that has other things to do: in turns, and the median counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

Work = Callable[[], object]


def finished(device: torch.device) -> None:
    """Wait until the device has done everything it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def once(work: Work, device: torch.device) -> float:
    """Seconds of one go."""
    finished(device)
    began = time.perf_counter()
    work()
    finished(device)
    return time.perf_counter() - began


def rounds(works: Mapping[str, Work], device: torch.device, count: int, warm: int = 1) -> dict[str, list[float]]:
    """Seconds of every work in each of `count` rounds; every round makes each of them once, after `warm` unmeasured ones."""
    for _ in range(warm):
        for work in works.values():
            once(work, device)
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(count):
        for name, work in works.items():
            found[name].append(once(work, device))
    return found


def ratio(ours: list[float], theirs: list[float]) -> float:
    """How many times as long as `theirs` one of `ours` takes: the median over the rounds, each compared within itself."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
