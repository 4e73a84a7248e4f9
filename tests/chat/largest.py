"""Every card at its largest: the longest words, the most lines, ids of 19 digits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.studio.ballot_screens import BallotColumn, ColumnCard, TieCard
from bot.studio.news_screens import Moment, NewsCard
from bot.studio.painting_screens import ChannelCard, GalleryCard, GalleryLine, PictureCard
from bot.studio.people_screens import (
    ConsentCard,
    HiddenCard,
    LedgerLine,
    LedgerList,
    LoraCard,
    PersonCard,
    PrivacyCard,
    ReportCard,
    RulesCard,
    SubjectCard,
)
from bot.studio.screens import (
    BallotCard,
    CaptionLine,
    CaptionSheet,
    ConfirmCard,
    CropEditor,
    CropSheet,
    EpochPost,
    LoraLine,
    LoraList,
    Notice,
    PhotoLine,
    PicturesCard,
    PresetChoice,
    QueueLine,
    QueueList,
    Reading,
    Screen,
    StatusCard,
    TroubleCard,
    WinnerCard,
)
from storage.people import ChannelRules, Held, Rules
from tests.chat.training import picture

LONG = "a very long text with *stars* and @everyone, " * 60
NAME = "Katerina the Great of somewhere far away"
BIG = 2**63 - 1


def captions(count: int, page: int, pages: int, text: str = LONG) -> CaptionSheet:
    lines = tuple(CaptionLine(n, text) for n in range(41, 41 + count))
    return CaptionSheet(BIG, NAME, "kat3r1na", "woman", picture(), lines, page, pages)


COLUMNS = tuple(BallotColumn(letter, BIG, BIG, letter == "C", True) for letter in "ABCDEFGHIJ")
PICTURES = tuple(picture(shade=shade) for shade in (1, 2, 3))


def vote(**more: Any) -> BallotCard:
    return replace(BallotCard(BIG, BIG, NAME, PICTURES, COLUMNS, True, "", BIG, anew=True), **more)


LARGEST: dict[str, Screen] = {
    "reading": Reading(BIG, NAME, 50, 49),
    "crops": CropSheet(
        BIG,
        NAME,
        LONG,
        picture(),
        1,
        2,
        tuple(PhotoLine(n, False, LONG, True) for n in range(1, 51)),
        True,
        asks=tuple(range(1, 51)),
        animated=50,
    ),
    "crops, nothing usable": CropSheet(BIG, NAME, "Nothing usable.", None, 1, 1, (), False),
    "editor": CropEditor(BIG, 50, picture(), 9, LONG[:900], steps=30, dropped=True, next_ask=50, asks=49),
    "captions": captions(10, 1, 5),
    "captions, one page": captions(10, 1, 1),
    "captions, one": captions(1, 1, 1),
    "confirm": ConfirmCard(
        BIG,
        NAME,
        "kat3r1na",
        "woman",
        50,
        tuple(PresetChoice(f"preset{n}", LONG, LONG) for n in range(5)),
        "preset2",
        "server",
        True,
        "3rd in line, starts in about 4 min",
        terms=LONG[:400],
        waits=LONG[:500],
    ),
    "status": StatusCard(
        BIG, NAME, "training", LONG[:900], 0, 0.5, 10, 20, tuple(range(20)), BIG, True, True, LONG[:300], True, True
    ),
    **{f"news, {moment}": NewsCard(moment, NAME, "en", BIG, BIG, BIG) for moment in Moment},
    "news, of a channel": NewsCard(Moment.VOTE, LONG, "de", BIG, BIG, None),
    "epoch": EpochPost(BIG, BIG, 20, 20, picture(), LONG[:900]),
    "ballot": vote(),
    "ballot, open": vote(blind=False, suggestion=LONG[:900]),
    "ballot, level": vote(state="tied", decides_at=BIG),
    "ballot, closed": vote(state="closed", suggestion=LONG[:900], result=LONG[:500], decided_by=BIG),
    "ballot, of two": vote(sheets=(picture(),), columns=COLUMNS[:2]),
    "column": ColumnCard(BIG, 9, COLUMNS[9], picture(), 10, True),
    "column, base": ColumnCard(BIG, None, None, picture(), 1, False),
    "tie": TieCard(BIG, NAME, BIG, tuple(enumerate(COLUMNS)), PICTURES, BIG),
    "tie, over": TieCard(BIG, NAME, BIG, tuple(enumerate(COLUMNS)), (), BIG, LONG[:500], BIG),
    "winner, voted": WinnerCard(
        BIG, "kat3r1na-gen0", "kat", BIG, picture(), LONG[:500], LONG[:500], COLUMNS, 99, BIG, picture(shade=3)
    ),
    "winner": WinnerCard(BIG, "kat3r1na-gen0", "kat3r1na", BIG, picture(), LONG[:500], LONG[:500]),
    "winner, odd name": WinnerCard(BIG, "Kätérina die Große: 100 %", "kat", BIG, picture(), "", ""),
    **{
        f"person, {state}": PersonCard(BIG, NAME, BIG, None if state == "open" else BIG, state)
        for state in ("open", "asked", "given", "revoked")
    },
    **{f"consent, {state}": ConsentCard(BIG, BIG, BIG, state) for state in ("asked", "given", "revoked", "refused")},
    **{
        f"lora, {access}": LoraCard(
            BIG,
            BIG,
            NAME,
            "kat3r1na",
            BIG,
            BIG,
            access,
            tuple(range(BIG - 25, BIG)) if access == "members" else (),
            tuple(range(BIG - 25, BIG)) if access == "role" else (),
            LONG,
            20,
            "a/base",
            1_800_000_000,
            True,
            True,
            picture(),
        )
        for access in ("me", "members", "role", "server")
    },
    "lora, of somebody else": LoraCard(
        BIG, BIG, "Kätérina", "kat", BIG, None, "server", (), (), "a", 1, "b", 1, False, False, None
    ),
    "privacy": PrivacyCard(
        Held(99, 999, 99, 9999, 9, 999, 9999),
        tuple(SubjectCard(n, NAME if n % 2 else "", BIG, BIG, True) for n in range(1, 26)),
        Rules(keep_photos_days=30),
    ),
    "subject": SubjectCard(BIG, "", BIG, BIG, True),
    "subject, nobody": SubjectCard(BIG, NAME, BIG, None, False),
    "rules": RulesCard(Rules(tuple(range(BIG - 25, BIG)), tuple(range(BIG - 25, BIG)), BIG, *[10_000] * 5)),
    "rules, none": RulesCard(Rules()),
    **{f"report, {state}": ReportCard(BIG, "job", BIG, BIG, BIG, state) for state in ("open", "kept", "removed")},
    "hidden": HiddenCard("job"),
    "audit": LedgerList("", tuple(LedgerLine(1_800_000_000, BIG, "revoked", f"LoRA {BIG}") for _ in range(20)), BIG),
    "audit, empty": LedgerList(NAME, ()),
    "pictures": PicturesCard(
        f"paint-{BIG}",
        LONG,
        NAME,
        BIG,
        tuple(range(16)),
        tuple(picture(f"{n}.png") for n in range(17)),
        True,
        LONG[:500],
        tuple(range(16)),
        (0.8,) * 4,
    ),
    "pictures, four": PicturesCard(
        f"paint-{BIG}",
        LONG,
        NAME,
        BIG,
        (BIG,) * 4,
        tuple(picture(f"{n}.png") for n in range(5)),
        True,
        LONG[:500],
        tuple(range(4)),
        (-0.8, 1.25, 0.333, 4.0),
        spoiler=True,
        credit=LONG[:200],
    ),
    "pictures, compared": PicturesCard(
        f"paint-{BIG}",
        LONG,
        NAME,
        BIG,
        (BIG,) * 16,
        tuple(picture(f"{n}.png") for n in range(17)),
        True,
        LONG[:500],
        tuple(range(16)),
        labels=(LONG,) * 16,
    ),
    "pictures, being compared": PicturesCard("j", LONG, NAME, BIG, (1,), (), False, "Painting now.", done=0.4),
    **{
        f"picture, {kept}": PictureCard(
            BIG,
            f"paint-{BIG}",
            15,
            picture(),
            LONG,
            NAME,
            LONG[:100],
            BIG,
            BIG,
            kept,
            kept,
            True,
            True,
            True,
            "server.999",
        )
        for kept in (True, False)
    },
    **{
        f"gallery, {whose}": GalleryCard(
            whose,
            tuple(GalleryLine(BIG - n, n, LONG, BIG, True) for n in range(1, 10)),
            picture(),
            1,
            99,
            891,
            True,
        )
        for whose in ("mine", "server")
    },
    **{f"gallery, {whose}, empty": GalleryCard(whose, (), None, 1, 1, 0, False) for whose in ("mine", "server")},
    "channel": ChannelCard(BIG, ChannelRules(BIG, "4096x4096", 9, 150, 9, False, True), NAME, 9),
    "channel, as everywhere": ChannelCard(BIG, ChannelRules(), None, 9),
    "pictures, one": PicturesCard("j", LONG, None, BIG, (BIG,), (picture(),), True, "", (3,), (1.0,)),
    "pictures, waiting": PicturesCard("j", LONG, None, BIG, (1,), (), False, "2nd in line"),
    "trouble": TroubleCard(f"train-{BIG}", BIG, LONG[:1500], True),
    "queue": QueueList(tuple(QueueLine(n, LONG[:80], True, "j", BIG) for n in range(60))),
    "queue, empty": QueueList(()),
    "loras": LoraList(tuple(LoraLine(n, NAME, "kat", True, "me", picture()) for n in range(10)), 1, 9),
    "loras, none": LoraList((), 1, 1),
    "notice": Notice(LONG[:1500]),
}
