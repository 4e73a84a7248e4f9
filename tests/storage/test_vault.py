"""Keys and blobs: one clear sentence for a wrong key, nothing in clear, whole files, and forgetting that holds."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from storage.errors import BadMasterKey, BlobDamaged, BlobMissing, DiskFull, KeyForgotten
from storage.vault import MASTER_KEY_VARIABLE, write_whole
from tests.storage.story import files_under

HEX = "07" * 32


def test_the_secret_file_is_made_once_and_private(tmp_path: Path) -> None:
    key_id = Vault.open(tmp_path / "v", environ={}).create_key()
    secret = tmp_path / "v" / "master.key"
    assert secret.stat().st_mode & 0o777 == 0o600
    text = secret.read_text()
    sealed = Vault.open(tmp_path / "v", environ={}).seal(key_id, b"hello", "test")
    assert Vault.open(tmp_path / "v", environ={}).unseal(key_id, sealed, "test") == b"hello"
    assert secret.read_text() == text


@pytest.mark.parametrize("text", [HEX, base64.b64encode(bytes.fromhex(HEX)).decode(), f"  {HEX}\n"])
def test_the_environment_comes_first_in_hex_or_base64(tmp_path: Path, text: str) -> None:
    key_id = Vault.open(tmp_path / "v", environ={MASTER_KEY_VARIABLE: HEX}).create_key()
    vault = Vault.open(tmp_path / "v", environ={MASTER_KEY_VARIABLE: text})
    assert vault.unseal(key_id, vault.seal(key_id, b"x", "a"), "a") == b"x"
    assert not (tmp_path / "v" / "master.key").exists()


@pytest.mark.parametrize(
    "text", ["short", "07" * 31, "07" * 33, "not hex at all, but long enough to be one of them......."]
)
def test_a_malformed_key_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadMasterKey, match=MASTER_KEY_VARIABLE) as refusal:
        Vault.open(tmp_path / "v", environ={MASTER_KEY_VARIABLE: text})
    assert text not in str(refusal.value)


def test_another_key_is_one_sentence(tmp_path: Path) -> None:
    Vault.open(tmp_path / "v", environ={MASTER_KEY_VARIABLE: HEX})
    with pytest.raises(BadMasterKey, match="is not the one"):
        Vault.open(tmp_path / "v", environ={MASTER_KEY_VARIABLE: "08" * 32})


def test_a_lost_key_is_not_silently_replaced(tmp_path: Path) -> None:
    Vault.open(tmp_path / "v", environ={})
    (tmp_path / "v" / "master.key").unlink()
    with pytest.raises(BadMasterKey, match="is gone"):
        Vault.open(tmp_path / "v", environ={})
    assert not (tmp_path / "v" / "master.key").exists()


def test_a_secret_file_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault.open(tmp_path / "v", environ={})
    (tmp_path / "v" / "master.key").chmod(0o644)
    with pytest.raises(BadMasterKey, match="chmod 600"):
        Vault.open(tmp_path / "v", environ={})


def test_sealed_bytes_open_only_as_what_they_are(vault: Vault) -> None:
    one, two = vault.create_key(), vault.create_key()
    sealed = vault.seal(one, b"a red sweater", "photos.caption")
    assert b"sweater" not in sealed
    assert vault.unseal(one, sealed, "photos.caption") == b"a red sweater"
    assert vault.seal(one, b"a red sweater", "photos.caption") != sealed
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key_id, data, about in [
        (two, sealed, "photos.caption"),
        (one, sealed, "jobs.spec"),
        (one, flipped, "photos.caption"),
        (one, sealed[:20], "photos.caption"),
    ]:
        with pytest.raises(BlobDamaged):
            vault.unseal(key_id, data, about)


def test_a_forgotten_key_is_gone_for_good(tmp_path: Path, vault: Vault) -> None:
    key_id = vault.create_key()
    sealed = vault.seal(key_id, b"hello", "test")
    vault.forget_key(key_id)
    vault.forget_key(key_id)
    assert not vault.knows(key_id)
    for opened in (vault, Vault.open(tmp_path / "vault", environ={})):
        with pytest.raises(KeyForgotten):
            opened.unseal(key_id, sealed, "test")


def test_a_key_id_is_not_a_path(vault: Vault) -> None:
    with pytest.raises(ValueError, match="not a key id"):
        vault.seal("../master", b"", "x")


# -- blobs


async def test_blobs_come_back_and_lie_sealed(store: Store, scope: Scope, vault: Vault) -> None:
    key_id = await store.keys.create(scope)
    sha = await store.blobs.put(scope, key_id, b"CANARY" * 100)
    assert await store.blobs.get(scope, key_id, sha) == b"CANARY" * 100
    assert b"CANARY" not in files_under(vault.folder)


async def test_the_same_content_is_one_file_per_key(store: Store, scope: Scope, vault: Vault) -> None:
    one, two = await store.keys.create(scope), await store.keys.create(scope)
    shas = [await store.blobs.put(scope, key_id, b"same") for key_id in (one, one, two)]
    assert len(set(shas)) == 1
    assert len(list((vault.folder / "blobs").rglob(shas[0]))) == 2
    await store.keys.forget(scope, one)
    assert await store.blobs.get(scope, two, shas[0]) == b"same"
    with pytest.raises(KeyForgotten):
        await store.blobs.get(scope, one, shas[0])
    assert len(list((vault.folder / "blobs").rglob(shas[0]))) == 1


async def test_many_at_once(store: Store, scope: Scope) -> None:
    key_id = await store.keys.create(scope)
    datas = [bytes([n % 7]) * 1000 for n in range(20)]
    shas = await asyncio.gather(*(store.blobs.put(scope, key_id, data) for data in datas))
    assert await asyncio.gather(*(store.blobs.get(scope, key_id, sha) for sha in shas)) == datas


async def test_missing_damaged_and_swapped_blobs_are_named(store: Store, scope: Scope, vault: Vault) -> None:
    key_id = await store.keys.create(scope)
    one, two = await store.blobs.put(scope, key_id, b"one"), await store.blobs.put(scope, key_id, b"two")
    path = vault.folder / "blobs" / key_id / one[:2] / one
    path.write_bytes((vault.folder / "blobs" / key_id / two[:2] / two).read_bytes())
    with pytest.raises(BlobDamaged):
        await store.blobs.get(scope, key_id, one)
    await store.blobs.drop(scope, key_id, one)
    await store.blobs.drop(scope, key_id, one)
    assert not await store.blobs.has(scope, key_id, one)
    with pytest.raises(BlobMissing):
        await store.blobs.get(scope, key_id, one)
    with pytest.raises(ValueError, match="sha256"):
        await store.blobs.get(scope, key_id, "../../master.key")


async def test_forgetting_is_undone_with_its_transaction(store: Store, scope: Scope) -> None:
    key_id = await store.keys.create(scope)
    sha = await store.blobs.put(scope, key_id, b"kept")
    with pytest.raises(ZeroDivisionError):
        async with store.write():
            await store.keys.forget(scope, key_id)
            raise ZeroDivisionError
    assert await store.blobs.get(scope, key_id, sha) == b"kept"


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        write_whole(tmp_path / "blob", b"data")
    assert list(tmp_path.iterdir()) == []
