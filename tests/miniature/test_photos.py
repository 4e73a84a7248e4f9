"""The demo's photos: what is planted in them is really there, and their truth is true."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from engine.miniature.photos import GPS_TAG, ORIENTATION_TAG, Photo, draw_photos, write_photos
from engine.miniature.world import Identity


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    return draw_photos(7, 12)


def of_kind(photos: list[Photo], kind: str) -> Photo:
    (one,) = [photo for photo in photos if photo.kind == kind]
    return one


def upright(photo: Photo) -> Image.Image:
    with Image.open(io.BytesIO(photo.data)) as file:
        return ImageOps.exif_transpose(file).convert("RGB")


def test_twelve_photos_hold_one_of_each_special_and_follow_from_the_seed(photos: list[Photo]) -> None:
    assert sorted(photo.kind for photo in photos) == sorted(["plain"] * 8 + ["friend", "rotated", "copy", "truncated"])
    assert [photo.data for photo in draw_photos(7, 12)] == [photo.data for photo in photos]
    assert all(600 <= side <= 1400 for photo in photos for side in photo.size)


def test_few_photos_plant_fewer_specials() -> None:
    assert {photo.kind for photo in draw_photos(3, 3)} == {"plain"}
    assert sorted({photo.kind for photo in draw_photos(3, 6)}) == ["friend", "plain", "rotated"]


def test_the_turned_photo_carries_orientation_and_gps(photos: list[Photo]) -> None:
    turned = of_kind(photos, "rotated")
    with Image.open(io.BytesIO(turned.data)) as file:
        exif = file.getexif()
        assert exif[ORIENTATION_TAG] == 6
        assert exif.get_ifd(GPS_TAG)[2] == (52.0, 13.0, 48.0)
        assert file.size == turned.size[::-1]
    assert upright(turned).size == turned.size
    for other in photos:
        if other.kind not in ("rotated", "truncated"):
            with Image.open(io.BytesIO(other.data)) as file:
                assert not dict(file.getexif())


def test_the_truncated_photo_does_not_decode(photos: list[Photo]) -> None:
    with Image.open(io.BytesIO(of_kind(photos, "truncated").data)) as file, pytest.raises(OSError, match="truncated"):
        file.load()


def test_the_copy_is_nearly_but_not_quite_its_pattern(photos: list[Photo]) -> None:
    copy = of_kind(photos, "copy")
    (pattern,) = [photo for photo in photos if photo.name == copy.copy_of]
    small = [np.asarray(upright(photo).resize((32, 32)), dtype=float) for photo in (copy, pattern)]
    assert copy.data != pattern.data
    assert 0 < np.abs(small[0] - small[1]).mean() < 12


def test_the_friend_is_somebody_else_and_stands_apart(photos: list[Photo]) -> None:
    photo = of_kind(photos, "friend")
    (friend,) = photo.friends
    assert Identity.from_seed(friend.seed, "unseen") != Identity.from_seed(7, "unseen")
    assert photo.subject.face[2] <= friend.face[0] or friend.face[2] <= photo.subject.face[0]


def test_face_boxes_hold_the_face(photos: list[Photo]) -> None:
    """Inside the box there is much of the person's skin colour, and it is a face in size and place."""
    from engine.miniature.head import Head

    for photo in photos:
        if photo.kind == "truncated":
            continue
        picture = upright(photo)
        assert picture.size == photo.size
        for sitter in (photo.subject, *photo.friends):
            left, top, right, low = sitter.face
            assert 0 <= left < right <= picture.width
            assert 0 <= top < low <= picture.height
            skin = np.array(Head(Identity.from_seed(sitter.seed, "unseen"), sitter.scene).skin, dtype=float)
            inside = np.asarray(picture.crop(sitter.face), dtype=float)
            middle = inside[inside.shape[0] // 4 : -inside.shape[0] // 4, inside.shape[1] // 5 : -inside.shape[1] // 5]
            hue = middle / (middle.sum(-1, keepdims=True) + 1)
            near = np.abs(hue - skin / skin.sum()).max(-1) < 0.05
            assert near.mean() > 0.25, f"no face at {sitter.face} in {photo.name}"


def test_written_files_and_their_truth(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 7, 4)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["traits"] == Identity.from_seed(7, "unseen").traits()
    assert [one["name"] for one in truth["photos"]] == [path.name for path in paths]
    assert sum(len(one["friends"]) for one in truth["photos"]) == 1
    assert set(truth["photos"][0]) == {"name", "kind", "size", "copy_of", "caption", "scene", "face", "friends"}


def test_plain_photos_are_clean_portraits(tmp_path: Path) -> None:
    for path in write_photos(tmp_path, 7, 12, plain=True):
        with Image.open(path) as file:
            assert (file.format, file.size, file.mode) == ("PNG", (64, 64), "RGB")
    assert {one["kind"] for one in json.loads((tmp_path / "truth.json").read_text())["photos"]} == {"plain"}
