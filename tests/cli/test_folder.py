"""Folders of photos as kohya users have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.folder import read_folder


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"not looked at here")


def test_photos_in_natural_order_with_their_captions(tmp_path: Path) -> None:
    put(tmp_path, "b10.jpg", "b2.PNG", "notes.md", ".hidden.jpg", "truth.json")
    (tmp_path / "b2.txt").write_text("smiling,\n on a  beach \n", encoding="utf-8-sig")
    (tmp_path / "b10.txt").write_text("  \n")
    folder = read_folder(tmp_path)
    assert [(photo.name, photo.caption, photo.weight) for photo in folder.photos] == [
        ("b2.PNG", "smiling, on a beach", 1),
        ("b10.jpg", None, 1),
    ]
    assert folder.note == ""


def test_repeat_folders_are_weights_and_name_the_subject(tmp_path: Path) -> None:
    put(tmp_path / "10_ohwx person", "a.jpg")
    put(tmp_path / "20_ohwx person", "b.jpg")
    put(tmp_path / "pictures", "ignored.jpg")
    folder = read_folder(tmp_path)
    assert [(photo.name, photo.weight) for photo in folder.photos] == [
        ("10_ohwx person/a.jpg", 1),
        ("20_ohwx person/b.jpg", 2),
    ]
    assert (folder.trigger, folder.class_word) == ("ohwx", "person")
    assert "weights, not as length" in folder.note


def test_equal_repeats_change_nothing_and_it_is_said(tmp_path: Path) -> None:
    put(tmp_path / "10_ohwx", "a.jpg", "b.jpg")
    folder = read_folder(tmp_path)
    assert {photo.weight for photo in folder.photos} == {1}
    assert (folder.trigger, folder.class_word) == ("ohwx", None)
    assert "change nothing" in folder.note


def test_folders_of_different_subjects_name_nobody(tmp_path: Path) -> None:
    put(tmp_path / "5_ohwx person", "a.jpg")
    put(tmp_path / "5_sks dog", "b.jpg")
    assert read_folder(tmp_path).trigger is None


def test_what_is_no_folder_of_photos(tmp_path: Path) -> None:
    put(tmp_path / "full", "readme.txt")
    for path, words in [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "full" / "readme.txt", "is not a folder"),
        (tmp_path / "full", "no photos"),
    ]:
        with pytest.raises(UserError, match=words):
            read_folder(path)


def test_a_caption_that_is_not_text(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match=r"a\.txt cannot be read as text"):
        read_folder(tmp_path)
