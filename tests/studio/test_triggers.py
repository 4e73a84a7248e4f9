from __future__ import annotations

from random import Random

import pytest

from bot.errors import UserError
from bot.studio import triggers


@pytest.mark.parametrize("word", ["ohwx", " OHWX ", "k4tya", "sk_5", "zwxq2"])
def test_made_up_words_pass_in_lower_case(word: str) -> None:
    assert triggers.check(word) == word.strip().lower()


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("hat", "already knows"),
        ("Birthday", "already knows"),
        ("person", "already knows"),
        ("emma", "already knows"),
        ("sks", "already knows"),
        ("ab", "at least 3 letters"),
        ("two words", "one word"),
        ("x" * 25, "at most 24"),
        ("naïve", "letters a to z"),
        ("<@123>", "letters a to z"),
        ("4you", "letters a to z"),
    ],
)
def test_what_is_no_trigger_word_is_refused_with_a_way_out(word: str, part: str) -> None:
    with pytest.raises(UserError) as refused:
        triggers.check(word)
    assert part in str(refused.value)


def test_the_subjects_own_class_word_is_refused() -> None:
    with pytest.raises(UserError):
        triggers.check("axolotl", class_word="Axolotl")
    assert triggers.check("axolotlx", class_word="axolotl")


@pytest.mark.parametrize("word", ["kitten", "a", "", "ß", "hat", "Katharina", "x" * 40, "   "])
def test_what_is_suggested_passes_the_check(word: str) -> None:
    assert triggers.check(triggers.suggest(word))


def test_made_up_ones_are_new_and_pass() -> None:
    taken: set[str] = set()
    random = Random(3)
    for _ in range(300):
        word = triggers.make_up(taken, random)
        assert word not in taken and triggers.check(word) == word
        taken.add(word)
    assert "ohwx" in taken
