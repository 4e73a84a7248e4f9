"""What people are shown of a set of photos besides its sheets: what a careful friend says of it, and all its captions at once."""

from __future__ import annotations

from dataclasses import dataclass

from bot.studio.coaching import Finding, Grade, Matter


@dataclass(frozen=True)
class CoachingCard:
    dataset_id: int
    subject: str
    kind: str
    grade: Grade
    kept: int
    epoch: int
    epochs: int
    """By which epoch of how many a likeness may be expected."""
    findings: tuple[Finding, ...]
    undo: int | None
    """The answer that can be undone, and what it was about."""
    undo_matter: Matter | None
    stage: str
    """Where the set is: "cropping", "captioning", "ready", "frozen"."""

    @property
    def settled(self) -> bool:
        """The training has begun: nothing to press."""
        return self.stage in ("frozen", "discarded")


@dataclass(frozen=True)
class WordCount:
    word: str
    """One word, or a whole part of a caption."""
    count: int
    """Captions that have it."""


@dataclass(frozen=True)
class WordsCard:
    """All captions of a set at once."""

    dataset_id: int
    subject: str
    kind: str
    trigger: str
    before: str
    """What is put before every caption: "a portrait of ohwx person"."""
    captions: int
    empty: tuple[int, ...]
    """Numbers of the photos without one."""
    words: tuple[WordCount, ...]
    """The most frequent first."""
    own: tuple[WordCount, ...]
    """Those among them that belong to the subject itself and are better left to the trigger word."""
    undo: int | None
    """The change that can be undone, and what it was: "edit", "add", "remove", "word", "replace", "bring"."""
    undo_what: str
    missing: str
    """The captioner that was asked for and is not on this machine; "" when all is well."""
    page: int
    """Of the sheet it was opened from."""
