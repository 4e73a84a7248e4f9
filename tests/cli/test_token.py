"""The token: where it comes from, and what a wrong one is called."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bot.config import ConfigError, Settings, check
from bot.token import application_id, read_token, token_problem

GOOD = base64.b64encode(b"123456789012345678").decode().rstrip("=") + ".Gabcde." + "x" * 38


def test_a_token_in_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("nonsense")
    settings = check({"discord": {"token_file": str(file)}})
    assert read_token(settings, {"LIKENESS_TOKEN": f" {GOOD}\n"}).get_secret_value() == GOOD
    file.write_text(GOOD + "\n")
    assert read_token(settings, {}).get_secret_value() == GOOD


def test_no_token_at_all(tmp_path: Path) -> None:
    for settings in (Settings(), check({"discord": {"token_file": str(tmp_path / "nothing")}})):
        with pytest.raises(ConfigError, match="LIKENESS_TOKEN"):
            read_token(settings, {})


@pytest.mark.parametrize(
    "text, word",
    [
        ("Bot " + GOOD, "leave that word out"),
        (GOOD[:30] + "\n" + GOOD[30:], "line break"),
        ("123456789012345678", "application id"),
        ("ab" * 32, "public key"),
        ("A" * 32, "client secret"),
        ("hello", "does not look like"),
        ("not-a-number-in-base64.Gabcde." + "x" * 38, "does not look like"),
    ],
)
def test_a_wrong_token_is_named_for_what_it_is_and_never_shown(text: str, word: str) -> None:
    sentence = token_problem(text) or ""
    assert word in sentence and " Fix: " in sentence
    with pytest.raises(ConfigError) as caught:
        read_token(Settings(), {"LIKENESS_TOKEN": text})
    assert text not in str(caught.value)


def test_the_first_part_tells_the_bot() -> None:
    assert token_problem(GOOD) is None
    assert application_id(GOOD) == 123456789012345678
    assert GOOD not in repr(read_token(Settings(), {"LIKENESS_TOKEN": GOOD}))
