"""What may be sent with a command or a form: files, ZIPs of them, and a folder of whoever runs the bot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.chat import router, uploads
from bot.chat.forms import Upload
from bot.chat.uploads import fetch_all
from bot.studio.desk import Desk
from bot.studio.settings import StudioSettings
from bot.studio.shelves import Shelves
from tests.chat.conftest import PHOTO, World
from tests.corpus import parcels

CDN = "https://cdn.discordapp.com/ephemeral-attachments/1/2/"


def archive(count: int) -> bytes:
    return parcels.packed(
        *((f"holiday/p{n}.jpg", PHOTO + bytes([n])) for n in range(1, count + 1)),
        ("holiday/p2.txt", b"on a beach"),
        ("inner.zip", parcels.packed(("x.jpg", PHOTO))),
        ("../notes.pdf", b"%PDF"),
    )


async def test_a_zip_in_the_form_is_its_photos_with_their_captions(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train", name="Katerina", photo1=("one.zip", archive(3)))
    files = [("c1.jpg", PHOTO), ("two.ZIP", archive(2)), ("broken.zip", b"PK\x03\x04 and no more")]
    result = await world.alice.submit_modal(shown, {"name": "Katerina", "kind": "me", "consent": True, "photos": files})
    training = world.studio.training
    assert training is not None
    assert [photo.name for photo in training.photos] == ["p1.jpg", "p2.jpg", "p3.jpg", "c1.jpg", "p1.jpg", "p2.jpg"]
    assert [photo.caption for photo in training.photos] == ["", "on a beach", "", "", "", "on a beach"]
    assert result.response is not None
    told = result.response.content.splitlines()
    assert "6 photos in" in told[0]
    assert told[1:] == [
        "Left in one.zip: inner.zip is an archive itself; 1 file that is no photo.",
        "broken.zip is no ZIP that can be opened; pack it anew.",
        "Left in two.ZIP: inner.zip is an archive itself; 1 file that is no photo.",
    ]
    assert "did not survive" not in result.response.content


async def test_a_zip_with_nothing_in_it_says_so_and_opens_no_room(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train")
    empty = [("letters.zip", parcels.packed(("letter.docx", b"words")))]
    result = await world.alice.submit_modal(shown, {"name": "K", "kind": "me", "consent": True, "photos": empty})
    assert result.response is not None
    assert result.response.content == "letters.zip holds no photos: JPEG, PNG, WebP and HEIC are looked for."
    assert world.studio.training is None and world.channel.threads == []


async def test_a_zip_under_add_more(world: World) -> None:
    sheet = await world.to_crops()
    shown = await world.alice.click(sheet, label="Add more photos")
    result = await world.alice.submit_modal(shown, {"photos": [("more.zip", archive(4))]})
    assert result.response is not None and "4 photos more in" in result.response.content
    assert "Left in more.zip" in result.response.content


async def nothing(url: str) -> bytes:
    raise AssertionError(f"{url} was fetched")


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/a.jpg", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "https://cdn.discordapp.com.evil.example/a"],
)  # fmt: skip
async def test_only_what_discord_keeps_is_fetched(url: str) -> None:
    fetched = await fetch_all([Upload("a.jpg", url, 10)], nothing)
    assert fetched.photos == () and fetched.problems == ("a.jpg does not come from Discord",)


async def test_sizes_are_looked_at_before_and_after_fetching() -> None:
    mb = 1024 * 1024
    sizes = {"big.jpg": 26 * mb, "big.zip": 101 * mb}
    fetched = await fetch_all([Upload(name, CDN + name, size) for name, size in sizes.items()], nothing)
    assert fetched.problems == ("big.jpg is over 25 MB", "big.zip is over 100 MB")

    async def more(url: str) -> bytes:
        return bytes(25 * mb + 1)

    fetched = await fetch_all([Upload("lies.jpg", CDN, 10)], more)
    assert fetched.problems == ("lies.jpg is over 25 MB",)


async def test_one_form_brings_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def some(url: str) -> bytes:
        return b"photo"

    monkeypatch.setattr(uploads, "FORM_LIMIT_MB", 30)
    sent = [Upload(f"{n}.jpg", CDN, 20 * 1024 * 1024) for n in range(2)]
    fetched = await fetch_all(sent, some)
    assert len(fetched.photos) == 1
    assert fetched.problems == ("1.jpg is more than comes in at once; send it by itself",)


# -- a folder of whoever runs the bot


def shelved(world: World, folder: Path) -> None:
    settings = StudioSettings(folders=(("portraits", str(folder)), ("gone", str(folder / "gone"))))
    world.studio.shelves = Shelves(cast("Desk", SimpleNamespace(settings=settings)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in (1, 2, 10):
        (tmp_path / f"p{n}.jpg").write_bytes(PHOTO)
    (tmp_path / "p2.txt").write_text("on a beach")
    return tmp_path


async def test_who_runs_the_bot_takes_photos_from_a_folder_by_its_name(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelved(world, folder)
    monkeypatch.setattr(router, "_runs_the_bot", lambda interaction: interaction.user.id == world.alice.id)
    offered = await world.alice.autocomplete(world.channel, "train", "folder", "PORT")
    assert [choice["value"] for choice in offered] == ["portraits"]
    shown = await world.alice.slash(world.channel, "train", name="Katerina", folder="portraits")
    result = await world.alice.submit_modal(shown, {"name": "Katerina", "kind": "me", "consent": True})
    training = world.studio.training
    assert training is not None and result.response is not None and "3 photos in" in result.response.content
    assert [(photo.name, photo.caption) for photo in training.photos] == [
        ("p1.jpg", ""), ("p2.jpg", "on a beach"), ("p10.jpg", ""),
    ]  # fmt: skip


async def test_a_folder_that_is_not_there_is_told_without_its_path(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelved(world, folder)
    monkeypatch.setattr(router, "_runs_the_bot", lambda interaction: True)
    shown = await world.alice.slash(world.channel, "train", name="K", folder="gone")
    result = await world.alice.submit_modal(shown, {"name": "K", "kind": "me", "consent": True})
    assert result.response is not None and str(folder) not in result.response.content
    assert result.response.content.startswith("There are no photos to be read in the folder gone.")
    refused = await world.alice.slash(world.channel, "train", name="K", folder="../../etc")
    assert refused.modal is None and "There is no folder called ../../etc" in str(refused.response)


async def test_nobody_else_sees_or_uses_a_folder(world: World, folder: Path) -> None:
    shelved(world, folder)
    offered = await world.bob.autocomplete(world.channel, "train", "folder", "")
    assert offered == []
    refused = await world.bob.slash(world.channel, "train", name="K", folder="portraits")
    assert refused.modal is None and refused.response is not None and refused.response.ephemeral
    assert "Only the one who runs this bot" in refused.response.content


@pytest.mark.parametrize(
    ("owner", "team", "is_it"), [(7, None, True), (8, None, False), (99, (7, 8), True), (7, (8, 9), False)]
)
def test_who_runs_the_bot_is_what_discord_says(owner: int, team: tuple[int, ...] | None, is_it: bool) -> None:
    members = None if team is None else SimpleNamespace(members=[SimpleNamespace(id=id) for id in team])
    application: Any = SimpleNamespace(owner=SimpleNamespace(id=owner), team=members)
    asked = SimpleNamespace(client=SimpleNamespace(application=application), user=SimpleNamespace(id=7))
    assert router._runs_the_bot(cast("discord.Interaction", asked)) is is_it
    asked.client.application = None
    assert not router._runs_the_bot(cast("discord.Interaction", asked))
