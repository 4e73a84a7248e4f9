"""Rights of a LoRA at every door, its name and prompt, the file, and what was done with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import NotAllowed, NotFound, Taken, UserError
from bot.studio.requests import Who
from bot.studio.settings import Counter
from storage.errors import NoSuchRow
from storage.states import JobState
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, OWNER, SCOPE, House
from tests.studio.test_people import trained

STRANGER, ROLE = 77, 4000


def member(house: House, id: int, *roles: int) -> Who:
    return Who(GUILD, id, CHANNEL, f"r{next(house.numbers)}", is_admin=id == ADMIN, roles=frozenset(roles))


@pytest.mark.parametrize(
    ("access", "targets", "may"),
    [
        ("me", (), {OWNER, FRIEND}),
        ("members", (STRANGER,), {OWNER, FRIEND, STRANGER}),
        ("role", (ROLE,), {OWNER, FRIEND, ADMIN}),
        ("server", (), {OWNER, FRIEND, STRANGER, ADMIN}),
    ],
)
async def test_every_door_asks_for_the_same_rights(
    house: House, access: str, targets: tuple[int, ...], may: set[int]
) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        card = await studio.keeping.share(house.who(), 1, access, targets)
        assert (card.access, card.members + card.roles) == (access, targets)
        for id in (OWNER, FRIEND, STRANGER, ADMIN):
            who = member(house, id, ROLE) if id == ADMIN else member(house, id)
            named = await studio.lora_names(who, "bob")
            listed = [line.name for line in (await studio.loras(who)).lines]
            assert (bool(named), bool(listed)) == (id in may, id in may), id
            if id in may:
                assert (await studio.imagine(who, house.imagine("a portrait", lora="bob-gen0"))).lora == "bob-gen0"
            else:
                with pytest.raises(NotFound):
                    await studio.imagine(who, house.imagine("a portrait", lora="bob-gen0"))
        await house.settled()


async def test_only_the_owner_and_the_one_who_is_seen_decide(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        for who in (member(house, ADMIN), member(house, STRANGER)):
            for act in (
                studio.keeping.share(who, 1, "me"),
                studio.keeping.rename(who, 1, "mine"),
                studio.keeping.set_default_prompt(who, 1, "x"),
                studio.keeping.export(who, 1, 10**6),
                studio.keeping.ledger(who, 1),
            ):
                with pytest.raises(NotAllowed, match="decides that"):
                    await act
        assert (await studio.keeping.share(house.who(FRIEND), 1, "me")).access == "me"
        with pytest.raises(NotFound):
            await studio.keeping.card(member(house, STRANGER), 1)
        for access, targets in (("everybody", ()), ("members", ()), ("role", tuple(range(26)))):
            with pytest.raises(UserError, match="Choose"):
                await studio.keeping.share(house.who(), 1, access, targets)


async def test_a_name_and_a_prompt_to_begin_with(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        for wrong in ("", "x", "two words", "-x", "Ünal", "a" * 41):
            with pytest.raises(UserError, match="2 to 40"):
                await studio.keeping.rename(house.who(), 1, wrong)
        card = await studio.keeping.rename(house.who(), 1, "Birthday-Bob")
        assert card.name == "birthday-bob" and await studio.lora_names(house.who(), "") == ("birthday-bob",)
        await house.published(draft="other", name="Ann")
        with pytest.raises(Taken, match="ann-gen0"):
            await studio.keeping.rename(house.who(), 1, "ann-gen0")
        made_up = card.prompt
        card = await studio.keeping.set_default_prompt(house.who(), 1, " ohwx  by the sea ")
        assert card.prompt == "ohwx by the sea"
        with pytest.raises(UserError, match="at most 1000"):
            await studio.keeping.set_default_prompt(house.who(), 1, "x" * 1001)
        assert (await studio.keeping.set_default_prompt(house.who(), 1, "")).prompt == made_up


async def test_the_file_comes_whole_or_in_parts_that_make_it_whole(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        whole = await studio.keeping.export(house.who(), 1, 10**9)
        (name, data), (page, facts) = whole.files
        assert (name, page, whole.split) == ("bob-gen0.safetensors", "bob-gen0.md", False)
        lora = await house.store.loras.get(SCOPE, 1)
        assert data == await house.store.blobs.get(SCOPE, lora.key_id, lora.sha256)
        for fact in ("ohwx", "miniature", lora.sha256, "rank: 4"):
            assert fact in facts.decode()
        assert "Bob" not in facts.decode() and "IMG_" not in facts.decode()
        limit = len(data) // 3 + 1
        split = await studio.keeping.export(house.who(), 1, limit)
        parts = [content for name, content in split.files if ".part" in name]
        assert split.split and len(parts) == 3 and b"".join(parts) == data and max(map(len, parts)) <= limit
        page = split.files[-1][1].decode()
        assert "3 parts" in page and "likeness lora join bob-gen0.safetensors.part01" in page
        assert "copy /b bob-gen0.safetensors.part01+bob-gen0.safetensors.part02+" in page
        assert [name for name, _ in split.files[:-1]] == [f"bob-gen0.safetensors.part0{n}" for n in (1, 2, 3)]
        with pytest.raises(UserError, match="Ask the owner of this bot"):
            await studio.keeping.export(house.who(), 1, len(data) // 11)
        assert [a.act for a in await house.store.audit.list(SCOPE)][:2] == ["exported", "exported"]


async def test_a_file_that_is_too_large_lies_behind_a_link_until_its_time_is_over(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    house.settings = replace(house.settings, counter=Counter(folder, "https://files.example.org/x/", 2))
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        small = await studio.keeping.export(house.who(), 1, 10**9)
        assert not small.link and len(small.files) == 2, "what fits is sent"
        links = [(await studio.keeping.export(house.who(), 1, 100)).link for _ in range(2)]
        assert len(set(links)) == 2 and all(link.startswith("https://files.example.org/x/") for link in links)
        data = small.files[0][1]
        assert all((folder / link.rsplit("/", 1)[1]).read_bytes() == data for link in links)
        stranger = folder / "index.html"
        stranger.write_text("not ours")
        await studio.tidy()
        assert len(list(folder.iterdir())) == 3
        house.clock.now += 2 * 3600
        await studio.tidy()
        assert list(folder.iterdir()) == [stranger]


async def test_where_the_folder_cannot_be_written_to_the_file_comes_in_parts(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "www").write_text("a file, where a folder should be")
    house.settings = replace(house.settings, counter=Counter(tmp_path / "www", "https://files.example.org", 2))
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        whole = (await studio.keeping.export(house.who(), 1, 10**9)).files[0][1]
        split = await studio.keeping.export(house.who(), 1, len(whole) // 2 + 1)
        assert split.split and not split.link and b"".join(data for _, data in split.files[:2]) == whole
    assert "cannot be written to: FileExistsError" in caplog.text


@pytest.mark.parametrize("how", ["deleted", "withdrawn", "forgotten"])
async def test_a_link_ends_with_its_lora(house: House, tmp_path: Path, how: str) -> None:
    house.settings = replace(house.settings, counter=Counter(tmp_path / "www", "https://files.example.org", 2))
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        exported = await studio.keeping.export(house.who(), 1, 100)
        assert [name for name, _ in exported.files] == ["bob-gen0.md"] and exported.hours == 2
        if how == "deleted":
            await studio.keeping.delete(house.who(), 1)
        elif how == "withdrawn":
            await studio.people.revoke(house.who(FRIEND), 1)
        else:
            await studio.forgetting.forget_subject(house.who(FRIEND), 1)
        house.clock.now += 10
        await studio.tidy()
        assert list((tmp_path / "www").iterdir()) == []


async def test_another_thumbnail(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        first = (await studio.keeping.card(house.who(), 1)).thumbnail
        painted = await studio.imagine(house.who(), house.imagine("ohwx", lora="bob-gen0", count=2))
        await house.settled()
        card = await studio.keeping.thumbnails.card(house.who(), 1)
        values = [option.value for option in card.options]
        assert [option.number for option in card.options] == list(range(1, len(values) + 1))
        assert [value[0] for value in values] == ["p"] * 4 + ["i"] * 2 and card.sheet.alt.startswith("6 pictures")
        chosen = await studio.keeping.thumbnails.choose(house.who(), 1, "p2")
        assert first is not None and chosen.thumbnail is not None and chosen.thumbnail.data != first.data
        mine = await studio.keeping.thumbnails.choose(house.who(), 1, values[-1])
        assert mine.thumbnail is not None and mine.thumbnail.data != chosen.thumbnail.data
        await studio.delete_pictures(house.who(), painted.job_id)
        back = await studio.keeping.card(house.who(), 1)
        assert back.thumbnail == chosen.thumbnail, "a picture is shown only for as long as it is kept"
        for who, value in (
            (house.who(), "p9"),
            (house.who(), "i999"),
            (house.who(), "x1"),
            (member(house, STRANGER), "p1"),
        ):
            with pytest.raises(UserError):
                await studio.keeping.thumbnails.choose(who, 1, value)


async def test_deleting_takes_its_pictures_and_leaves_the_photos(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        painted = await studio.imagine(house.who(ADMIN), house.imagine("ohwx on the moon"))
        await house.settled()
        with pytest.raises(NotAllowed, match="may delete it"):
            await studio.keeping.delete(member(house, STRANGER), 1)
        lora = await house.store.loras.get(SCOPE, 1)
        await studio.keeping.delete(house.who(ADMIN, admin=True), 1)
        assert await house.store.loras.list(SCOPE) == ()
        with pytest.raises(NoSuchRow):
            await house.store.jobs.get(SCOPE, painted.job_id)
        assert not await house.store.blobs.has(SCOPE, lora.key_id, lora.sha256)
        assert len(await house.store.photos.list(SCOPE, 1)) == 6
        assert await house.posts("winner") == [] and await house.posts("pictures") == []


async def test_the_one_who_is_seen_sees_what_was_done_with_it(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        await studio.imagine(member(house, STRANGER), house.imagine("ohwx, a secret wish"))
        await house.settled()
        shown = await studio.keeping.ledger(house.who(FRIEND), 1)
        acts = [(line.act, line.who_id) for line in shown.lines]
        assert acts == [
            ("painted", STRANGER), ("published", OWNER), ("trained", OWNER), ("allowed", FRIEND), ("asked", OWNER),
        ]  # fmt: skip
        assert shown.lines[0].ref.startswith("LoRA 1, job ") and "secret" not in repr(shown)


async def test_a_right_taken_back_while_the_painting_waits(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        await house.crash()
        card = await studio.imagine(member(house, STRANGER), house.imagine("ohwx on the moon"))
        await studio.keeping.share(house.who(), 1, "me")
    async with house.life():
        await house.settled()
        job = await house.store.jobs.get(SCOPE, card.job_id)
        assert job.state is JobState.FAILED and "took it back" in job.error
        assert [j for j in house.engine.submitted if j.job_id == card.job_id] == []
