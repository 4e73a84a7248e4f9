"""`make` from nothing and `.ci/run`: what they say, and when they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def ci(tmp_path: Path, printed: str, status: int) -> subprocess.CompletedProcess[str]:
    """.ci/run with a `make` that prints and exits as told."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    tool = tmp_path / "bin" / "make"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{printed}\nEOF\nexit {status}\n")
    tool.chmod(0o755)
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", ".ci/run"], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


CHECKED = "==> Documents and repository\n....\n4 passed in 0.10s\n"
TESTED = CHECKED + "==> Running every test\n....\n"


@pytest.mark.parametrize(
    "printed, status, code, closing",
    [
        (TESTED + "812 passed, 3 skipped in 402.11s (0:06:42)\nbye", 0, 0, "812 passed, 3 skipped in 402.11s (0:06:42)"),
        (TESTED + "1 failed, 811 passed in 4.00s\nmake: *** [test] Error 1", 2, 2, "1 failed, 811 passed in 4.00s"),
        (TESTED + "no tests ran in 0.01s", 5, 5, "no tests ran"),
        (TESTED + "7 skipped in 0.01s", 0, 1, "7 skipped in 0.01s"),
        (CHECKED, 0, 1, "no tests ran"),
        (CHECKED + "make: *** [check] Error 1", 2, 2, "no tests ran"),
    ],
)  # fmt: skip
def test_the_closing_line_comes_last_and_decides(
    tmp_path: Path, printed: str, status: int, code: int, closing: str
) -> None:
    done = ci(tmp_path, printed, status)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (code, closing)


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 2.7.18 && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "demo", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stdout and "Python 2.7.18" in done.stdout
    assert not (tmp_path / ".venv").exists()
