"""Every card at its largest, judged like a request: Discord's limits hold whatever the studio says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from enum import EnumMeta
from pathlib import Path
from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat import (
    ballot_cards,
    ballot_texts,
    cards,
    commands,
    crop_cards,
    crop_texts,
    forms,
    gallery_cards,
    keeping_cards,
    keeping_forms,
    keeping_texts,
    news_cards,
    news_texts,
    painting_forms,
    painting_texts,
    people_cards,
    people_forms,
    people_texts,
    picture_cards,
    review_cards,
    rules_cards,
    texts,
    training_cards,
)
from bot.chat.layout import MARK, Drawn, bar, escape, sparkline, unescape
from bot.chat.uploads import PHOTO_LIMIT_MB
from bot.studio.ballot_screens import BallotColumn, ColumnCard, TieCard
from bot.studio.news_screens import Moment, NewsCard
from bot.studio.painting_screens import ChannelCard, EditForm, GalleryCard, GalleryLine, PictureCard
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
from tests.chat.double import picture
from tests.judge.capture import verdict
from tests.judge.judge import Request, walk

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


async def _sent(drawn: Drawn) -> list[str]:
    """What Discord would say to this card as a message."""
    view = drawn.view(MARK + 2**30)
    files = drawn.files()
    with discord.http.handle_message_parameters(view=view, files=files) as made:
        body: Any = made.payload
        if made.multipart:
            import json

            body = json.loads(made.multipart[0]["value"])
    sent = tuple((f"files[{n}]", file.filename, 1) for n, file in enumerate(files))
    return verdict(Request("POST", "/channels/1/messages", body, sent))


@pytest.mark.parametrize("screen", LARGEST.values(), ids=LARGEST)
async def test_the_largest_card_is_one_discord_takes(screen: Screen) -> None:
    assert await _sent(cards.draw(screen)) == []


async def test_answered_cards_have_nothing_to_press() -> None:
    crops, sheet = LARGEST["crops"], captions(10, 1, 1)
    assert isinstance(crops, CropSheet)
    for drawn in (crop_cards.crop_sheet(crops, settled=True), review_cards.caption_sheet(sheet, settled=True)):
        assert await _sent(drawn) == []
        assert not [p for p in walk([x.to_component_dict() for x in drawn.pieces]) if "custom_id" in p]


async def test_the_caption_page_has_39_components_and_one_more_row_would_not_fit() -> None:
    view = review_cards.caption_sheet(captions(10, 1, 5)).view()
    assert len(list(walk(view.to_components()))) == 39


@given(st.text(max_size=3000), st.integers(1, 10))
@settings(max_examples=30, deadline=None)
def test_whatever_a_caption_says_the_sheet_fits(text: str, count: int) -> None:
    drawn = review_cards.caption_sheet(captions(count, 1, 1, text))
    shown = [p.get("content", "") for p in walk([x.to_component_dict() for x in drawn.pieces])]
    assert sum(len(part) for part in shown) <= 4000


@given(st.text())
def test_escaping_is_undone(text: str) -> None:
    plain = text.replace("\\", "")
    assert unescape(escape(plain)) == plain


async def test_the_same_card_has_the_same_hash_and_another_has_not() -> None:
    first, again = cards.draw(LARGEST["status"]), cards.draw(LARGEST["status"])
    assert first.content_hash == again.content_hash
    other, repainted = vote(sheets=(picture(shade=1),)), vote(sheets=(picture(shade=2),))
    assert cards.draw(other).content_hash != cards.draw(repainted).content_hash


def test_no_two_controls_of_a_card_have_one_custom_id() -> None:
    for name, screen in LARGEST.items():
        ids = [
            p["custom_id"] for p in walk([x.to_component_dict() for x in cards.draw(screen).pieces]) if "custom_id" in p
        ]
        assert len(ids) == len(set(ids)), name


async def test_the_forms_are_ones_discord_takes() -> None:
    lines = [CaptionLine(n, LONG) for n in range(46, 51)]
    shown = (
        forms.train(str(BIG), LONG, 10, attested=True),
        forms.train(str(BIG), "", 0, attested=False),
        people_forms.consent(BIG, str(BIG)),
        people_forms.forget("subject.forget.send", BIG, str(BIG)),
        keeping_forms.rename(BIG, str(BIG)),
        keeping_forms.prompt(BIG, str(BIG)),
        keeping_forms.delete(BIG, str(BIG)),
        keeping_forms.forget_me(str(BIG)),
        keeping_forms.numbers(("10000",) * 5, str(BIG)),
        keeping_forms.numbers(("",) * 5, str(BIG)),
        forms.more_photos(BIG, str(BIG)),
        forms.captions(BIG, 5, lines, str(BIG)),
        forms.captions(BIG, 5, lines[:1], str(BIG)),
        forms.word(BIG, 5, str(BIG)),
        forms.trigger(BIG, "confirm", str(BIG)),
        forms.imagine(BIG, "kat3r1na-gen0", LONG),
        painting_forms.edit(EditForm(f"paint-{BIG}", LONG, LONG, 2**32 - 1), str(BIG)),
        painting_forms.compare(BIG, str(BIG)),
        painting_forms.channel(ChannelCard(BIG, ChannelRules(BIG, "4096x4096", 9, 150, 9), NAME, 9), str(BIG)),
    )
    for form in shown:
        body = {"type": 9, "data": form.to_dict()}
        assert verdict(Request("POST", "/interactions/1/token/callback", body)) == []


LIMITS: dict[EnumMeta, int] = {
    getattr(module, name): limit
    for module in (texts, people_texts, keeping_texts, painting_texts)
    for name, limit in (("Button", 34), ("Pick", 150), ("Title", 45), ("Field", 45), ("Hint", 100))
} | {ballot_texts.Button: 34, ballot_texts.Pick: 150, crop_texts.Button: 34, news_texts.Button: 34}


@pytest.mark.parametrize("group", LIMITS, ids=lambda group: f"{group.__module__}.{group.__name__}")
def test_words_are_within_discords_limits(group: EnumMeta) -> None:
    assert [str(word) for word in group if not 1 <= len(str(word)) <= LIMITS[group]] == []


def test_kinds_are_radio_options() -> None:
    assert 2 <= len(texts.kinds()) <= 10
    assert all(len(label) <= 100 and len(more) <= 100 for _, label, more in texts.kinds())


def test_places_and_lists() -> None:
    assert [texts.place_in_line(place) for place in (1, 2, 4)] == [
        "Next in line.", "1 request goes first.", "3 requests go first.",
    ]  # fmt: skip
    assert texts.listed(("A",)) == "A" and texts.listed(("A", "B", "C")) == "A, B and C"
    assert texts.too_big("x.jpg", PHOTO_LIMIT_MB) == "x.jpg is over 25 MB"


def test_bars_and_lines() -> None:
    assert bar(0) == "░" * 20 + " 0%" and bar(1.5) == "█" * 20 + " 100%" and bar(0.5).startswith("█" * 10 + "░")
    assert sparkline(()) == "" and sparkline((3, 2, 1)) == "█▅▁" and sparkline((1, 1)) == "▁▁"


MEMBERS_READ = (
    "intake",
    "crops",
    "captions",
    "confirm",
    "training",
    "voting",
    "pictures",
    "gallery",
    "people",
    "keeping",
    "rules",
    "news",
)


def test_members_read_only_what_stands_in_texts() -> None:
    """No sentence is written in a handler or a card: whatever has a space in it and is shown comes from texts."""
    folder = Path(cards.__file__).parent
    shown = [
        review_cards,
        training_cards,
        ballot_cards,
        picture_cards,
        gallery_cards,
        painting_forms,
        people_cards,
        people_forms,
        keeping_cards,
        keeping_forms,
        rules_cards,
        news_cards,
    ]
    files = [Path(str(module.__file__)) for module in shown]
    files += [folder / f"{name}.py" for name in MEMBERS_READ]
    assert commands.__file__
    assert [(file.name, text) for file in files for text in _sentences(file)] == []


def _sentences(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and isinstance(node.body[0], ast.Expr)
    }
    docs |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            words = [word for word in node.value.split() if word.isalpha() and len(word) > 1]
            if len(words) >= 3:
                yield node.value
