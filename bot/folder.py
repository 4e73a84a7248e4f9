"""A folder of photos as people who train have it: pictures, and beside each, if they like, a .txt with its caption.

    portraits/                      portraits/
      a.jpg  a.txt                    10_ohwx person/   a.jpg  a.txt
      b.png                           20_ohwx person/   b.png

The right one is kohya's: folders named REPEATS_TRIGGER CLASS, one level deep. Repeats are read as weights: the pictures of
the second folder are shown twice as often as those of the first. How long a training lasts is set in exposures, so
repeats of 10 everywhere mean the same as 1 everywhere.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from bot.errors import UserError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".bmp", ".gif", ".tif", ".tiff"})
"""What counts as a photo that was given. Whether it can be used, the engine says, photo by photo."""
REPEATS = re.compile(r"^(\d{1,4})_(.+)$")
CAPTION_CHARACTERS = 1000


@dataclass(frozen=True)
class FolderPhoto:
    name: str
    """Relative to the folder, with forward slashes."""
    path: Path
    caption: str | None
    """From the .txt beside it, in one line; None where there is none."""
    size: int
    """In bytes."""
    weight: int = 1
    """How often it is shown for each time that a photo of weight 1 is."""


@dataclass(frozen=True)
class Folder:
    path: Path
    photos: tuple[FolderPhoto, ...]
    trigger: str | None = None
    """From the names of repeat folders, like class_word; None where there are none or they disagree."""
    class_word: str | None = None
    note: str = ""
    """What a person should know about how the folder was read; "" when there is nothing to say."""


def read_folder(path: Path) -> Folder:
    """The photos of a folder in natural order of their names. UserError when there is nothing to read."""
    if not path.exists():
        raise UserError(f"{path} does not exist: name the folder that holds the photos.")
    if not path.is_dir():
        raise UserError(f"{path} is not a folder: name the folder that holds the photos.")
    try:
        repeated = [entry for entry in path.iterdir() if entry.is_dir() and REPEATS.match(entry.name)]
        loose = _photos(path, path, 1)
        nested = [(folder, _repeats(folder), _photos(folder, path, _repeats(folder))) for folder in repeated]
    except PermissionError as error:
        raise UserError(f"{error.filename} cannot be read: let this user read it.") from None
    nested = [entry for entry in nested if entry[2]]
    photos = [*loose, *(photo for _, _, inside in nested for photo in inside)]
    if not photos:
        raise UserError(f"There are no photos in {path}: put JPEG, PNG or WebP files there.")
    shared = math.gcd(*(photo.weight for photo in photos))
    photos = [replace(photo, weight=photo.weight // shared) for photo in photos]
    photos.sort(key=lambda photo: natural(photo.name))
    subjects = {match.group(2) for folder, _, _ in nested if (match := REPEATS.match(folder.name))}
    trigger, class_word = _subject(subjects.pop()) if len(subjects) == 1 else (None, None)
    return Folder(path, tuple(photos), trigger, class_word, _note(photos, nested))


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts photo 2 before photo 10."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", name) if part]


def _photos(folder: Path, root: Path, weight: int) -> list[FolderPhoto]:
    found: list[FolderPhoto] = []
    for path in folder.iterdir():
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            name = path.relative_to(root).as_posix()
            found.append(FolderPhoto(name, path, _caption(path.with_suffix(".txt")), path.stat().st_size, weight))
    return found


def _caption(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        text = " ".join(path.read_text(encoding="utf-8-sig").split())
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"{path.name} cannot be read as text: save the caption as UTF-8, or take the file out."
        ) from None
    if len(text) > CAPTION_CHARACTERS:
        raise UserError(
            f"{path.name} has {len(text)} characters: a caption has at most {CAPTION_CHARACTERS}. Shorten it."
        )
    return text or None


def _repeats(folder: Path) -> int:
    match = REPEATS.match(folder.name)
    return max(1, int(match.group(1))) if match else 1


def _subject(words: str) -> tuple[str, str | None]:
    trigger, _, class_word = words.strip().partition(" ")
    return trigger, class_word.strip() or None


def _note(photos: list[FolderPhoto], nested: list[tuple[Path, int, list[FolderPhoto]]]) -> str:
    if not nested:
        return ""
    if len({photo.weight for photo in photos}) == 1:
        return "Repeats in folder names are the same everywhere, so they change nothing: length is set in exposures."
    listed = ", ".join(f"{folder.name} ({inside[0].weight})" for folder, _, inside in sorted(nested))
    return f"Repeats in folder names are read as weights, not as length: {listed}."
