"""Blobs that no row names go after a while; what any row names stays, however old it is."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from storage.errors import BlobDamaged, BlobMissing
from storage.orphans import MAY_NAME_BLOBS, WEEK_S
from tests.storage.conftest import Clock
from tests.storage.story import painting, story

WORDS_ALONE = {
    "photos.given_name", "photos.caption", "pictures.prompt", "loras.default_prompt", "measures.facts", "revisions.before",
    "revisions.after",
}  # fmt: skip
"""Sealed columns in which people write: a sha256 in them names nothing."""


def blobs_of(vault: Vault) -> set[str]:
    return {path.name for path in (vault.folder / "blobs").glob("*/*/*")}


async def test_what_a_crash_left_goes_and_what_is_named_stays(store: Store, vault: Vault, clock: Clock) -> None:
    scope, other = Scope(100), Scope(200)
    planted = await story(store, scope)
    await story(store, other)
    key = planted.dataset.key_id
    await store.epochs.record(
        scope,
        planted.run.id,
        2,
        lora_sha256=await store.blobs.put(scope, key, b"second epoch"),
        previews=[await store.blobs.put(scope, key, b"preview"), await store.blobs.put(scope, key, b"another")],
    )
    named = blobs_of(vault)
    lost = await store.blobs.put(scope, key, b"put, and then the process died")
    clock.now += 100 * WEEK_S
    assert await store.orphans.collect_everywhere() == 1
    assert blobs_of(vault) == named
    with pytest.raises(BlobMissing):
        await store.blobs.get(scope, key, lost)
    assert await store.orphans.collect_everywhere() == 0


async def test_a_blob_that_only_a_sealed_text_names_stays(store: Store, scope: Scope, clock: Clock) -> None:
    """A picture to start from, as a painting's job names it; and what was asked for with a picture that stands."""
    wish = await painting(store, scope, "wish")
    start = await store.blobs.put(scope, wish.key_id, b"a picture to start from")
    await painting(store, scope, "variation", spec=f'{{"init": "{start}"}}')
    told = await store.blobs.put(scope, wish.key_id, b"what a message shows")
    payload = f'{{"shows": "{told}"}}'
    await store.outbox.add(scope, channel_id=1, purpose="p", ref=1, payload=payload, key_id=wish.key_id)
    clock.now += 2 * WEEK_S
    assert await store.orphans.collect_everywhere() == 0
    assert await store.blobs.get(scope, wish.key_id, start)


async def test_what_was_just_put_is_safe_and_putting_it_again_makes_it_new(
    store: Store, scope: Scope, clock: Clock
) -> None:
    key = await store.keys.create(scope)
    sha = await store.blobs.put(scope, key, b"about to be named")
    clock.now += WEEK_S
    assert await store.orphans.collect_everywhere() == 0
    clock.now += 1
    assert await store.blobs.put(scope, key, b"about to be named") == sha
    assert await store.orphans.collect_everywhere() == 0
    clock.now += 61
    assert await store.orphans.collect_everywhere(spared_s=60) == 1


async def test_what_is_put_again_while_it_is_collected_is_spared(store: Store, scope: Scope, clock: Clock) -> None:
    """Its age is asked once more at the last moment."""
    key = await store.keys.create(scope)
    sha = await store.blobs.put(scope, key, b"old")
    clock.now += 2 * WEEK_S
    before = clock.now - WEEK_S
    old = await store.blobs.put_before_everywhere(before)
    assert [path.name for path in old] == [sha]
    await store.blobs.put(scope, key, b"old")
    assert await store.blobs.discard_everywhere(old, before) == 0
    assert await store.blobs.get(scope, key, sha) == b"old"


async def test_unfinished_files_and_blobs_of_keys_that_were_rolled_back_go_too(
    store: Store, scope: Scope, vault: Vault, clock: Clock
) -> None:
    key = await store.keys.create(scope)
    sha = await store.blobs.put(scope, key, b"x")
    folder = vault.folder / "blobs" / key / sha[:2]
    (folder / f"{sha}.1a2b3c4d.tmp").write_bytes(b"half")
    strange = vault.folder / "blobs" / ("f" * 32) / "00"
    strange.mkdir(parents=True)
    (strange / ("0" * 64)).write_bytes(b"sealed with a key nobody knows")
    for path in (folder / f"{sha}.1a2b3c4d.tmp", strange / ("0" * 64)):
        os.utime(path, (clock.now, clock.now))
    clock.now += 2 * WEEK_S
    assert await store.orphans.collect_everywhere() == 3


async def test_where_a_sealed_text_cannot_be_read_nothing_is_removed(
    store: Store, scope: Scope, vault: Vault, clock: Clock
) -> None:
    wish = await painting(store, scope, "wish")
    await store.blobs.put(scope, wish.key_id, b"perhaps named in it")
    async with store.write():
        await store.database.change("UPDATE jobs SET spec = ? WHERE id = 'wish'", b"damaged" * 10)
    clock.now += 2 * WEEK_S
    with pytest.raises(BlobDamaged):
        await store.orphans.collect_everywhere()
    assert len(blobs_of(vault)) == 1


async def test_every_sealed_column_is_known_to_name_blobs_or_not_to(store: Store, tmp_path: Path) -> None:
    """Whoever adds one decides: what it names must not be collected."""
    sql = """
        SELECT m.name || '.' || c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c
        WHERE m.type = 'table' AND c.type = 'BLOB'
    """
    with sqlite3.connect(store.path) as database:
        sealed = {name for (name,) in database.execute(sql)}
    database.close()
    assert sealed == WORDS_ALONE | {f"{table}.{column}" for table, column in MAY_NAME_BLOBS}
