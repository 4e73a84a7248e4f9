"""What people are shown about themselves: consent, rights, privacy, a server's rules, reports, the audit.

As the other screens, plain data that can be made again at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.people import Held, HeldOfSubject, Rules

if TYPE_CHECKING:
    from bot.studio.screens import Image


@dataclass(frozen=True)
class PersonCard:
    subject_id: int
    subject: str
    owner_id: int
    member_id: int | None
    """Whose word it takes; None until it was said."""
    state: str
    """A ConsentState value."""


@dataclass(frozen=True)
class ConsentCard:
    """What a member is asked: who asks, and what became of it. It names nothing that was made up about them."""

    subject_id: int
    owner_id: int
    member_id: int
    state: str
    """A ConsentState value, or "refused"."""


@dataclass(frozen=True)
class LoraCard:
    """One LoRA with all that can be done to it by the one who asked."""

    lora_id: int
    subject_id: int
    name: str
    trigger: str
    owner_id: int
    shows: int | None
    """The member who is seen in it, where that is not its owner."""
    access: str
    """me, members, role or server"""
    members: tuple[int, ...]
    roles: tuple[int, ...]
    prompt: str
    """What "Imagine with it" begins with."""
    epoch: int
    base: str
    made_at: int
    governs: bool
    """May say who uses it, rename it, export it."""
    deletes: bool
    thumbnail: Image | None
    retrains: bool = False
    """May open a new version of it."""
    versions: tuple[str, ...] = ()
    """From the first to this one: "kat-gen0", or "gen0" where that one is not this member's to use, or not there any more."""
    from_pictures: bool = False
    """Taught from pictures that were painted here."""


@dataclass(frozen=True)
class SubjectCard:
    """One subject, to the one who brought it or who is shown in it."""

    subject_id: int
    name: str
    """"" for somebody who is shown in it and did not bring it."""
    owner_id: int
    member_id: int | None
    """Whose word it stands on."""
    can_revoke: bool
    goes: HeldOfSubject | None = None
    """What forgetting it takes; None in a list of several."""


@dataclass(frozen=True)
class PrivacyCard:
    """What is stored about the one who asks."""

    held: Held
    subjects: tuple[SubjectCard, ...]
    rules: Rules


@dataclass(frozen=True)
class RulesCard:
    rules: Rules


@dataclass(frozen=True)
class ReportCard:
    report_id: int
    job_id: str
    reporter_id: int
    painter_id: int
    channel_id: int
    state: str
    """open, kept or removed"""


@dataclass(frozen=True)
class HiddenCard:
    """In place of pictures that were reported and not decided about."""

    job_id: str


@dataclass(frozen=True)
class LedgerLine:
    at: int
    who_id: int
    """0: somebody who asked to be forgotten."""
    act: str
    ref: str
    """What it is about, as an id: "LoRA 3"."""


@dataclass(frozen=True)
class LedgerList:
    """Lines of the audit, newest first: of one LoRA, or with title "" of the server."""

    title: str
    lines: tuple[LedgerLine, ...]
    before: int | None = None
    """Ask for older lines with this; None where there are none."""
