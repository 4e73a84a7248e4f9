"""How a training fits into the memory there is: rungs from fast to frugal, chosen beforehand, stepped down when memory runs out.

    pictures at a time       halved down to one: a pass goes through the base in parts whose gradients are added up
    gradient checkpointing   activations are computed again instead of kept: about half as much work again
    precision                bf16 on accelerators; float32 on a CPU, unless its memory holds half of that only

No rung changes what is learnt, but for rounding. The core needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import BadInput, BaseUnavailable
from engine.families.spec import FamilySpec, Precision

if TYPE_CHECKING:
    import torch

GIB = 2**30
LIBRARIES_FULL = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "MPS backend out of memory")
"""What cuBLAS, cuDNN and Metal say where torch's own allocator was not asked."""
SPARE = 0.9
"""Of the free memory that is planned with: the rest goes in pieces nobody can use."""
WORKSPACE = 1 / 3
"""Of what one picture keeps: what comes and goes besides, in the layer at work and in its kernels. An estimate."""


@dataclass(frozen=True, slots=True)
class Rung:
    pictures: int
    """At a time, at most."""
    checkpointing: bool
    bytes: int
    """What it needs beside the base and the LoRA."""


def ladder(spec: FamilySpec, pictures: int, pixels: int, precision: Precision = "bf16") -> tuple[Rung, ...]:
    """The rungs for passes of `pictures` of so many pixels each, every one needing less than the one before."""
    counts = [pictures]
    while counts[-1] > 1:
        counts.append((counts[-1] + 1) // 2)
    every = [
        Rung(count, is_kept, need(spec, count, pixels, is_kept, precision))
        for is_kept in (False, True)
        for count in counts
    ]
    rungs = every[:1]
    for rung in every[1:]:
        if rung.bytes < rungs[-1].bytes:
            rungs.append(rung)
    return tuple(rungs)


def need(spec: FamilySpec, pictures: int, pixels: int, checkpointing: bool, precision: Precision) -> int:
    """Bytes of activations of one forward and backward of so many pictures."""
    memory = spec.memory
    kept = memory.kept_checkpointed if checkpointing else memory.kept
    share = pixels / spec.home_resolution**2 * (2 if precision == "fp32" else 1)
    return round((kept * pictures + memory.kept * WORKSPACE) * share * GIB)


def first_fitting(rungs: Sequence[Rung], free: float | None) -> int:
    """The fastest rung that `free` bytes hold; None is for a device that does not tell. BadInput where the last is too much."""
    if free is None:
        return 0
    for index, rung in enumerate(rungs):
        if rung.bytes <= free * SPARE:
            return index
    raise BadInput(
        f"This training needs {rungs[-1].bytes / GIB:.1f} GiB of free memory at the least, and {free / GIB:.1f} GiB are free. "
        "Take a lower resolution or a smaller base, or close what else uses the device."
    )


def precision_for(spec: FamilySpec, device: str, free: float | None) -> Precision:
    """What the denoiser's weights are held in. BaseUnavailable where they do not fit at all."""
    memory = spec.memory
    wanted: Precision = "fp32" if device == "cpu" else "bf16"
    if free is None:
        return wanted
    for precision in dict.fromkeys((wanted, "bf16")):
        weights = memory.denoiser * (2 if precision == "fp32" else 1) + memory.others
        if weights * GIB <= free * SPARE:
            return precision
    raise BaseUnavailable(
        f"{spec.title} needs {memory.denoiser + memory.others:.1f} GiB of memory for its weights alone, and {free / GIB:.1f} GiB "
        "are free. Take a smaller base, or a device with more memory."
    )


class Room:
    """What the trainings of one base may take at a time. It only shrinks, until the base is loaded anew."""

    def __init__(self) -> None:
        self.pictures: int | None = None
        """At a time; None: all that there are."""
        self.checkpointing = False

    def plan(self, rungs: Sequence[Rung], free: float | None) -> str:
        """Before a training begins, `rungs` its own; a sentence for the log where it has to be frugal. Raises BadInput."""
        rung = rungs[first_fitting(rungs, free)]
        if rung is rungs[0]:
            return ""
        before = self.pictures, self.checkpointing
        self.pictures = rung.pictures if self.pictures is None else min(rung.pictures, self.pictures)
        self.checkpointing = self.checkpointing or rung.checkpointing
        return "" if before == (self.pictures, self.checkpointing) else self._told(rungs[0].pictures)

    def step_down(self, pictures: int) -> str | None:
        """Memory ran out with a pass of `pictures`: one rung down, as a sentence for the log; None where there is none."""
        now = min(self.pictures or pictures, pictures)
        if now == 1 and self.checkpointing:
            return None
        self.checkpointing = self.checkpointing or now == 1
        self.pictures = (now + 1) // 2
        return self._told(pictures)

    def _told(self, pictures: int) -> str:
        changes = (
            [f"{self.pictures} of {pictures} pictures at a time"] if (self.pictures or pictures) < pictures else []
        )
        changes += ["what the backward needs is computed again instead of kept"] if self.checkpointing else []
        return f"Memory is short: {' and '.join(changes)}. Slower, with the same result."


def ran_out(error: BaseException) -> bool:
    """Whether it says that the device's memory did not suffice: torch says so in a class of its own, its libraries in words."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return type(error) is RuntimeError and any(mark in str(error) for mark in LIBRARIES_FULL)


def free_bytes(device: torch.device) -> float | None:
    """What a training may still take on `device`; None where it cannot be asked."""
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return _free_ram()


def _free_ram() -> float | None:
    """MemAvailable, where the system has it."""
    from pathlib import Path

    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if found is None else int(found) * 1024.0
