"""Canaries: nothing people wrote or showed lies in clear, and what was forgotten opens nowhere, copies included."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from storage.errors import KeyForgotten, NoSuchRow
from storage.states import JobState
from tests.storage.conftest import Clock
from tests.storage.story import SECRETS, files_under, story


async def test_no_canary_lies_in_clear(store: Store, scope: Scope, tmp_path: Path) -> None:
    planted = await story(store, scope)
    await store.backup(tmp_path / "copies")
    raw = files_under(tmp_path)
    assert b"kat3r1na-gen0" in raw  # the search does find what is in clear
    assert b"CANARY" not in raw
    assert planted.photo.given_name in SECRETS
    assert planted.picture.prompt in SECRETS


async def test_no_canary_in_any_repr(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    assert "CANARY" not in repr(planted)


async def test_a_forgotten_subject_is_gone_everywhere(
    store: Store, scope: Scope, tmp_path: Path, vault: Vault, clock: Clock
) -> None:
    planted = await story(store, scope)
    copy = await store.backup(tmp_path / "copies")
    await store.subjects.forget(scope, planted.subject.id)

    counted = {
        table: (await store.database.rows(f"SELECT count(*) FROM {table}"))[0][0]
        for table in (
            "subjects",
            "datasets",
            "photos",
            "runs",
            "epochs",
            "ballots",
            "votes",
            "loras",
            "jobs",
            "pictures",
            "wishes",
        )
    }
    assert set(counted.values()) == {0}
    assert vault.key_ids() == set()
    assert list((vault.folder / "blobs").iterdir()) == []
    for name in ("likeness.db", "likeness.db-wal"):
        assert b"kat3r1na-gen0" not in (tmp_path / name).read_bytes()
    with pytest.raises(KeyForgotten):
        await store.blobs.get(scope, planted.dataset.key_id, planted.photo.raw_sha256)

    # A copy made before, opened with today's keys: rows without words, and nothing left to do with them.
    restored = tmp_path / "restored.db"
    shutil.copy(copy, restored)
    async with Store.open(restored, vault=vault, clock=clock) as old:
        (photo,) = await old.photos.list(scope, planted.dataset.id)
        assert (photo.given_name, photo.caption) == ("", "")
        picture = await old.pictures.get(scope, planted.picture.id)
        assert (picture.prompt, dict(picture.params)) == ("", {})
        assert await old.jobs.live_everywhere() == ()
        assert await old.outbox.pending_everywhere() == ()
        with pytest.raises(KeyForgotten):
            await old.blobs.get(scope, planted.dataset.key_id, planted.photo.raw_sha256)


async def test_others_are_not_touched(store: Store, scope: Scope) -> None:
    planted, other = await story(store, scope), await story(store, Scope(200))
    await store.subjects.forget(scope, planted.subject.id)
    assert (await store.photos.get(Scope(200), other.photo.id)).caption == other.photo.caption
    assert await store.blobs.get(Scope(200), other.lora.key_id, other.lora.sha256)


async def test_one_painting_can_be_forgotten(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    async with store.write():
        gone = await store.pictures.delete(scope, planted.painting.id)
        await store.keys.forget(scope, planted.painting.key_id)
    assert [picture.id for picture in gone] == [planted.picture.id]
    job = await store.jobs.get(scope, planted.painting.id)
    assert (job.state, job.spec) == (JobState.CANCELLED, "")
    with pytest.raises(NoSuchRow):
        await store.pictures.get(scope, planted.picture.id)
    assert await store.blobs.get(scope, planted.lora.key_id, planted.lora.sha256)


async def test_a_crash_between_wish_and_files_is_made_good(
    tmp_path: Path, vault: Vault, clock: Clock, scope: Scope
) -> None:
    path = tmp_path / "crash.db"
    async with Store.open(path, vault=vault, clock=clock) as store:
        key_id = await store.keys.create(scope)
        await store.blobs.put(scope, key_id, b"data")
        async with store.write():  # the wish is durable, the files were not reached
            await store.database.change("UPDATE keys SET forgotten_at = 1 WHERE id = ?", key_id)
    assert vault.knows(key_id)
    async with Store.open(path, vault=vault, clock=clock):
        assert not vault.knows(key_id)
        assert not (vault.folder / "blobs" / key_id).exists()
