"""The scores over the epochs as one picture: which epoch was best, and what the later ones paid."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from PIL import Image, ImageDraw

from bot.language import say
from bot.studio import canvas
from bot.studio.scores import Scored

SIZE = (1280, 720)
LEFT, RIGHT, TOP, LOW = 96, 250, 84, 92
"""Margins of the plot, in pixels."""
FINE = 2
"""Drawn at this many times the size, for smooth lines."""
LINES: dict[str, canvas.RGB] = {
    "likeness": canvas.TEAL,
    "fidelity": canvas.AMBER,
    "memorising": (240, 110, 120),
    "bleed": (170, 140, 250),
}


def name_of(score: str) -> str:
    """As it stands at the end of its line."""
    return {
        "likeness": say("likeness"),
        "fidelity": say("prompt kept"),
        "memorising": say("copies photos"),
        "bleed": say("bleeds"),
    }[score]


def draw(epochs: Mapping[int, Scored], chosen: int | None, word: str | None = None) -> bytes | None:
    """WebP of the scores over the epochs, `chosen` marked as `word`, or as the suggested one. None where fewer than two epochs
    were read."""
    numbers = sorted(epochs)
    told = {name: [(n, value) for n in numbers if (value := getattr(epochs[n], name)) is not None] for name in LINES}
    told = {name: points for name, points in told.items() if len(points) > 1}
    if not told:
        return None
    top = 20 * ceil(max(100.0, *(value for points in told.values() for _, value in points)) / 20)
    plot = _Plot(numbers[0], numbers[-1], top)
    plot.axes(numbers)
    if chosen is not None and chosen in epochs:
        plot.mark(chosen, say("epoch {number}, {word}", number=chosen, word=word or say("suggested")))
    for name, points in told.items():
        plot.line(points, LINES[name])
    plot.names([(points[-1][1], name_of(name), LINES[name]) for name, points in told.items()])
    return canvas.to_webp(plot.sheet.resize(SIZE, Image.Resampling.LANCZOS))


class _Plot:
    def __init__(self, first: int, last: int, top: int) -> None:
        self.first, self.last, self.top = first, last, top
        self.sheet = canvas.blank(SIZE[0] * FINE, SIZE[1] * FINE)
        self.pen = ImageDraw.Draw(self.sheet)

    def x(self, epoch: float) -> float:
        return FINE * (LEFT + (SIZE[0] - LEFT - RIGHT) * (epoch - self.first) / max(1, self.last - self.first))

    def y(self, value: float) -> float:
        return FINE * (SIZE[1] - LOW - (SIZE[1] - LOW - TOP) * value / self.top)

    def axes(self, numbers: list[int]) -> None:
        for value in range(0, self.top + 1, 20):
            y, shade = self.y(value), canvas.GREY if value in (0, 100) else canvas.CARD
            self.pen.line((self.x(self.first), y, self.x(self.last), y), fill=shade, width=FINE)
            self._say(self.x(self.first) - 14 * FINE, y, str(value), 24, canvas.SOFT, "rm")
        for number in numbers:
            self._say(self.x(number), self.y(0) + 14 * FINE, str(number), 24, canvas.SOFT, "ma")
        middle = (self.x(self.first) + self.x(self.last)) / 2
        self._say(middle, (SIZE[1] - 12) * FINE, say("epoch"), 24, canvas.SOFT, "md")
        self._say(self.x(self.first) - 14 * FINE, 18 * FINE, say("points"), 24, canvas.SOFT, "la")

    def mark(self, epoch: int, text: str) -> None:
        x, y = self.x(epoch), self.y(self.top)
        while y < self.y(0):
            self.pen.line((x, y, x, min(self.y(0), y + 8 * FINE)), fill=canvas.INK, width=FINE)
            y += 16 * FINE
        self._say(
            min(max(x, 300 * FINE), (SIZE[0] - RIGHT) * FINE), self.y(self.top) - 12 * FINE, text, 26, canvas.INK, "md"
        )

    def line(self, points: list[tuple[int, float]], colour: canvas.RGB) -> None:
        path = [(self.x(epoch), self.y(value)) for epoch, value in points]
        self.pen.line(path, fill=colour, width=4 * FINE, joint="curve")
        for x, y in path:
            self.pen.ellipse((x - 6 * FINE, y - 6 * FINE, x + 6 * FINE, y + 6 * FINE), fill=colour)

    def names(self, ends: list[tuple[float, str, canvas.RGB]]) -> None:
        """Each line's name and last value at its end, pushed apart where lines end together."""
        below = float("inf")
        for value, name, colour in sorted(ends, key=lambda end: end[0]):
            y = min(self.y(value), below - 32 * FINE)
            self._say(self.x(self.last) + 20 * FINE, y, f"{name} {value:.0f}", 26, colour, "lm")
            below = y

    def _say(self, x: float, y: float, text: str, size: int, colour: canvas.RGB, anchor: str) -> None:
        canvas.line(self.sheet, x, y, text, size * FINE, colour, anchor)
