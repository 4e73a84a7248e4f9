"""The coaching card and the one for all captions: whatever is to be said, it is one Discord takes, and each press is its own."""

from __future__ import annotations

import pytest

from bot.chat import cards, coaching_cards, coaching_texts, lexicon, lexicon_texts
from bot.chat.layout import shown_texts
from bot.language import LANGUAGES, speaking
from bot.studio.coaching import EARLY, Act, Deed, Finding, Grade, Matter
from bot.studio.dataset_screens import CoachingCard, WordCount, WordsCard
from bot.studio.screens import Reading
from storage.states import SubjectKind
from tests.chat.test_cards import _sent
from tests.judge.judge import walk

BIG = 2**53
FIFTY = tuple(range(1, 51))
KEEP, MORE = Act("keep", Deed.KEEP), Act("more", Deed.MORE)


def finding(matter: Matter, photos: tuple[int, ...] = FIFTY) -> Finding:
    if matter in (Matter.FEW, Matter.ANGLE, Matter.PLACE, Matter.DAY):
        return Finding(matter, photos, (MORE, KEEP))
    if matter is Matter.COPIES:
        return Finding(matter, photos, (Act("take", Deed.TAKE, photos), KEEP))
    half = len(photos) // 2
    groups = (photos[:half], photos[half:])
    if matter is Matter.STRANGERS and len(photos) > 1:
        return Finding(
            matter, photos, (Act("drop", Deed.DROP, groups[1]), Act("drop2", Deed.DROP, groups[0]), KEEP), groups
        )
    return Finding(matter, photos, (Act("drop", Deed.DROP, photos), KEEP), groups)


def card(
    *findings: Finding, grade: Grade = Grade.FAIR, undo: int | None = BIG, stage: str = "cropping", kind: str = "person"
) -> CoachingCard:
    return CoachingCard(BIG, "*Katerina* " * 5, kind, grade, 50, 4, 8, findings, undo, Matter.BURST, stage)


def text(screen: CoachingCard) -> str:
    return "\n".join(part.get("content", "") for part in walk(coaching_cards.coaching(screen).view().to_components()))


@pytest.mark.parametrize("locale", list(LANGUAGES))
async def test_the_fullest_card_is_one_discord_takes(locale: str) -> None:
    with speaking(locale):
        for grade in Grade:
            assert await _sent(cards.draw(card(*(finding(matter) for matter in Matter), grade=grade))) == []
            assert await _sent(cards.draw(card(grade=grade, kind="style", undo=None))) == []
        for matter in Matter:
            assert await _sent(cards.draw(card(finding(matter, (1,)), kind="pet"))) == []


def reading(done: int, looked: int, *findings: Finding, out: int = 0) -> Reading:
    reasons = tuple(f"{'*name* ' * 6}{n} is a copy of {'*name* ' * 6}" for n in range(min(out, 6)))
    return Reading(BIG, "*Katerina* " * 5, 50, done, looked, out, reasons, "person", findings)


@pytest.mark.parametrize("locale", list(LANGUAGES))
async def test_the_fullest_first_word_is_one_discord_takes(locale: str) -> None:
    with speaking(locale):
        assert await _sent(cards.draw(reading(40, 45, *(finding(matter) for matter in EARLY), out=30))) == []


def test_a_first_word_tells_where_it_is_and_asks_for_photos_only() -> None:
    def said(screen: Reading) -> str:
        return "\n".join(part.get("content", "") for part in walk(cards.draw(screen).view().to_components()))

    assert "Katerina\\* **: 12 of 50." in said(reading(2, 12)) and " 24%" in said(reading(2, 12))
    assert "are open. Cropping and describing them: 5 of 50" in said(reading(5, 50)) and " 10%" in said(reading(5, 50))
    full = cards.draw(reading(40, 45, *(finding(matter) for matter in EARLY), out=30))
    text = "\n".join(part.get("content", "") for part in walk(full.view().to_components()))
    assert "30 left out: " in text and "and 24 more like these" in text and "two profile shots would help" in text
    full = cards.draw(reading(40, 45, *(finding(matter) for matter in EARLY), out=30))
    ids = [part["custom_id"] for part in walk(full.view().to_components()) if "custom_id" in part]
    assert ids == [f"lk1:photos.more:{BIG}:early"]


def test_the_gravest_are_shown_and_the_rest_is_announced() -> None:
    every = card(*(finding(matter) for matter in Matter))
    assert f"{len(Matter) - coaching_cards.FINDINGS} more hints follow" in text(every)
    assert "Two people are in these photos: 1, 2, 3" in text(every) and "profile shots" not in text(every)


def test_what_is_said_is_plain() -> None:
    assert "**Good.** Likely a likeness by epoch 4 of 8." in text(card(grade=Grade.GOOD))
    said = text(card(finding(Matter.BLURRED, (3,)), finding(Matter.ANGLE)))
    assert "The face in photo 3 is blurred." in said and "Send two profile shots" in said
    assert "Photo 3 is blurred" in text(card(finding(Matter.BLURRED, (3,)), kind="pet"))
    assert "Photos 1 and 2; 3 and 4 were shot moments apart" in text(card(finding(Matter.BURST, (1, 2, 3, 4))))
    assert "50 photos are in; 12 to 20 are best" in text(card(finding(Matter.FEW)))
    assert "Nothing stands in the way" in text(card(grade=Grade.GOOD))
    assert coaching_texts.numbers(FIFTY, 3) == "1, 2, 3 and 47 more" and coaching_texts.numbers((4, 9)) == "4 and 9"


def test_every_matter_has_a_press_that_acts_and_one_that_leaves_it() -> None:
    for matter in Matter:
        found = finding(matter, (1, 2))
        labels = [str(coaching_texts.label(found, act)) for act in found.acts]
        assert len(set(labels)) == len(labels) >= 2 and all(1 < len(label) <= 34 for label in labels)
    drawn = coaching_cards.coaching(card(*(finding(matter) for matter in list(Matter)[:6])))
    ids = [part["custom_id"] for part in walk(drawn.view().to_components()) if "custom_id" in part]
    assert len(ids) == len(set(ids)) and all(id.startswith(("lk1:coach.", "lk1:photos.more")) for id in ids)


async def test_after_the_start_nothing_is_left_to_press() -> None:
    over = coaching_cards.coaching(card(finding(Matter.BLURRED), stage="frozen"))
    assert await _sent(over) == []
    assert not [part for part in walk(over.view().to_components()) if "custom_id" in part]


def book(**more: object) -> WordsCard:
    told = {
        "dataset_id": BIG, "subject": "*Katerina* " * 5, "kind": "person", "trigger": "kat3r1na", "before": "a portrait of " * 6,
        "captions": 50, "empty": FIFTY, "words": tuple(WordCount(f"{n} " + "wearing a *red* sweater " * 8, n) for n in range(25)),
        "own": tuple(WordCount("hair" * 5, n) for n in range(25)), "undo": BIG, "undo_what": "replace",
        "missing": "florence-community/Florence-2-base", "page": 5,
    }  # fmt: skip
    return WordsCard(**(told | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("locale", list(LANGUAGES))
async def test_all_captions_at_once_is_one_card_discord_takes(locale: str) -> None:
    short = tuple(WordCount(f"{n} " + "x" * 90, n) for n in range(25))
    with speaking(locale):
        for kind in SubjectKind:
            for screen in (
                book(kind=kind),
                book(kind=kind, words=short),
                book(kind=kind, words=(), own=(), undo=None, missing=""),
            ):
                assert await _sent(cards.draw(screen)) == []
        for what in ("edit", "replace", "bring", "word", "add", "remove"):
            assert 1 < len(lexicon_texts.undo_label(what)) <= 80


def test_it_says_what_to_name_and_what_to_leave_out() -> None:
    parts = list(walk(cards.draw(book(words=(WordCount("smiling", 12),))).view().to_components()))
    said = "\n".join(part.get("content", "") for part in parts)
    assert "**Leave out** what makes the person: face, hair, eyes, age" in said
    assert "smiling · 12" in said and "Better left out: hair" in said and "likeness models fetch captions" in said
    (menu,) = [part for part in parts if part.get("type") == 3]
    assert menu["options"][0]["value"] == "smiling" and menu["options"][0]["description"] == "in 12 of 50"
    advice = {lexicon_texts.advice(kind, "x") for kind in SubjectKind}
    assert len(advice) == 4, "a person and a character are told the same, the others each their own"


def test_words_of_both_cards_are_within_limits() -> None:
    groups = (coaching_texts.Button, lexicon_texts.Button, lexicon_texts.Pick, lexicon_texts.Title, lexicon_texts.Field)
    assert [str(word) for group in groups for word in group if len(word) > 34] == []
    assert [str(word) for word in lexicon_texts.Hint if len(word) > 100] == []
    assert lexicon.FILES <= 10 and list(shown_texts(())) == []
