"""A set of drawn photos with everything in it that advice is given about; and the sheet of it in docs/intake.md:

python -m tests.engine.planted docs/images
"""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from bot.studio.coaching import Looked
from bot.studio.sheets import PhotoTile, contact_sheet
from engine.miniature.photos import compose, light
from engine.miniature.world import EXPRESSIONS, Identity, Scene
from engine.protocol import BaseModelRef, EventBase, PhotoFlag, PhotoRead, PhotoRef, PrepareJob, SubjectKind
from engine.worker.order import Order
from engine.worker.prepare import prepare
from storage.records import Box, Face

SUBJECT, FRIEND = 7300, 7301
SIZE = (800, 600)


def planted() -> dict[str, bytes]:
    """By what is the matter with each; the first six are good."""
    photos = {f"good {n}": _shot(SUBJECT, n) for n in range(6)}
    first = photos["good 0"]
    photos["burst"] = _shot(SUBJECT, 4, expression=EXPRESSIONS[1], step=1)
    photos["mirrored copy"] = ImageOps.mirror(first)
    photos["blurred"] = _shot(SUBJECT, 20).filter(ImageFilter.GaussianBlur(9))
    photos["dark"] = ImageEnhance.Brightness(_shot(SUBJECT, 21)).enhance(0.4)
    photos["friend 1"] = _shot(FRIEND, 22)
    photos["friend 2"] = _shot(FRIEND, 23)
    return {name: _jpeg(picture) for name, picture in photos.items()}


def read(files: dict[str, bytes]) -> dict[str, PhotoRead]:
    refs = tuple(
        PhotoRef(photo_id=str(n), sha256=hashlib.sha256(data).hexdigest()) for n, data in enumerate(files.values(), 1)
    )
    job = PrepareJob(job_id="job", base=BaseModelRef(), subject_kind=SubjectKind.PERSON, photos=refs)
    events: list[EventBase] = []
    blobs = {ref.sha256: data for ref, data in zip(refs, files.values(), strict=True)}
    for _ in prepare(job, blobs, events.append, Order()):
        pass
    told = {event.photo_id: event for event in events if isinstance(event, PhotoRead)}
    return {name: told[str(n)] for n, name in enumerate(files, 1)}


def looked(events: dict[str, PhotoRead]) -> list[Looked]:
    return [
        Looked(
            id=int(event.photo_id),
            number=int(event.photo_id),
            kept=event.refused is None,
            copy_of=None if event.duplicate_of is None else int(event.duplicate_of),
            flags=tuple(event.flags),
            facts=event.measured,
        )
        for event in events.values()
    ]


def sheet(events: dict[str, PhotoRead]) -> bytes:
    tiles: list[PhotoTile] = []
    for number, event in enumerate(events.values(), 1):
        if event.crop is None:
            words = f"copy of {event.duplicate_of}"
            tiles.append(PhotoTile(number, event.blobs["glimpse"], 0, 0, None, left_out=words))
            continue
        faces = tuple(Face(Box(**face.box.model_dump()), face.score) for face in event.faces)
        asks = PhotoFlag.SEVERAL_FACES in event.flags
        crop = Box(**event.crop.model_dump())
        tiles.append(PhotoTile(number, event.blobs["photo"], event.width, event.height, crop, faces, asks))
    return contact_sheet(tiles)


def _shot(who: int, seed: int, *, expression: str | None = None, step: int = 0) -> Image.Image:
    scene = Scene.random(np.random.default_rng([seed, 5]))
    scene = replace(scene, expression=expression or scene.expression)
    person = Identity.from_seed(who, "unseen")
    picture, _ = compose(np.random.default_rng([seed, 99]), [person], [scene], SIZE)
    rng = np.random.default_rng([seed, step])
    x, y = (int(v) for v in rng.integers(0, 41, 2)) if step else (20, 20)
    return light(picture.crop((x, y, x + 760, y + 560)), rng)


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


if __name__ == "__main__":
    told = read(planted())
    (Path(sys.argv[1]) / "intake.webp").write_bytes(sheet(told))
