"""Real photos, planted with what goes wrong: see ../shared/photos/README.md. They stay out of the repository."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from bot.studio.sheets import GAP, TILE, PhotoTile, contact_sheet
from engine.protocol import BaseModelRef, EventBase, PhotoFlag, PhotoRead, PhotoRef, PrepareJob, SubjectKind
from engine.verdicts import Cause
from engine.worker.finders import YUNET, overlap
from engine.worker.order import Order
from engine.worker.prepare import prepare
from storage.records import Box, Face

YUNET_FILE = os.environ.get(YUNET, "")
PHOTOS = Path(__file__).parents[2].parent / "shared" / "photos"
pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"the real photos are not at {PHOTOS}")

HIS_FACE = {
    "32bit.png": (300, 410),
    "obama.jpg": (495, 240),
    "obama1.jpg": (760, 365),
    "obama3.jpg": (795, 420),
    "obama_and_biden.jpg": (1235, 480),
    "obama_partial_face.jpg": (75, 240),
    "two_people.jpg": (320, 115),
}
"""The middle of the subject's face, read off the photos by eye."""


def read(kind: SubjectKind) -> dict[str, PhotoRead]:
    files = sorted((PHOTOS / kind.value).iterdir())
    refs = tuple(PhotoRef(photo_id=file.name, sha256=hashlib.sha256(file.read_bytes()).hexdigest()) for file in files)
    job = PrepareJob(job_id="job", base=BaseModelRef(source="a/base"), subject_kind=kind, photos=refs)
    blobs = {ref.sha256: file.read_bytes() for ref, file in zip(refs, files, strict=True)}
    events: list[EventBase] = []
    for _ in prepare(job, blobs, events.append, Order()):
        pass
    return {event.photo_id: event for event in events if isinstance(event, PhotoRead)}


@pytest.fixture(scope="module")
def people() -> dict[str, PhotoRead]:
    """As the built-in finder sees them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(YUNET, raising=False)
        return read(SubjectKind.PERSON)


def test_nine_are_given_the_copy_and_the_small_one_are_refused(people: dict[str, PhotoRead]) -> None:
    assert len(people) == 9
    refused = {name: (event.refused, event.duplicate_of) for name, event in people.items() if event.refused}
    assert refused == {
        "obama2.jpg": ("is a copy of another photo", "32bit.png"),
        "obama_small.jpg": ("is 240 px high; at least 256 are needed", None),
    }


def test_the_cut_face_is_flagged_and_the_groups_are_asked_about(people: dict[str, PhotoRead]) -> None:
    flags = {name: event.flags for name, event in people.items() if event.flags}
    assert flags == {
        "obama_partial_face.jpg": (PhotoFlag.CUT_FACE,),
        "obama_and_biden.jpg": (PhotoFlag.SEVERAL_FACES,),
        "two_people.jpg": (PhotoFlag.SEVERAL_FACES,),
    }


@pytest.mark.parametrize("name", HIS_FACE)
def test_every_crop_holds_his_whole_face_and_nothing_false_is_found(people: dict[str, PhotoRead], name: str) -> None:
    event = people[name]
    x, y = HIS_FACE[name]
    (face,) = [one.box for one in event.faces if one.box.x0 <= x < one.box.x1 and one.box.y0 <= y < one.box.y1]
    crop = event.crop
    assert crop is not None
    assert crop.x0 <= face.x0 and crop.y0 <= face.y0 and crop.x1 >= face.x1 and crop.y1 >= face.y1
    assert 1.4 <= (crop.x1 - crop.x0) / max(face.x1 - face.x0, face.y1 - face.y0) <= 2.6
    assert len(event.faces) == (2 if PhotoFlag.SEVERAL_FACES in event.flags else 1)


HEAD_AND_SHOULDERS = {
    "32bit.png": (0, 120, 626, 746),
    "obama.jpg": (160, 0, 820, 660),
    "obama1.jpg": (340, 0, 1172, 832),
    "obama3.jpg": (430, 80, 1160, 810),
    "obama_and_biden.jpg": (970, 230, 1510, 770),
    "obama_partial_face.jpg": (0, 20, 491, 511),
    "two_people.jpg": (120, 0, 530, 410),
}
"""What a person would cut out, drawn by eye."""


@pytest.mark.parametrize("name", HEAD_AND_SHOULDERS)
def test_every_crop_is_nearly_the_one_a_person_would_draw(people: dict[str, PhotoRead], name: str) -> None:
    crop = people[name].crop
    assert crop is not None
    assert overlap((crop.x0, crop.y0, crop.x1, crop.y1), HEAD_AND_SHOULDERS[name]) > 0.7


@pytest.mark.skipif(not YUNET_FILE, reason="LIKENESS_YUNET names no file of the OpenCV zoo")
def test_the_networks_eyes_see_also_the_child_at_the_rim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nothing to recognise people by, a group is asked about and the largest face is offered."""
    monkeypatch.setenv(YUNET, YUNET_FILE)
    seen = {name: event for name, event in read(SubjectKind.PERSON).items() if event.refused is None}
    assert {name: len(event.faces) for name, event in seen.items() if len(event.faces) != 1} == {
        "obama_and_biden.jpg": 3,
        "two_people.jpg": 2,
    }
    for name, (x, y) in HIS_FACE.items():
        assert [one for one in seen[name].faces if one.box.x0 <= x < one.box.x1 and one.box.y0 <= y < one.box.y1], name
    assert {name: event.flags for name, event in seen.items() if event.flags} == {
        "obama_partial_face.jpg": (PhotoFlag.CUT_FACE,),
        "obama_and_biden.jpg": (PhotoFlag.SEVERAL_FACES,),
        "two_people.jpg": (PhotoFlag.SEVERAL_FACES,),
    }
    for name in seen.keys() - {"obama_and_biden.jpg", "two_people.jpg"}:
        crop = seen[name].crop
        assert crop is not None
        assert overlap((crop.x0, crop.y0, crop.x1, crop.y1), HEAD_AND_SHOULDERS[name]) > 0.7, name


def test_the_sheet_of_all_nine_shows_the_two_that_were_left_out_in_grey(people: dict[str, PhotoRead]) -> None:
    """Where LIKENESS_SHEETS names a folder the sheet is put there, to be looked at."""
    causes = {"obama2.jpg": (Cause.COPY, "copy of 1"), "obama_small.jpg": (Cause.TOO_LOW, "only 240 px high")}
    tiles: list[PhotoTile] = []
    for number, (name, event) in enumerate(sorted(people.items()), 1):
        if event.crop is None:
            cause, words = causes.pop(name)
            assert event.cause is cause
            tiles.append(PhotoTile(number, event.blobs["glimpse"], 0, 0, None, left_out=words))
            continue
        faces = tuple(Face(Box(**face.box.model_dump()), face.score) for face in event.faces)
        asks = any(flag in (PhotoFlag.CUT_FACE, PhotoFlag.SEVERAL_FACES) for flag in event.flags)
        crop = Box(**event.crop.model_dump())
        tiles.append(PhotoTile(number, event.blobs["photo"], event.width, event.height, crop, faces, asks))
    assert not causes
    sheet = contact_sheet(tiles)
    if "LIKENESS_SHEETS" in os.environ:
        (Path(os.environ["LIKENESS_SHEETS"]) / "person.webp").write_bytes(sheet)
    with Image.open(io.BytesIO(sheet)) as picture:
        assert picture.size == (3 * (TILE + GAP) + GAP,) * 2
        colours = picture.convert("HSV").getchannel("S")
        lively: dict[int, object] = {}
        for place, tile in enumerate(tiles):
            x, y = (GAP + at * (TILE + GAP) + TILE // 2 for at in (place % 3, place // 3))
            lively[tile.number] = colours.crop((x - 60, y - 60, x + 60, y + 60)).getextrema()[1]
    assert [number for number, most in lively.items() if int(str(most)) < 60] == [4, 8], "only those have no colour"


@pytest.mark.parametrize("kind", [SubjectKind.PET, SubjectKind.STYLE])
def test_a_dog_and_a_drawing_need_no_face(kind: SubjectKind) -> None:
    for event in read(kind).values():
        assert event.refused is None and event.flags == () and event.faces == ()
        crop = event.crop
        assert crop is not None and crop.x1 - crop.x0 == min(event.width, event.height)
