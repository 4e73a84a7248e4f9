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
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "de": "Deutsch"}
"""Tag -> its own name for itself."""

_spoken: ContextVar[str] = ContextVar("language in force", default=ENGLISH)


def say(sentence: str, /, **values: object) -> str:
    """The sentence in the language in force, with its fields filled in."""
    return _catalogue(_spoken.get()).gettext(sentence).format(**values)


def many(one: str, more: str, count: int, /, **values: object) -> str:
    """As `say`, in the form that fits `count`."""
    return _catalogue(_spoken.get()).ngettext(one, more, count).format(count=count, **values)


@contextmanager
def speaking(locale: object) -> Generator[None]:
    """Within it, and in every task it starts, that language is in force. English for one there is no catalogue of."""
    token = _spoken.set(language_of(locale))
    try:
        yield
    finally:
        _spoken.reset(token)


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
