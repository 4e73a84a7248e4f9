"""YuNet's door, with the shape of OpenCV's network; its file is the owner's and not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.miniature import FACE_FINDER
from engine.worker import finders
from engine.worker.finders import CartoonFinder, HaarFinder, YunetFinder


class Net:
    """Answers as cv2.FaceDetectorYN does: fifteen numbers a face, the last one how sure it is."""

    def __init__(self, rows: list[tuple[float, float, float, float, float]]) -> None:
        self.rows, self.size = rows, (0, 0)
        self.seen: Any = None

    def setInputSize(self, size: tuple[int, int]) -> None:
        self.size = size

    def detect(self, pixels: Any) -> tuple[int, Any]:
        assert pixels.shape == (self.size[1], self.size[0], 3), "told the size of what it is shown"
        self.seen = pixels
        if not self.rows:
            return 1, None
        return 1, np.array([[x, y, w, h, *([0.0] * 10), sure] for x, y, w, h, sure in self.rows], dtype=np.float32)


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    made = Net([])
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: made)
    return made


def test_faces_come_back_in_the_photos_own_pixels_the_largest_first(net: Net) -> None:
    net.rows = [(700, 100, 60, 80, 0.8), (100, 50, 200, 240, 0.95), (-40, 300, 90, 120, 0.9), (1200, 10, 5, 5, 0.9)]
    picture = Image.new("RGB", (1920, 1280), (200, 10, 0))
    found = YunetFinder("a file").find(picture)
    assert net.size == (960, 640), "shown at half its size"
    assert tuple(net.seen[0, 0]) == (0, 10, 200), "blue first"
    assert [(face.box, face.score, face.cut) for face in found] == [
        ((200, 100, 600, 580), 0.95, False),
        ((0, 600, 100, 840), 0.9, True),
        ((1400, 200, 1520, 360), 0.8, False),
    ], "scaled back, cut at the frame, and what lies outside of the photo left out"


def test_a_small_photo_is_not_enlarged_and_none_may_be_found(net: Net) -> None:
    assert YunetFinder("a file").find(Image.new("RGB", (300, 200))) == []
    assert net.size == (300, 200)


def test_who_looks_for_faces(net: Net, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = [HaarFinder] if not FACE_FINDER.is_dir() else [CartoonFinder, HaarFinder]
    monkeypatch.delenv(finders.YUNET, raising=False)
    assert finders.finders("auto") == made and finders.finders("yunet") == [HaarFinder]
    monkeypatch.setenv(finders.YUNET, str(tmp_path / "gone.onnx"))
    assert finders.finders("yunet") == [HaarFinder], "built in otherwise"
    (tmp_path / "yunet.onnx").write_bytes(b"weights")
    monkeypatch.setenv(finders.YUNET, str(tmp_path / "yunet.onnx"))
    assert isinstance(finders.finders("auto")[-1](), YunetFinder)
    assert finders.finders("haar") == [HaarFinder], "asked for by name"
