"""Every card at its largest, judged like a request: Discord's limits hold whatever the studio says."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat import cards, crop_cards, forms, keeping_forms, painting_forms, people_forms, review_cards
from bot.chat.layout import MARK, Drawn, escape, unescape
from bot.studio.painting_screens import ChannelCard, EditForm
from bot.studio.screens import CaptionLine, CropSheet, Screen
from storage.people import ChannelRules
from tests.chat.largest import BIG, LARGEST, LONG, NAME, captions, vote
from tests.chat.training import picture
from tests.judge.capture import verdict
from tests.judge.judge import Request, walk


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
