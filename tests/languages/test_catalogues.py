"""Every sentence has its words in every language, says the same things in it, and fits where it stands."""

from __future__ import annotations

import ast
import gettext
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from bot.errors import UserError
from bot.language import LANGUAGES, Said, again, label, language_of, many, say, speaking, spoken
from bot.studio.hearsay import retell
from tests.chat import test_cards
from tests.languages.collect import (
    OTHERS,
    ROOT,
    Source,
    calls,
    catalogue,
    everything,
    fields,
    labels,
    modules,
    said,
    tree_words,
)

LIMITS = {"Button": 34, "Pick": 150, "Title": 45, "Field": 45, "Hint": 100, "Permission": 100, "Act": 100}
"""By the name of the enum of labels."""
TREE_LIMITS = {"command": 100, "option": 100, "choice": 100, "menu": 32}
COMMAND = re.compile(r"(?<![\w/])/[a-z][a-z-]+")
TOLD = frozenset({"UserError", "NotAllowed", "NotFound", "Taken", "Notice"})
FIELD = re.compile(r"\{[^{}]*\}")


@pytest.fixture(scope="module")
def wanted() -> dict[str, Source]:
    return everything()


def words_of(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def key_of(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else message.id


# -- the code


def test_sentences_are_literals_and_get_what_they_name() -> None:
    """Only what the engine said is put into words by a variable."""
    unreadable = [source.place for source in said() if not source.one and "hearsay.py" not in source.place]
    assert unreadable == []
    short = [
        f"{source.place}: {source.fields ^ source.given}"
        for source in said()
        if source.one and source.given is not None and source.fields != source.given - (source.spare - source.fields)
    ]
    assert short == []


def test_what_members_are_told_is_said_in_their_language() -> None:
    bare = [
        f"{name}:{call.lineno}"
        for name, tree in modules()
        if name.startswith(("bot/chat/", "bot/studio/"))
        for call in calls(tree, *TOLD)
        for word in call.args
        if isinstance(word, ast.JoinedStr)
        or (isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value)
    ]
    assert bare == []


def test_nothing_is_said_before_somebody_reads_it() -> None:
    """A sentence made while a module is imported, or as a default, would be in one language for everybody."""
    early: list[str] = []
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
                early += [f"{name}:{c.lineno}" for d in defaults for c in calls(d, "say", "many", "label")]
        early += [f"{name}:{call.lineno}" for part in _at_import(tree) for call in calls(part, "say", "many", "label")]
    assert early == []


def _at_import(tree: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    for part in tree.body:
        if isinstance(part, ast.ClassDef):
            yield from _at_import(part)
        elif not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part


def test_labels_are_translated_where_they_are_drawn() -> None:
    """A select of discord.py's own is given its placeholder by label(); layout and forms do it for all others."""
    bare = [
        f"{name}:{keyword.value.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "placeholder" and isinstance(keyword.value, ast.Attribute)
    ]
    assert bare == []
    assert {group.__name__ for group in labels()} <= set(LIMITS)


# -- the catalogues


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_holds_every_sentence_and_no_other(language: str, wanted: dict[str, Source]) -> None:
    """`python -m tests.languages` brings it up to the code; then the words are for a person to write."""
    held = {key_of(message): message for message in catalogue(language) if message.id}
    assert sorted(wanted.keys() - held.keys()) == [], "missing"
    assert sorted(held.keys() - wanted.keys()) == [], "nobody says it any more"
    assert [key for key, message in held.items() if not all(words_of(message)) or message.fuzzy] == []
    assert [key for key, message in held.items() if bool(wanted[key].more) is not isinstance(message.id, tuple)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_fields_commands_and_marks(language: str, wanted: dict[str, Source]) -> None:
    wrong: list[str] = []
    for message in catalogue(language):
        if not message.id or key_of(message) not in wanted:
            continue
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        for source, words in zip(sources, words_of(message), strict=True):
            same = (
                {f.strip("{}") for f in FIELD.findall(source)} == {f.strip("{}") for f in FIELD.findall(words)}
                and fields(source) == fields(words)
                and set(COMMAND.findall(source)) == set(COMMAND.findall(words))
                and sorted(re.findall(r"`[^`]*`", source)) == sorted(re.findall(r"`[^`]*`", words))
                and source.count("**") == words.count("**")
                and source.count("\n") == words.count("\n")
                and (source.startswith(("### ", "-# ", "- ")), words[:4].rstrip()[:2])
                == (words.startswith(("### ", "-# ", "- ")), words[:4].rstrip()[:2])
            )
            if not same:
                wrong.append(f"{source!r} -> {words!r}")
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit(language: str) -> None:
    with speaking(language):
        long = [
            f"{label(word)!r} has {len(label(word))} of {LIMITS[group.__name__]}"
            for group in labels()
            for word in group
            if not 1 <= len(label(word)) <= LIMITS[group.__name__]
        ]
    assert long == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_descriptions_fit(language: str) -> None:
    catalogues = {tag: catalogue(tag) for tag in OTHERS}
    for kind, words in tree_words():
        shown = words if language not in catalogues else str(catalogues[language][words].string)
        assert 1 <= len(shown) <= TREE_LIMITS[kind], shown


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("screen", test_cards.LARGEST.values(), ids=test_cards.LARGEST)
async def test_the_largest_cards_are_ones_discord_takes(language: str, screen: object) -> None:
    with speaking(language):
        await test_cards.test_the_largest_card_is_one_discord_takes(screen)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", OTHERS)
async def test_the_forms_are_ones_discord_takes(language: str) -> None:
    with speaking(language):
        await test_cards.test_the_forms_are_ones_discord_takes()


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_is_one_that_translators_tools_take(language: str) -> None:
    assert catalogue(language).num_plurals == 2
    assert [str(error) for _, errors in catalogue(language).check() for error in errors] == []


# -- what the engine says


def test_what_the_engine_refuses_is_told_in_every_language() -> None:
    """Every BadInput and Diverged of the worker, with its fields filled in."""
    heard = list(_refusals())
    assert len(heard) > 15
    for language in OTHERS:
        with speaking(language):
            assert [sentence for sentence in heard if retell(sentence) == sentence] == []
    assert retell(heard[0]) == heard[0], "English stays as it is"


def _refusals() -> Iterator[str]:
    for path in sorted((ROOT / "engine" / "worker").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = node.exc if isinstance(node, ast.Raise) else None
            if (
                isinstance(raised, ast.Call)
                and isinstance(raised.func, ast.Name)
                and raised.func.id in ("BadInput", "Diverged")
            ):
                for word in raised.args:
                    if isinstance(word, ast.Constant) and isinstance(word.value, str):
                        yield word.value
                    elif isinstance(word, ast.JoinedStr):
                        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in word.values)


def test_a_reason_is_retold_part_by_part() -> None:
    english = "Epoch 6 is 88 of 100 like the photos and still follows prompts like the base (97 of 100); later ones gain little."
    with speaking("de"):
        assert retell(english) == (
            "Epoche 6 trifft die Fotos zu 88 von 100 und folgt Prompts noch wie die Basis (97 von 100); spätere bringen wenig."
        )
        assert retell("Nobody ever said this.") == "Nobody ever said this."


# -- the seam


def test_the_language_in_force() -> None:
    assert (spoken(), language_of("de-AT"), language_of("en-GB"), language_of("fr"), language_of(None)) == (
        "en", "de", "en", "en", "en",
    )  # fmt: skip
    with speaking("de"):
        assert spoken() == "de" and many("{count} photo", "{count} photos", 1) == "1 Foto"
        with speaking("en-US"):
            assert many("{count} photo", "{count} photos", 2) == "2 photos"
        assert many("{count} photo", "{count} photos", 2) == "2 Fotos"
    assert say("Deleted.") == "Deleted."


def test_a_sentence_is_said_again_with_all_that_is_in_it() -> None:
    with speaking("de"):
        sentence = say(
            "{subjects}, with {photos}, and {loras}",
            subjects="x",
            photos=many("{count} photo", "{count} photos", 2),
            loras="y",
        )
    assert isinstance(sentence, Said) and sentence == "x, mit 2 Fotos, und y"
    assert again(sentence) == "x, with 2 photos, and y"
    assert again(str(UserError("plain"))) == "plain"


def test_values_are_never_read_as_sentences() -> None:
    assert say("{name} was not there any more", name="{photos}.jpg") == "{photos}.jpg was not there any more"


def test_english_loads_no_catalogue() -> None:
    """The command line and most servers never read one."""
    code = "import bot.language as l, sys; l.say('Deleted.'); print('babel' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"
    assert gettext.NullTranslations().gettext("") == ""
