from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import router
from bot.chat.customid import LIMIT, Action, BadCustomId, OldCustomId, custom_id, decode, encode

VERBS = st.from_regex(r"[a-z]{1,8}(\.[a-z_]{1,8}){0,2}", fullmatch=True)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)
ARGS = st.from_regex(r"[A-Za-z0-9_.,=-]{0,20}", fullmatch=True)


@given(st.builds(Action, VERBS, IDS, ARGS))
def test_what_is_written_is_read(action: Action) -> None:
    text = encode(action)
    assert len(text) <= LIMIT
    assert decode(text) == action


@given(st.text(max_size=120))
def test_anything_else_is_refused_or_read_back_the_same(text: str) -> None:
    try:
        action = decode(text)
    except BadCustomId:
        return
    assert encode(action) == text


@given(st.builds(Action, VERBS, IDS, ARGS), st.integers(0, 9999).filter(lambda n: n != 1))
def test_another_version_is_known_as_such(action: Action, version: int) -> None:
    with pytest.raises(OldCustomId):
        decode(encode(action).replace("lk1:", f"lk{version}:", 1))


@given(st.builds(Action, st.text(), st.text(), st.text()))
def test_nothing_outside_the_grammar_is_written(action: Action) -> None:
    try:
        text = encode(action)
    except BadCustomId:
        return
    assert decode(text) == action


def test_the_longest_ids_there_are_fit() -> None:
    snowflake = 2**64 - 1
    for verb in (*router.HANDLERS, *router.OPENERS):
        assert len(custom_id(verb, snowflake, f"99.{snowflake}")) <= LIMIT
        assert len(custom_id(verb, f"paint-{snowflake}")) <= LIMIT


@pytest.mark.parametrize("text", ["1\n", "-1", "1.0", "", "x", "٣", "1" * 20])
def test_numbers_are_numbers(text: str) -> None:
    with pytest.raises(BadCustomId):
        _ = Action("crop.fix", text).number
