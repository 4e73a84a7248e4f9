"""What a scorer needs of a network, and which networks there are for a base on this machine.

Nothing is ever fetched: a network that is not here is not used, and the score that needs it is None.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.protocol import BaseModelRef, SubjectKind

if TYPE_CHECKING:
    from engine.scores.faces import FaceEyes

Vectors = NDArray[np.float32]
"""(pictures, features) of unit length; a row of zeros where there was nothing to look at."""

CLIP_PLACES = ("openai/clip-vit-large-patch14", "openai/clip-vit-base-patch32", "openai/clip-vit-base-patch16")
DINO_PLACES = ("facebook/dinov2-base", "facebook/dinov2-small", "facebook/dinov2-large")
"""Hub ids looked for in the local cache, best first. LIKENESS_CLIP and LIKENESS_DINO name another id, or a folder."""
CLIP, DINO = "LIKENESS_CLIP", "LIKENESS_DINO"
SFACE, YUNET = "LIKENESS_SFACE", "LIKENESS_YUNET"
"""Files of the OpenCV zoo: face_recognition_sface, and face_detection_yunet, which finds the face for it."""
SHOWN = 0.5
"""Faces are compared where at least this share of the photos shows one."""


class Eyes(Protocol):
    """Pictures as unit vectors that are near each other for what looks alike to these eyes."""

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors: ...


class Matcher(Protocol):
    """How well pictures match texts."""

    def match(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> NDArray[np.float32]:
        """(pictures, prompts) cosines."""
        ...


class Glance:
    """Eyes that need no network: the picture itself at 16 x 16 px, its mean colour taken off."""

    SIDE = 16

    def embed(self, pictures: Sequence[Image.Image]) -> Vectors:
        small = [picture.convert("RGB").resize((self.SIDE, self.SIDE), Image.Resampling.BOX) for picture in pictures]
        flat = np.stack([np.asarray(one, dtype=np.float32).reshape(-1, 3) for one in small])
        return unit((flat - flat.mean(axis=1, keepdims=True)).reshape(len(small), -1))


@dataclass(frozen=True, slots=True)
class Sight:
    """What looks at one training's pictures."""

    who: Eyes | None
    """Tells the subject from others of its class; None: likeness and bleed cannot be read."""
    whole: Eyes
    """Sees whole pictures, for what changed and what was copied."""
    matcher: Matcher | None
    """None: fidelity cannot be read."""
    strangers: Vectors | None = None
    """`who` of others of the subject's class. None: the base's own pictures stand for them."""


def unit(vectors: NDArray[np.float32]) -> Vectors:
    """Rows of length one; rows of nothing stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-6)


def sight_for(ref: BaseModelRef, kind: SubjectKind, crops: Sequence[Image.Image], device: str = "cpu") -> Sight:
    """The best there is here: the miniature's own eyes; else faces for a person, then DINOv2, then CLIP, then none.

    A style is for CLIP, which was taught the words for styles; DINOv2 looks through it at what is shown, and the miniature's
    eyes know people only.
    """
    from engine.families.bases import MINIATURE

    if ref.source == MINIATURE:
        from engine.miniature import CLIP as ITS_CLIP
        from engine.miniature import IDENTITY

        if not (ITS_CLIP.is_dir() and IDENTITY.is_dir()):
            return Sight(None, Glance(), None)
        from engine.scores.cartoon import sight

        return sight() if kind is not SubjectKind.STYLE else replace(sight(), who=None)
    from engine.scores import vision

    clip = vision.clip_in(CLIP_PLACES, os.environ.get(CLIP, ""), device)
    dino = vision.dino_in(DINO_PLACES, os.environ.get(DINO, ""), device)
    whole = dino or clip
    if kind is SubjectKind.STYLE:
        return Sight(clip or dino, whole or Glance(), clip)
    faces = _faces(crops) if kind is SubjectKind.PERSON else None
    return Sight(faces or whole, whole or Glance(), clip)


def face_eyes() -> FaceEyes | None:
    """SFace, where its files are named and here."""
    from engine.scores.faces import FaceEyes

    finder, recognizer = os.environ.get(YUNET, ""), os.environ.get(SFACE, "")
    if not (finder and recognizer and Path(finder).is_file() and Path(recognizer).is_file()):
        return None
    return FaceEyes.open(Path(finder), Path(recognizer))


def _faces(crops: Sequence[Image.Image]) -> Eyes | None:
    """SFace, where it is here and most crops show a face to it."""
    eyes = face_eyes()
    if eyes is None:
        return None
    seen = np.abs(eyes.embed(crops)).sum(axis=1) > 0
    return eyes if seen.mean() >= SHOWN else None
