"""Colours of the world: continuous ramps for traits, fixed tones for named things."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RGB = tuple[int, int, int]

SKIN = ((255, 226, 205), (248, 206, 176), (232, 180, 142), (205, 146, 105), (160, 105, 72), (112, 72, 52))
HAIR = (
    (34, 30, 38), (70, 44, 32), (112, 68, 38), (160, 92, 42), (206, 92, 40),
    (226, 160, 70), (244, 208, 120), (238, 230, 208), (168, 168, 178), (92, 96, 108),
)  # fmt: skip
EYES = ((66, 40, 28), (120, 76, 36), (150, 120, 40), (80, 138, 66), (50, 140, 140), (70, 140, 214), (110, 120, 190))
LIPS = ((214, 110, 104), (196, 74, 84), (170, 52, 66), (226, 130, 140))
PLAIN = {
    "blue": (86, 142, 226), "green": (98, 186, 108), "red": (222, 82, 78),
    "yellow": (246, 208, 84), "purple": (150, 98, 200), "grey": (168, 170, 176),
}  # fmt: skip
CLOTH = {
    "red": (204, 44, 48), "blue": (44, 88, 190), "green": (40, 140, 78),
    "yellow": (242, 190, 40), "pink": (246, 146, 186), "black": (48, 48, 58),
}  # fmt: skip
INK = (52, 38, 44)
WHITE = (255, 255, 255)


def ramp(colours: Sequence[RGB], place: float) -> RGB:
    """The colour at `place` (0 to 1) of a smooth ramp through `colours`."""
    at = min(max(place, 0.0), 1.0) * (len(colours) - 1)
    low = min(int(at), len(colours) - 2)
    return blend(colours[low], colours[low + 1], at - low)


def blend(first: RGB, second: RGB, share: float) -> RGB:
    """`first` moved by `share` (0 to 1) towards `second`."""
    r, g, b = (round(x + (y - x) * share) for x, y in zip(first, second, strict=True))
    return r, g, b


def darker(colour: RGB, share: float = 0.25) -> RGB:
    return blend(colour, (40, 20, 60), share)


def lighter(colour: RGB, share: float = 0.25) -> RGB:
    return blend(colour, WHITE, share)


def wobble(colour: RGB, rng: np.random.Generator, amount: float = 10.0) -> RGB:
    """`colour` under slightly different light."""
    shift = rng.normal(0, amount, 3) * 0.4 + rng.normal(0, amount) * 0.8
    r, g, b = (int(np.clip(c + s, 0, 255)) for c, s in zip(colour, shift, strict=True))
    return r, g, b
