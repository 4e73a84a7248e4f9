from __future__ import annotations

import pytest

from bot.studio import captions
from engine.protocol import SubjectKind
from storage.states import SubjectKind as Kind


def test_the_trigger_comes_first_then_what_is_not_learnt() -> None:
    trained = captions.as_trained(Kind.PERSON, "ohwx", "person", "smiling, on a blue background")
    assert trained == "a portrait of ohwx person, smiling, on a blue background"
    assert captions.as_trained(Kind.STYLE, "ohwx", "style", "a house") == "a picture in ohwx style, a house"
    assert captions.as_trained(Kind.PET, "ohwx", "dog", "") == "a photo of ohwx dog"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  smiling ,, in a\npark,", "smiling, in a park"),
        ("ohwx person, smiling", "person, smiling"),
        ("OHWX, smiling", "smiling"),
        ("ohwxy, smiling", "ohwxy, smiling"),
        ("", ""),
    ],
)
def test_tidy(text: str, expected: str) -> None:
    assert captions.tidy(text, "ohwx") == expected


def test_a_caption_has_an_end() -> None:
    assert len(captions.tidy("word, " * 200)) <= captions.LONGEST


def test_a_word_everywhere() -> None:
    assert captions.with_word("smiling", "indoors") == "smiling, indoors"
    assert captions.with_word("smiling, indoors", "Indoors") == "smiling, indoors"
    assert captions.with_word("", "indoors") == "indoors"
    assert captions.with_word("smiling", "  ") == "smiling"
    assert captions.without_word("smiling, wearing a hat, in a hatchery", "hat") == "smiling, wearing a, in a hatchery"
    assert captions.without_word("smiling, wearing a hat, at home", "wearing a hat") == "smiling, at home"


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_every_kind_has_previews_with_its_trigger(kind: SubjectKind) -> None:
    shown = captions.previews(Kind(kind), "ohwx", "thing", (1, 2, 3, 4))
    assert len({p.prompt for p in shown}) == 4 and [p.seed for p in shown] == [1, 2, 3, 4]
    assert all("ohwx" in p.prompt for p in shown)
    assert "ohwx" in captions.prompt_to_try(Kind(kind), "ohwx", "thing")
