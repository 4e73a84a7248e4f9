"""The whole measurement: which rows there are, and what each came to."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.bench import bases, painting, stopwatch, training
from engine.bench.training import Scene
from engine.families.loaded import LoadedBase
from engine.worker.cohort import learn
from engine.worker.slots import table_of

JOINT = (1, 2, 4, 8)
PICTURES = (1, 4, 8)
LORAS, MANY = 8, 16
"""MANY pictures with LORAS different LoRAs."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    seconds: float
    """Median of the rounds."""
    images: int
    """Made or learnt from in that time."""
    ratio: float | None = None
    against: str | None = None
    """Times as long as this row, of the same rounds; the joint rows: as this row for as many images."""

    @property
    def rate(self) -> float:
        return self.images / self.seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    side: int
    batch: int
    steps: int
    """Denoising steps of a picture."""

    @classmethod
    def of(cls, base: LoadedBase, *, quick: bool) -> Plan:
        accelerated = base.device.type != "cpu"
        batch = 4 if accelerated or base.name == bases.NAMES[0] else 1
        steps = base.spec.paint_steps if accelerated else 4
        return cls(3 if quick else 9, base.native, batch, 4 if quick else steps)


@dataclass(frozen=True, slots=True)
class Report:
    base: str
    device: str
    torch: str
    machine: str
    plan: Plan
    matmul_tflops: float
    load_s: float
    first_step_s: float
    """A training joins the loaded base and makes its first step."""
    first_picture_s: float
    """A LoRA is put into a slot and one picture painted with it."""
    step_tflop: float
    mfu: float
    """Of our training step: its FLOPs a second against those of the measured matmul."""
    peak_memory_gib: float
    rows: tuple[Row, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        rows = [asdict(row) | {"images_per_second": row.rate} for row in self.rows]
        return asdict(self) | {"rows": rows}


def measure(base: LoadedBase, load_s: float, plan: Plan, say: Say = lambda _: None) -> Report:
    """Everything, one kind after the other; what is compared alternates in rounds."""
    device = base.device
    say("matmul")
    peak = matmul_tflops(device, base.dtype)
    twin = bases.twin(base)
    bare = bases.twin(base) if device.type == "cpu" else base  # there a slot layer computes a bare base otherwise
    table_of(base)
    scene = Scene(plan.side, plan.batch)
    say("first step and first picture")
    first_step = stopwatch.once(lambda: learn([training.learner(base, scene, 99)]), device)
    one_lora = painting.random_lora(base, scene.rank, 0)
    first_picture = stopwatch.once(painting.FromFiles(base, [one_lora], 1, plan.side, plan.steps), device)
    say("many pictures with different LoRAs")
    many = _many(
        base, twin, plan, scene.rank
    )  # first of the two that use the twin: diffusers leaves it clean, PEFT does not
    say("training: bare, ours, PEFT")
    rows = _steps(base, bare, twin, scene, plan)
    say("joint training")
    rows += _joint(base, scene, plan)
    say("painting with one LoRA and with several")
    rows += _pictures(base, plan, scene.rank) + many
    ours = next(row for row in rows if row.name == "our step")
    flops = step_flops(base, scene)
    return Report(
        base=base.name,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        torch=torch.__version__,
        machine=f"{platform.machine()}, {torch.get_num_threads()} threads",
        plan=plan,
        matmul_tflops=peak,
        load_s=load_s,
        first_step_s=first_step,
        first_picture_s=first_picture,
        step_tflop=flops / 1e12,
        mfu=flops / ours.seconds / 1e12 / peak,
        peak_memory_gib=peak_memory(device) / 2**30,
        rows=tuple(rows),
    )


def _steps(base: LoadedBase, plain: LoadedBase, twin: LoadedBase, scene: Scene, plan: Plan) -> list[Row]:
    peft = training.Peft(twin, scene)
    works = {
        "bare forward and backward": training.Bare(plain, scene),
        "our step": training.Ours(base, scene),
        "PEFT's step": peft,
    }
    found = stopwatch.rounds(works, base.device, plan.rounds)
    bare = found["bare forward and backward"]
    rows = [Row("bare forward and backward", median(bare), scene.batch)]
    for name in ("our step", "PEFT's step"):
        rows.append(_row(name, found[name], scene.batch, "bare forward and backward", bare))
    return rows


def _joint(base: LoadedBase, scene: Scene, plan: Plan) -> list[Row]:
    single = Scene(scene.side, 1, scene.rank)
    works = {_runs(runs): training.Ours(base, single, runs) for runs in JOINT}
    found = stopwatch.rounds(works, base.device, plan.rounds)
    first = found[_runs(JOINT[0])]
    rows: list[Row] = []
    for runs in JOINT:
        alone = [seconds * runs for seconds in first]
        rows.append(_row(_runs(runs), found[_runs(runs)], runs, "one after another", alone))
    return rows


def _runs(count: int) -> str:
    return "1 training, one picture a step" if count == 1 else f"{count} trainings together"


def _pictures(base: LoadedBase, plan: Plan, rank: int) -> list[Row]:
    loras = [painting.random_lora(base, rank, seed) for seed in range(max(PICTURES))]
    works: dict[str, stopwatch.Work] = {}
    for count in PICTURES:
        works[_painted(count, 1)] = painting.Ours(base, loras[:1], count, plan.side, plan.steps)
        if count > 1:
            works[_painted(count, count)] = painting.Ours(base, loras[:count], count, plan.side, plan.steps)
    found = stopwatch.rounds(works, base.device, max(2, plan.rounds // 3))
    rows: list[Row] = []
    for count in PICTURES:
        plain, mixed = _painted(count, 1), _painted(count, count)
        rows.append(Row(plain, median(found[plain]), count))
        if count > 1:
            rows.append(_row(mixed, found[mixed], count, plain, found[plain]))
    return rows


def _painted(count: int, loras: int) -> str:
    return f"{count} picture{'s' if count > 1 else ''}, {f'{loras} LoRAs' if loras > 1 else 'one LoRA'}"


def _many(base: LoadedBase, twin: LoadedBase, plan: Plan, rank: int) -> list[Row]:
    loras = [painting.random_lora(base, rank, seed) for seed in range(LORAS)]
    ours, theirs = (
        f"{MANY} pictures, {LORAS} LoRAs, one call",
        f"{MANY} pictures, {LORAS} LoRAs, diffusers load and unload",
    )
    works = {
        theirs: painting.OneAfterAnother(twin, loras, MANY, plan.side, plan.steps),
        ours: painting.FromFiles(base, loras, MANY, plan.side, plan.steps),
    }
    found = stopwatch.rounds(works, base.device, max(2, plan.rounds // 3), warm=0 if base.device.type == "cpu" else 1)
    return [Row(theirs, median(found[theirs]), MANY), _row(ours, found[ours], MANY, theirs, found[theirs])]


def _row(name: str, seconds: Sequence[float], images: int, against: str, theirs: Sequence[float]) -> Row:
    return Row(name, median(seconds), images, stopwatch.ratio(list(seconds), list(theirs)), against)


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """What one large matrix product reaches here: the most that any model could."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    found = stopwatch.rounds({"matmul": lambda: one @ other}, device, 9)["matmul"]
    return 2 * side**3 / median(found) / 1e12


def step_flops(base: LoadedBase, scene: Scene) -> int:
    """Of one of our training steps, counted as it runs."""
    step = training.Ours(base, scene)
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def peak_memory(device: torch.device) -> int:
    """Bytes: of the device since the process began, or of the whole process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if platform.system() == "Darwin" else most * 1024


def run(name: str, device: str, *, quick: bool, say: Say = lambda _: None) -> Report:
    place = torch.device(device)
    say(f"loading {name}")
    began = time.perf_counter()
    base = bases.named(name, place)
    stopwatch.finished(place)
    return measure(base, time.perf_counter() - began, Plan.of(base, quick=quick), say)
