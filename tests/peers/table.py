"""What the runs came to: medians over the rounds, how many times as fast ours is, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.peers.marks import Pace

GIB = 2**30
AIM = 2.0
COLUMNS = (
    "images/s", "first step s", "gap per epoch s", "to the last step s", "memory GiB", "device GiB", "MFU %", "LoRAs",
)  # fmt: skip
ALIKE = {"full": "ours", "attn": "ours, attention"}
"""Which of ours does the same work on the U-Net."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one trainer; `wrong` says why it does not count."""

    trainer: str
    round: int
    pace: Pace
    seconds: float
    memory: int
    device_memory: int | None
    files: int
    again_s: float | None = None
    """Ours: to the first step of a second training in the same engine."""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    trainer: str
    targets: str
    images_per_second: float | None
    first_step_s: float | None
    gap_s: float | None
    last_step_s: float | None
    memory: int | None
    device_memory: int | None
    mfu: float | None
    files: int
    again_s: float | None
    wrong: tuple[str, ...]
    """What was the matter with runs that do not count."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as many images a second ours learns from, with the same layers: the median over the rounds."""

    trainer: str
    against: str
    times: float


def rows(
    runs: Sequence[Run], targets: Mapping[str, str], batch: int, flops: Mapping[str, int], tflops: float
) -> list[Row]:
    """`targets`: by trainer, in the order of the table. `flops`: of a step, by targets."""
    found: list[Row] = []
    for name, kind in targets.items():
        mine = [run for run in runs if run.trainer == name]
        good = [run for run in mine if not run.wrong]
        step_s = _middle([run.pace.step_s for run in good])
        found.append(Row(
            trainer=name,
            targets=kind,
            images_per_second=batch / step_s if step_s else None,
            first_step_s=_middle([run.pace.first_step_s for run in good]),
            gap_s=_middle([gap for run in good for gap in run.pace.gap_s]),
            last_step_s=_middle([run.pace.last_step_s for run in good]),
            memory=max((run.memory for run in good), default=None),
            device_memory=max((run.device_memory for run in good if run.device_memory is not None), default=None),
            mfu=flops[kind] / step_s / 1e12 / tflops if step_s else None,
            files=min((run.files for run in good), default=0),
            again_s=_middle([run.again_s for run in good]),
            wrong=tuple(run.wrong for run in mine if run.wrong),
        ))  # fmt: skip
    return found


def ratios(runs: Sequence[Run], targets: Mapping[str, str]) -> list[Ratio]:
    """Every peer with that one of ours that does the same work."""
    found: list[Ratio] = []
    step_s = {(run.trainer, run.round): run.pace.step_s for run in runs if not run.wrong and run.pace.step_s}
    for peer, kind in targets.items():
        ours = ALIKE[kind]
        if peer in ALIKE.values():
            continue
        rounds = sorted(number for name, number in step_s if name == peer and (ours, number) in step_s)
        if rounds:
            times = median((step_s[peer, number] or 0) / (step_s[ours, number] or 1) for number in rounds)
            found.append(Ratio(ours, peer, times))
    return found


def drawn(found: Sequence[Row], against: Sequence[Ratio], *, counts: bool) -> str:
    """Both as text, and where it `counts`, on a GPU, whether the aim is met."""
    width = max(len(row.trainer) for row in found)
    lines = [" " * width + "".join(f"{column:>20}" for column in COLUMNS)]
    for row in found:
        cells = (
            _number(row.images_per_second, 2), _number(row.first_step_s, 1), _number(row.gap_s, 2), _number(row.last_step_s, 1),
            _number(row.memory, 2, GIB), _number(row.device_memory, 2, GIB), _number(row.mfu, 1, 0.01), str(row.files),
        )  # fmt: skip
        lines.append(f"{row.trainer:<{width}}" + "".join(f"{cell:>20}" for cell in cells))
    for row in found:
        lines += [f"{row.trainer} FAILED: {why}" for why in row.wrong]
        if row.again_s is not None:
            lines.append(
                f"{row.trainer}: {row.again_s:.1f} s to the first step of a second training in the same engine"
            )
    for ratio in against:
        lines.append(f"{ratio.trainer} is {ratio.times:.2f} times as fast as {ratio.against} (images/s, same layers)")
    if against:
        least = min(against, key=lambda ratio: ratio.times)
        verdict = f"the aim is {AIM:g}: {'met' if least.times >= AIM else 'not met'}"
        lines.append(
            f"against the better one, {least.against}: {least.times:.2f} times; "
            + (verdict if counts else f"on a CPU that says nothing about the aim of {AIM:g}")
        )
    return "\n".join(lines)


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _number(value: float | None, digits: int, unit: float = 1) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"
