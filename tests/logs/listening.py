"""What the product wrote into its logs during the whole test run, and whether any of it is somebody's.

Everything that its loggers said, in this process and in the bots and engines that tests have started, is searched when
the run is over: for words that tests put into prompts, captions, file names and tokens all over, and for the first bytes
of photos. One find fails the run.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

LOGGERS = ("bot", "storage", "engine", "discord", "asyncio")
CANARIES = {
    "prompt": ("heliotrope", "by the sea", "a portrait of", "on the moon"),
    "caption": ("wearing a red sweater", "laughing, in a park"),
    "file name": ("img_", ".jpg", ".jpeg", ".heic", "winter2019"),
    "token": ("a.b.c", "token-1", "canarytoken"),
    "photo": ("\ufffd\ufffd\ufffd", "\\xff\\xd8\\xff", "\\x89png", "jfif", "ihdr"),
}
"""In lower case. Tests say them in every room; those that no test would otherwise say are planted in tests/evening."""
TEXT = re.compile(r"\.log$")


class Listening(logging.Handler):
    """Keeps every record, as the product's own log would show it, in one file."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.DEBUG)
        self.path = path
        self._file = path.open("a", encoding="utf-8", errors="replace")
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def attach(self, names: Iterable[str] = LOGGERS) -> None:
        for name in names:
            logging.getLogger(name).addHandler(self)

    def detach(self, names: Iterable[str] = LOGGERS) -> None:
        for name in names:
            logging.getLogger(name).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._file.write(self.format(record) + "\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        super().close()


def leaks(*files: Path) -> list[str]:
    """What of somebody's stands in these logs: one line each, with the kind of it and where."""
    found: list[str] = []
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            small = line.lower().replace("\\\\", "\\")  # quoted twice, it is the same
            found += [
                f"{kind} in {file.name}:{number}: {line[:300]}"
                for kind, words in CANARIES.items()
                if any(word in small for word in words)
            ]
    return found


def begin() -> Listening:
    handle, name = tempfile.mkstemp(prefix="likeness-test-", suffix=".log")
    os.close(handle)
    listening = Listening(Path(name))
    listening.attach()
    return listening


def written_below(folder: Path) -> list[Path]:
    """Logs of processes that tests started."""
    return [path for path in folder.rglob("*") if TEXT.search(path.name) and path.is_file()]
