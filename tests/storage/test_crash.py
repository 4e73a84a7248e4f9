"""SIGKILL at random moments: what was answered as accepted is there, and whole; backups can be read."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from storage import Scope, Store, Vault
from tests.storage.conftest import Clock
from tests.storage.story import CHANNEL, painting, story

WRITER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from storage import Scope, Store, Vault
    from storage.states import JobKind

    async def main(folder):
        scope = Scope(1)
        vault = Vault.open(folder / "vault", environ={})
        async with Store.open(folder / "likeness.db", vault=vault, clock=lambda: 1) as store:
            for number in range(100_000):
                key_id = await store.keys.create(scope)
                sha256 = await store.blobs.put(scope, key_id, b"photo %d" % number)
                async with store.write():
                    await store.jobs.enqueue(
                        scope, f"job{number}", kind=JobKind.PAINT, request_id=str(number), member_id=1, channel_id=1,
                        key_id=key_id, spec=sha256)
                    await store.outbox.add(scope, channel_id=1, purpose="pictures", ref=f"job{number}")
                print(number, flush=True)

    asyncio.run(main(Path(sys.argv[1])))
    """
)


def write_and_kill(folder: Path, kill_after: int) -> int:
    """The number of the last job that the killed writer said was accepted."""
    accepted = -1
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            accepted = int(line)
            if accepted == kill_after:
                process.kill()  # it goes on writing until the signal lands: anywhere between two commits
    return accepted


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_was_accepted_survives_a_kill(tmp_path: Path, clock: Clock, seed: int) -> None:
    kill_after = random.Random(seed).randrange(2, 25)
    accepted = await asyncio.to_thread(write_and_kill, tmp_path, kill_after)
    assert accepted >= kill_after

    scope = Scope(1)
    vault = Vault.open(tmp_path / "vault", environ={})
    async with Store.open(tmp_path / "likeness.db", vault=vault, clock=clock) as store:
        jobs = {job.id: job for job in await store.jobs.live(scope)}
        assert {f"job{number}" for number in range(accepted + 1)} <= set(jobs)
        for number in range(len(jobs)):
            job = jobs[f"job{number}"]
            assert await store.blobs.get(scope, job.key_id, job.spec) == b"photo %d" % number
        assert {row.ref for row in await store.outbox.list(scope)} == set(jobs)
        assert (await store.database.rows("PRAGMA integrity_check"))[0][0] == "ok"


async def test_a_backup_holds_everything_and_old_ones_go(
    store: Store, scope: Scope, vault: Vault, clock: Clock, tmp_path: Path
) -> None:
    planted = await story(store, scope)
    for _ in range(5):
        clock.now += 86_400
        newest = await store.backup(tmp_path / "copies", keep=3)
    copies = sorted((tmp_path / "copies").iterdir())
    assert len(copies) == 3
    assert newest == copies[-1]
    assert newest.stat().st_mode & 0o077 == 0
    async with Store.open(newest, vault=vault, clock=clock) as restored:
        assert await restored.photos.get(scope, planted.photo.id) == planted.photo
        assert await restored.jobs.get(scope, planted.training.id) == planted.training
        assert await restored.pictures.get(scope, planted.picture.id) == planted.picture
        assert await restored.ballots.tally(scope, planted.ballot.id) == {1: 1, 2: 0}
        assert await restored.outbox.pending_everywhere() == (planted.outgoing,)
        assert await restored.blobs.get(scope, planted.lora.key_id, planted.lora.sha256)


async def test_a_backup_while_others_write(
    store: Store, scope: Scope, vault: Vault, clock: Clock, tmp_path: Path
) -> None:
    async def write() -> None:
        for number in range(20):
            async with store.write():
                await painting(store, scope, f"job{number}")
                await store.outbox.add(scope, channel_id=CHANNEL, purpose="pictures", ref=f"job{number}")

    _, copy = await asyncio.gather(write(), store.backup(tmp_path / "copies"))
    async with Store.open(copy, vault=vault, clock=clock) as restored:
        jobs, posts = await restored.jobs.live(scope), await restored.outbox.list(scope)
        assert {job.id for job in jobs} == {post.ref for post in posts}
    assert len(await store.jobs.live(scope)) == 20
