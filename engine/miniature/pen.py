"""A pen for shapes given in frame units.

Units: the *frame* is the square a portrait shows; (0, 0) is its top left corner, 1 its side. A `Pen` maps frame
units to pixels (place, size, tilt), so the same strokes make a 64 px portrait and a person somewhere in a photo.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.miniature.palette import RGB

Points = NDArray[np.float64]


class Pen:
    """Draws filled and outlined shapes given in frame units on an RGB picture."""

    def __init__(self, picture: Image.Image, left: float, top: float, side: float, tilt: float = 0.0) -> None:
        """The frame's corner lies at (left, top) px and its side is `side` px; `tilt` (radians) turns it around its middle."""
        self.picture = picture
        self.draw = ImageDraw.Draw(picture)
        self.side = side
        self.origin = np.array([left, top])
        c, s = np.cos(tilt), np.sin(tilt)
        self.turn = np.array([[c, s], [-s, c]])

    def pixels(self, points: Points) -> Points:
        return ((points - 0.5) @ self.turn + 0.5) * self.side + self.origin

    def shape(self, points: Points, fill: RGB | None, outline: RGB | None = None, width: float = 0.011) -> None:
        flat = [tuple(p) for p in self.pixels(points).tolist()]
        if fill is not None:
            self.draw.polygon(flat, fill=fill)
        if outline is not None:
            self.draw.line(
                [*flat, flat[0], flat[1]], fill=outline, width=max(1, round(width * self.side)), joint="curve"
            )

    def line(self, points: Points, colour: RGB, width: float) -> None:
        flat = [tuple(p) for p in self.pixels(points).tolist()]
        thick = max(1, round(width * self.side))
        self.draw.line(flat, fill=colour, width=thick, joint="curve")
        for x, y in (flat[0], flat[-1]):
            self.draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def inside(self, clip: Points, shapes: list[tuple[Points, RGB, float]]) -> None:
        """Lay `shapes` (points, colour, opacity) over the picture, but only within `clip`."""
        clip_px = self.pixels(clip)
        low = np.floor(clip_px.min(0)).astype(int) - 1
        high = np.ceil(clip_px.max(0)).astype(int) + 2
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).polygon([tuple(p) for p in (clip_px - low).tolist()], fill=255)
        for points, colour, opacity in shapes:
            layer = Image.new("L", size, 0)
            ImageDraw.Draw(layer).polygon(
                [tuple(p) for p in (self.pixels(points) - low).tolist()], fill=round(255 * opacity)
            )
            shade = Image.composite(layer, Image.new("L", size, 0), mask)
            self.picture.paste(colour, (int(low[0]), int(low[1])), shade)


def oval(x: float, y: float, rx: float, ry: float, power: float = 2.0, count: int = 40) -> Points:
    """A superellipse; power 2 is an ellipse, more is squarer."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    return np.stack([x + rx * np.sign(c) * np.abs(c) ** (2 / power), y + ry * np.sign(s) * np.abs(s) ** (2 / power)], 1)


def curve(x0: float, y0: float, x1: float, y1: float, bend: float, count: int = 12) -> Points:
    """An arc from one point to another; positive `bend` sags downwards by that much."""
    t = np.linspace(0, 1, count)
    return np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + bend * 4 * t * (1 - t)], 1)


def points(*xy: tuple[float, float]) -> Points:
    return np.array(xy, dtype=np.float64)
