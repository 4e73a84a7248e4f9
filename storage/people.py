"""The rows about people: whose word, whose right, whose rules. Frozen records, as in records.py."""

from __future__ import annotations

from dataclasses import dataclass

from storage.states import ConsentState, Depicts, GrantKind, ReportState


@dataclass(frozen=True)
class Grant:
    """One member, or one role, that may use a LoRA beyond its `access`."""

    kind: GrantKind
    target_id: int


@dataclass(frozen=True)
class Consent:
    """Whether a subject may be learnt, and whose word that is."""

    id: int
    guild_id: int
    subject_id: int
    depicts: Depicts
    member_id: int | None
    """Who gives it and may take it back; None for `nobody`, and before it was said who is in the photos."""
    state: ConsentState
    words: str
    """Version of the words it was given under."""
    asked_at: int
    decided_at: int | None

    @property
    def given(self) -> bool:
        return self.state is ConsentState.GIVEN


@dataclass(frozen=True)
class Rules:
    """What a server's admins decided. None and empty: as the owner of the machine set it, and everybody, everywhere."""

    training_roles: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    report_channel: int | None = None
    trainings_per_member: int | None = None
    """Begun in the last 30 days."""
    pictures_per_day: int | None = None
    """Of one member, in the last 24 hours."""
    keep_photos_days: int | None = None
    """After the training they were for has ended."""
    keep_epochs_days: int | None = None
    """Of those that lost."""
    keep_pictures_days: int | None = None
    language: str | None = None
    """What the server reads; None: as Discord knows it."""


@dataclass(frozen=True)
class ChannelRules:
    """What admins decided for one channel. None: as everywhere."""

    lora_id: int | None = None
    """Painted with where nobody names one; it may be gone by now."""
    size: str | None = None
    """As it is typed behind a prompt: "3:2", or "512x768"."""
    count: int | None = None
    steps: int | None = None
    most: int | None = None
    """Pictures of one request."""
    painting: bool = True
    spoiler: bool = False
    """Pictures are blurred until somebody presses them."""


@dataclass(frozen=True)
class AuditLine:
    id: int
    at: int
    who_id: int
    """0: somebody who asked to be forgotten."""
    act: str
    subject_id: int | None
    lora_id: int | None
    job_id: str | None


@dataclass(frozen=True)
class Report:
    id: int
    guild_id: int
    job_id: str
    reporter_id: int
    state: ReportState
    made_at: int
    decided_by: int | None


@dataclass(frozen=True)
class Erasure:
    """A message Discord must still delete; with message_id 0 the whole thread."""

    guild_id: int
    channel_id: int
    message_id: int


@dataclass(frozen=True)
class Held:
    """What is stored about one member in one guild, counted."""

    subjects: int
    photos: int
    loras: int
    pictures: int
    shown_in: int
    """Subjects of others that show this member."""
    votes: int
    audit_lines: int
    favourites: int = 0
    wishes: int = 0
    """Trainings they want to be written to about."""


@dataclass(frozen=True)
class HeldOfSubject:
    """What is stored about one subject, counted: what goes when it is forgotten."""

    photos: int
    versions: int
    loras: int
    pictures: int
    """Painted with its LoRAs, by anybody."""
    heirs: int
    """Subjects that were taught from pictures of it, and go with it."""
