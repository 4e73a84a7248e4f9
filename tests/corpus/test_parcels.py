"""Every archive gets its sentence or its photos, none takes the bot down, and no name in one is ever a path."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot import parcel
from bot.parcel import BadParcel, Left, Parcel, Why, open_parcel, unpack
from tests.corpus import parcels
from tests.corpus.parcels import MIB, packed

PHOTO = random.Random(1).randbytes(5000)


async def left(data: bytes) -> dict[str, Why]:
    return {one.name: one.why for one in (await open_parcel(data)).left}


async def bad(data: bytes) -> Why:
    with pytest.raises(BadParcel) as refused:
        await open_parcel(data)
    return refused.value.why


async def test_photos_come_in_the_order_of_their_names_with_their_captions() -> None:
    found = await open_parcel(
        packed(
            ("10_ohwx person/b10.jpg", PHOTO + b"10"),
            ("10_ohwx person/b2.JPG", PHOTO + b"2"),
            ("10_ohwx person/b2.txt", "\ufeffsmiling,\n on a  beach \n".encode()),
            ("10_ohwx person/b10.txt", b"\xff\xfe not text"),
            ("a.heic", PHOTO),
            ("list.pdf", b"%PDF"),
            ("__MACOSX/._a.heic", b"junk"),
            (".DS_Store", b"junk"),
            ("empty/", b""),
            how=zipfile.ZIP_DEFLATED,
        )
    )
    assert [(one.name, one.data[5000:], one.caption) for one in found.photos] == [
        ("a.heic", b"", ""),
        ("b2.JPG", b"2", "smiling, on a beach"),
        ("b10.jpg", b"10", ""),
    ]
    assert (found.left, found.others) == ((), 1)
    assert "b2" not in repr(found) and "smiling" not in repr(found)


def test_whatever_is_wrong_in_an_archive_has_a_word_for_it() -> None:
    """A few thousand archives with something overwritten, cut out or put in: nothing but BadParcel is ever raised."""
    dice, seen = random.Random(5), set[object]()
    whole = packed(("ä.jpg", PHOTO[:300]), ("b.jpg", bytes(300)), ("b.txt", b"smiling"), how=zipfile.ZIP_DEFLATED)
    for _ in range(4000):
        data, start = bytearray(whole), dice.choice((0, whole.find(b"PK\x01\x02")))
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(start, len(data) - 8)
            match dice.randrange(4):
                case 0:
                    data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
                case 1:
                    data[at : at + 4] = dice.choice((bytes(4), b"\xff" * 4, dice.randbytes(4)))
                case 2:
                    del data[at : at + dice.randint(1, 8)]
                case _:
                    data[at:at] = dice.randbytes(dice.randint(1, 8))
        try:
            seen |= {found.why for found in unpack(bytes(data)) if isinstance(found, Left)}
        except BadParcel as refused:
            seen.add(refused.why)
    assert {Why.NOT_A_ZIP, Why.BOMB, Why.BROKEN, Why.LOCKED, Why.PACKED} <= seen


async def test_no_name_is_ever_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["../../../outside.jpg", "/absolute.jpg", "..\\..\\windows.jpg", "C:\\drive.jpg"]
    names += ["tab\there\u202e.jpg", f"{'x' * 400}.jpg"]
    monkeypatch.setenv("HOME", str(tmp_path))
    found = await open_parcel(packed(*((name, PHOTO) for name in names)))
    assert {one.name for one in found.photos} == {
        "outside.jpg", "absolute.jpg", "windows.jpg", "drive.jpg", "tabhere.jpg", "x" * 96 + ".jpg",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == [] and not Path("/absolute.jpg").exists()


async def test_a_link_is_not_followed() -> None:
    found = await open_parcel(parcels.linked("passwords.jpg", "/etc/passwd"))
    assert [(one.name, one.data) for one in found.photos] == [("real.jpg", b"a photo")]


async def test_one_bad_member_takes_nothing_else_down() -> None:
    inner = packed(("deep.jpg", PHOTO))
    assert await left(packed(("good.jpg", PHOTO), ("more.zip", inner), ("fake.jpg", inner))) == {
        "more.zip": Why.NESTED,
        "fake.jpg": Why.NESTED,
    }
    assert await left(parcels.locked("secret.jpg", PHOTO)) == {"secret.jpg": Why.LOCKED}
    assert await left(parcels.flipped("bent.jpg", PHOTO)) == {"bent.jpg": Why.BROKEN}
    assert await left(packed(("huge.jpg", bytes(parcel.PHOTO_MIB * MIB + 1)))) == {"huge.jpg": Why.TOO_BIG}
    assert await left(packed(("flat.jpg", bytes(20 * MIB)), how=zipfile.ZIP_DEFLATED)) == {"flat.jpg": Why.PACKED}
    for how in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert await left(packed(("odd.jpg", PHOTO), how=how)) == {"odd.jpg": Why.PACKED}


@pytest.mark.parametrize("says", [3000, 60_000])
async def test_what_grows_past_its_word_is_broken_and_never_held(says: int) -> None:
    """A gigabyte of zeros behind a directory that speaks of some thousand bytes."""
    assert await left(parcels.lying("small.jpg", 40 * MIB, says)) == {"small.jpg": Why.BROKEN}


async def test_only_so_much_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await open_parcel(packed(*((f"{n}.jpg", PHOTO) for n in range(1, 104))))
    assert len(found.photos) == parcel.MOST_PHOTOS
    assert [(one.name, one.why) for one in found.left] == [(f"{n}.jpg", Why.NO_ROOM) for n in (101, 102, 103)]
    monkeypatch.setattr(parcel, "TOTAL_MIB", 1)
    members = [(f"{n}.jpg", random.Random(n).randbytes(400_000)) for n in range(4)]
    told = list(parcel.unpack(packed(*members)))
    assert [one.name for one in told if isinstance(one, parcel.Packed)] == ["0.jpg", "1.jpg"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", Why.NOT_A_ZIP),
        (b"PK\x03\x04 and no more", Why.NOT_A_ZIP),
        (packed(("a.jpg", PHOTO))[:-40], Why.NOT_A_ZIP),
        (packed(("a.jpg", PHOTO))[2000:], Why.NOT_A_ZIP),
        (packed(), Why.EMPTY),
        (packed(("letter.docx", b"words")), Why.EMPTY),
        (packed(*((f"{n}.jpg", b"") for n in range(2001))), Why.TOO_MANY),
        (parcels.understated(2001), Why.TOO_MANY),
        (packed(*((f"{'long' * 250}{n}.jpg", b"") for n in range(1100))), Why.TOO_MANY),
        (parcels.shared(300, PHOTO), Why.BOMB),
    ],
    ids=lambda value: value.value if isinstance(value, Why) else None,
)
async def test_a_bad_archive_is_refused_whole_with_its_reason(data: bytes, why: Why) -> None:
    assert await bad(data) is why


async def test_noise_is_a_refusal_or_photos() -> None:
    dice = random.Random(7)
    good = packed(("a.jpg", PHOTO), ("b/c.png", PHOTO), how=zipfile.ZIP_DEFLATED)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 20)):
            place = dice.randrange(len(data) - 200, len(data)) if dice.random() < 0.7 else dice.randrange(len(data))
            data[place] = dice.randrange(256)
        try:
            told = list(parcel.unpack(bytes(data)))
        except BadParcel:
            continue
        assert all(isinstance(one, parcel.Packed | parcel.Left | int) for one in told)


async def test_what_hangs_is_ended_and_what_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    good = packed(("a.jpg", PHOTO))
    with pytest.raises(BadParcel) as slow:
        await open_parcel(good, wall_s=1e-6)
    assert slow.value.why is Why.SLOW
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert await bad(good) is Why.BOMB
    monkeypatch.undo()
    assert isinstance(await open_parcel(good), Parcel)


async def test_the_child_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, str] = {}
    start = asyncio.create_subprocess_exec

    async def seen(*args: str, env: dict[str, str], **more: Any) -> Any:
        told.update(env)
        return await start(*args, env=env, **more)

    monkeypatch.setenv("LIKENESS_TOKEN", "secret")
    monkeypatch.setenv("LIKENESS_MASTER_KEY", "secret")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", seen)
    assert (await open_parcel(packed(("a.jpg", PHOTO)))).photos
    assert "PATH" in told and "secret" not in told.values()


def test_the_child_has_its_limits() -> None:
    """Asked of a child itself: what it may hold, use and write."""
    asked = (
        "import resource as r; from bot.parcel import _limit; _limit(); "
        "print(*(r.getrlimit(what)[0] for what in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE)))"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert told == [str(1 << 30), "20", "0"]
