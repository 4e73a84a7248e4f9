"""A bundle is whole or not there; it belongs to one training and one key."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from engine.families.loaded import LoadedBase
from engine.worker import checkpoint
from engine.worker.checkpoint import RunFolder, identity_of, sweep

KEY, OTHER_KEY = "5a" * 32, "5b" * 32
WEIGHTS = {"weights": torch.arange(4.0)}


def folder(scratch: Path, identity: str = "abc", seal: str | None = None) -> RunFolder:
    return RunFolder(scratch, "job1", identity, seal)


@pytest.mark.parametrize("seal", [None, KEY])
def test_the_newest_step_comes_back_to_the_bit(tmp_path: Path, seal: str | None) -> None:
    kept = folder(tmp_path, seal=seal)
    for step in (5, 10, 15):
        kept.save_step(step, {"weights": torch.full((3,), step / 7)}, {"epoch": step // 5})
    found = folder(tmp_path, seal=seal).latest_step()
    assert found is not None
    step, tensors, facts = found
    assert (step, facts["epoch"]) == (15, 3)
    assert torch.equal(tensors["weights"], torch.full((3,), 15 / 7))
    assert sorted(path.name for path in (tmp_path / "job1").iterdir()) == ["step-00000010", "step-00000015"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("seal", [None, KEY])
@pytest.mark.parametrize("file", ["manifest.json", "state.safetensors"])
@pytest.mark.parametrize("harm", [Path.unlink, cut, flip])
def test_a_harmed_bundle_is_passed_over_for_the_one_before(
    tmp_path: Path, file: str, harm: Callable[[Path], None], seal: str | None
) -> None:
    kept = folder(tmp_path, seal=seal)
    kept.save_step(5, WEIGHTS, {})
    kept.save_step(10, WEIGHTS, {})
    harm(tmp_path / "job1" / "step-00000010" / file)
    found = folder(tmp_path, seal=seal).latest_step()
    assert found is not None
    assert found[0] == 5


@pytest.mark.parametrize(
    "other", [("xyz", KEY), ("abc", OTHER_KEY), ("abc", None)], ids=["other training", "other key", "no key"]
)
def test_a_bundle_of_another_training_or_key_is_not_there(tmp_path: Path, other: tuple[str, str | None]) -> None:
    folder(tmp_path, seal=KEY).save_step(5, WEIGHTS, {})
    folder(tmp_path, seal=KEY).save_epoch(1, {"lora.safetensors": b"x"}, {})
    assert folder(tmp_path, *other).latest_step() is None
    assert folder(tmp_path, *other).epochs() == {}
    assert folder(tmp_path, seal=KEY).latest_step() is not None


def test_a_sealed_file_cannot_stand_in_for_another(tmp_path: Path) -> None:
    kept = folder(tmp_path, seal=KEY)
    kept.save_epoch(1, {"a": b"one", "b": b"two"}, {})
    kept.save_epoch(2, {"a": b"one", "b": b"two"}, {})
    first, second = tmp_path / "job1" / "epoch-01", tmp_path / "job1" / "epoch-02"
    for name in ("manifest.json", "a", "b"):
        (second / name).write_bytes((first / name).read_bytes())
    assert list(kept.epochs()) == [1]


@pytest.mark.parametrize("fault", ["write", "rename"])
def test_a_crash_while_writing_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    kept = folder(tmp_path)
    kept.save_step(5, WEIGHTS, {})

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    if fault == "write":
        monkeypatch.setattr(checkpoint, "_sync_folder", crash)
    else:
        monkeypatch.setattr(Path, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        kept.save_step(10, WEIGHTS, {})
    monkeypatch.undo()
    found = kept.latest_step()
    assert found is not None
    assert found[0] == 5
    kept.save_step(10, WEIGHTS, {})  # the draft that was left does not stand in the way
    assert not list((tmp_path / "job1").glob("*.draft"))


def test_everything_is_synced_before_the_name_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name if Path("/proc/self/fd").is_dir() else "?")
        real_sync(handle)

    def rename(self: Path, target: Path) -> Path:
        done.append("rename")
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    folder(tmp_path).save_step(5, WEIGHTS, {})
    if "?" in done:
        pytest.skip("the system does not tell what a handle is")
    assert done == ["state.safetensors", "manifest.json", "step-00000005.draft", "rename", "job1"]


def test_a_job_id_cannot_lead_out_of_the_scratch(tmp_path: Path) -> None:
    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="plain file name"):
            RunFolder(tmp_path, name, "abc", None)


def test_drop_and_sweep_leave_nothing_that_is_old(tmp_path: Path) -> None:
    folder(tmp_path).save_step(5, WEIGHTS, {})
    RunFolder(tmp_path, "job2", "abc", None).save_step(5, WEIGHTS, {})
    os.utime(tmp_path / "job2", (1000, 1000))
    sweep(tmp_path, older_than=2000)
    assert [path.name for path in tmp_path.iterdir()] == ["job1"]
    folder(tmp_path).drop()
    assert not list(tmp_path.iterdir())
    sweep(tmp_path / "never made", older_than=2000)


def test_the_identity_is_all_that_decides_and_nothing_else(base: LoadedBase) -> None:
    job = tiny.job()
    same = [tiny.job(attempt=3, crashes=2), tiny.job(have_epochs=(0, 1)), tiny.job(seal=KEY), tiny.job(job_id="other")]
    assert {identity_of(one, base) for one in same} == {identity_of(job, base)}
    others = [
        tiny.job(tiny.RECIPE.model_copy(update={"seed": 99})),
        tiny.job(trigger="zwx"),
        tiny.job(images=job.images[:-1]),
        tiny.job(images=(*job.images[:-1], job.images[-1].model_copy(update={"caption": "another"}))),
        tiny.job(images=(*job.images[:-1], job.images[-1].model_copy(update={"crop": None}))),
        tiny.job(previews=job.previews[:1]),
    ]
    assert len({identity_of(one, base) for one in [job, *others]}) == len(others) + 1
