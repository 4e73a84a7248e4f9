"""What is painted without the trigger, and what a prompt says without it."""

from __future__ import annotations

import pytest

from bot.studio.captions import previews
from engine.protocol import PreviewPrompt, SubjectKind
from engine.scores.probes import ELSEWHERE, Probes, probes, without
from storage.states import SubjectKind as Stored


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_six_probes_name_the_subject_elsewhere_and_three_never_do(kind: SubjectKind) -> None:
    shown = previews(Stored(kind), "ohwx", "" if kind is SubjectKind.STYLE else "woman", (1, 2, 3, 4))
    found = probes(shown, kind, "ohwx", "" if kind is SubjectKind.STYLE else "woman")
    assert len(found.of_subject) == 6 and len(found.all) == 9
    assert all(probe.prompt.startswith(shown[0].prompt.partition(",")[0] + ", ") for probe in found.of_subject)
    assert not {one.seed for one in found.of_subject} & {one.seed for one in shown}
    assert not {one.prompt for one in found.of_subject} & {one.prompt for one in shown}
    assert not [probe for probe in (*found.of_class, *found.elsewhere) if "ohwx" in probe.prompt]
    assert len({(probe.prompt, probe.seed) for probe in found.all}) == 9
    assert found.elsewhere[0].prompt == ELSEWHERE


def test_a_preview_without_its_trigger_in_front_lends_no_words() -> None:
    for prompt in ("a dog in a forest, ohwx dog", "anything"):
        found = probes((PreviewPrompt(prompt=prompt, seed=1),), SubjectKind.PET, "ohwx", "dog")
        assert found.of_subject == () and len(found.all) == 3


def test_a_person_is_probed_by_the_class_and_a_style_by_its_things() -> None:
    person = probes(previews(Stored.PERSON, "ohwx", "woman", (5, 6)), SubjectKind.PERSON, "ohwx", "woman")
    assert [(one.prompt, one.seed) for one in person.of_class] == [
        ("a portrait of a woman", 5),
        ("a portrait of a woman", 6),
    ]
    style = probes(previews(Stored.STYLE, "ohwx", "style", (5, 6)), SubjectKind.STYLE, "ohwx", "style")
    assert [one.prompt for one in style.of_class] == ["a picture, a house", "a picture, a cat"]


def test_no_previews_no_probes() -> None:
    assert probes((), SubjectKind.PET, "ohwx", "dog") == Probes((), (), ())


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
