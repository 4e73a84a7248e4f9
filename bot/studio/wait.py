"""How long whoever comes next waits, where several trainings run at a time and share their steps."""

from __future__ import annotations

from collections.abc import Sequence


def slower(together: int) -> float:
    """How many times as long a training takes with so many at a time as alone.

    Measured with `likeness bench` on a CPU, 2, 4 and 8 trainings of one picture a step: 1.4, 2.3 and 3.9.
    """
    return 0.6 + 0.4 * together if together > 1 else 1.0


def until_turn(work: Sequence[float], lanes: int) -> float:
    """Seconds until one more may begin. `work`: what every training ahead still takes alone, in seconds, in the order in which
    they begin; `lanes` of them run at a time."""
    waiting = list(work)
    running = sorted(waiting[:lanes])
    del waiting[:lanes]
    passed = 0.0
    while len(running) >= lanes:
        pace = slower(len(running))
        first = running.pop(0)
        passed += first * pace
        running = [left - first for left in running]
        if waiting:
            running = sorted([*running, waiting.pop(0)])
    return passed
