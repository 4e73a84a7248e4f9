"""The memory plan: the fastest rung that fits, a smaller one when memory runs out, a sentence where nothing fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from engine.errors import BadInput, BaseUnavailable
from engine.families.loaded import LoadedBase
from engine.families.spec import FAMILIES, SD15, SDXL, ZIMAGE, FamilySpec
from engine.protocol import EpochReady, EventBase, Progress
from engine.recipes.recipe import Prior
from engine.worker import cohort, memory
from engine.worker.memory import GIB, Room, first_fitting, ladder, need, precision_for
from engine.worker.order import Order
from engine.worker.train import train

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("spec", FAMILIES.values(), ids=lambda spec: spec.name)
def test_every_rung_needs_less_than_the_one_before(spec: FamilySpec) -> None:
    rungs = ladder(spec, 4, spec.home_resolution**2)
    assert [rung.bytes for rung in rungs] == sorted((rung.bytes for rung in rungs), reverse=True)
    assert (rungs[0].pictures, rungs[0].checkpointing) == (4, False)
    assert (rungs[-1].pictures, rungs[-1].checkpointing) == (1, True)
    assert need(spec, 2, spec.home_resolution**2, False, "fp32") == pytest.approx(2 * rungs[1].bytes)
    assert ladder(spec, 4, spec.home_resolution**2 // 4)[0].bytes == pytest.approx(rungs[0].bytes / 4, rel=1e-6)


@pytest.mark.parametrize(
    ("spec", "free_gib", "pictures", "checkpointing"),
    [
        (SD15, 20.0, 4, False),
        (SD15, 3.0, 2, False),
        (SD15, 1.4, 1, False),
        (SD15, 1.0, 4, True),
        (SDXL, 80.0, 4, False),
        (SDXL, 12.0, 1, False),
        (SDXL, 4.0, 2, True),
    ],
)
def test_the_fastest_rung_that_fits(spec: FamilySpec, free_gib: float, pictures: int, checkpointing: bool) -> None:
    rungs = ladder(spec, 4, spec.home_resolution**2)
    rung = rungs[first_fitting(rungs, free_gib * GIB)]
    assert (rung.pictures, rung.checkpointing) == (pictures, checkpointing), rungs


def test_too_little_for_the_last_rung_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"needs 2\.6 GiB of free memory at the least, and 1\.0 GiB are free"):
        first_fitting(ladder(SDXL, 4, 1024**2), GIB)
    assert first_fitting(ladder(SDXL, 4, 1024**2), None) == 0, "a device that does not tell is tried"


def test_precision_follows_the_device_and_what_it_holds() -> None:
    assert precision_for(SD15, "cuda", 100 * GIB) == "bf16"
    assert precision_for(SD15, "cpu", 100 * GIB) == precision_for(SD15, "cpu", None) == "fp32"
    assert precision_for(SDXL, "cpu", 10 * GIB) == "bf16"
    with pytest.raises(BaseUnavailable, match=r"Z-Image needs 19\.3 GiB of memory for its weights alone"):
        precision_for(ZIMAGE, "cuda", 8 * GIB)


def test_room_shrinks_step_by_step_and_says_so() -> None:
    room = Room()
    said = [room.step_down(4), room.step_down(4), room.step_down(4), room.step_down(4)]
    assert said[0] is not None and "2 of 4 pictures at a time" in said[0]
    assert said[2] is not None and "computed again" in said[2] and said[3] is None
    assert (room.pictures, room.checkpointing) == (1, True)
    joint = Room()
    joint.step_down(16)
    joint.step_down(4)
    assert joint.pictures == 2, "of a pass smaller than the room, half"
    planned = Room()
    assert planned.plan(ladder(SDXL, 4, 1024**2), 100 * GIB) == "" and planned.pictures is None
    assert "1 of 4 pictures" in planned.plan(ladder(SDXL, 4, 1024**2), 12 * GIB)
    assert planned.plan(ladder(SDXL, 4, 1024**2), 100 * GIB) == "" and planned.pictures == 1, "it never grows again"


# ---- in a training --------------------------------------------------------------------------------------------------


@pytest.fixture
def base(tiny_folder: Path) -> LoadedBase:
    return tiny.base(tiny_folder)


RECIPE = tiny.RECIPE.model_copy(update={"batch_size": 4, "exposures": 16, "epochs": 2, "flip": True})


def run(base: LoadedBase, scratch: Path, **changes: Any) -> list[EventBase]:
    events: list[EventBase] = []
    job = tiny.job(RECIPE.model_copy(update=changes))
    for _ in train(base, job, tiny.PHOTOS, scratch, events.append, Order()):
        pass
    return events


def last_lora(events: Sequence[EventBase]) -> bytes:
    return [event for event in events if isinstance(event, EpochReady)][-1].blobs["lora"]


@pytest.mark.parametrize("holds", [2, 1])
@pytest.mark.parametrize("changes", [{}, {"prior": Prior.BASE_ANSWER}, {"text_encoder_lr": 1e-3}], ids=str)
def test_memory_that_runs_out_makes_parts_and_the_same_lora(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holds: int, changes: dict[str, Any]
) -> None:
    """A device that holds `holds` pictures at a time, and one without checkpointing at most."""
    expected = run(tiny.base(tiny_folder), tmp_path / "whole", **changes)
    base, sizes, real = tiny.base(tiny_folder), [], cohort._part  # pyright: ignore[reportPrivateUsage]

    def small(learners: Any, batches: Any, part: range) -> Any:
        sizes.append(len(part))
        if len(part) > holds or (holds == 1 and not base.denoiser.is_gradient_checkpointing):
            raise torch.OutOfMemoryError
        return real(learners, batches, part)

    monkeypatch.setattr(cohort, "_part", small)
    events = run(base, tmp_path / "parts", **changes)
    notes = [event.note for event in events if isinstance(event, Progress) and event.note]
    rows = 8 if "prior" in changes else 4
    assert f"{holds} of {rows} pictures at a time" in notes[-1] and notes[-1].endswith("with the same result.")
    assert base.denoiser.is_gradient_checkpointing is (holds == 1)
    assert set(sizes[-rows // holds :]) == {holds}
    assert_near(last_lora(events), last_lora(expected), base)


def assert_near(ours: bytes, other: bytes, base: LoadedBase) -> None:
    from engine.files import lora

    one, two = (lora.read(data, lora.target_of(base)).weights for data in (ours, other))
    for key, (down, up, _) in one.items():
        assert torch.allclose((up.float().flatten(1) @ down.float().flatten(1)),
                              (two[key][1].float().flatten(1) @ two[key][0].float().flatten(1)), atol=2e-3), key  # fmt: skip


def test_memory_that_never_suffices_ends_the_training(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(cohort, "_part", full)
    with pytest.raises(torch.OutOfMemoryError):
        run(base, tmp_path)


def test_a_training_that_cannot_fit_is_not_started(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1e6)
    events: list[EventBase] = []
    with pytest.raises(BadInput, match="of free memory at the least"):
        for _ in train(base, tiny.job(RECIPE), tiny.PHOTOS, tmp_path, events.append, Order()):
            pass
    assert events == [], "not a photo was looked at"


def test_this_machine_tells_what_is_free() -> None:
    free = memory.free_bytes(torch.device("cpu"))
    assert free is None or free > 1e6
