"""For every test: what the bot sent to the in-process Discord is judged by Discord's own schema (tests/judge), and when all
is over what the product wrote into its logs is searched for what is somebody's (tests/logs)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.judge.capture import requests_judged
from tests.logs.listening import begin, leaks, written_below

__all__ = ["requests_judged"]

pytest.register_assert_rewrite("tests.evening.evenings", "tests.trouble.cases", "tests.trouble.people")
LISTENING = begin()


@pytest.fixture(scope="session", autouse=True)
def logs_of_others(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where processes that tests start leave their logs."""
    FOLDERS.append(tmp_path_factory.getbasetemp())
    return FOLDERS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: of several processes the last to end decides how long it takes."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


FOLDERS: list[Path] = []


TOLD: list[str] = []
"""What the runs of other processes found (pytest-xdist)."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    LISTENING.detach()
    LISTENING.close()
    others = [path for folder in FOLDERS if folder.is_dir() for path in written_below(folder)]
    found = leaks(LISTENING.path, *others)[:20]
    if found:
        TOLD.append(f"\nThe logs of this run ({LISTENING.path}) hold what is somebody's:\n" + "\n".join(found))
    else:
        LISTENING.path.unlink()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = TOLD
    elif TOLD:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("\n".join(TOLD), red=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    TOLD.extend(getattr(node, "workeroutput", {}).get("told", ()))
