"""The demo's kind of photos, read by the miniature's own senses, against what is true of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.miniature import CAPTIONER, FACE_FINDER, IDENTITY
from engine.miniature.photos import Photo, draw_photos
from engine.miniature.world import EXPRESSIONS
from engine.protocol import EventBase, PhotoFlag, PhotoRead, PhotoRef, PrepareJob, Progress
from engine.worker.order import Order
from engine.worker.prepare import prepare

pytestmark = pytest.mark.skipif(
    not all(Path(folder).is_dir() for folder in (CAPTIONER, FACE_FINDER, IDENTITY)),
    reason="the miniature's senses are not there",
)
SEED = 7


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Nets this small only lose time over threads, a lot of it where other work runs beside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def heard(one_thread: None) -> tuple[list[Photo], list[EventBase]]:
    photos = draw_photos(SEED)
    refs = tuple(PhotoRef(photo_id=photo.name, sha256=hashlib.sha256(photo.data).hexdigest()) for photo in photos)
    blobs = {ref.sha256: photo.data for ref, photo in zip(refs, photos, strict=True)}
    events: list[EventBase] = []
    for _ in prepare(PrepareJob(job_id="job", photos=refs), blobs, events.append, Order()):
        pass
    return photos, events


@pytest.fixture(scope="module")
def story(heard: tuple[list[Photo], list[EventBase]]) -> tuple[list[Photo], dict[str, PhotoRead]]:
    photos, events = heard
    return photos, {event.photo_id: event for event in events if isinstance(event, PhotoRead)}


def test_the_copy_and_the_broken_file_are_refused_and_nothing_else(
    story: tuple[list[Photo], dict[str, PhotoRead]],
) -> None:
    photos, read = story
    refused = {name: (event.refused, event.duplicate_of) for name, event in read.items() if event.refused}
    copy = next(photo for photo in photos if photo.kind == "copy")
    broken = next(photo for photo in photos if photo.kind == "truncated")
    assert refused == {
        copy.name: ("is a copy of another photo", copy.copy_of),
        broken.name: ("is an incomplete upload; send it again", None),
    }


def test_the_group_is_cropped_to_the_one_who_recurs(story: tuple[list[Photo], dict[str, PhotoRead]]) -> None:
    photos, read = story
    group = next(photo for photo in photos if photo.kind == "friend")
    event = read[group.name]
    assert PhotoFlag.GROUP in event.flags
    (chosen,) = [face.box for face in event.faces if face.likely_subject]
    left, top, right, low = group.subject.face
    assert left < (chosen.x0 + chosen.x1) / 2 < right and top < (chosen.y0 + chosen.y1) / 2 < low


def test_crops_show_the_face(story: tuple[list[Photo], dict[str, PhotoRead]]) -> None:
    photos, read = story
    for photo in photos:
        event = read[photo.name]
        if event.refused:
            continue
        assert (event.width, event.height) == photo.size
        left, top, right, low = photo.subject.face
        crop = event.crop
        assert crop is not None
        shown = max(0, min(right, crop.x1) - max(left, crop.x0)) * max(0, min(low, crop.y1) - max(top, crop.y0))
        assert shown / ((right - left) * (low - top)) > 0.9, photo.name


def test_captions_name_the_scene_and_nothing_else(story: tuple[list[Photo], dict[str, PhotoRead]]) -> None:
    photos, read = story
    kept = [(photo, read[photo.name]) for photo in photos if not read[photo.name].refused]
    scenes = [(photo.subject.scene, event.caption) for photo, event in kept]
    assert sum(scene.colour in caption for scene, caption in scenes) >= 0.7 * len(scenes)
    assert sum(scene.clothes in caption for scene, caption in scenes) >= 0.7 * len(scenes)
    assert sum(scene.background in caption for scene, caption in scenes) >= 0.8 * len(scenes)
    dressed = [(scene, caption) for scene, caption in scenes if "wearing" in caption]
    assert sum(scene.clothes in caption for scene, caption in dressed) >= 0.8 * len(dressed)
    felt = [(scene, caption) for scene, caption in scenes if any(word in caption for word in EXPRESSIONS)]
    assert sum(scene.expression in caption for scene, caption in felt) >= 0.7 * len(felt), "what is said is mostly so"
    for _, event in kept:
        assert "person" not in event.caption and "portrait" not in event.caption


def test_what_is_plain_of_one_photo_is_told_before_any_is_judged(heard: tuple[list[Photo], list[EventBase]]) -> None:
    photos, events = heard
    judged = [place for place, event in enumerate(events) if isinstance(event, PhotoRead) and not event.refused]
    early = {e.photo_id: e.measured for e in events[: judged[0]] if isinstance(e, Progress) and e.measured is not None}
    late = {e.photo_id: e.measured for e in events if isinstance(e, PhotoRead) and e.measured is not None}
    asked = {photo.name for photo in photos if photo.kind in ("friend", "copy", "truncated")}
    assert set(early) <= set(late) - asked and len(early) >= 0.7 * len(late)
    for name, facts in early.items():
        assert facts.pairs == () and facts.wanted == late[name].wanted
        assert abs(facts.brightest - late[name].brightest) <= 25
