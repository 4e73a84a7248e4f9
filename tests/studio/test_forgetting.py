"""Promise 6: what was forgotten can be read nowhere any more, not in the database, not in the blobs, not in a backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.forgetting import check_word
from engine.script import Script
from storage.errors import KeyForgotten
from storage.store import Store
from storage.vault import Vault
from tests.studio.house import ADMIN, CHANNEL, FRIEND, OWNER, ROOM, SCOPE, House, photo
from tests.studio.test_people import trained

WISH = "ohwx riding a very particular ostrich"
SECRETS = (photo(1)[200:260], b"IMG_1", b"red sweater", b"particular ostrich", b"lora_unet_mid_block")


def everything(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def posted(house: House) -> None:
    """Discord took what was to be posted: message ids from 9001."""
    for row in await house.store.outbox.pending_everywhere():
        await house.store.outbox.sent(SCOPE, row.id, 9000 + row.id)


async def told(house: House) -> None:
    """A friend's face, trained and painted by an admin, everything posted."""
    await trained(house, wants_vote=False)
    await house.studio.imagine(house.who(ADMIN), house.imagine(WISH))
    await house.settled()
    await posted(house)


@pytest.mark.parametrize("who", [OWNER, FRIEND])
async def test_nothing_readable_remains_of_a_forgotten_subject(house: House, tmp_path: Path, who: int) -> None:
    copies = tmp_path / "copies"
    async with house.life() as studio:
        await told(house)
        backup = await house.store.backup(copies)
        shutil.copytree(house.folder / "vault" / "blobs", copies / "blobs")
        vault = house.store.database.vault
        keys = vault.key_ids()
        # What is looked for can be found: with its key everything opens.
        lora = await house.store.loras.get(SCOPE, 1)
        assert b"lora_unet_mid_block" in await house.store.blobs.get(SCOPE, lora.key_id, lora.sha256)
        (pictures,) = {p.prompt for p in await house.store.pictures.of_member(SCOPE, ADMIN)}
        assert pictures == WISH

        await studio.forgetting.forget_subject(house.who(who), 1)
        await house.settled()
        for table in ("subjects", "consents", "datasets", "photos", "runs", "epochs", "ballots", "votes", "loras",
                      "grants", "jobs", "uses", "pictures", "reports", "outbox", "cards"):  # fmt: skip
            assert (await house.store.database.rows(f"SELECT count(*) FROM {table}"))[0][0] == 0, table
        assert vault.key_ids() == set() and len(keys) == 2
        assert list((house.folder / "vault" / "blobs").iterdir()) == []
        erased = {(e.channel_id, e.message_id) for e in await house.store.erasures.due_everywhere(100)}
        assert {channel for channel, _ in erased} == {CHANNEL, ROOM} and (ROOM, 0) in erased
        assert len(erased) > 8
        with pytest.raises(NotFound):
            await studio.forgetting.forget_subject(house.who(who), 1)
        assert (await house.store.audit.list(SCOPE))[0].act == "forgot"
    now = b"\0".join(path.read_bytes() for path in house.folder.glob("likeness.db*"))
    assert b"bob-gen0" not in now and b"Bob" not in now
    found = everything(house.folder)
    for secret in SECRETS:
        assert secret not in found

    # The backup, opened with the keys of today: rows without words, blobs that do not open.
    restored = Vault.open(house.folder / "vault", environ={})
    async with Store.open(backup, vault=restored, clock=house.clock) as old:
        photos = await old.photos.list(SCOPE, 1)
        assert len(photos) == 6 and {(p.given_name, p.caption) for p in photos} == {("", "")}
        assert {p.prompt for p in await old.pictures.of_member(SCOPE, ADMIN)} == {""}
        assert (await old.jobs.live_everywhere(), await old.outbox.pending_everywhere()) == ((), ())
        lora = await old.loras.get(SCOPE, 1)
        with pytest.raises(KeyForgotten):
            await old.blobs.get(SCOPE, lora.key_id, lora.sha256)
    sealed = everything(copies / "blobs")
    assert len(sealed) > 10_000 and not [secret for secret in SECRETS if secret in sealed]


async def test_forgotten_in_the_middle_of_a_training(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        run = (await studio.start_training(house.who(), dataset)).run_id

        async def an_epoch() -> bool:
            return len(await house.store.epochs.list(SCOPE, run)) > 1

        await house.until(an_epoch)
        await studio.forgetting.forget_subject(house.who(), 1)
        house.engine.release("train")
        other = await house.ready(draft="other", name="Ann")
        await studio.start_training(house.who(), other)
        await house.settled()
        assert [subject.name for subject in await house.store.subjects.list(SCOPE)] == ["Ann"]
        assert len(house.store.database.vault.key_ids()) == 1


async def test_a_member_who_is_forgotten_leaves_no_id_behind(house: House) -> None:
    async with house.life() as studio:
        run = await trained(house)
        ballot = await house.store.ballots.of_run(SCOPE, run)
        assert ballot is not None
        await studio.vote(SCOPE.guild_id, ballot.id, ADMIN, 0, True)
        await studio.close_ballot(SCOPE.guild_id, ballot.id, None)
        await studio.imagine(house.who(ADMIN), house.imagine(WISH))
        await house.settled()
        await studio.rulebook.choose(house.who(ADMIN, admin=True), channels=(CHANNEL,))
        tally = await house.store.ballots.tally(SCOPE, ballot.id)

        await studio.forgetting.forget_me(house.who(ADMIN))
        assert await house.store.ballots.tally(SCOPE, ballot.id) == tally, "a vote that counted stays counted"
        assert [s.name for s in await house.store.subjects.list(SCOPE)] == ["Bob"], "what others brought stays"
        held = (await studio.privacy.card(house.who(ADMIN))).held
        assert (held.pictures, held.votes, held.audit_lines) == (0, 0, 0)

        await studio.forgetting.forget_me(house.who(FRIEND))
        assert await house.store.subjects.list(SCOPE) == (), "it showed the friend"
        await studio.forgetting.forget_me(house.who(OWNER))
        for table in await house.store.database.rows(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ):
            for row in await house.store.database.rows(f"SELECT * FROM {table['name']}"):
                people = [key for key in tuple(row.keys()) if key.endswith(("_by", "who_id", "member_id", "owner_id"))]
                assert not {row[key] for key in people} & {OWNER, FRIEND, ADMIN}, table["name"]
        assert house.store.database.vault.key_ids() == set()


async def test_only_whom_it_concerns_may_have_it_forgotten(house: House) -> None:
    async with house.life() as studio:
        await house.ready()
        with pytest.raises(NotAllowed, match="may forget them"):
            await studio.forgetting.forget_subject(house.who(FRIEND), 1)
        await studio.forgetting.forget_subject(house.who(ADMIN, admin=True), 1)
        assert await house.store.subjects.list(SCOPE) == ()


def test_a_deletion_is_confirmed_by_its_word() -> None:
    check_word(" Forget ", "forget")
    for wrong in ("", "yes", "forget it"):
        with pytest.raises(UserError, match="Type forget"):
            check_word(wrong, "forget")
