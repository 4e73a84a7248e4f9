"""Where the faces are: three finders of one shape, and which of them explains a set of photos better.

cartoon: the miniature's own, for the world it draws. haar: OpenCV's built-in cascades, for real people; alone each of them sees
faces in curtains, so only what two of them agree on counts. yunet: OpenCV's small network, far better, where the operator has
put its file (opencv_zoo's face_detection_yunet, MIT) and named it in LIKENESS_YUNET.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import BaseUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Grey = NDArray[np.uint8]

Rect = tuple[int, int, int, int]
"""Left, top (inclusive), right, bottom (exclusive), in pixels of the photo."""
YUNET = "LIKENESS_YUNET"
HAAR_SIDE = 600
"""The cascades see a photo at this many pixels on its long side."""
FRONTAL = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_alt.xml", "haarcascade_frontalface_default.xml")
"""The first one is asked about every photo, the others only where it saw something."""
PROFILE = "haarcascade_profileface.xml"
PIECES = 0.1
"""Boxes of which the smaller one is covered by more than this are pieces of one cartoon face."""
LEAST_SHARE, LEAST_LARGE = 0.06, 0.12
"""Of the short side: how small a face may be. Profiles and cut faces are only looked for where they are large."""
LEAST_NEIGHBOURS = 3
AGREED = 20
"""Neighbours together, over the cascades that agree on a face."""
PROFILE_ALONE = 25
"""Neighbours that a profile needs with no frontal cascade to agree."""
MIRROR_RIM = 0.35
"""Share of the photo's side that is mirrored outwards to complete a face the frame cuts through."""
EDGE = 0.01
"""A face nearer to the photo's edge than this share of its short side touches it."""
YUNET_SIDE = 960
YUNET_SURE = 0.75


@dataclass(frozen=True, slots=True)
class Found:
    """A face inside the photo. cut: part of it is outside the frame."""

    box: Rect
    score: float
    cut: bool = False
    turn: float | None = None
    """0 into the camera, 1 in profile, to whichever side. None: the finder cannot say."""

    @property
    def area(self) -> int:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


class Finder(Protocol):
    name: str

    def find(self, picture: Image.Image) -> list[Found]:
        """All faces in an upright RGB picture, biggest first."""
        ...


class CartoonFinder:
    name = "cartoon"

    def __init__(self) -> None:
        from engine.miniature.senses import FaceFinder

        self._senses = FaceFinder.load()

    def find(self, picture: Image.Image) -> list[Found]:
        found = self._look(picture)
        if any(_covered(one.box, other.box) > PIECES for one, other in combinations(found, 2)):
            found = self._put_together(found, picture)
        return _ordered(found, picture.size)

    def _look(self, picture: Image.Image) -> list[Found]:
        return [Found(face.box, round(face.sureness, 3)) for face in self._senses.find(picture)]

    def _put_together(self, found: list[Found], picture: Image.Image) -> list[Found]:
        """Faces do not overlap; boxes that do are pieces of a large one, which is mostly seen whole in the mirror."""
        from PIL import ImageOps

        wide = picture.width
        mirrored = [
            replace(face, box=(wide - face.box[2], face.box[1], wide - face.box[0], face.box[3]))
            for face in self._look(ImageOps.mirror(picture))
        ]
        whole: list[Found] = []
        for face in sorted(found + mirrored, key=lambda face: -face.area):
            if not any(_covered(face.box, other.box) > PIECES for other in whole):
                whole.append(face)
        return whole


class HaarFinder:
    name = "haar"

    def __init__(self) -> None:
        import cv2

        cv2.setNumThreads(1)  # beside torch's threads, OpenCV's make a photo take seconds instead of half a second
        folder = Path(cv2.__file__).parent / "data"
        self._frontal = [cv2.CascadeClassifier(str(folder / name)) for name in FRONTAL]
        self._profile = cv2.CascadeClassifier(str(folder / PROFILE))

    def find(self, picture: Image.Image) -> list[Found]:
        grey, scale = _grey(picture, HAAR_SIDE)
        found = [_scaled(face, scale, picture.size) for face in self._agreed(grey) or self._profiles(grey)]
        return _ordered(found or self._cut_by_the_frame(grey, scale, picture.size), picture.size)

    def _agreed(self, grey: Grey, least_share: float = LEAST_SHARE) -> list[Found]:
        seen = [(0, *hit) for hit in _hits(self._frontal[0], grey, least_share)]
        if seen:
            seen += [(which, *hit) for which in (1, 2) for hit in _hits(self._frontal[which], grey, least_share)]
        found: list[Found] = []
        for _, box, _ in sorted(seen, key=lambda hit: -hit[2]):
            if any(overlap(box, other.box) > 0.3 for other in found):
                continue
            agreeing = [hit for hit in seen if overlap(box, hit[1]) > 0.4]
            votes = sum(count for _, _, count in agreeing)
            if len({which for which, _, _ in agreeing}) >= 2 and votes >= AGREED:
                found.append(Found(_middle([hit[1] for hit in agreeing]), _sureness(votes), turn=0.0))
        return found

    def _profiles(self, grey: Grey) -> list[Found]:
        """Heads that look away, to either side."""
        wide = grey.shape[1]
        hits = _hits(self._profile, grey, LEAST_LARGE)
        hits += [
            ((wide - box[2], box[1], wide - box[0], box[3]), count)
            for box, count in _hits(self._profile, grey[:, ::-1])
        ]
        found: list[Found] = []
        for box, count in sorted(hits, key=lambda hit: -hit[1]):
            if count >= PROFILE_ALONE and not any(overlap(box, other.box) > 0.2 for other in found):
                found.append(Found(box, _sureness(count), turn=1.0))
        return found

    def _cut_by_the_frame(self, grey: Grey, scale: float, size: tuple[int, int]) -> list[Found]:
        """Faces that are whole once the photo is continued by its mirror image: half a face at the rim becomes one."""
        import cv2

        high, wide = grey.shape
        rim = round(MIRROR_RIM * min(high, wide))
        continued: Any = cv2.copyMakeBorder(grey, rim, rim, rim, rim, cv2.BORDER_REFLECT)
        found: list[Found] = []
        for face in self._agreed(continued, LEAST_LARGE):
            box = (face.box[0] - rim, face.box[1] - rim, face.box[2] - rim, face.box[3] - rim)
            inside = max(0, box[0]), max(0, box[1]), min(wide, box[2]), min(high, box[3])
            seen = max(0, inside[2] - inside[0]) * max(0, inside[3] - inside[1])
            share = seen / ((box[2] - box[0]) * (box[3] - box[1]))
            if 0.25 < share < 1:
                found.append(replace(_scaled(Found(inside, face.score), scale, size), cut=True))
        return found


class YunetFinder:
    name = "yunet"

    def __init__(self, path: str) -> None:
        import cv2

        self._net: Any = cv2.FaceDetectorYN.create(path, "", (320, 320), YUNET_SURE)

    def find(self, picture: Image.Image) -> list[Found]:
        import numpy as np

        scale = min(1.0, YUNET_SIDE / max(picture.size))
        small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
        self._net.setInputSize(small.size)
        _, rows = self._net.detect(np.asarray(small)[:, :, ::-1].copy())
        found: list[Found] = []
        for row in rows if rows is not None else ():
            x, y, wide, high = (float(value) for value in row[:4])
            box = _whole((x / scale, y / scale, (x + wide) / scale, (y + high) / scale))
            inside = max(0, box[0]), max(0, box[1]), min(picture.width, box[2]), min(picture.height, box[3])
            if inside[2] > inside[0] and inside[3] > inside[1]:
                found.append(Found(inside, round(float(row[14]), 3), cut=box != inside, turn=turned(row[4:10])))
        return _ordered(found, picture.size)


def turned(points: Sequence[float]) -> float:
    """From both eyes and the nose, x and y of each: how far the nose has left the eyes' middle, 0..1 of their distance."""
    one, other, nose = (float(points[place]) for place in (0, 2, 4))
    return round(min(1.0, abs(nose - (one + other) / 2) / max(1e-6, abs(other - one))), 3)


def finders(wanted: str) -> list[Callable[[], Finder]]:
    """The finders to try for a set, as makers: loading one may take a moment. "auto": everything there is."""
    from engine.miniature import FACE_FINDER

    file = os.environ.get(YUNET, "")
    real: Callable[[], Finder] = (lambda: YunetFinder(file)) if file and Path(file).is_file() else HaarFinder
    if wanted == "cartoon" and not FACE_FINDER.is_dir():
        raise BaseUnavailable("The embedded base's face finder is missing from this installation. Install it again.")
    makers: dict[str, list[Callable[[], Finder]]] = {
        "cartoon": [CartoonFinder],
        "haar": [HaarFinder],
        "yunet": [real],
        "auto": [CartoonFinder, real] if FACE_FINDER.is_dir() else [real],
    }
    return makers[wanted]


def explains(found: Sequence[Sequence[Found]]) -> float:
    """How well a finder explains a set: photos with a face count most, then sureness; crowds count against it."""
    seen = sum(1.0 for faces in found if faces)
    sure = sum(max(face.score for face in faces) for faces in found if faces)
    return seen + 0.5 * sure - 0.1 * sum(max(0, len(faces) - 2) for faces in found)


def overlap(one: Rect, other: Rect) -> float:
    """Intersection over union."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)


def _covered(one: Rect, other: Rect) -> float:
    """Intersection over the smaller of the two."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min((one[2] - one[0]) * (one[3] - one[1]), (other[2] - other[0]) * (other[3] - other[1]))


def _grey(picture: Image.Image, side: int) -> tuple[Grey, float]:
    """Evened-out grey, and its scale against the photo. Small photos are not enlarged."""
    import cv2
    import numpy as np

    scale = min(1.0, side / max(picture.size))
    grey = np.asarray(picture.convert("L"))
    if scale < 1:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    even: Any = cv2.equalizeHist(grey)
    return even, scale


def _hits(cascade: Any, grey: Grey, least_share: float = LEAST_SHARE) -> list[tuple[Rect, int]]:
    least = max(20, round(least_share * min(grey.shape)))
    boxes, counts = cascade.detectMultiScale2(
        grey, scaleFactor=1.1, minNeighbors=LEAST_NEIGHBOURS, minSize=(least, least)
    )
    return [((int(x), int(y), int(x + w), int(y + h)), int(n)) for (x, y, w, h), n in zip(boxes, counts, strict=True)]


def _middle(boxes: list[Rect]) -> Rect:
    from statistics import median

    return tuple(round(median(box[edge] for box in boxes)) for edge in range(4))  # pyright: ignore[reportReturnType]  four of them


def _sureness(votes: int) -> float:
    """0..1 from neighbour counts: 20 is 0.5, 100 is 0.97. No probability; it only orders."""
    return round(1 - math.exp(-votes / 28.9), 3)


def _whole(box: tuple[float, float, float, float]) -> Rect:
    return math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])


def _scaled(face: Found, scale: float, size: tuple[int, int]) -> Found:
    left, top, right, low = _whole((face.box[0] / scale, face.box[1] / scale, face.box[2] / scale, face.box[3] / scale))
    return replace(face, box=(max(0, left), max(0, top), min(size[0], right), min(size[1], low)))


def _ordered(found: list[Found], size: tuple[int, int]) -> list[Found]:
    """Biggest first; what touches the edge is cut."""
    rim = EDGE * min(size)
    touching = [
        replace(face, cut=True)
        if face.box[0] < rim or face.box[1] < rim or face.box[2] > size[0] - rim or face.box[3] > size[1] - rim
        else face
        for face in found
    ]
    return sorted(touching, key=lambda face: -face.area)
