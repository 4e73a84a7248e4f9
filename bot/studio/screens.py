"""What people are shown, as plain data: the studio fills these, the chat draws them.

A screen can be made again at any moment from what is stored, so a message can be posted, edited or reposted after a
restart from its `(Purpose, ref)` alone. No screen holds a Discord type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.studio.ballot_screens import BallotCard, ColumnCard, TieCard, WinnerCard
from bot.studio.coaching import Finding
from bot.studio.dataset_screens import CoachingCard, WordsCard
from bot.studio.news_screens import NewsCard
from bot.studio.painting_screens import ChannelCard, GalleryCard, PictureCard
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
    COACHING = "coaching"
    """dataset: what a careful friend would say of the photos"""
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
    TIE = "tie"
    """ballot: its votes are level, and its owner is asked"""
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
    NEWS = "news"
    """wish and moment, "7-ready": to one member alone, who asked for it; once"""


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
    """Judged: taken, or left out."""
    looked: int = 0
    """Opened; the verdict on them may follow."""
    out: int = 0
    """Left out so far."""
    reasons: tuple[str, ...] = ()
    """Of the first of them, each with its name: "IMG_4 is 240 px wide"."""
    kind: str = ""
    findings: tuple[Finding, ...] = ()
    """What can be said already."""


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
    asks: tuple[int, ...] = ()
    """Numbers of the photos, on all pages, where a person should look."""
    animated: int = 0
    """Photos left out because they move: their first frames can be taken."""


@dataclass(frozen=True)
class CropEditor:
    dataset_id: int
    number: int
    preview: Image
    faces: int
    note: str
    steps: int = 0
    """Presses that can be taken back."""
    dropped: bool = False
    next_ask: int = 0
    """The number of another photo where a person should look; 0: there is none."""
    asks: int = 0
    """How many of those there are."""


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
    terms: str = ""
    """Of the base, where they bind or want credit: one sentence."""
    blind: bool = True
    """The vote, if there is one, names no epoch before its end."""
    change: str = ""
    """Of a new version: its photos against those of the version before, one sentence."""


@dataclass(frozen=True)
class StatusCard:
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
    happened: str = ""
    """What the engine had to do differently on the way, one sentence: less memory, a lower rate."""
    can_ask: bool = False
    """Somebody it concerns may ask to be written to about it."""
    can_end: bool = False
    """Somebody has, and may take it back."""


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
class PicturesCard:
    job_id: str
    prompt: str
    lora: str | None
    member_id: int
    seeds: tuple[int, ...]
    """Of each picture."""
    pictures: tuple[Image, ...]
    """One grid first when there is more than one, then each picture."""
    ready: bool
    """False: still waiting; `note` then says the place in the queue."""
    note: str
    numbers: tuple[int, ...] = ()
    """Of each picture, from 0: some of a grid may be gone while others are favourites."""
    strengths: tuple[float, ...] = ()
    """Of its LoRAs."""
    labels: tuple[str, ...] = ()
    """Of each picture of a comparison: what stands over it."""
    spoiler: bool = False
    done: float | None = None
    """0..1 of a comparison that is being painted."""
    credit: str = ""
    """What the base's licence wants said beside its pictures."""
    told: str = ""
    """Of one that waits: how its prompt was understood."""


@dataclass(frozen=True)
class TroubleCard:
    job_id: str
    member_id: int
    sentence: str
    can_retry: bool
    can_be_lighter: bool = False
    """Memory did not suffice, and there is a training that needs less."""


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
    own: bool = False
    """Only those that belong to the one who looks."""


@dataclass(frozen=True)
class Notice:
    """One sentence, to one person."""

    sentence: str


Screen = (
    Reading
    | CoachingCard
    | WordsCard
    | CropSheet
    | CropEditor
    | CaptionSheet
    | ConfirmCard
    | StatusCard
    | EpochPost
    | BallotCard
    | ColumnCard
    | TieCard
    | WinnerCard
    | PicturesCard
    | PictureCard
    | GalleryCard
    | ChannelCard
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
    | NewsCard
    | LedgerList
    | LoraList
    | Notice
)
