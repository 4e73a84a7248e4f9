"""What is painted without the trigger, and what a prompt says without it."""

from __future__ import annotations

import pytest

from bot.studio.captions import previews
from engine.protocol import SubjectKind
from engine.scores.probes import ELSEWHERE, Probes, probes, without
from storage.states import SubjectKind as Stored


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_probes_are_three_and_never_name_the_subject(kind: SubjectKind) -> None:
    shown = previews(Stored(kind), "ohwx", "" if kind is SubjectKind.STYLE else "woman", (1, 2, 3, 4))
    found = probes(shown, kind, "ohwx", "" if kind is SubjectKind.STYLE else "woman")
    assert len(found.all) == 3
    assert not [probe for probe in found.all if "ohwx" in probe.prompt]
    assert len({(probe.prompt, probe.seed) for probe in found.all}) == 3
    assert found.elsewhere[0].prompt == ELSEWHERE


def test_a_person_is_probed_by_the_class_and_a_style_by_its_things() -> None:
    person = probes(previews(Stored.PERSON, "ohwx", "woman", (5, 6)), SubjectKind.PERSON, "ohwx", "woman")
    assert [(one.prompt, one.seed) for one in person.of_class] == [
        ("a portrait of a woman", 5),
        ("a portrait of a woman", 6),
    ]
    style = probes(previews(Stored.STYLE, "ohwx", "style", (5, 6)), SubjectKind.STYLE, "ohwx", "style")
    assert [one.prompt for one in style.of_class] == ["a picture, a house", "a picture, a cat"]


def test_no_previews_no_probes() -> None:
    assert probes((), SubjectKind.PET, "ohwx", "dog") == Probes((), ())


@pytest.mark.parametrize(
    ("class_word", "prompt", "plain"),
    [
        ("person", "a portrait of ohwx person, smiling", "a portrait of a person, smiling"),
        ("person", "a portrait of ohwx, on the moon", "a portrait of a person, on the moon"),
        ("woman", "a portrait of a ohwx woman", "a portrait of a woman"),
        ("person", "OHWX on a beach", "a person on a beach"),
        ("dog", "a photo of ohwx dog", "a photo of a dog"),
        ("owl", "a photo of ohwx, an owl, in a tree", "a photo of an owl, in a tree"),
        ("person", "an ohwxish person", "an ohwxish person"),
        ("style", "a picture in ohwx style, a cat", "a picture, a cat"),
        ("", "a picture in ohwx, a cat", "a picture, a cat"),
        ("", "a photo of ohwx", "a photo of something"),
        ("c++", "a photo of ohwx c++", "a photo of a c++"),
    ],
)
def test_the_trigger_is_left_out(class_word: str, prompt: str, plain: str) -> None:
    assert without("ohwx", class_word, prompt) == plain
