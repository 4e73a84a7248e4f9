"""SFace's door, with the shapes of OpenCV's two networks; their files are the owner's and not here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import sights
from PIL import Image

from engine.protocol import BaseModelRef, SubjectKind
from engine.scores import eyes, faces
from engine.scores.faces import FaceEyes

REAL = BaseModelRef(source="/models/some-base")


class Finder:
    """Finds as many faces as `boxes` says, in every picture that is not black; as cv2.FaceDetectorYN answers."""

    def __init__(self, boxes: Sequence[tuple[float, float, float, float]]) -> None:
        self.boxes, self.size = boxes, (0, 0)

    def setInputSize(self, size: tuple[int, int]) -> None:
        self.size = size

    def detect(self, pixels: Any) -> tuple[int, Any]:
        assert pixels.shape == (self.size[1], self.size[0], 3)
        if not pixels.any() or not self.boxes:
            return 1, None
        return 1, np.array([[*box, *range(10), 0.9] for box in self.boxes], dtype=np.float32)


class Recognizer:
    """The colour of the face box stands for the face; as cv2.FaceRecognizerSF answers."""

    def alignCrop(self, pixels: Any, row: Any) -> Any:
        x, y, wide, high = (int(value) for value in row[:4])
        return pixels[y : y + high, x : x + wide]

    def feature(self, face: Any) -> Any:
        return np.resize(face.mean(axis=(0, 1)), (1, faces.FEATURES)).astype(np.float32)


def test_the_largest_face_is_described_in_blue_green_red() -> None:
    picture = Image.new("RGB", (100, 80), (200, 0, 0))
    picture.paste((0, 0, 250), (50, 0, 100, 80))
    found = FaceEyes(Finder([(0, 0, 20, 20), (50, 0, 50, 80)]), Recognizer()).embed([picture])
    assert found.shape == (1, faces.FEATURES)
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-5)
    assert found[0, 0] > 0 == found[0, 2], "OpenCV's networks read blue first, and the blue face is the larger one"


def test_each_face_of_a_group_is_described_by_itself() -> None:
    picture = Image.new("RGB", (200, 80), (90, 90, 90))
    picture.paste((200, 0, 0), (20, 20, 60, 60))
    picture.paste((0, 0, 250), (130, 10, 190, 70))

    class Central(Finder):
        """A large face in the corner of whatever it is shown, and a small one in the middle."""

        def detect(self, pixels: Any) -> tuple[int, Any]:
            wide, high = self.size
            self.boxes = [(0, 0, wide * 0.5, high * 0.5), (wide / 2 - 4, high / 2 - 4, 8, 8)]
            return super().detect(pixels)

    found = FaceEyes(Central([]), Recognizer()).among(picture, [(20, 20, 60, 60), (130, 10, 190, 70)])
    assert [row.argmax() % 3 for row in found] == [2, 0], "the red one, then the blue one; blue comes first"
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert FaceEyes(Finder([]), Recognizer()).among(picture, []).shape == (0, faces.FEATURES)


def test_a_picture_without_a_face_is_a_row_of_zeros() -> None:
    found = FaceEyes(Finder([(0, 0, 8, 8)]), Recognizer()).embed([Image.new("RGB", (9, 9)), sights.drawn(1)])
    assert not found[0].any()
    assert found[1].any()


def test_a_large_picture_is_looked_at_smaller() -> None:
    finder = Finder([(0, 0, 8, 8)])
    FaceEyes(finder, Recognizer()).embed([Image.new("RGB", (1280, 640), "red")])
    assert finder.size == (640, 320)


@pytest.mark.parametrize(
    ("kind", "shown", "used"),
    [(SubjectKind.PERSON, 3, True), (SubjectKind.PERSON, 1, False), (SubjectKind.PET, 3, False)],
)
def test_faces_are_compared_for_people_whose_photos_show_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: SubjectKind, shown: int, used: bool
) -> None:
    opened: list[str] = []

    def finder(path: str, *_: Any) -> Finder:
        opened.append(Path(path).name)
        return Finder([(0, 0, 8, 8)])

    def recognizer(path: str, *_: Any) -> Recognizer:
        opened.append(Path(path).name)
        return Recognizer()

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", finder)
    monkeypatch.setattr(cv2.FaceRecognizerSF, "create", recognizer)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name, file in ((eyes.YUNET, "yunet.onnx"), (eyes.SFACE, "sface.onnx")):
        (tmp_path / file).write_bytes(b"")
        monkeypatch.setenv(name, str(tmp_path / file))
    crops = [sights.drawn(seed) if seed < shown else Image.new("RGB", (64, 64)) for seed in range(4)]
    assert isinstance(eyes.sight_for(REAL, kind, crops).who, FaceEyes) is used
    assert opened == (["yunet.onnx", "sface.onnx"] if kind is SubjectKind.PERSON else [])


def test_a_file_that_is_not_there_opens_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv(eyes.YUNET, str(tmp_path / "yunet.onnx"))
    monkeypatch.setenv(eyes.SFACE, str(tmp_path / "sface.onnx"))
    assert eyes.sight_for(REAL, SubjectKind.PERSON, [sights.drawn(1)]).who is None
