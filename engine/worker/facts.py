"""Measuring the photos of one set: how sharp, how lit, which way they look, and how alike they are to each other.

A `Measurer` sees the photos of a set in their order and remembers, for as long as the job takes, what it needs to hold the
next one against them. What leaves it is `engine.facts.PhotoFacts`: numbers, no vectors, no dates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.facts import Pair, PhotoFacts
from engine.worker.finders import Rect
from engine.worker.subjects import Alike

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Vector = NDArray[np.float32]
    Embed = Callable[[Sequence[Image.Image]], NDArray[np.float32]]

FACE_SIDE = 128
"""The face is measured at this size: about the smallest worth training on, so that small does not read as blurred."""
COLOUR_SIDE = 64
BURNT = 250
COLOUR_BINS = (12, 4, 4)
"""Of hue, saturation and value."""
SFACE_MIDDLE = 0.363
"""The cosine at which SFace's authors tell two people from one (opencv_zoo's README)."""
LOOKS_AWAY = ("looking left", "looking right")
"""What the miniature's captioner says of a turned head; of straight ahead it says nothing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a photo until the set is done."""

    photo_id: str
    straight: Any
    mirrored: Any
    """Perceptual hashes."""
    glance: Vector
    colours: Vector
    day: int | None
    eyes: Vector | None
    who: Vector | None


class Measurer:
    """`whole` turns whole pictures into unit vectors; `who` says of two faces' vectors how alike they are, by `Pair.who`."""

    def __init__(self, wanted: int, eyes: Embed | None = None, faces: Faces | None = None) -> None:
        self._wanted, self._eyes, self._faces = wanted, eyes, faces
        self._seen: list[Seen] = []

    def remember(self, photo_id: str, picture: Image.Image, face: Rect | None, day: int | None = None) -> Seen:
        """A photo that is only there to be compared with."""
        import imagehash
        from PIL import ImageOps

        seen = Seen(
            photo_id,
            imagehash.phash(picture),
            imagehash.phash(ImageOps.mirror(picture)),
            _glance(picture),
            _colours(picture),
            day,
            None if self._eyes is None else self._eyes([picture])[0],
            None if self._faces is None or face is None else self._faces.vector(picture, face),
        )
        self._seen.append(seen)
        return seen

    def measure(
        self,
        photo_id: str,
        picture: Image.Image,
        face: Rect | None,
        crop: Rect,
        *,
        turn: float | None = None,
        day: int | None = None,
    ) -> PhotoFacts:
        """`picture` upright RGB; `face` the chosen one. `day`: any number that is the same for photos of one day."""
        earlier = tuple(self._seen)
        seen = self.remember(photo_id, picture, face, day)
        pairs = tuple(self._pair(seen, other) for other in earlier)
        return PhotoFacts(
            face=max(face[2] - face[0], face[3] - face[1]) if face else 0,
            crop=crop[2] - crop[0],
            wanted=self._wanted,
            turn=turn,
            pairs=pairs,
            **_light(picture, face or crop),
        )

    def _pair(self, seen: Seen, other: Seen) -> Pair:
        straight, mirrored = int(seen.straight - other.straight), int(seen.straight - other.mirrored)
        who = None
        if self._faces is not None and seen.who is not None and other.who is not None:
            who = round(self._faces.alike(float(seen.who @ other.who)), 3)
        return Pair(
            other=other.photo_id,
            bits=min(straight, mirrored),
            mirrored=mirrored < straight,
            glance=round(float(seen.glance @ other.glance), 3),
            colours=round(float(seen.colours @ other.colours), 3),
            eyes=None if seen.eyes is None or other.eyes is None else round(float(seen.eyes @ other.eyes), 4),
            who=who,
            same_day=None if seen.day is None or other.day is None else seen.day == other.day,
        )


class Faces:
    """Tells faces apart: an embedder and what its cosines mean."""

    def __init__(self, embed: Callable[[Image.Image, Rect], Vector], stranger: float, same: float) -> None:
        self.vector, self._stranger, self._same = embed, stranger, same

    def alike(self, cosine: float) -> float:
        """0 for two strangers, 1 for one person."""
        return (cosine - self._stranger) / (self._same - self._stranger)


def faces_for(finder: str) -> Faces | None:
    """What tells the faces apart that `finder` found; None where nothing here can."""
    if finder == "cartoon":
        return _cartoon_faces()
    return _real_faces() if finder == "yunet" else None


def eyes_here() -> Embed | None:
    """DINOv2, where one was fetched; it sees that two pictures show one scene better than any hash."""
    from engine.scores import vision
    from engine.scores.eyes import DINO, DINO_PLACES

    eyes = vision.dino_in(DINO_PLACES, os.environ.get(DINO, ""))
    return None if eyes is None else eyes.embed


def turn_of(caption: str) -> float | None:
    """How far a cartoon is turned, by its caption; None without one."""
    return float(any(words in caption for words in LOOKS_AWAY)) if caption else None


def _cartoon_faces() -> Faces | None:
    from engine.miniature import IDENTITY
    from engine.miniature.senses import IdentityEmbedder, portrait

    if not IDENTITY.is_dir():
        return None
    embedder, alike = IdentityEmbedder.load(), Alike.of_the_miniature()

    def vector(picture: Image.Image, face: Rect) -> Vector:
        return embedder.embed([portrait(picture, face)])[0]

    return Faces(vector, alike.stranger, alike.same)


def _real_faces() -> Faces | None:
    from engine.scores.eyes import SFACE, YUNET
    from engine.scores.faces import FaceEyes
    from engine.worker.framing import around_person

    finder, recognizer = os.environ.get(YUNET, ""), os.environ.get(SFACE, "")
    if not (finder and recognizer and Path(finder).is_file() and Path(recognizer).is_file()):
        return None
    eyes = FaceEyes.open(Path(finder), Path(recognizer))

    def vector(picture: Image.Image, face: Rect) -> Vector:
        return eyes.embed([picture.crop(around_person(face, picture.size))])[0]

    return Faces(vector, 0.0, 2 * SFACE_MIDDLE)


def _glance(picture: Image.Image) -> Vector:
    from engine.scores.eyes import Glance

    return Glance().embed([picture])[0]


def _colours(picture: Image.Image) -> Vector:
    """The square root of a histogram of colours: the product of two is their overlap, 0..1 (Bhattacharyya)."""
    import cv2
    import numpy as np
    from PIL import Image

    small = np.asarray(picture.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX))
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    found: Any = cv2.calcHist([hsv], [0, 1, 2], None, list(COLOUR_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    return np.sqrt(found / found.sum()).astype(np.float32)


def first_sight(picture: Image.Image, face: Rect, crop: Rect, *, wanted: int, turn: float | None) -> PhotoFacts:
    """Of a photo by itself, before those it is to be held against are known."""
    long = max(face[2] - face[0], face[3] - face[1])
    return PhotoFacts(face=long, crop=crop[2] - crop[0], wanted=wanted, turn=turn, **_light(picture, face))


def _light(picture: Image.Image, place: Rect) -> dict[str, Any]:
    """Sharpness and light of one place of a photo."""
    import cv2
    import numpy as np

    shown = picture.resize((FACE_SIDE, FACE_SIDE), box=place, reducing_gap=3.0)
    grey, colour = np.asarray(shown.convert("L")), np.asarray(shown, dtype=np.int16)
    low, middle, high = (int(value) for value in np.percentile(grey, (5, 50, 95)))
    return {
        "sharpness": round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 1),
        "darkest": low,
        "middle": middle,
        "brightest": high,
        "burnt": round(float((grey >= BURNT).mean()), 3),
        "colourful": round(float((colour.max(axis=2) - colour.min(axis=2)).mean()), 1),
    }
