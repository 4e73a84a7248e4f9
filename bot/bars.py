"""What a person at a terminal sees of a job: a bar with the time left, or plain lines where there is no terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

WORDS = {
    "reading": "Reading photos",
    "prepare": "Reading photos",
    "loading": "Loading the base",
    "caching": "Caching photos and captions",
    "training": "Training",
    "preview": "Painting previews",
    "painting": "Painting",
}


class Watch(Protocol):
    """Told how a job goes."""

    def say(self, sentence: str) -> None: ...

    def step(self, phase: str, step: int, total: int, *, note: str = "", seconds_left: float | None = None) -> None: ...


class Bars:
    """A `Watch` on stderr, so that stdout stays free for results. Used as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[note]}", style="dim"),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def say(self, sentence: str) -> None:
        self._console.print(Text(sentence), soft_wrap=True)

    def step(self, phase: str, step: int, total: int, *, note: str = "", seconds_left: float | None = None) -> None:
        words = WORDS.get(phase, phase.capitalize())
        task = self._tasks.get(words)
        if task is None:
            task = self._tasks[words] = self._progress.add_task(words, total=total, left="", note="")
            if not self._console.is_terminal:
                self.say(f"{words} ...")
        left = "" if seconds_left is None or step >= total else f"{spoken(seconds_left)} left"
        self._progress.update(task, completed=step, total=total, left=left, note=note)


def spoken(seconds: float) -> str:
    """ "45 s", "3 min 20 s", "1 h 05 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
