"""What a first run on a GPU would stumble over, as far as a machine without one can tell.

A base on torch's meta device computes shapes and kinds and no numbers: whatever looks at a number, mixes up
devices or kinds, or waits for the device, fails there as it would, or as it would be slow, on a card.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from engine.bench import training
from engine.bench.training import Scene
from engine.errors import BaseUnavailable
from engine.families import load
from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.protocol import BaseModelRef, FailureKind, PaintJob
from engine.worker import memory, verbs
from engine.worker.desk import failure
from engine.worker.memory import GIB
from engine.worker.paint import AT_ONCE, batch_of
from engine.worker.slots import table_of

META = torch.device("meta")


class Crossings(TorchFunctionMode):
    """Everything that goes from the processor to the device, by who sent it."""

    def __init__(self) -> None:
        super().__init__()
        self.senders: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        comes = args and isinstance(args[0], Tensor) and args[0].device.type == "cpu"
        made = func in (torch.tensor, torch.as_tensor)
        if isinstance(found, Tensor) and found.device.type == "meta" and (comes or made):
            frame = sys._getframe(1)
            while "/torch/" in frame.f_code.co_filename and frame.f_back is not None:
                frame = frame.f_back
            self.senders.append(frame.f_code.co_name)
        return found


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # meta has none


def on_device(base: LoadedBase) -> LoadedBase:
    """A copy of `base` as it would lie on a card: the denoiser in bfloat16."""
    parts = copy.deepcopy((base.denoiser, base.vae, base.encoders))
    parts[0].to(META, torch.bfloat16)
    for module in (parts[1], *parts[2]):
        module.to(META)
    return replace(base, device=META, denoiser=parts[0], vae=parts[1], encoders=parts[2])


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_a_step_never_waits_for_the_device(name: str, folder_of: Callable[[str], Path], on_meta: None) -> None:
    base = on_device(load(BaseModelRef(family=name, source=str(folder_of(name)))))
    assert base.dtype is torch.bfloat16 and table_of(base)
    for runs in (1, 2):
        step = training.Ours(base, Scene(base.native, 2), runs)
        with Crossings() as crossings:
            step()
        assert set(crossings.senders) == {"shipped"}, "a copy that waits for the card"
        assert len(crossings.senders) >= 5 * runs


def test_a_copy_that_waits_is_noticed() -> None:
    with Crossings() as crossings:
        torch.ones(2).to(META)
        torch.tensor([1, 2], device=META)
        shipped(torch.ones(2), META)
    here = "test_a_copy_that_waits_is_noticed"
    assert crossings.senders == [here, here, "shipped"]


def test_what_is_shipped_to_a_card_lies_in_locked_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: asked.append(("pinned",)) or self)
    monkeypatch.setattr(Tensor, "to", lambda self, *args, **more: asked.append((*args, more)) or self)
    one, card = torch.ones(2), torch.device("cuda:0")
    assert shipped(one, card) is one
    assert asked == [("pinned",), (card, {"non_blocking": True})]
    asked.clear()
    shipped(one, torch.device("cpu"))
    assert asked == [(torch.device("cpu"), {})]


# ---- which card ----------------------------------------------------------------------------------------------------


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    before = torch.get_float32_matmul_precision()
    yield chosen
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(("wanted", "index"), [("auto", 0), ("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_the_card_that_was_asked_for(two_cards: list[int], wanted: str, index: int) -> None:
    assert verbs.where(wanted) == f"cuda:{index} Card {index}"
    assert two_cards == [index] and torch.get_float32_matmul_precision() == "high"


def test_a_card_that_is_not_there_is_refused(two_cards: list[int]) -> None:
    with pytest.raises(BaseUnavailable, match="no cuda:2 device"):
        verbs.where("cuda:2")
    assert verbs.where("cpu") == "cpu" and two_cards == []


# ---- its memory ----------------------------------------------------------------------------------------------------


def card_with(monkeypatch: pytest.MonkeyPatch, free: float, reserved: float, allocated: float) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free * GIB, 140 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: reserved * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: allocated * GIB)


def test_what_torch_keeps_back_for_itself_is_free(monkeypatch: pytest.MonkeyPatch, base: LoadedBase) -> None:
    """After a training nearly the whole card is torch's own; pictures are painted in large batches all the same."""
    card_with(monkeypatch, free=1, reserved=20, allocated=5)
    card = torch.device("cuda:0")
    assert memory.free_bytes(card) == 16 * GIB
    on_card = replace(base, device=card)
    assert batch_of(on_card, 64, 64) == AT_ONCE
    card_with(monkeypatch, free=0.001, reserved=5, allocated=5)
    assert batch_of(on_card, 2048, 2048) == 1


def test_a_card_as_small_as_they_come_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "SMALL_BYTES", 0)
    card_with(monkeypatch, free=1, reserved=0, allocated=0)
    with pytest.raises(BaseUnavailable, match=r"needs 2\.4 GiB of memory for its weights alone, and 1\.0 GiB are free"):
        verbs.load(BaseModelRef(), "cuda:0")


@pytest.mark.parametrize(
    ("error", "out"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUBLAS_STATUS_ALLOC_FAILED"), False),
    ],
)
def test_memory_that_ran_out_is_known_in_every_form(error: Exception, out: bool) -> None:
    assert memory.ran_out(error) is out
    told = failure(error, PaintJob(job_id="a", prompt="x", seeds=(1,)))
    assert (told.failure is FailureKind.MEMORY) is out
