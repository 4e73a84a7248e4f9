"""The search would find one: otherwise its silence at the end of the run means nothing."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.chat.errors import where
from tests.logs.listening import CANARIES, Listening, leaks, written_below

NAME = "likeness.only.for.this.test"


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path / "heard.txt")
    made.attach([NAME])
    logging.getLogger(NAME).setLevel(logging.DEBUG)
    logging.getLogger(NAME).propagate = False
    yield made
    made.detach([NAME])
    made.close()


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in CANARIES.items() for word in words])
def test_each_canary_is_found_wherever_it_stands(listening: Listening, kind: str, word: str) -> None:
    log = logging.getLogger(NAME)
    log.debug("job=7 kind=paint sent")
    log.info("the answer was %s", {"text": f"x{word.upper()}y"})
    listening.flush()
    (found,) = leaks(listening.path)
    assert found.startswith(f"{kind} in heard.txt:2")


def test_it_is_found_in_a_traceback(listening: Listening) -> None:
    try:
        raise ValueError("a portrait of somebody")
    except ValueError:
        logging.getLogger(NAME).exception("it broke")
    listening.flush()
    assert leaks(listening.path)


def test_the_first_bytes_of_a_photo_are_found(listening: Listening) -> None:
    for photo in (b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):
        logging.getLogger(NAME).info("got %s", photo)
        logging.getLogger(NAME).info("got %s", photo.decode("utf-8", errors="replace"))
    listening.flush()
    assert len({line.split(": ")[0] for line in leaks(listening.path)}) == 4


def test_a_log_beside_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "engine.log").write_text("all is well\n/tmp/IMG_7.jpg could not be read\n")
    found = leaks(*written_below(tmp_path))
    (tmp_path / "deep" / "engine.log").unlink()  # or the search at the end of this very run finds it too
    assert "engine.log:2" in found[0]


def test_the_owner_is_told_where_and_not_what(listening: Listening) -> None:
    """The one way in which errors reach the log."""
    try:
        raise ValueError("a portrait of somebody, from IMG_7.jpg")
    except ValueError as error:
        logging.getLogger(NAME).error("4f21 %s", where(error))
    listening.flush()
    assert "ValueError" in listening.path.read_text() and leaks(listening.path) == []


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "in two processes"])
def test_a_run_whose_tests_all_pass_fails_by_its_logs(workers: tuple[str, ...]) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            *workers,
            str(Path(__file__).with_name("leaking.py")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout
    assert "1 passed" in run.stdout or "[100%]" in run.stdout
    assert "hold what is somebody's" in run.stdout and "prompt in likeness-test-" in run.stdout
