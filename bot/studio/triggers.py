"""Trigger words: made up, short, unique in the guild, and meaning nothing to a base model.

A word that the base knows drags its own meaning into the subject, and changes that meaning for everybody else. So the
list in common_words.txt is refused, and so is every word the classes are named by.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from random import Random

from bot.errors import UserError
from bot.language import say

LONGEST = 24
SHORTEST = 3
FORM = re.compile(r"[a-z][a-z0-9_]*")
CLASS_WORDS = {
    "person": "person",
    "character": "character",
    "pet": "pet",
    "object": "object",
    "style": "style",
}
"""What a subject is called beside its trigger word until somebody says it better, by kind."""
CONSONANTS = "bcdfghjklmnpqrstvwxz"
VOWELS = "aeiou"


@cache
def common_words() -> frozenset[str]:
    text = files("bot.studio").joinpath("common_words.txt").read_text(encoding="utf-8")
    words = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in words for word in line) | frozenset(CLASS_WORDS.values())


def check(text: str, class_word: str = "") -> str:
    """The trigger word as it will be stored: lower case. UserError says what is wrong and what would do."""
    word = text.strip().lower()
    if " " in word:
        raise UserError(say("A trigger word is one word. Try `{idea}`.", idea=suggest(word)))
    if len(word) < SHORTEST:
        raise UserError(
            say("A trigger word needs at least {least} letters. Try something like `ohwx`.", least=SHORTEST)
        )
    if len(word) > LONGEST:
        raise UserError(
            say(
                "A trigger word has at most {most} letters. Try `{idea}`.",
                most=LONGEST,
                idea=suggest(word[:LONGEST]),
            )
        )
    if not FORM.fullmatch(word):
        raise UserError(
            say("A trigger word is made of the letters a to z, digits and _. Try `{idea}`.", idea=suggest(word))
        )
    if word in common_words() or word == class_word.lower():
        raise UserError(
            say(
                "`{word}` is a word the base model already knows, so it would mix its own idea of it in. Make one up,"
                " like `{idea}`.",
                word=word,
                idea=suggest(word),
            )
        )
    return word


def suggest(text: str) -> str:
    """A word like `text` that means nothing: some of its letters as digits, "kitten" -> "k1tt3n"."""
    letters = re.sub(r"[^a-z0-9]", "", text.lower())[: LONGEST - 1]
    spelt = letters[:1] + letters[1:].translate(str.maketrans("oleast", "013457"))
    if len(spelt) < SHORTEST or spelt in common_words() or not FORM.fullmatch(spelt):
        return "ohwx"
    return spelt


def make_up(taken: Collection[str], random: Random) -> str:
    """A trigger word in nobody's use: "ohwx" first, then pronounceable nonsense. `taken` is in lower case."""
    if "ohwx" not in taken:
        return "ohwx"
    while True:
        word = "".join(random.choice(letters) for letters in (VOWELS, CONSONANTS, CONSONANTS, VOWELS, CONSONANTS))
        if word not in taken and word not in common_words():
            return word
