"""What people are shown, as plain data: the studio fills these, the chat draws them.

A screen can be made again at any moment from what is stored, so a message can be posted, edited or reposted after a
restart from its `(Purpose, ref)` alone. No screen holds a Discord type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.studio.people_screens import (
    ConsentCard,
    HiddenCard,
    LedgerList,
    LoraCard,
    PersonCard,
    PrivacyCard,
    ReportCard,
    RulesCard,
    SubjectCard,
)


class Purpose(StrEnum):
    """Which screen a stored message shows; `ref` is the database id named here."""

    READING = "reading"
    """dataset: photos are being looked at"""
    CROPS = "crops"
    """dataset"""
    CAPTIONS = "captions"
    """dataset"""
    CONFIRM = "confirm"
    """dataset"""
    STATUS = "status"
    """run: the live card, edited"""
    EPOCH = "epoch"
    """epoch row: silent post, once"""
    BALLOT = "ballot"
    """ballot: reactions are seeded under it"""
    WINNER = "winner"
    """lora: announced once"""
    PICTURES = "pictures"
    """job (text id): the answer to /imagine"""
    TROUBLE = "trouble"
    """job (text id): it failed or was cancelled"""
    PERSON = "person"
    """subject: whose face it is, and whether they allow it; in the room of the one who brought the photos"""
    CONSENT = "consent"
    """subject: the question to the one who is in the photos, in the channel where they can see it"""
    REPORT = "report"
    """report: a picture somebody objected to, for the admins"""


@dataclass(frozen=True)
class Image:
    """One picture on a screen: PNG, JPEG or WebP bytes, under 8 MiB. `alt` says what is seen."""

    name: str
    data: bytes = field(repr=False)
    alt: str


@dataclass(frozen=True)
class Reading:
    dataset_id: int
    subject: str
    given: int
    done: int


@dataclass(frozen=True)
class PhotoLine:
    """One photo as the contact sheet lists it."""

    number: int
    kept: bool
    note: str
    """Why it was refused or what to look at; "" when all is well."""
    asks: bool = False
    """True where a person should look before going on (several faces, a cut face, no face)."""


@dataclass(frozen=True)
class CropSheet:
    dataset_id: int
    subject: str
    summary: str
    """ "18 photos in. 2 left out: IMG_4 is 240 px wide, IMG_9 is a copy of IMG_3." """
    sheet: Image | None
    page: int
    pages: int
    photos: tuple[PhotoLine, ...]
    can_go_on: bool
    """False below five usable photos; `summary` says how many are missing."""


@dataclass(frozen=True)
class CropEditor:
    dataset_id: int
    number: int
    preview: Image
    faces: int
    note: str


@dataclass(frozen=True)
class CaptionLine:
    number: int
    caption: str


@dataclass(frozen=True)
class CaptionSheet:
    dataset_id: int
    subject: str
    trigger: str
    class_word: str
    sheet: Image
    """The crops of this page, numbered."""
    lines: tuple[CaptionLine, ...]
    """At most ten: one page."""
    page: int
    pages: int


@dataclass(frozen=True)
class PresetChoice:
    name: str
    title: str
    minutes: str
    """Honest: "about 2 min", or "2-5 min, not measured here yet"."""


@dataclass(frozen=True)
class ConfirmCard:
    dataset_id: int
    subject: str
    trigger: str
    class_word: str
    photos: int
    presets: tuple[PresetChoice, ...]
    preset: str
    access: str
    """ "me" or "server" """
    wants_vote: bool
    queue: str
    """ "next in line" or "3rd in line, starts in about 4 min" """
    started: bool = False
    waits: str = ""
    """Why it cannot start yet: one sentence; "" when it can."""


@dataclass(frozen=True)
class StatusCard:
    change: str = ""
    """Of a new version: its photos against those of the version before, one sentence."""
    run_id: int
    subject: str
    state: str
    """queued, preparing, training, voting, published, cancelled, failed, paused"""
    headline: str
    """One sentence: "Training epoch 3 of 8." """
    place: int
    """In the queue, from 1; 0 once started."""
    done: float
    """0..1"""
    epoch: int
    epochs: int
    losses: tuple[float, ...]
    """One per finished epoch, for the sparkline."""
    ends_at: int | None
    """Unix seconds; shown as a relative timestamp."""
    can_cancel: bool
    can_stop: bool


@dataclass(frozen=True)
class EpochPost:
    run_id: int
    epoch_id: int
    number: int
    epochs: int
    previews: Image
    note: str
    """ "likeness 71, prompt kept 96 %" or "" """


@dataclass(frozen=True)
class BallotCard:
    ballot_id: int
    run_id: int
    subject: str
    grid: Image
    options: tuple[int, ...]
    """Epoch numbers, in column order; the i-th has the i-th keycap emoji."""
    suggestion: str
    """The engine's own reading with its reason; never instead of the vote."""
    closes_at: int
    closed: bool
    result: str
    """ "" while open """
    curve: Image | None = None
    """The scores over the epochs with the winner marked, once closed; None where nothing was read."""


@dataclass(frozen=True)
class WinnerCard:
    lora_id: int
    name: str
    trigger: str
    owner_id: int
    picture: Image
    result: str
    """ "Epoch 6 wins, 5 of 8 votes." """
    try_it: str
    """A prompt to start with."""


@dataclass(frozen=True)
class PicturesCard:
    job_id: str
    prompt: str
    lora: str | None
    member_id: int
    seeds: tuple[int, ...]
    pictures: tuple[Image, ...]
    """One grid first when there is more than one, then each picture."""
    ready: bool
    """False: still waiting; `note` then says the place in the queue."""
    note: str


@dataclass(frozen=True)
class TroubleCard:
    job_id: str
    member_id: int
    sentence: str
    can_retry: bool


@dataclass(frozen=True)
class QueueLine:
    place: int
    what: str
    """ "training" or "painting"; names of private subjects are hidden from others """
    mine: bool
    job_id: str
    starts_at: int | None


@dataclass(frozen=True)
class QueueList:
    lines: tuple[QueueLine, ...]


@dataclass(frozen=True)
class LoraLine:
    lora_id: int
    name: str
    trigger: str
    mine: bool
    access: str
    thumbnail: Image | None


@dataclass(frozen=True)
class LoraList:
    lines: tuple[LoraLine, ...]
    page: int
    pages: int


@dataclass(frozen=True)
class Notice:
    """One sentence, to one person."""

    sentence: str


Screen = (
    Reading
    | CropSheet
    | CropEditor
    | CaptionSheet
    | ConfirmCard
    | StatusCard
    | EpochPost
    | BallotCard
    | WinnerCard
    | PicturesCard
    | TroubleCard
    | PersonCard
    | ConsentCard
    | QueueList
    | LoraCard
    | SubjectCard
    | PrivacyCard
    | RulesCard
    | ReportCard
    | HiddenCard
    | LedgerList
    | LoraList
    | Notice
)
