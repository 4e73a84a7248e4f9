"""Reading a set of photos: each is cleaned and judged, faces are found, one square each is proposed and described.

A generator that yields after every photo, twice: first all are decoded, compared and searched for faces; then, when the whole
set is known (which finder sees it better, who recurs in it), the verdicts are told. What is refused is told at once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.captioning import Captioner
from engine.facts import PhotoFacts
from engine.families.bases import MINIATURE
from engine.families.spec import family
from engine.miniature import IDENTITY, PORTRAIT_SIDE
from engine.protocol import (
    BaseModelRef,
    Box,
    EventBase,
    Face,
    PhotoFlag,
    PhotoRead,
    PhotoRef,
    PrepareJob,
    Progress,
    SubjectKind,
)
from engine.verdicts import Cause
from engine.worker import framing, subjects
from engine.worker.captions import Describer, template
from engine.worker.decode import Decoder, Pixels, Refused, glimpse_of
from engine.worker.duplicates import Prints
from engine.worker.facts import Measurer, eyes_here, faces_for, first_sight, turn_of
from engine.worker.finders import Finder, Found, Rect, explains, finders
from engine.worker.order import Order
from engine.worker.subjects import Alike, Choice

if TYPE_CHECKING:
    from PIL import Image

Emit = Callable[[EventBase], None]
WITH_FACES = (SubjectKind.PERSON, SubjectKind.CHARACTER)
BLURRED = 25.0
"""Sharpness below which a photo is flagged."""
JPEG_QUALITY = 95


@dataclass(slots=True)
class Reading:
    """One photo on its way. `jpeg` is the cleaned photo as it will be kept; pictures are opened from it again when needed."""

    photo_id: str
    jpeg: bytes
    size: tuple[int, int]
    faces: dict[str, list[Found]] = field(default_factory=dict[str, list[Found]])
    """By finder."""
    day: int | None = None

    def picture(self) -> Image.Image:
        from PIL import Image

        with Image.open(io.BytesIO(self.jpeg), formats=("JPEG",)) as file:
            return file.convert("RGB")


def prepare(job: PrepareJob, blobs: Mapping[str, bytes], emit: Emit, order: Order) -> Iterator[None]:
    """Emits one PhotoRead for each of job.photos, and Progress. Raises BadInput, BaseUnavailable."""
    least = least_crop(job.base)
    eyes = [make() for make in finders(job.finder)] if job.subject_kind in WITH_FACES else []
    prints = Prints()
    known: list[Reading] = []
    kept: list[Reading] = []
    with Decoder() as decoder:
        for ref in job.known:
            try:
                reading = _read(decoder, ref, blobs[ref.sha256], 1, eyes, prints)
            except (Refused, Copy):
                continue  # it was accepted once; whatever is wrong with it now is not this job's matter
            known.append(reading)
            yield
        for place, ref in enumerate(job.photos):
            try:
                kept.append(_read(decoder, ref, blobs[ref.sha256], job.min_side, eyes, prints))
            except Refused as reason:
                emit(_refusal(job, ref.photo_id, reason))
            except Copy as copy:
                emit(_refusal(job, ref.photo_id, Refused(Cause.COPY, copy.glimpse), duplicate_of=copy.of))
            opened = kept[-1] if kept and kept[-1].photo_id == ref.photo_id else None
            emit(
                Progress(
                    job_id=job.job_id, attempt=job.attempt, phase="reading", step=place + 1, total=len(job.photos),
                    photo_id=ref.photo_id, measured=opened and _first_sight(opened, _best(eyes, known + kept), least),
                )
            )  # fmt: skip
            yield
    finder = _best(eyes, known + kept)
    choices = _choices(finder, known + kept)
    describer = Describer(finder, job.subject_kind, job.captioner)
    measurer = Measurer(2 * least, eyes_here() if job.base.source != MINIATURE else None, faces_for(finder))
    for reading, choice in zip(known, choices, strict=False):
        face = reading.faces[finder][choice.index].box if choice else None
        measurer.remember(reading.photo_id, reading.picture(), face)
        yield
    for reading, choice in zip(kept, choices[len(known) :], strict=True):
        emit(_verdict(job, reading, finder, choice, least, describer, measurer))
        yield


class Copy(Exception):
    def __init__(self, of: str, glimpse: Pixels) -> None:
        super().__init__(of)
        self.of = of
        self.glimpse = glimpse


def least_crop(base: BaseModelRef) -> int:
    """Pixels a crop needs: half of what is trained at; less would be mostly invented by enlarging. Raises BaseUnavailable."""
    resolution = PORTRAIT_SIDE if base.source == MINIATURE else family(base.family).home_resolution
    return resolution // 2


def _read(decoder: Decoder, ref: PhotoRef, data: bytes, min_side: int, eyes: list[Finder], prints: Prints) -> Reading:
    """Raises Refused, Copy."""
    pixels = decoder.read(data, min_side, first_frame=ref.first_frame)
    picture = pixels.picture()
    earlier = prints.add(ref.photo_id, picture)
    if earlier is not None and not ref.copy_too:
        raise Copy(earlier, glimpse_of(picture))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    reading = Reading(ref.photo_id, buffer.getvalue(), picture.size, day=pixels.day)
    for finder in eyes:
        reading.faces[finder.name] = finder.find(picture)
    return reading


def _first_sight(reading: Reading, finder: str, least: int) -> PhotoFacts | None:
    """None where it is not plain whose face is meant: that is said when the whole set is known."""
    faces = reading.faces.get(finder, [])
    if len(faces) != 1:
        return None
    around = framing.around_cartoon if finder == "cartoon" else framing.around_person
    crop = around(faces[0].box, reading.size)
    return first_sight(reading.picture(), faces[0].box, crop, wanted=2 * least, turn=faces[0].turn)


def _best(eyes: list[Finder], readings: list[Reading]) -> str:
    """The finder that explains the set; "" where none was asked."""
    names = [finder.name for finder in eyes]
    return max(names, key=lambda name: explains([reading.faces[name] for reading in readings]), default="")


def _choices(finder: str, readings: list[Reading]) -> list[Choice | None]:
    """Whose photo it is, one by one or, where an embedder can tell the faces apart, by who recurs."""
    single = [subjects.alone(reading.faces.get(finder, []), reading.size) for reading in readings]
    crowded = any(len(reading.faces.get(finder, [])) > 1 for reading in readings)
    if crowded and finder != "cartoon":
        return _by_recognition(finder, readings) or single
    if not crowded or not IDENTITY.is_dir():
        return single
    import numpy as np

    from engine.miniature.senses import IdentityEmbedder, portrait

    embedder = IdentityEmbedder.load()
    vectors: list[Any] = []
    for reading in readings:
        picture, faces = reading.picture(), reading.faces[finder]
        vectors.append(embedder.embed([portrait(picture, face.box) for face in faces]) if faces else np.zeros((0, 1)))
    return subjects.recurring(vectors, Alike.of_the_miniature())


def _by_recognition(finder: str, readings: list[Reading]) -> list[Choice | None] | None:
    """Who recurs among real people; None where nothing here can tell them apart, so that each photo speaks for itself."""
    from engine.scores.eyes import face_eyes
    from engine.scores.faces import SAME, STRANGER

    eyes = face_eyes()
    if eyes is None:
        return None
    vectors = [
        eyes.among(reading.picture(), [face.box for face in reading.faces.get(finder, [])]) for reading in readings
    ]
    return subjects.recurring(vectors, Alike(STRANGER, SAME))


def _verdict(
    job: PrepareJob,
    reading: Reading,
    finder: str,
    choice: Choice | None,
    least: int,
    describer: Describer,
    measurer: Measurer,
) -> PhotoRead:
    picture, faces = reading.picture(), reading.faces.get(finder, [])
    crop, flags = _framed(job, picture, finder, faces, choice, least)
    side = crop[2] - crop[0]
    if side < least:
        cause = Cause.FACE_SMALL
        if choice is None:  # then the square is as large as the photo allows
            cause = Cause.TOO_NARROW if picture.width <= picture.height else Cause.TOO_LOW
        return _refusal(job, reading.photo_id, Refused(cause, glimpse_of(picture), side=side, least=least))
    sharpness = framing.sharpness(picture, crop)
    if sharpness < BLURRED:
        flags.append(PhotoFlag.BLURRED)
    face = faces[choice.index].box if choice else None
    captioner, caption = describer.describe(picture, crop, face) if job.caption else (Captioner.TEMPLATE, "")
    turn = turn_of(caption) if finder == "cartoon" else faces[choice.index].turn if choice else None
    facts = measurer.measure(reading.photo_id, picture, face, crop, turn=turn, day=reading.day)
    facts = facts.model_copy(update={"captioner": captioner})
    if job.caption and captioner is Captioner.TEMPLATE:
        caption = template(facts, job.subject_kind)
    return PhotoRead(
        job_id=job.job_id,
        attempt=job.attempt,
        photo_id=reading.photo_id,
        width=reading.size[0],
        height=reading.size[1],
        faces=tuple(
            Face(
                box=_box(face.box),
                score=face.score,
                likely_subject=bool(choice and choice.sure and choice.index == place),
            )
            for place, face in enumerate(faces)
        ),
        crop=_box(crop),
        flags=tuple(flags),
        caption=caption,
        sharpness=sharpness,
        measured=facts,
        blobs={"photo": reading.jpeg},
    )


def _framed(
    job: PrepareJob, picture: Image.Image, finder: str, faces: list[Found], choice: Choice | None, least: int
) -> tuple[Rect, list[PhotoFlag]]:
    """The square to show, and what a person should look at."""
    if job.subject_kind not in WITH_FACES:
        style = job.subject_kind is SubjectKind.STYLE
        return framing.centre(picture.size) if style else framing.salient(picture, least), []
    if choice is None:
        return framing.centre(picture.size), [PhotoFlag.NO_FACE]
    face = faces[choice.index]
    around = framing.around_cartoon if finder == "cartoon" else framing.around_person
    flags = [PhotoFlag.CUT_FACE] if face.cut else []
    if len(faces) > 1:
        flags.append(PhotoFlag.GROUP if choice.sure else PhotoFlag.SEVERAL_FACES)
    return around(face.box, picture.size), flags


def _refusal(job: PrepareJob, photo_id: str, reason: Refused, duplicate_of: str | None = None) -> PhotoRead:
    blobs: dict[str, bytes] = {}
    if reason.glimpse is not None:
        buffer = io.BytesIO()
        reason.glimpse.picture().save(buffer, "JPEG", quality=85)
        blobs["glimpse"] = buffer.getvalue()
    return PhotoRead(
        job_id=job.job_id,
        attempt=job.attempt,
        photo_id=photo_id,
        refused=str(reason),
        cause=reason.verdict.cause,
        facts=dict(reason.verdict.facts),
        duplicate_of=duplicate_of,
        blobs=blobs,
    )


def _box(rect: Rect) -> Box:
    return Box(x0=rect[0], y0=rect[1], x1=rect[2], y1=rect[3])
