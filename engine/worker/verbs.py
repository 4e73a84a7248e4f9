"""What the real worker does. Nothing here is imported before it is needed: the worker says hello without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import BaseUnavailable
from engine.protocol import BaseModelRef, PaintJob, PrepareJob, TrainJob
from engine.worker.desk import Emit, Verbs
from engine.worker.order import Order

SMALL_BYTES = 2**30
"""A base of less is none of the sizes that memory is planned for: it fits everywhere."""


def verbs(scratch: Path) -> Verbs:
    return Verbs(where=where, load=load, prepare=prepare, train=train, paint=paint)


def where(wanted: str) -> str:
    """ "cuda:0 NVIDIA H200", "mps" or "cpu". Raises BaseUnavailable where the wanted device is not there."""
    import torch

    kind, _, number = wanted.partition(":")
    if kind in ("auto", "cuda") and torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count():
        index = int(number or 0)
        torch.cuda.set_device(index)  # whatever names no card of its own means this one
        # What stays in float32, the VAE and text encoders that are trained, at the speed of ten bits of a number's digits.
        torch.set_float32_matmul_precision("high")
        return f"cuda:{index} {torch.cuda.get_device_name(index)}"
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return "mps"
    if wanted in ("auto", "cpu"):
        return "cpu"
    raise BaseUnavailable(f"This machine has no {wanted} device. Set the engine's device to auto.")


def load(ref: BaseModelRef, device: str) -> Any:
    """In the precision that memory allows; BaseUnavailable where it allows none."""
    import torch

    from engine.families import bases
    from engine.families import load as load_base
    from engine.families.spec import family
    from engine.worker.memory import free_bytes, precision_for

    if bases.size(bases.find(ref)) < SMALL_BYTES:
        return load_base(ref, device)
    place = torch.device(device)
    return load_base(ref, device, precision_for(family(ref.family), place.type, free_bytes(place)))


def prepare(job: PrepareJob, blobs: Mapping[str, bytes], emit: Emit, order: Order) -> Iterator[None]:
    from engine.worker.prepare import prepare as prepare_photos

    return prepare_photos(job, blobs, emit, order)


def train(
    base: Any, job: TrainJob, blobs: Mapping[str, bytes], scratch: Path, emit: Emit, order: Order
) -> Iterator[None]:
    from engine.worker.train import train as train_lora

    return train_lora(base, job, blobs, scratch, emit, order)


def paint(base: Any, job: PaintJob, blobs: Mapping[str, bytes], emit: Emit, order: Order) -> Iterator[None]:
    from engine.worker.paint import paint as paint_pictures

    return paint_pictures(base, job, blobs, emit, order)
