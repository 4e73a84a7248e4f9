"""The words people read, in the language they read.

    say("Photo {number} is too dark.", number=3)          one sentence
    many("{count} photo", "{count} photos", count)        its right plural; {count} is given

The English sentence stands in the code and is the key; `bot/languages/<tag>.po` holds it in other languages. Which
language is in force is said at the edge: `speaking(interaction.locale)` for an answer, the server's language for what
everybody sees, English on the command line. Sentences are literals with named fields, so that they can be collected:
tests/chat/test_languages.py holds the catalogue to them.

A sentence is made when it is shown. What is stored is never a sentence of ours in one language.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "de": "Deutsch"}
"""Tag -> its own name for itself."""

_spoken: ContextVar[str] = ContextVar("language in force", default=ENGLISH)


class Said(str):
    """A sentence that knows what it was made from, so that it can be said `again` to somebody who speaks otherwise."""

    _source: tuple[str, ...]
    _count: int
    _values: Mapping[str, object]

    def __new__(cls, text: str, source: tuple[str, ...], count: int, values: Mapping[str, object]) -> Said:
        said = super().__new__(cls, text)
        said._source, said._count, said._values = source, count, values
        return said

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """A copy is the words alone."""
        return str, (str(self),)

    def again(self) -> str:
        """In the language in force now."""
        values = {name: value.again() if isinstance(value, Said) else value for name, value in self._values.items()}
        if len(self._source) == 1:
            return say(self._source[0], **values)
        return many(self._source[0], self._source[1], self._count, **values)


def say(sentence: str, /, **values: object) -> str:
    """The sentence in the language in force, with its fields filled in."""
    text = _catalogue(_spoken.get()).gettext(sentence).format(**values)
    return Said(text, (sentence,), 1, values)


def many(one: str, more: str, count: int, /, **values: object) -> str:
    """As `say`, in the form that fits `count`."""
    text = _catalogue(_spoken.get()).ngettext(one, more, count).format(count=count, **values)
    return Said(text, (one, more), count, values)


def translated(text: str) -> str:
    """Words of ours that are no sentence in the code: the description of a command."""
    return _catalogue(_spoken.get()).gettext(text) if text else text  # "" is the key of a catalogue's own notes


def label(text: str) -> str:
    """What stands on a button or over a field: a label of ours in the language in force, any other text as it is."""
    return translated(text.value) if isinstance(text, StrEnum) else text


def again(text: str) -> str:
    """`text` in the language in force now, where it is a sentence that was made for somebody else; else as it is."""
    return text.again() if isinstance(text, Said) else text


@contextmanager
def speaking(locale: object) -> Generator[None]:
    """Within it, and in every task it starts, that language is in force. English for one there is no catalogue of."""
    token = _spoken.set(language_of(locale))
    try:
        yield
    finally:
        _spoken.reset(token)


def speak(locale: object) -> None:
    """As `speaking`, to the end of the task this is called in."""
    _spoken.set(language_of(locale))


def spoken() -> str:
    """The language in force: a key of LANGUAGES."""
    return _spoken.get()


def language_of(locale: object) -> str:
    """The language of a locale such as "de", "de-AT" or discord.py's own record of one; English where there is none."""
    tag = str(locale or ENGLISH).replace("_", "-").split("-")[0].lower()
    return tag if tag in LANGUAGES else ENGLISH


@cache
def _catalogue(language: str) -> NullTranslations:
    if language == ENGLISH:
        return NullTranslations()
    # Not before somebody speaks it: reading a catalogue takes a tenth of a second.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (files("bot") / "languages" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
