"""A grid of pictures along two axes, as the web UIs' X/Y/Z plot: axes in words -> cells -> as few paint jobs as can be.

    strength=0.4,0.7,1.0     cfg=3-9(+2)     epoch=0-8     seed=1-100[4]     prompt=moon,beach,"a bar, at night"

Ranges are A1111's: `1-5`, `1-9(+2)` in steps, `1-9[5]` in a number of values. The first word of `prompt` is searched for
in the prompt and replaced by each. Without torch, and without files: whoever asks says which file an epoch or a name is.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

from engine import guidance, samplers
from engine.errors import BadInput
from engine.guidance import LoraGuidance
from engine.protocol import PaintJob
from engine.shots import LoraUse, Shot

MOST_CELLS = 256
JOB_PICTURES = 16
NONE = "none"
"""Of the LoRA axis: the picture without it."""
RANGE = re.compile(
    r"\s*([+-]?\d+(?:\.\d+)?)\s*-\s*([+-]?\d+(?:\.\d+)?)\s*(?:\(\s*([+-]?\d+(?:\.\d+)?)\s*\)|\[\s*(\d+)\s*\])?\s*"
)


class AxisKind(StrEnum):
    EPOCH = "epoch"
    STRENGTH = "strength"
    CFG = "cfg"
    SAMPLER = "sampler"
    STEPS = "steps"
    SEED = "seed"
    PROMPT = "prompt"
    LORA = "lora"
    LORA_GUIDANCE = "lora-guidance"
    LORA_START = "lora-start"


ALIASES = {
    "epochs": AxisKind.EPOCH, "weight": AxisKind.STRENGTH, "w": AxisKind.STRENGTH, "cfg scale": AxisKind.CFG,
    "scale": AxisKind.CFG, "samplers": AxisKind.SAMPLER, "seeds": AxisKind.SEED, "prompt s/r": AxisKind.PROMPT,
    "s/r": AxisKind.PROMPT, "sr": AxisKind.PROMPT, "loras": AxisKind.LORA,
    "lora guidance": AxisKind.LORA_GUIDANCE, "lora start": AxisKind.LORA_START,
}  # fmt: skip
LIMITS: Mapping[AxisKind, tuple[float, float]] = {
    AxisKind.EPOCH: (0, 999), AxisKind.STRENGTH: (-4, 4), AxisKind.CFG: (0, 30), AxisKind.STEPS: (1, 150),
    AxisKind.SEED: (0, 2**32 - 1), AxisKind.LORA_GUIDANCE: (0, 30), AxisKind.LORA_START: (0, 0.9),
}  # fmt: skip
WHOLE = frozenset({AxisKind.EPOCH, AxisKind.STEPS, AxisKind.SEED})

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Axis:
    kind: AxisKind
    values: tuple[Value, ...]
    """Of EPOCH, STEPS and SEED whole numbers, of STRENGTH and CFG any; of SAMPLER names as `engine.samplers` has them."""

    def label(self, value: Value) -> str:
        match self.kind:
            case AxisKind.EPOCH:
                return f"epoch {value}" if value else "base"
            case AxisKind.STRENGTH | AxisKind.CFG:
                return f"{'CFG' if self.kind is AxisKind.CFG else 'strength'} {value:g}"
            case AxisKind.LORA_GUIDANCE | AxisKind.LORA_START:
                return f"{self.title} {value:g}"
            case AxisKind.STEPS:
                return f"{value} steps"
            case AxisKind.SEED:
                return f"seed {value}"
            case AxisKind.LORA:
                return "without LoRA" if value == NONE else PurePath(str(value)).stem
            case AxisKind.SAMPLER | AxisKind.PROMPT:
                return str(value)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.label(value) for value in self.values)

    @property
    def title(self) -> str:
        """As web UIs call the axis."""
        words = {AxisKind.CFG: "CFG Scale", AxisKind.PROMPT: "Prompt S/R", AxisKind.LORA: "LoRA"}
        return words.get(self.kind, self.kind.capitalize().replace("Lora-", "LoRA "))


@dataclass(frozen=True, slots=True)
class Walk:
    """What all pictures of one job share."""

    sampler: str | None
    steps: int
    lora_guidance: LoraGuidance | None


@dataclass(frozen=True, slots=True)
class Batch:
    job: PaintJob
    cells: tuple[tuple[tuple[int, int], ...], ...]
    """For each picture of the job the (column, row) where it stands; equal cells are painted once."""


@dataclass(frozen=True, slots=True)
class Plan:
    x: Axis
    y: Axis | None
    batches: tuple[Batch, ...]

    @property
    def columns(self) -> int:
        return len(self.x.values)

    @property
    def rows(self) -> int:
        return len(self.y.values) if self.y else 1

    @property
    def pictures(self) -> int:
        """That are painted."""
        return sum(len(batch.cells) for batch in self.batches)


def read_axis(text: str) -> Axis:
    """ "strength=0.4,0.7,1.0". BadInput says what of it cannot be read."""
    name, equals, rest = text.partition("=")
    kind = _kind(name.strip().lower())
    if not equals or not rest.strip():
        raise BadInput(f'The axis "{kind}" needs its values, like {_example(kind)}.')
    if kind in LIMITS:
        values = tuple(number for part in rest.split(",") if part.strip() for number in _numbers(kind, part))
    else:
        parts = [part.strip() for part in next(csv.reader([rest], skipinitialspace=True)) if part.strip()]
        values = tuple(samplers.named(part).name if kind is AxisKind.SAMPLER else part for part in parts)
    values = tuple(dict.fromkeys(values))
    if not values:
        raise BadInput(f'The axis "{kind}" needs its values, like {_example(kind)}.')
    return Axis(kind, values)


def plan(job: PaintJob, x: Axis, y: Axis | None = None, loras: Mapping[Value, LoraUse | None] | None = None) -> Plan:
    """Every cell as `job` (of one seed) changed by its column's and its row's value.

    `job.loras[0]` is the LoRA that the axes EPOCH, LORA and STRENGTH change; `loras` says which file a value of EPOCH or
    LORA is, None for no LoRA. BadInput where an axis has nothing to change.
    """
    axes = [axis for axis in (x, y) if axis is not None]
    _check(job, axes)
    found: dict[tuple[Walk, int, Shot], list[tuple[int, int]]] = {}
    for row, down in enumerate(y.values if y else (None,)):
        for column, across in enumerate(x.values):
            chosen: dict[AxisKind, Value] = {x.kind: across}
            if y is not None and down is not None:
                chosen[y.kind] = down
            first = {axis.kind: axis.values[0] for axis in axes}
            found.setdefault(_cell(job, chosen, str(first.get(AxisKind.PROMPT, "")), loras or {}), []).append(
                (column, row)
            )
    walks: dict[Walk, list[tuple[int, Shot, list[tuple[int, int]]]]] = {}
    for (walk, seed, shot), places in found.items():
        walks.setdefault(walk, []).append((seed, shot, places))
    batches: list[Batch] = []
    for walk, shots in walks.items():
        for start in range(0, len(shots), JOB_PICTURES):
            some = shots[start : start + JOB_PICTURES]
            change = {
                "job_id": f"{job.job_id}-{len(batches) + 1}", "sampler": walk.sampler, "steps": walk.steps, "loras": (),
                "lora_guidance": walk.lora_guidance, "seeds": tuple(seed for seed, _, _ in some),
                "shots": tuple(shot for _, shot, _ in some),
            }  # fmt: skip
            batches.append(Batch(job.model_copy(update=change), tuple(tuple(places) for _, _, places in some)))
    return Plan(x, y, tuple(batches))


def _cell(
    job: PaintJob, chosen: Mapping[AxisKind, Value], searched: str, loras: Mapping[Value, LoraUse | None]
) -> tuple[Walk, int, Shot]:
    """How one cell is walked, its seed, and what else it wants."""
    subject = job.loras[0] if job.loras else None
    for kind in (AxisKind.EPOCH, AxisKind.LORA):
        if kind in chosen:
            usual = subject.strength if subject else 1.0
            use = loras.get(chosen[kind])
            subject = None if use is None else use.model_copy(update={"strength": usual})
    if subject is not None and AxisKind.STRENGTH in chosen:
        subject = subject.model_copy(update={"strength": float(chosen[AxisKind.STRENGTH])})

    def swap(text: str) -> str:
        return text.replace(searched, str(chosen[AxisKind.PROMPT])) if AxisKind.PROMPT in chosen else text

    shot = Shot(
        prompt=swap(job.prompt),
        negative=swap(job.negative),
        cfg=float(chosen.get(AxisKind.CFG, job.cfg)),
        loras=(*((subject,) if subject else ()), *job.loras[1:]),
    )
    sampler = chosen.get(AxisKind.SAMPLER)
    pressed = job.lora_guidance
    if chosen.keys() & {AxisKind.LORA_GUIDANCE, AxisKind.LORA_START}:
        scale, start = (chosen.get(kind) for kind in (AxisKind.LORA_GUIDANCE, AxisKind.LORA_START))
        pressed = (pressed or guidance.usual(job.base.source)).but(
            None if scale is None else float(scale), None if start is None else float(start)
        )
    walk = Walk(job.sampler if sampler is None else str(sampler), int(chosen.get(AxisKind.STEPS, job.steps)), pressed)
    return walk, int(chosen.get(AxisKind.SEED, job.seeds[0])), shot


def _check(job: PaintJob, axes: list[Axis]) -> None:
    kinds = {axis.kind for axis in axes}
    if len(kinds) < len(axes):
        raise BadInput(f'Both axes are "{axes[0].kind}": give them two different things.')
    if kinds >= {AxisKind.EPOCH, AxisKind.LORA}:
        raise BadInput(
            'The axes "epoch" and "lora" contradict each other: each says which file is used. Keep one of them.'
        )
    if AxisKind.STRENGTH in kinds and not job.loras and AxisKind.LORA not in kinds:
        raise BadInput('The axis "strength" needs a LoRA: name one.')
    for axis in axes:
        if axis.kind is AxisKind.PROMPT and str(axis.values[0]) not in f"{job.prompt}\n{job.negative}":
            raise BadInput(
                f'"{axis.values[0]}" does not stand in the prompt. The first value of the axis "prompt" is searched for there '
                "and replaced by each of the others."
            )
    cells = 1
    for axis in axes:
        cells *= len(axis.values)
    if cells > MOST_CELLS:
        raise BadInput(f"That is a grid of {cells} pictures; the most is {MOST_CELLS}. Leave some values out.")


def _kind(name: str) -> AxisKind:
    known = {kind.value: kind for kind in AxisKind} | ALIASES
    if name in known:
        return known[name]
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if nearest:
        raise BadInput(f'There is no axis "{name[:30]}". Did you mean "{known[nearest[0]]}"?')
    raise BadInput(f'There is no axis "{name[:30]}". There are {", ".join(AxisKind)}.')


def _numbers(kind: AxisKind, text: str) -> list[Value]:
    span = RANGE.fullmatch(text)
    try:
        found = _span(span, kind) if span else [float(text)]
    except ValueError:
        found = [float("nan")]
    low, high = LIMITS[kind]
    if not all(low <= number <= high and (kind not in WHOLE or number == int(number)) for number in found):
        what = "whole numbers" if kind in WHOLE else "numbers"
        raise BadInput(f'The axis "{kind}" takes {what} from {low:g} to {high:.10g}, like {_example(kind)}.')
    return [int(number) if kind in WHOLE else number for number in found]


def _span(match: re.Match[str], kind: AxisKind) -> list[float]:
    """The numbers of one range. ValueError where it goes nowhere or never ends."""
    first, last = float(match[1]), float(match[2])
    if match[4]:
        count = int(match[4])
        if not 1 <= count <= MOST_CELLS:
            raise ValueError
        step = (last - first) / max(1, count - 1)
        return [_tidy(first + step * place, kind) for place in range(count)]
    step = float(match[3]) if match[3] else 1.0 if last >= first else -1.0
    if step == 0 or (last - first) / step < 0 or (last - first) / step > MOST_CELLS:
        raise ValueError
    return [_tidy(first + step * place, kind) for place in range(int((last - first) / step + 1e-6) + 1)]


def _tidy(number: float, kind: AxisKind) -> float:
    """Without the dust of adding tenths."""
    return float(round(number)) if kind in WHOLE else round(number, 6)


def _example(kind: AxisKind) -> str:
    values = {
        AxisKind.EPOCH: "0-8", AxisKind.STRENGTH: "0.4,0.7,1.0", AxisKind.CFG: "3-9(+2)", AxisKind.STEPS: "10,20,30",
        AxisKind.SEED: "1-4", AxisKind.SAMPLER: '"Euler a,DPM++ 2M Karras"', AxisKind.PROMPT: '"moon,beach"',
        AxisKind.LORA: "first.safetensors,second.safetensors,none", AxisKind.LORA_GUIDANCE: "0,1.5,3",
        AxisKind.LORA_START: "0,0.2,0.4",
    }  # fmt: skip
    return f"{kind}={values[kind]}"
