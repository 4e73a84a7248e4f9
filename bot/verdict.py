"""A folder's photos, judged by the engine: what is kept, how it is cropped and what it is called."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.bars import Watch
from bot.bases import Base
from bot.config import TrainingSettings
from bot.errors import UserError
from bot.folder import Folder, FolderPhoto
from bot.report import RefusedPhoto
from bot.studio.captions import as_trained
from bot.studio.prompt import with_trigger
from bot.workbench import Workbench
from engine.faces import meant
from engine.protocol import Box, PhotoFlag, PhotoRead, PhotoRef, PrepareJob, SubjectKind
from storage.states import SubjectKind as StoredKind

FEWEST = TrainingSettings().min_photos
MOST = TrainingSettings().max_photos
LARGEST_BYTES = 100 * 1024 * 1024
SMALLEST_SIDE = 256
"""Pixels of the short side below which a photo is refused, unless it is a finished crop."""
FLAGS = {
    PhotoFlag.NO_FACE: "no face was found, so its middle is used",
    PhotoFlag.CUT_FACE: "the face is cut off at the edge",
    PhotoFlag.SEVERAL_FACES: "has several faces and it is not certain which one is meant",
    PhotoFlag.GROUP: "has several faces; the one seen most often was taken",
    PhotoFlag.BLURRED: "is blurred",
}


@dataclass(frozen=True)
class Kept:
    """One photo to learn from."""

    photo_id: str
    name: str
    sha256: str
    """Of `photo`."""
    photo: bytes = field(repr=False)
    """Cleaned: upright, no metadata."""
    crop: Box | None
    face: Box | None
    """The subject's, in the photo."""
    own_caption: str | None
    """By a person, from the .txt: taken as it is, with the trigger word put first where it is absent."""
    read_caption: str = ""
    """By the engine."""
    weight: int = 1

    def caption(self, kind: SubjectKind, trigger: str, class_word: str) -> str:
        """As it is trained."""
        if self.own_caption is not None:
            return with_trigger(self.own_caption, trigger, class_word)
        return as_trained(StoredKind(kind), trigger, class_word, self.read_caption)


@dataclass(frozen=True)
class Verdict:
    kept: tuple[Kept, ...]
    refused: tuple[RefusedPhoto, ...]


async def read_photos(
    folder: Folder, base: Base, kind: SubjectKind, bench: Workbench, watch: Watch, *, crop: bool
) -> Verdict:
    """Have the engine look at every photo. UserError when there are too many or too few; each refusal is told."""
    given, side = folder.photos, base.side
    if len(given) > MOST:
        raise UserError(
            f"There are {len(given)} photos in {folder.path}: at most {MOST} are taken, so leave the weakest out."
        )
    if len(given) < FEWEST:
        raise UserError(f"There are only {len(given)} photos in {folder.path}: add more, at least {FEWEST} are needed.")
    finished = finished_crops(given, side)
    crop = crop and not finished
    if finished:
        watch.say("These are square pictures of the base's own size, so they are taken as they are, without cropping.")
    photos = {f"p{number:03d}": photo for number, photo in enumerate(given, start=1)}
    refused = {key: "has more than 100 MiB" for key, photo in photos.items() if photo.size > LARGEST_BYTES}
    hashes = {key: _sha256(photo.path.read_bytes()) for key, photo in photos.items() if key not in refused}
    job = PrepareJob(
        job_id=f"prepare-{_sha256(''.join(hashes.values()).encode())[:16]}",
        base=base.ref,
        subject_kind=kind,
        photos=tuple(PhotoRef(photo_id=key, sha256=sha256) for key, sha256 in hashes.items()),
        min_side=min(SMALLEST_SIDE, side) if finished or not crop else SMALLEST_SIDE,
        caption=any(photo.caption is None for photo in given),
    )
    kept: dict[str, Kept] = {}
    watch.step("prepare", len(refused), len(photos))
    async for event in bench.work(job, {sha256: photos[key].path for key, sha256 in hashes.items()}):
        if not isinstance(event, PhotoRead):
            continue
        key, photo = event.photo_id, photos[event.photo_id]
        if event.refused is not None:
            refused[key] = _reason(event, photos[event.duplicate_of].name if event.duplicate_of else None)
            watch.say(f"Left out: {photo.name} {refused[key]}.")
        else:
            kept[key] = _kept(event, photo, crop=crop)
            if crop:
                for flag in event.flags:
                    watch.say(f"Look at {photo.name}: {FLAGS[flag]}.")
        watch.step("prepare", len(kept) + len(refused), len(photos))
    if len(kept) < FEWEST:
        raise UserError(
            _too_few(len(kept), [f"{photos[key].name} {reason}" for key, reason in sorted(refused.items())])
        )
    return Verdict(
        tuple(kept[key] for key in photos if key in kept),
        tuple(RefusedPhoto(name=photos[key].name, reason=refused[key]) for key in photos if key in refused),
    )


def finished_crops(photos: Sequence[FolderPhoto], side: int) -> bool:
    """Whether most of the photos are squares of about the size the base was trained at, as people prepare them."""
    from PIL import Image

    squares = 0
    for photo in photos:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                # Opening reads the header only; what is wrong with a file the engine says, in a process of its own.
                with Image.open(io.BytesIO(photo.path.read_bytes()), formats=("JPEG", "PNG", "WEBP")) as picture:
                    squares += picture.width == picture.height and side <= picture.width < 2 * side
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return 2 * squares > len(photos)


def _kept(event: PhotoRead, photo: FolderPhoto, *, crop: bool) -> Kept:
    data = event.blobs["photo"]
    return Kept(
        photo_id=event.photo_id,
        name=photo.name,
        sha256=_sha256(data),
        photo=data,
        crop=event.crop if crop else None,
        face=meant(event.faces, event.crop if crop else None),
        own_caption=photo.caption,
        read_caption=event.caption,
        weight=photo.weight,
    )


def _reason(event: PhotoRead, copied: str | None) -> str:
    return f"is a copy of {copied}" if copied else (event.refused or "").rstrip(".")


def _too_few(kept: int, reasons: list[str]) -> str:
    left_out = f" Left out: {'; '.join(reasons)}." if reasons else ""
    return f"Only {kept} of the photos can be used, and at least {FEWEST} are needed: add more.{left_out}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
