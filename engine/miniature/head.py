"""Where everything of a face lies, worked out from who it is and how they look (frame units, "left" is the viewer's)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.miniature.palette import HAIR, RGB, SKIN, blend, ramp
from engine.miniature.pen import Points
from engine.miniature.world import Identity, Scene


@dataclass(frozen=True)
class Head:
    """Where everything of a face lies, worked out once from identity and scene (frame units)."""

    who: Identity
    scene: Scene
    x: float = 0.5
    y: float = 0.485

    @cached_property
    def yaw(self) -> float:
        return {"straight": 0.0, "left": -0.34, "right": 0.34}[self.scene.pose]

    @cached_property
    def rx(self) -> float:
        return 0.212 + 0.06 * self.who.face_width

    @cached_property
    def ry(self) -> float:
        return 0.24 + 0.055 * self.who.face_height

    def across(self, u: float) -> float:
        """x of a feature at share `u` (-1 to 1) of the half width, the head being turned."""
        return self.x + self.rx * float(np.sin(np.arcsin(np.clip(u, -1, 1)) + self.yaw * 0.85))

    def narrow(self, u: float) -> float:
        """How much a feature at `u` is foreshortened."""
        return float(np.clip(np.cos(np.arcsin(u) + self.yaw * 0.85) / np.cos(np.arcsin(u)), 0.62, 1.1))

    @cached_property
    def outline(self) -> Points:
        t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        c, s = np.cos(t), np.sin(t)
        jaw = 0.72 + 0.5 * self.who.jaw  # below 1 the chin is pointed, above it is square
        width = np.where(s > 0, np.sign(c) * np.abs(c) ** (1 / jaw), c)
        width = width * np.where(s > 0, 1 - (0.13 - 0.10 * self.who.jaw) * s, 1)
        return np.stack(
            [self.x + self.yaw * 0.02 + self.rx * width, self.y + self.ry * s * np.where(s > 0, 1.0, 0.95)], 1
        )

    @cached_property
    def skin(self) -> RGB:
        tone = ramp(SKIN, self.who.skin)
        return blend(
            tone, (250, 150, 130) if self.who.undertone > 0.5 else (235, 195, 110), abs(self.who.undertone - 0.5) * 0.36
        )

    @cached_property
    def hair(self) -> RGB:
        return ramp(HAIR, self.who.hair_colour)

    @cached_property
    def eye_y(self) -> float:
        return self.y + 0.002 + 0.05 * (self.who.eye_height - 0.5)

    @cached_property
    def mouth_y(self) -> float:
        return self.y + self.ry * 0.66

    def box(self) -> tuple[float, float, float, float]:
        """Forehead to chin, ear to ear (without the ears): what a face finder should find."""
        edge = self.outline
        return float(edge[:, 0].min()), float(edge[:, 1].min()), float(edge[:, 0].max()), float(edge[:, 1].max())


def eye_place(head: Head, side: int) -> tuple[float, float, float]:
    """Middle x and y of an eye and its half width."""
    who = head.who
    u = side * (0.36 + 0.17 * who.eye_distance)
    return head.across(u), head.eye_y, (0.05 + 0.023 * who.eye_size) * head.narrow(u)
