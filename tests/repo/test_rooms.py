"""The shape of the code: light imports, modules that are nouns and short, words that stay in their room."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("bot", "engine", "storage")
HEAVY = {"torch", "diffusers", "transformers", "discord", "peft", "accelerate", "cv2"}
LONGEST = 400
NO_NOUNS = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc", "tools", "core", "stuff"}
MACHINE = re.compile(r"/(?:work|root|home)/[\w.-]+|pypi-more|/opt/(?:pypi|wheels)")


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_importing_the_rooms_takes_under_a_second_and_loads_nothing_heavy() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = python(f"import bot, storage, engine, sys; print(*({HEAVY!r} & set(sys.modules)))")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    # Processor time: what the clock on the wall says depends on who else is busy.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


@pytest.mark.parametrize(
    "modules",
    [
        "bot.cli, bot.config, bot.doctor, bot.training, bot.studio.studio",
        "engine.protocol, engine.local, engine.fake, engine.families.bases, engine.recipes.presets",
        "storage.store, storage.vault",
        "engine.worker.__main__",
    ],
)
def test_what_the_bots_process_imports_never_loads_torch(modules: str) -> None:
    done = python(f"import {modules}, sys; print(*sorted({HEAVY!r} & set(sys.modules)))")
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_only_the_chat_and_the_demo_know_discord() -> None:
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in modules(*ROOMS)
        if re.search(r"^\s*(?:import|from) (?:discord|simcord)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    strangers = {name for name in knowing if not name.startswith(("bot/chat/", "bot/demo/")) and name != "bot/app.py"}
    assert strangers == set()


def test_modules_are_short() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(*ROOMS)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_modules_are_nouns() -> None:
    names = {path.relative_to(ROOT).as_posix(): {path.stem, path.parent.name} for path in modules(*ROOMS, "tests")}
    assert {place for place, parts in names.items() if parts & NO_NOUNS} == set()


def test_no_text_names_the_machine_it_was_written_on() -> None:
    texts = [*modules(*ROOMS), *ROOT.glob("*.md"), *ROOT.glob("*.t*"), ROOT / "Makefile", ROOT / "Dockerfile"]
    found = {path.name: MACHINE.findall(path.read_text(encoding="utf-8")) for path in texts}
    assert {name: places for name, places in found.items() if places} == {}


def test_tests_wait_on_signals_and_do_not_sleep() -> None:
    sleeping = [
        path.name for path in modules("tests") if re.search(r"\btime\.sleep\(", path.read_text(encoding="utf-8"))
    ]
    assert [name for name in sleeping if name != Path(__file__).name] == []
