"""Who a set of photos is about: the face that recurs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.worker.finders import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """(faces, features), unit length."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which face of a photo is the subject's. sure: the set says so, and not only the face's size."""

    index: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Alike:
    """What a cosine means to an embedder: the mean of two strangers, and of two portraits of one person."""

    stranger: float
    same: float

    @property
    def middle(self) -> float:
        return (self.stranger + self.same) / 2

    @property
    def margin(self) -> float:
        """By so much the subject's face must be nearer than anybody else's."""
        return (self.same - self.stranger) / 4

    @classmethod
    def of_the_miniature(cls) -> Alike:
        from engine.miniature import IDENTITY

        found = json.loads((IDENTITY / "calibration.json").read_text())
        return cls(float(found["stranger_cosine"]), float(found["same_cosine"]))


def foremost(faces: Sequence[Found], size: tuple[int, int]) -> int:
    """The face most likely meant where nothing else is known: large, and near the middle."""

    def weight(face: Found) -> float:
        x, y = (face.box[0] + face.box[2]) / 2 / size[0], (face.box[1] + face.box[3]) / 2 / size[1]
        off = ((x - 0.5) ** 2 + (y - 0.45) ** 2) ** 0.5
        return face.area * (1.2 - off) * (0.5 + face.score / 2) * (0.5 if face.cut else 1.0)

    return max(range(len(faces)), key=lambda place: weight(faces[place]))


def alone(faces: Sequence[Found], size: tuple[int, int]) -> Choice | None:
    """The choice for one photo by itself."""
    return Choice(foremost(faces, size), sure=len(faces) == 1) if faces else None


def recurring(vectors: Sequence[Vectors], alike: Alike) -> list[Choice | None]:
    """For each photo the face that recurs across all of them, by the vectors of its faces; None where it has no faces.

    The face with most support in the other photos stands for the subject; then each photo's nearest face to the mean of those
    is taken. It is sure where it is near enough and clearly nearer than the photo's other faces.
    """
    import numpy as np

    shown = [place for place, faces in enumerate(vectors) if len(faces)]
    if not shown:
        return [None] * len(vectors)
    anchor = max(
        (vectors[place][face] for place in shown for face in range(len(vectors[place]))),
        key=lambda v: _support(v, vectors),
    )
    for _ in range(2):  # the mean of the nearest, and once more with that mean
        nearest = np.stack([vectors[place][int(np.argmax(vectors[place] @ anchor))] for place in shown])
        near = nearest[nearest @ anchor >= alike.middle]
        mean = (near if len(near) else nearest).mean(axis=0)
        anchor = mean / max(1e-9, float(np.linalg.norm(mean)))
    choices: list[Choice | None] = []
    for faces in vectors:
        if not len(faces):
            choices.append(None)
            continue
        cosines = np.sort(faces @ anchor)[::-1]
        clear = len(cosines) == 1 or float(cosines[0] - cosines[1]) >= alike.margin
        recurs = len(shown) > 1 and float(cosines[0]) >= alike.middle
        choices.append(Choice(int(np.argmax(faces @ anchor)), sure=len(faces) == 1 or (clear and recurs)))
    return choices


def _support(vector: Vectors, vectors: Sequence[Vectors]) -> float:
    """How near the nearest face of each photo is, summed; its own photo adds the same to all of its faces."""
    return float(sum((faces @ vector).max() for faces in vectors if len(faces)))
