"""What a trainer prints of its progress, as steps and the moments they were done, and what follows from those.

A step counts as done when it is shown for the last time: both peers show it once before and once after they have waited for
its loss.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TQDM = re.compile(rb"(?i)(?<![a-z] )\bsteps: +\d+%\|[^|\r\n]*\| *(\d+)/(\d+) \[")
"""The bar of both peers' scripts; "validation steps: ..." is another one."""
OURS = re.compile(rb"mark (\d+)/(\d+)\n")


@dataclass(slots=True)
class Marks:
    """Seconds since the process was started, by the number of steps done."""

    pattern: re.Pattern[bytes]
    done: dict[int, float] = field(default_factory=dict[int, float])
    rest: bytes = b""

    def read(self, chunk: bytes, now: float) -> None:
        """`chunk` arrived at `now`. A bar is complete as soon as its count is there: its line ends only when the next begins."""
        text = self.rest + chunk
        end = 0
        for found in self.pattern.finditer(text):
            end = found.end()
            if int(found[1]) > 0:
                self.done[int(found[1])] = now
        self.rest = text[end:][-4096:]


@dataclass(frozen=True, slots=True)
class Pace:
    step_s: float | None
    """Of one step, where neither a beginning nor an epoch's end is in between; None where nothing of that kind was seen."""
    first_step_s: float | None
    """From the start of the process to the end of the first step. Where the first mark came later, steady steps are taken off."""
    gap_s: tuple[float, ...]
    """What each end of an epoch took beside the steps around it; there is none after the last."""
    last_step_s: float | None


def pace(done: Mapping[int, float], ends: Iterable[int], warm: int) -> Pace:
    steps = sorted(done)
    ends = tuple(ends)
    if not steps:
        return Pace(None, None, (), None)
    pairs = [
        (one, other)
        for one, other in itertools.pairwise(steps)
        if one >= warm and not any(one <= end <= other for end in ends[:-1]) and other != ends[-1]
    ]
    made = sum(other - one for one, other in pairs)
    step_s = sum(done[other] - done[one] for one, other in pairs) / made if made else None
    gaps: list[float] = []
    for end in ends[:-1]:
        before = max((step for step in steps if step < end), default=None)
        after = min((step for step in steps if step > end), default=None)
        if step_s is not None and before is not None and after is not None:
            gaps.append(done[after] - done[before] - (after - before) * step_s)
    first = steps[0]
    first_step_s = done[first] - (first - 1) * step_s if step_s is not None else done[first] if first == 1 else None
    return Pace(step_s, first_step_s, tuple(gaps), done[steps[-1]])
