"""Reading a set of photos: what is refused, what is kept, how it is framed, and who it is about."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from engine.errors import BaseUnavailable
from engine.protocol import BaseModelRef, EventBase, PhotoFlag, PhotoRead, PhotoRef, PrepareJob, Progress, SubjectKind
from engine.verdicts import Cause
from engine.worker import framing
from engine.worker.finders import Found
from engine.worker.order import Order
from engine.worker.prepare import least_crop, prepare
from tests.corpus import hostile
from tests.engine.conftest import unit

BASE = BaseModelRef(source="some/base")
"""Not the miniature: trained at 512."""


def noise(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture like no other: coloured clouds."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


def read(
    files: Mapping[str, bytes], known: Mapping[str, bytes] | None = None, **more: Any
) -> tuple[list[EventBase], int]:
    """All that `prepare` says about files by name, and how often it yielded."""
    known = known or {}

    def refs(named: Mapping[str, bytes]) -> tuple[PhotoRef, ...]:
        return tuple(PhotoRef(photo_id=name, sha256=hashlib.sha256(data).hexdigest()) for name, data in named.items())

    settings: dict[str, Any] = {"base": BASE, "finder": "haar", "subject_kind": SubjectKind.OBJECT} | more
    job = PrepareJob(job_id="job", photos=refs(files), known=refs(known), **settings)
    blobs = {hashlib.sha256(data).hexdigest(): data for data in (*files.values(), *known.values())}
    events: list[EventBase] = []
    count = sum(1 for _ in prepare(job, blobs, events.append, Order()))
    return events, count


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def verdicts(events: Sequence[EventBase]) -> dict[str, PhotoRead]:
    return {event.photo_id: event for event in events if isinstance(event, PhotoRead)}


def test_one_broken_photo_takes_nothing_else_down() -> None:
    good = hostile.saved(noise(1), "JPEG", quality=92)
    layered = noise(1).convert("RGBA")
    events, count = read(
        {
            "good": good,
            "cut short": good[:4000],
            "words": hostile.WORDS,
            "bomb": hostile.png_bomb(20000, 20000),
            "copy with alpha": hostile.saved(layered.resize((800, 600)), "PNG"),
            "mirrored copy": hostile.saved(ImageOps.mirror(noise(1)), "WEBP"),
            "icon": hostile.saved(noise(2, (50, 50)), "PNG"),
            "on its side": hostile.with_gps(),
            "other": hostile.saved(noise(3), "PNG"),
        }
    )
    read_as = verdicts(events)
    assert len(read_as) == 9
    assert {name: (event.refused, event.duplicate_of) for name, event in read_as.items() if event.refused} == {
        "cut short": ("is an incomplete upload; send it again", None),
        "words": ("is not a photo; send a JPEG, PNG or WebP photo", None),
        "bomb": ("has 20000x20000 px; at most 50 megapixels are read, send it smaller", None),
        "copy with alpha": ("is a copy of another photo", "good"),
        "mirrored copy": ("is a copy of another photo", "good"),
        "icon": ("is 50 px wide; at least 256 are needed", None),
    }
    glimpsed = {name for name, event in read_as.items() if event.refused and set(event.blobs) == {"glimpse"}}
    assert glimpsed == {"copy with alpha", "mirrored copy", "icon"}, "what could be opened is shown, small"
    assert all(
        max(opened(event.blobs["glimpse"]).size) <= 320 for event in read_as.values() if event.refused and event.blobs
    )
    assert {
        name: (event.cause, event.facts) for name, event in read_as.items() if name in ("bomb", "icon", "words")
    } == {
        "bomb": (Cause.TOO_LARGE, {"width": 20000, "height": 20000, "megapixels": 50}),
        "icon": (Cause.TOO_NARROW, {"side": 50, "least": 256}),
        "words": (Cause.NOT_A_PHOTO, {}),
    }
    kept = [name for name, event in read_as.items() if not event.refused]
    assert kept == ["good", "on its side", "other"]
    assert count == 9 + 3, "it yields after every photo, and after every verdict"
    steps = [(event.step, event.total) for event in events if isinstance(event, Progress)]
    assert steps == [(place + 1, 9) for place in range(9)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_what_moves_is_read_when_asked_for(kind: str) -> None:
    data = hostile.animated(kind)
    event = verdicts(read({"clip": data})[0])["clip"]
    assert event.cause is Cause.ANIMATED and opened(event.blobs["glimpse"]).size == (320, 240)
    ref = PhotoRef(photo_id="clip", sha256="x", first_frame=True)
    job = PrepareJob(job_id="job", base=BASE, subject_kind=SubjectKind.OBJECT, photos=(ref,))
    told: list[EventBase] = []
    for _ in prepare(job, {"x": data}, told.append, Order()):
        pass
    kept = verdicts(told)["clip"]
    assert kept.refused is None and (kept.width, kept.height) == hostile.SIZE
    shown, first = opened(kept.blobs["photo"]).resize((32, 24)), hostile.scene().resize((32, 24))
    assert max(abs(a - b) for a, b in zip(shown.tobytes(), first.tobytes(), strict=True)) < 60


def test_a_kept_photo_is_rebuilt_from_its_pixels_alone() -> None:
    data = hostile.with_gps(6)
    event = verdicts(read({"photo": data})[0])["photo"]
    clean = event.blobs["photo"]
    for trace in (b"Exif", b"secret", b"Secret", b"http", b"ICC", b"xmp", b"GPS"):
        assert trace not in clean
    with Image.open(io.BytesIO(clean)) as picture:
        assert picture.format == "JPEG" and not picture.getexif()
        assert picture.size == (event.width, event.height) == (480, 640)


def test_a_photo_the_dataset_has_already_is_a_copy() -> None:
    old = hostile.saved(noise(5), "JPEG", quality=95)
    new = hostile.saved(noise(5).resize((512, 384)), "JPEG", quality=60)
    event = verdicts(read({"new": new}, known={"old": old})[0])["new"]
    assert event.duplicate_of == "old" and event.refused


def test_an_unreadable_known_photo_is_nobodys_fault() -> None:
    events, _ = read({"new": hostile.saved(noise(5), "JPEG")}, known={"old": b"broken"})
    assert verdicts(events)["new"].refused is None


def test_other_pictures_are_no_copies() -> None:
    events, _ = read({str(seed): hostile.saved(noise(seed, (300, 300)), "JPEG") for seed in range(12)})
    assert not [event for event in verdicts(events).values() if event.refused]


def test_an_unknown_family_is_said() -> None:
    with pytest.raises(BaseUnavailable, match="no model family"):
        read({"photo": hostile.saved(noise(1), "JPEG")}, base=BaseModelRef(family="sd99", source="x"))


# -- faces, by a finder that is told what to find --------------------------------------------------------------------


class Told:
    """Finds by the size of the photo."""

    def __init__(self, name: str, found: dict[tuple[int, int], list[Found]]) -> None:
        self.name, self._found = name, found

    def find(self, picture: Image.Image) -> list[Found]:
        return self._found.get(picture.size, [])


def with_finders(monkeypatch: pytest.MonkeyPatch, *told: Told) -> None:
    makers = [lambda finder=finder: finder for finder in told]
    monkeypatch.setattr("engine.worker.prepare.finders", lambda _: makers)


def photo(seed: int, size: tuple[int, int]) -> bytes:
    return hostile.saved(noise(seed, size), "JPEG")


def test_people_are_framed_and_doubts_are_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"one": (800, 600), "two": (820, 600), "cut": (840, 600), "none": (860, 600), "far": (880, 600)}
    told = Told(
        "haar",
        {
            sizes["one"]: [Found((300, 100, 500, 300), 0.9)],
            sizes["two"]: [Found((100, 100, 300, 300), 0.9), Found((500, 120, 640, 260), 0.9)],
            sizes["cut"]: [Found((0, 100, 150, 300), 0.9, cut=True)],
            sizes["far"]: [Found((400, 200, 440, 240), 0.9)],
        },
    )
    with_finders(monkeypatch, told)
    files = {name: photo(seed, size) for seed, (name, size) in enumerate(sizes.items())}
    read_as = verdicts(read(files, subject_kind=SubjectKind.PERSON)[0])
    assert {name: event.flags for name, event in read_as.items()} == {
        "one": (),
        "two": (PhotoFlag.SEVERAL_FACES,),
        "cut": (PhotoFlag.CUT_FACE,),
        "none": (PhotoFlag.NO_FACE,),
        "far": (),
    }
    assert (
        read_as["far"].refused
        == "shows the face too small (88 px around it, at least 256 are needed); send one taken closer"
    )
    assert [face.likely_subject for face in read_as["one"].faces] == [True]
    assert [face.likely_subject for face in read_as["two"].faces] == [False, False], "it is asked, not guessed"
    assert read_as["none"].crop is not None and read_as["none"].crop.model_dump() == {
        "x0": 130,
        "y0": 0,
        "x1": 730,
        "y1": 600,
    }
    for name in ("one", "two", "cut"):
        crop, face = read_as[name].crop, read_as[name].faces[0].box
        assert crop and crop.x0 <= face.x0 and crop.y0 <= face.y0 and crop.x1 >= face.x1 and crop.y1 >= face.y1


def test_in_groups_of_real_people_the_one_who_recurs_is_chosen_where_faces_can_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The subject is the smaller face of the groups, and the only one elsewhere; one group is a pair of twins."""
    me, friend = (500, 120, 640, 260), (100, 100, 300, 300)
    sizes = {name: (800 + 20 * n, 600) for n, name in enumerate(("alone", "again", "group", "crowd", "twins"))}
    told = Told(
        "yunet",
        {
            size: [Found(friend, 0.9), Found(me, 0.9)] if n > 1 else [Found(me, 0.9)]
            for n, size in enumerate(sizes.values())
        },
    )
    with_finders(monkeypatch, told)

    class Recognizing:
        def among(self, picture: Image.Image, boxes: Sequence[tuple[int, int, int, int]]) -> Any:
            strangers = {"group": unit(0, 1, 0), "crowd": unit(0, 0, 1), "twins": unit(1, 0.05, 0)}
            name = next(name for name, size in sizes.items() if size == picture.size)
            return np.stack([unit(1, 0, 0.1) if box == me else strangers[name] for box in boxes])

    files = {name: photo(seed, size) for seed, (name, size) in enumerate(sizes.items())}
    asked = verdicts(read(files, subject_kind=SubjectKind.PERSON)[0])
    assert [name for name, event in asked.items() if PhotoFlag.SEVERAL_FACES in event.flags] == [
        "group",
        "crowd",
        "twins",
    ]
    monkeypatch.setattr("engine.scores.eyes.face_eyes", Recognizing)
    read_as = verdicts(read(files, subject_kind=SubjectKind.PERSON)[0])
    assert {name: event.flags[:1] for name, event in read_as.items() if len(event.faces) > 1} == {
        "group": (PhotoFlag.GROUP,),
        "crowd": (PhotoFlag.GROUP,),
        "twins": (PhotoFlag.SEVERAL_FACES,),
    }
    for name in ("group", "crowd"):
        crop = read_as[name].crop
        assert crop and crop.x0 <= me[0] and crop.x1 >= me[2] and crop.x0 > friend[0]
        assert [face.likely_subject for face in read_as[name].faces] == [False, True]


def test_the_finder_is_chosen_for_the_whole_set(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [(600 + 10 * n, 600) for n in range(4)]
    poor = Told("haar", {sizes[0]: [Found((10, 10, 300, 300), 1.0)]})
    good = Told("yunet", {size: [Found((200, 100, 400, 300), 0.8)] for size in sizes[1:]})
    with_finders(monkeypatch, poor, good)
    read_as = verdicts(
        read({str(n): photo(n, size) for n, size in enumerate(sizes)}, subject_kind=SubjectKind.PERSON)[0]
    )
    assert [len(event.faces) for event in read_as.values()] == [0, 1, 1, 1]


def test_a_blurred_photo_is_flagged_and_kept() -> None:
    sharp, soft = noise(1), noise(2)
    files = {
        "sharp": hostile.saved(sharp, "PNG"),
        "soft": hostile.saved(soft.filter(ImageFilter.GaussianBlur(25)), "PNG"),
    }
    read_as = verdicts(read(files)[0])
    assert read_as["sharp"].flags == () and read_as["soft"].flags == (PhotoFlag.BLURRED,)
    assert read_as["sharp"].sharpness > 10 * read_as["soft"].sharpness
    assert read_as["soft"].refused is None


def test_a_style_is_shown_from_the_middle_and_an_object_from_where_it_stands() -> None:
    picture = Image.new("RGB", (900, 400), (200, 210, 220))
    picture.paste(noise(3, (200, 200)), (650, 100))
    data = hostile.saved(picture, "PNG")
    style = verdicts(read({"it": data}, subject_kind=SubjectKind.STYLE)[0])["it"].crop
    thing = verdicts(read({"it": data}, subject_kind=SubjectKind.OBJECT)[0])["it"].crop
    assert style and thing
    assert (style.x0, style.x1) == (250, 650)
    assert thing.x0 > 330 and thing.x0 <= 650 and thing.x1 >= 850 and thing.y0 <= 100 and thing.y1 >= 300
    assert 256 <= thing.y1 - thing.y0 == thing.x1 - thing.x0 <= 400, "the thing, with room around it"


@pytest.mark.parametrize(("size", "cause"), [((900, 400), Cause.TOO_LOW), ((400, 900), Cause.TOO_NARROW)])
def test_a_thing_on_too_small_a_photo_is_not_said_to_have_a_face(size: tuple[int, int], cause: Cause) -> None:
    large = BaseModelRef(family="sdxl", source="some/base")
    assert least_crop(large) == 512
    event = verdicts(read({"it": hostile.saved(noise(3, size), "PNG")}, base=large)[0])["it"]
    assert (event.cause, event.facts) == (cause, {"side": 400, "least": 512})


@pytest.mark.parametrize("place", [(0, 0), (500, 0), (250, 180), (500, 400)])
def test_what_stands_out_is_shown_whole_with_room_wherever_it_is(place: tuple[int, int]) -> None:
    picture = Image.linear_gradient("L").resize((800, 700)).convert("RGB").point(lambda value: 120 + value // 6)
    picture.paste(noise(4, (300, 300)), place)
    x0, y0, x1, y1 = framing.salient(picture, 256)
    assert x1 - x0 == y1 - y0 and x0 >= 0 and y0 >= 0 and x1 <= 800 and y1 <= 700
    left, top = place
    inside = (min(x1, left + 300) - max(x0, left)) * (min(y1, top + 300) - max(y0, top))
    assert inside >= 0.9 * 300 * 300, (x0, y0, x1, y1)


def test_nothing_that_stands_out_is_the_middle() -> None:
    assert framing.salient(Image.new("RGB", (900, 400), "grey")) == (250, 0, 650, 400)
