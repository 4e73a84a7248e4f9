"""Photos, LoRAs and pictures: sealed files named by the sha256 of what is in them.

    <vault>/blobs/<key id>/<first two digits>/<sha256>

A blob belongs to a data key; the same content under two keys is two files, so that forgetting one leaves the other.
Written whole or not at all. Nothing ever lies on disk in clear.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from storage.errors import BlobDamaged, BlobMissing
from storage.keys import Keys
from storage.records import Scope
from storage.vault import Vault, sync_folder, write_whole


class Blobs:
    def __init__(self, folder: Path, vault: Vault, keys: Keys, clock: Callable[[], int]) -> None:
        self._folder = folder
        self._vault = vault
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        """Held while it is found out how old a file is, and while that is made known or acted on."""

    async def put(self, scope: Scope, key_id: str, data: bytes) -> str:
        """Store and return the sha256 (hex). Durable when this returns; storing the same again changes nothing.

        Put blobs before the transaction that names them: a blob without a row is waste, a row without a blob is loss.
        """
        await self._keys.check(scope, key_id)
        return await asyncio.to_thread(self._write, key_id, data)

    async def get(self, scope: Scope, key_id: str, sha256: str) -> bytes:
        """Raises BlobMissing, BlobDamaged or KeyForgotten."""
        await self._keys.check(scope, key_id)
        return await asyncio.to_thread(self._read, key_id, sha256)

    async def has(self, scope: Scope, key_id: str, sha256: str) -> bool:
        await self._keys.check(scope, key_id)
        return await asyncio.to_thread(self._path(key_id, sha256).exists)

    async def drop(self, scope: Scope, key_id: str, sha256: str) -> None:
        """Remove one blob; nothing happens when it is not there."""
        await self._keys.check(scope, key_id)
        await asyncio.to_thread(self._remove, key_id, sha256)

    async def put_before_everywhere(self, when: int) -> tuple[Path, ...]:
        """The files of all keys that were last put before `when` (unix seconds), unfinished ones among them."""
        return await asyncio.to_thread(self._older, when)

    async def discard_everywhere(self, paths: Iterable[Path], before: int) -> int:
        """Remove those of these files that are still older than `before`; returns how many."""
        return await asyncio.to_thread(lambda: sum(self._discard(path, before) for path in paths))

    def _write(self, key_id: str, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(key_id, sha256)
        if not self._is_put(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, self._vault.seal(key_id, data, f"blob/{sha256}"))
            for folder in (path.parent.parent, self._folder):  # the folders may be new as well
                sync_folder(folder)
            self._is_put(path)
        return sha256

    def _is_put(self, path: Path) -> bool:
        """Whether it is there. If so it counts as put now: whoever put it is about to name it in a row."""
        with self._lock:
            if path.exists():
                os.utime(path, (self._clock(), self._clock()))
                return True
        return False

    def _older(self, when: int) -> tuple[Path, ...]:
        found: list[Path] = []
        for path in self._folder.glob("*/*/*"):
            with suppress(FileNotFoundError):  # dropped meanwhile
                if path.stat().st_mtime < when:
                    found.append(path)
        return tuple(found)

    def _discard(self, path: Path, before: int) -> bool:
        with self._lock:
            if not path.exists() or path.stat().st_mtime >= before:
                return False
            path.unlink()
        sync_folder(path.parent)
        return True

    def _read(self, key_id: str, sha256: str) -> bytes:
        try:
            sealed = self._path(key_id, sha256).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"Blob {sha256[:12]} is not under key {key_id}.") from None
        data = self._vault.unseal(key_id, sealed, f"blob/{sha256}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobDamaged(f"Blob {sha256[:12]} under key {key_id} holds other bytes than its name says.")
        return data

    def _remove(self, key_id: str, sha256: str) -> None:
        path = self._path(key_id, sha256)
        if path.exists():
            path.unlink()
            sync_folder(path.parent)

    def _path(self, key_id: str, sha256: str) -> Path:
        if len(sha256) != 64 or not all(digit in "0123456789abcdef" for digit in sha256):
            raise ValueError("not a sha256")
        return self._folder / key_id / sha256[:2] / sha256
