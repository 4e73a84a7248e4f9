"""The door of the console script: what leaves through it, and how fast it opens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bot.commands.photos
from cli.conftest import Bench, Line

Run = Callable[..., Line]
COMMANDS = ("run", "doctor", "train", "paint", "photos", "demo")


def test_help_lists_every_command(run: Run) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        line = run(*arguments)
        assert line.code == 0 and line.err == ""
        assert all(f" {command} " in line.out for command in COMMANDS)


def test_version(run: Run) -> None:
    assert run("--version") == Line(0, "likeness 0.1.0\n", "")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["pant", "x"], "Did you mean 'paint'?"),
        (["photos"], "Missing option '--out'"),
        (["photos", "--out", "x", "--cuont", "3"], "--count"),
        (["photos", "--out", "x", "--count", "many"], "--count"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(run: Run, arguments: list[str], words: str) -> None:
    line = run(*arguments)
    assert line.code == 2 and line.out == "" and line.err.count("\n") == 1
    assert words in line.err and line.err.startswith("likeness: ")


def test_our_own_mistakes_are_told_without_what_people_wrote(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(out: Path) -> None:
        raise KeyError("a secret file name")

    monkeypatch.setattr(bot.commands.photos, "make_out", broken)
    line = run("photos", "--out", tmp_path)
    assert line.code == 1 and "KeyError in cli.test_cli, line " in line.err
    assert "secret" not in line.err and "Traceback" not in line.err
    with pytest.raises(KeyError):
        run("photos", "--out", tmp_path, "--debug")


def test_the_door_opens_fast_and_light() -> None:
    probe = (
        "import sys; from bot.cli import main; main(['--help']); "
        "heavy = {'torch', 'diffusers', 'transformers', 'discord', 'cv2', 'PIL', 'numpy'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_dash_m_is_the_same() -> None:
    done = subprocess.run([sys.executable, "-m", "bot", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "likeness 0.1.0\n")


def test_run_without_settings_or_token(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIKENESS_TOKEN", raising=False)
    line = run("run")
    assert line.code == 2 and "copy config.example.toml" in line.err
    Path("config.toml").write_text('[training]\nmin_photo = 3\n[log]\nlevel = "loud"\n')
    line = run("run")
    assert line.code == 2
    assert [text.split(":")[0] for text in line.err.splitlines()] == ["training.min_photo", "log.level"]
    Path("config.toml").write_text("")
    line = run("run")
    assert line.code == 2 and "no bot token" in line.err
    monkeypatch.setenv("LIKENESS_TOKEN", "canary-of-a-token")
    line = run("run")
    assert line.code == 2 and "does not look like a bot token" in line.err and "canary" not in line.err


def test_photos_come_with_the_truth(run: Run, tmp_path: Path) -> None:
    line = run("photos", "--seed", 3, "--count", 4, "--plain", "--out", tmp_path / "a")
    assert line.code == 0 and "4 photos of person 3" in line.out
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        *(f"photo_0{n}.png" for n in (1, 2, 3, 4)),
        "truth.json",
    ]


def test_demo_without_its_packages(bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bot.commands.demo.find_spec", lambda name: None)
    line = run("demo", "--out", tmp_path)
    assert line.code == 2 and "make demo" in line.err
