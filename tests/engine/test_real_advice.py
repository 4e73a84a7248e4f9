"""Advice on real photos, beside what a careful person wrote down after looking at each: see ../shared/photos/README.md."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.studio.coaching import Grade, Looked, Matter, advise, grade
from engine.facts import Pair
from engine.protocol import BaseModelRef, EventBase, PhotoRead, PhotoRef, PrepareJob, SubjectKind
from engine.worker.order import Order
from engine.worker.prepare import prepare

PHOTOS = Path(__file__).parents[2].parent / "shared" / "photos"
pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"the real photos are not at {PHOTOS}")

BY_EYE: dict[SubjectKind, dict[str, str]] = {
    SubjectKind.PERSON: {
        "32bit.png": "speaking at a lectern, sharp, good light; looks a little aside",
        "obama.jpg": "official portrait, into the camera, sharp, evenly lit",
        "obama1.jpg": "head and shoulders before a blue sign, sharp, looks down a little",
        "obama2.jpg": "the lectern again: the very same picture",
        "obama3.jpg": "standing, from below and against bright windows; the face is in half shade, not dark",
        "obama_and_biden.jpg": "two men waving: say which one is meant",
        "obama_partial_face.jpg": "the portrait once more, half of the face outside the frame: leave it out",
        "obama_small.jpg": "the portrait's face alone, 320 x 240: too small",
        "two_people.jpg": "two photos side by side, a man in each: say which one is meant",
    },
    SubjectKind.PET: {
        "dog_00.jpg": "the head, into the camera, sharp, bright blossom behind",
        "dog_01.jpg": "sitting on a wall, sky and blossom behind, sharp",
        "dog_02.jpg": "on a ledge before a red wall",
        "dog_03.jpg": "the same ledge and wall, the head turned away: another photo, not a copy",
        "dog_04.jpg": "on a path, trees behind, looks aside",
    },
    SubjectKind.STYLE: {
        "red_cartoon_00.jpg": "the red figure turned a little, on white",
        "red_cartoon_01.jpg": "from the front, arms down, on white",
        "red_cartoon_02.jpg": "from the front, arms up, angry, on white",
        "red_cartoon_03.jpg": "sitting, arms spread, on white",
    },
}
"""What was seen, photo by photo."""
SAYS: dict[SubjectKind, dict[Matter, set[str]]] = {
    SubjectKind.PERSON: {
        Matter.COPIES: {"obama2.jpg"},
        Matter.CROWD: {"obama_and_biden.jpg", "two_people.jpg"},
        Matter.CUT: {"obama_partial_face.jpg"},
        Matter.FEW: set(BY_EYE[SubjectKind.PERSON]) - {"obama2.jpg", "obama_small.jpg"},
        # Of the half face nothing is known; the others all look into the camera, more or less.
        Matter.ANGLE: set(BY_EYE[SubjectKind.PERSON]) - {"obama2.jpg", "obama_small.jpg", "obama_partial_face.jpg"},
    },
    SubjectKind.PET: {Matter.FEW: set(BY_EYE[SubjectKind.PET])},
    SubjectKind.STYLE: {Matter.FEW: set(BY_EYE[SubjectKind.STYLE])},
}
"""So this is all there is to say: nothing is blurred, dark, burnt out, small or a burst."""
GRADES = {SubjectKind.PERSON: Grade.FAIR, SubjectKind.PET: Grade.FAIR, SubjectKind.STYLE: Grade.POOR}
"""Six good photos of a person, five of a dog; four drawings are too few."""


def looked(kind: SubjectKind) -> dict[str, Looked]:
    files = sorted((PHOTOS / kind.value).iterdir())
    assert [file.name for file in files] == list(BY_EYE[kind]), "somebody has looked at each"
    ids = {file.name: str(100 + n) for n, file in enumerate(files)}
    shas = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    refs = tuple(PhotoRef(photo_id=ids[file.name], sha256=shas[file.name]) for file in files)
    job = PrepareJob(job_id="job", base=BaseModelRef(source="a/base"), finder="haar", subject_kind=kind, photos=refs)
    events: list[EventBase] = []
    for _ in prepare(job, {shas[file.name]: file.read_bytes() for file in files}, events.append, Order()):
        pass
    names = {id: name for name, id in ids.items()}
    order = list(ids)
    return {
        names[read.photo_id]: Looked(
            id=int(read.photo_id),
            number=order.index(names[read.photo_id]) + 1,
            kept=read.refused is None,
            copy_of=None if read.duplicate_of is None else order.index(names[read.duplicate_of]) + 1,
            flags=tuple(read.flags),
            facts=read.measured,
        )
        for read in events
        if isinstance(read, PhotoRead)
    }


@pytest.fixture(scope="module", params=list(BY_EYE))
def a_set(request: pytest.FixtureRequest) -> tuple[SubjectKind, dict[str, Looked]]:
    return request.param, looked(request.param)


def test_what_is_said_is_what_a_careful_person_would_say(a_set: tuple[SubjectKind, dict[str, Looked]]) -> None:
    kind, photos = a_set
    names = {photo.number: name for name, photo in photos.items()}
    found = advise(sorted(photos.values(), key=lambda photo: photo.number), kind, {})
    assert {one.matter: {names[number] for number in one.photos} for one in found} == SAYS[kind]
    assert grade(list(photos.values()), kind, {}) is GRADES[kind]


def test_what_was_measured_agrees_with_the_eye(a_set: tuple[SubjectKind, dict[str, Looked]]) -> None:
    kind, photos = a_set
    facts = {name: photo.facts for name, photo in photos.items() if photo.facts is not None}
    if kind is SubjectKind.PERSON:
        assert all(265 < fact.sharpness < 700 for fact in facts.values()), "every face is sharp"
        assert all(160 < fact.brightest < 245 and fact.burnt < 0.05 for fact in facts.values()), "and in the light"
        assert min(facts, key=lambda name: facts[name].face) == "two_people.jpg" and facts["two_people.jpg"].face > 150
    if kind is SubjectKind.PET:
        wall = _pair(photos, "dog_03.jpg", "dog_02.jpg")
        assert wall.bits == 16 and wall.colours > 0.85, "one place, not one moment"
        assert all(pair.bits >= 24 for fact in facts.values() for pair in fact.pairs if pair is not wall)
    if kind is SubjectKind.STYLE:
        assert all(fact.burnt > 0.7 for fact in facts.values()), "white paper"
        assert all(pair.bits >= 14 and pair.glance > 0.9 for fact in facts.values() for pair in fact.pairs)


def _pair(photos: dict[str, Looked], one: str, other: str) -> Pair:
    facts = photos[one].facts
    assert facts is not None
    return next(pair for pair in facts.pairs if pair.other == str(photos[other].id))
