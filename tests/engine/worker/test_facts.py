"""Measuring photos: planted bursts, mirrored copies, blur, shade, turned heads and days, each told by its number."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from engine.captioning import Captioner
from engine.facts import Pair, PhotoFacts
from engine.miniature.photos import compose, light
from engine.miniature.world import EXPRESSIONS, Identity, Scene
from engine.photos import SubjectKind
from engine.worker import decode
from engine.worker.captions import template
from engine.worker.facts import Faces, Measurer, faces_for, turn_of
from engine.worker.finders import turned

Box = tuple[int, int, int, int]
WHO = Identity.from_seed(7300, "unseen")


def shot(seed: int, expression: str = "happy", step: int = 0) -> tuple[Image.Image, Box]:
    """A photo of WHO in the place `seed`; `step` > 0 moves the camera a little, as between the shots of a burst."""
    scene = replace(Scene.random(np.random.default_rng([seed, 5])), expression=expression)
    picture, (face,) = compose(np.random.default_rng([seed, 99]), [WHO], [scene], (800, 600))
    rng = np.random.default_rng([seed, step])
    x, y = (int(v) for v in rng.integers(0, 41, 2)) if step else (20, 20)
    moved = picture.crop((x, y, x + 760, y + 560))
    left, top, right, low = face
    return light(moved, rng), (max(0, left - x), max(0, top - y), min(760, right - x), min(560, low - y))


def measured(*photos: tuple[Image.Image, Box], days: tuple[int | None, ...] = ()) -> list[PhotoFacts]:
    measurer = Measurer(64)
    return [
        measurer.measure(str(n), picture, face, face, day=days[n] if days else None)
        for n, (picture, face) in enumerate(photos)
    ]


def test_shots_of_one_moment_are_near_and_other_places_far() -> None:
    near: list[int] = []
    for seed in (1, 3, 4):
        first, second, other = measured(shot(seed), shot(seed, EXPRESSIONS[1], 1), shot(seed + 10))
        assert first.pairs == () and [pair.other for pair in other.pairs] == ["0", "1"]
        (pair,) = second.pairs
        near.append(pair.bits)
        assert pair.bits <= 16 and pair.glance > 0.82
        assert all(pair.bits >= 20 and pair.glance < 0.7 for pair in other.pairs)
    assert min(near) <= 12


def test_a_mirrored_copy_is_a_copy() -> None:
    picture, face = shot(2)
    wide = picture.width
    over = ImageOps.mirror(picture), (wide - face[2], face[1], wide - face[0], face[3])
    (pair,) = measured((picture, face), over)[1].pairs
    assert pair.bits <= 4 and pair.mirrored
    (pair,) = measured((picture, face), (picture.resize((1520, 1120)), face))[1].pairs
    assert pair.bits <= 4 and not pair.mirrored


def test_blur_and_light_are_the_faces_own() -> None:
    picture, face = shot(3)
    soft = picture.filter(ImageFilter.GaussianBlur((face[2] - face[0]) / 40))
    soft_face_only = picture.copy()
    soft_face_only.paste(soft.crop(face), face)
    sharp, blurred, around = measured((picture, face), (soft, face), (soft_face_only, face))
    assert sharp.sharpness > 265 and blurred.sharpness < 60
    assert around.sharpness == pytest.approx(blurred.sharpness, rel=0.2), "a sharp background does not save it"
    (dark,) = measured((ImageEnhance.Brightness(picture).enhance(0.25), face))
    (burnt,) = measured((ImageEnhance.Brightness(picture).enhance(4.0), face))
    assert dark.brightest < 80 < sharp.brightest and burnt.burnt > 0.25 > sharp.burnt
    (grey,) = measured((picture.convert("L").convert("RGB"), face))
    assert grey.colourful == 0 and sharp.colourful > 10
    assert sharp.face == max(face[2] - face[0], face[3] - face[1]) and sharp.wanted == 64


def test_two_people_are_told_apart() -> None:
    faces = faces_for("cartoon")
    assert faces is not None and faces_for("haar") is None and faces_for("yunet") is None
    rng = np.random.default_rng(8)
    measurer = Measurer(64, faces=faces)
    told: list[PhotoFacts] = []
    for n, seed in enumerate((7300, 7300, 7301)):
        who = Identity.from_seed(seed, "unseen")
        picture, (face,) = compose(rng, [who], [Scene.random(rng)], (600, 600))
        told.append(measurer.measure(str(n), picture, face, face))
    same = told[1].pairs[0].who
    strangers = [pair.who for pair in told[2].pairs]
    assert same is not None and same > 0.6 and all(who is not None and who < 0.3 for who in strangers)
    assert Faces(lambda picture, face: np.zeros(1), 0.2, 0.8).alike(0.5) == pytest.approx(0.5)


def test_a_day_is_only_ever_said_to_be_the_same() -> None:
    first, same, other, silent = measured(*(shot(n) for n in range(4)), days=(7, 7, 8, None))
    assert [pair.same_day for pair in same.pairs] == [True]
    assert [pair.same_day for pair in other.pairs] == [False, False]
    assert [pair.same_day for pair in silent.pairs] == [None] * 3
    dates = {name for name in (*PhotoFacts.model_fields, *Pair.model_fields) if "day" in name or "taken" in name}
    assert dates == {"same_day"} and first.pairs == ()


def test_the_child_reads_the_day_and_nothing_of_it_stays_in_the_photo() -> None:
    def taken(when: str) -> bytes:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = when
        out = io.BytesIO()
        Image.new("RGB", (300, 300), "teal").save(out, "JPEG", exif=exif)
        return out.getvalue()

    with decode.Decoder() as decoder:
        days = [
            decoder.read(taken(when)).day
            for when in ("2024:05:01 09:00:00", "2024:05:01 23:59:59", "2024:05:02 00:00:01")
        ]
        assert days[0] == days[1] and days[2] == (days[0] or 0) + 1
        assert [decoder.read(taken(when)).day for when in ("", "yesterday", "2024:13:45 x")] == [None] * 3


def test_how_far_a_head_is_turned() -> None:
    assert turned([40, 0, 60, 0, 50, 9]) == 0 and turned([40, 0, 60, 0, 57, 9]) == 0.35
    assert turned([40, 0, 60, 0, 80, 9]) == 1 and turned([50, 0, 50, 0, 70, 9]) == 1
    assert (turn_of("smiling, looking left"), turn_of("looking right"), turn_of("smiling"), turn_of("")) == (
        1,
        1,
        0,
        None,
    )


def test_the_template_says_what_was_measured_and_no_more() -> None:
    facts = PhotoFacts(turn=0.9, brightest=60, colourful=2.0, captioner=Captioner.TEMPLATE)
    assert template(facts, SubjectKind.PERSON) == "from the side, in dim light, black and white photo"
    assert template(facts, SubjectKind.STYLE) == ""
    assert template(PhotoFacts(turn=0.0, brightest=190, colourful=40.0), SubjectKind.PET) == ""
