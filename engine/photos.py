"""What is said of photos: which ones, whose, where the faces are, and what a person should look at."""

from __future__ import annotations

from enum import StrEnum

from engine.shots import Part as Message


class SubjectKind(StrEnum):
    PERSON = "person"
    CHARACTER = "character"
    PET = "pet"
    OBJECT = "object"
    STYLE = "style"


class Box(Message):
    """A rectangle in pixels of the upright, cleaned photo: left, top (inclusive), right, bottom (exclusive)."""

    x0: int
    y0: int
    x1: int
    y1: int


class Face(Message):
    box: Box
    score: float
    """0..1, the finder's confidence."""
    likely_subject: bool = False
    """True where this face is the one that recurs across the set (or the only face of its photo)."""


class PhotoRef(Message):
    photo_id: str
    sha256: str
    copy_too: bool = False
    """It is taken although it is a copy of another photo: somebody wants it."""
    first_frame: bool = False
    """Of what moves the first picture is taken; otherwise it is refused."""


class PhotoFlag(StrEnum):
    """Kept, but a person should look."""

    NO_FACE = "no_face"
    CUT_FACE = "cut_face"
    SEVERAL_FACES = "several_faces"
    """More than one face and no certainty which one is the subject."""
    GROUP = "group"
    """More than one face; the recurring one was chosen."""
    BLURRED = "blurred"
