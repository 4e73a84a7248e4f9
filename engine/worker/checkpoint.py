"""What a training leaves on the engine's disk so that it can go on after a crash: bundles that are whole or not there.

    SCRATCH/JOB_ID/
        step-00000120/    manifest.json + state.safetensors: adapter, optimizer, cursor, sums (the newest two are kept)
        extra-class/      manifest.json + class_0000.png ...: pictures of the class, where the recipe wants them
        epoch-03/         manifest.json + lora.safetensors + preview_0.png ... : a finished epoch, as it was announced

A bundle is written into a temporary folder, every file and the folder fsynced, renamed, and its parent fsynced; only
then may it be reported. The manifest names every file with its sha256 and carries the *identity*: the hash of
everything that decides the training. A bundle that does not match is as good as none. With a seal every file but the
manifest is AES-GCM under the run's key, bound to its name and identity; the manifest's own content is sealed too.

Only safetensors, PNG and JSON: opening one runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from safetensors.torch import load as tensors_from
from safetensors.torch import save as tensors_to

from engine.families.loaded import LoadedBase
from engine.protocol import TrainJob

FORMAT = 1
NONCE = 12
KEPT_STEPS = 2
STEP = re.compile(r"step-(\d{8})")
EPOCH = re.compile(r"epoch-(\d{2})")


@dataclass(frozen=True, slots=True)
class Bundle:
    facts: dict[str, Any]
    """JSON values that the writer put in."""
    files: dict[str, bytes]


def identity_of(job: TrainJob, base: LoadedBase) -> str:
    """The hash of all that decides what this training makes: base, recipe, images, captions, previews, trigger."""
    decides = job.model_dump(mode="json", exclude={"job_id", "attempt", "crashes", "have_epochs", "seal", "base"})
    decides |= {"base_fingerprint": base.fingerprint, "format": FORMAT}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


class RunFolder:
    """The bundles of one job."""

    def __init__(self, scratch: Path, job_id: str, identity: str, seal: str | None) -> None:
        self.path = scratch / _safe(job_id)
        self.identity = identity
        self._cipher = AESGCM(bytes.fromhex(seal)) if seal else None

    def save_step(self, step: int, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Durable when this returns. Older steps are dropped, but for one spare."""
        self._write(f"step-{step:08d}", {"state.safetensors": tensors_to(dict(tensors))}, {**facts, "step": step})
        for name in self._names(STEP)[:-KEPT_STEPS]:
            shutil.rmtree(self.path / name)

    def latest_step(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
        """The newest whole checkpoint of this very training, or None."""
        for name in reversed(self._names(STEP)):
            bundle = self._read(name)
            if bundle is not None:
                return int(bundle.facts["step"]), tensors_from(bundle.files["state.safetensors"]), bundle.facts
        return None

    def save_epoch(self, epoch: int, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
        """Durable when this returns; an epoch that is there already is written anew."""
        shutil.rmtree(self.path / f"epoch-{epoch:02d}", ignore_errors=True)
        self._write(f"epoch-{epoch:02d}", files, facts)

    def epochs(self) -> dict[int, Bundle]:
        """The whole ones, by number."""
        found = {int(name[-2:]): self._read(name) for name in self._names(EPOCH)}
        return {number: bundle for number, bundle in sorted(found.items()) if bundle is not None}

    def save_extra(self, name: str, files: Mapping[str, bytes]) -> None:
        """What a training made on its way and would have to make again: durable when this returns."""
        self._write(f"extra-{name}", files, {})

    def extra(self, name: str) -> dict[str, bytes] | None:
        bundle = self._read(f"extra-{name}")
        return None if bundle is None else bundle.files

    def drop(self) -> None:
        """Nothing of this job stays on the disk."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        if not self.path.is_dir():
            return []
        return sorted(entry.name for entry in self.path.iterdir() if pattern.fullmatch(entry.name))

    def _write(self, name: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self.path / f"{name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        hashes: dict[str, str] = {}
        for file, data in files.items():
            kept = self._sealed(data, name, file)
            hashes[file] = hashlib.sha256(kept).hexdigest()
            _put(draft / file, kept)
        manifest = {"format": FORMAT, "identity": self.identity, "files": hashes, "facts": dict(facts)}
        _put(
            draft / "manifest.json", self._sealed(json.dumps(manifest, sort_keys=True).encode(), name, "manifest.json")
        )
        _sync_folder(draft)
        shutil.rmtree(self.path / name, ignore_errors=True)
        draft.rename(self.path / name)
        _sync_folder(self.path)

    def _read(self, name: str) -> Bundle | None:
        """None for anything that is not whole, not of this training or not under this key: training starts further back then."""
        folder = self.path / name
        try:
            manifest: Any = json.loads(self._opened((folder / "manifest.json").read_bytes(), name, "manifest.json"))
            if manifest["format"] != FORMAT or manifest["identity"] != self.identity:
                return None
            files: dict[str, bytes] = {}
            for file, digest in manifest["files"].items():
                kept = (folder / _safe(file)).read_bytes()
                if hashlib.sha256(kept).hexdigest() != digest:
                    return None
                files[file] = self._opened(kept, name, file)
        except (OSError, ValueError, KeyError, TypeError, InvalidTag):
            return None
        return Bundle(cast(dict[str, Any], manifest["facts"]), files)

    def _sealed(self, data: bytes, name: str, file: str) -> bytes:
        if self._cipher is None:
            return data
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, data, self._bound(name, file))

    def _opened(self, data: bytes, name: str, file: str) -> bytes:
        if self._cipher is None:
            return data
        return self._cipher.decrypt(data[:NONCE], data[NONCE:], self._bound(name, file))

    def _bound(self, name: str, file: str) -> bytes:
        return f"{self.identity}/{name}/{file}".encode()


def sweep(scratch: Path, older_than: float) -> None:
    """Drop what jobs left behind that nobody came back for: folders untouched since `older_than` (seconds since 1970)."""
    if not scratch.is_dir():
        return
    for folder in scratch.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < older_than:
            shutil.rmtree(folder, ignore_errors=True)


def _safe(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError("not a plain file name")
    return name


def _put(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # Windows has no handle to a folder that could be synced
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
