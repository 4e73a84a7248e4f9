"""Draws an inhabitant of the world in a scene, at any size.

Units: the *frame* is the square a portrait shows; (0, 0) is its top left corner, 1 its side. A `Pen` maps frame
units to pixels (place, size, tilt), so the same strokes make a 64 px portrait and a person somewhere in a photo.
"left" and "right" are the viewer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.miniature import PORTRAIT_SIDE, backdrop
from engine.miniature.palette import CLOTH, EYES, HAIR, INK, LIPS, RGB, SKIN, WHITE, blend, darker, lighter, ramp, wobble
from engine.miniature.world import Identity, Scene

Points = NDArray[np.float64]
SUPERSAMPLE = 4


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
            self.draw.line([*flat, flat[0], flat[1]], fill=outline, width=max(1, round(width * self.side)), joint="curve")

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
            ImageDraw.Draw(layer).polygon([tuple(p) for p in (self.pixels(points) - low).tolist()], fill=round(255 * opacity))
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
        return np.stack([self.x + self.yaw * 0.02 + self.rx * width, self.y + self.ry * s * np.where(s > 0, 1.0, 0.95)], 1)

    @cached_property
    def skin(self) -> RGB:
        tone = ramp(SKIN, self.who.skin)
        return blend(tone, (250, 150, 130) if self.who.undertone > 0.5 else (235, 195, 110), abs(self.who.undertone - 0.5) * 0.36)

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


def draw_person(pen: Pen, who: Identity, scene: Scene) -> Head:
    """Paint `who` in `scene` (without its background) with `pen`; tells where the head is."""
    head = Head(who, scene)
    rng = np.random.default_rng(scene.seed)
    _hair_behind(pen, head)
    _clothes(pen, head, rng)
    _ears(pen, head)
    _face(pen, head, rng)
    _beard(pen, head)
    _nose(pen, head)
    _mouth(pen, head)
    _eyes(pen, head)
    _hair_in_front(pen, head)
    if scene.accessory in ("round glasses", "sunglasses"):
        _glasses(pen, head)
    _brows(pen, head)
    if scene.accessory in ("party hat", "crown", "headphones"):
        _headwear(pen, head, rng)
    return head


def draw_portrait(who: Identity, scene: Scene, side: int = PORTRAIT_SIDE) -> Image.Image:
    """A square RGB portrait; placing, size and tilt vary a little with the scene's seed."""
    rng = np.random.default_rng([scene.seed, 1])
    big = side * SUPERSAMPLE
    picture = Image.new("RGB", (big, big))
    backdrop.paint(picture, scene.background, rng)
    zoom = rng.uniform(0.94, 1.08)
    left, top = (0.5 - zoom / 2 + rng.normal(0, 0.018)) * big, (0.52 - zoom / 2 + rng.normal(0, 0.014)) * big
    draw_person(Pen(picture, left, top, zoom * big, float(rng.normal(0, 0.045))), who, scene)
    return picture.resize((side, side), Image.Resampling.BOX)


def _hair_behind(pen: Pen, head: Head) -> None:
    who = head.who
    volume = 0.012 + 0.05 * who.hair_volume
    if who.hair_length < 0.3:
        return
    bottom = head.y + head.ry * (0.2 + 1.15 * (who.hair_length - 0.3) / 0.7)
    wide = head.rx + volume + 0.012
    t = np.linspace(np.pi, 2 * np.pi, 30)
    top = np.stack([head.x + wide * np.cos(t), head.y - 0.02 + (head.ry + volume) * np.sin(t)], 1)
    flare = 0.025 * who.hair_volume + 0.01
    right = np.stack([np.linspace(head.x + wide, head.x + wide + flare, 14), np.linspace(head.y, bottom, 14)], 1)
    low = curve(head.x + wide + flare, bottom, head.x - wide - flare, bottom, 0.03, 16)
    left = np.stack([np.linspace(head.x - wide - flare, head.x - wide, 14), np.linspace(bottom, head.y, 14)], 1)
    outline = np.concatenate([top, right, low, left])
    outline = _curled(outline, head, who.hair_curl)
    pen.shape(outline, darker(head.hair, 0.22), darker(head.hair, 0.6))


def _curled(outline: Points, head: Head, curl: float) -> Points:
    """The outline with waves: none for straight hair, cloud-like for curly hair."""
    if curl < 0.35:
        return outline
    middle = np.array([head.x, head.y])
    away = outline - middle
    angle = np.arctan2(away[:, 1], away[:, 0])
    waves = np.abs(np.sin(angle * 8)) - 0.45
    return middle + away * (1 + 0.13 * (curl - 0.35) / 0.65 * waves)[:, None]


def _ears(pen: Pen, head: Head) -> None:
    size = 0.022 + 0.032 * head.who.ear_size
    for side in (-1, 1):
        if side * head.yaw > 0:
            continue  # the far ear is hidden
        shift = -side * abs(head.yaw) * 0.05
        x = head.x + side * (head.rx + size * 0.35) + shift
        pen.shape(oval(x, head.eye_y + 0.03, size, size * 1.35), head.skin, darker(head.skin, 0.62))
        pen.shape(oval(x, head.eye_y + 0.035, size * 0.45, size * 0.7), darker(head.skin, 0.2))


def _face(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    who, edge = head.who, head.outline
    pen.shape(edge, head.skin)
    light = -1.0 if rng.random() < 0.5 else 1.0
    crescent = np.concatenate([edge, oval(head.x + light * 0.05, head.y - 0.045, head.rx * 1.02, head.ry * 1.0, count=72)[::-1]])
    blush = blend(head.skin, (236, 84, 90), 0.55)
    pen.inside(edge, [
        (crescent, darker(head.skin, 0.2), 0.75),
        (oval(head.across(-0.62), head.y + head.ry * 0.38, 0.042 * head.narrow(-0.62), 0.03), blush, 0.5),
        (oval(head.across(0.62), head.y + head.ry * 0.38, 0.042 * head.narrow(0.62), 0.03), blush, 0.5),
    ])  # fmt: skip
    if who.freckles > 0.55:
        spot = blend(darker(head.skin, 0.3), (150, 70, 30), 0.4)
        size = 0.007 + 0.006 * (who.freckles - 0.55) / 0.45
        for u, v in ((-0.68, 0.22), (-0.5, 0.3), (-0.36, 0.2), (0.68, 0.22), (0.5, 0.3), (0.36, 0.2)):
            pen.shape(oval(head.across(u), head.y + head.ry * v, size * head.narrow(u), size, count=12), spot)
    pen.shape(edge, None, darker(head.skin, 0.66), 0.012)


def _beard(pen: Pen, head: Head) -> None:
    if head.who.beard < 0.72:
        return
    amount = (head.who.beard - 0.72) / 0.28
    edge = head.outline
    low = edge[edge[:, 1] > head.y + head.ry * (0.42 - 0.2 * amount)]
    low = low[np.argsort(-low[:, 0])]
    inner = curve(low[-1, 0] + 0.03, low[-1, 1], low[0, 0] - 0.03, low[0, 1], head.ry * (0.42 - 0.12 * amount))
    chin = low[np.argsort(np.arctan2(low[:, 1] - head.y, low[:, 0] - head.x))]
    colour = darker(head.hair, 0.12)
    pen.shape(np.concatenate([chin, inner]), colour, darker(head.hair, 0.6), 0.009)
    if amount > 0.5:
        y = head.mouth_y - 0.036
        wide = 0.05 + 0.02 * amount
        pen.shape(
            np.concatenate([curve(head.across(0) - wide, y + 0.014, head.across(0) + wide, y + 0.014, -0.026),
                            curve(head.across(0) + wide, y + 0.014, head.across(0) - wide, y + 0.014, -0.004)]),
            colour,
        )  # fmt: skip


def _nose(pen: Pen, head: Head) -> None:
    who = head.who
    length, wide = 0.02 + 0.05 * who.nose_length, 0.014 + 0.03 * who.nose_width
    x, y = head.across(0.0) + head.yaw * 0.05, head.eye_y + 0.035 + length
    shade = darker(head.skin, 0.5)
    tip = oval(x, y, wide, 0.012 + 0.4 * wide, count=20)
    pen.shape(tip, blend(head.skin, (226, 100, 90), 0.28))
    pen.line(curve(x - wide, y + 0.004, x + wide, y + 0.004, 0.02), shade, 0.011)
    if who.nose_length > 0.35:
        side = -1 if head.yaw <= 0 else 1
        pen.line(points((x + side * wide * 0.55, y - length * 0.9), (x + side * wide * 0.95, y)), shade, 0.008)


def _mouth(pen: Pen, head: Head) -> None:
    who, mood = head.who, head.scene.expression
    x, y = head.x + (head.across(0.0) - head.x) * 0.72, head.mouth_y
    wide = (0.062 + 0.034 * who.mouth_width) * (1 - abs(head.yaw) * 0.5)
    lip = darker(ramp(LIPS, who.lip_colour), 0.12 + 0.35 * who.skin)
    ink = blend(INK, lip, 0.3)
    if mood == "neutral":
        pen.line(curve(x - wide * 0.8, y, x + wide * 0.8, y, 0.004), ink, 0.016)
        pen.line(curve(x - wide * 0.4, y + 0.021, x + wide * 0.4, y + 0.021, 0.006), lip, 0.013)
    elif mood == "smiling":
        pen.line(curve(x - wide * 1.25, y - 0.032, x + wide * 1.25, y - 0.032, 0.058), ink, 0.021)
        pen.line(curve(x - wide * 0.5, y + 0.042, x + wide * 0.5, y + 0.042, 0.008), lip, 0.012)
    elif mood == "laughing":
        top, low = curve(x - wide * 1.3, y - 0.03, x + wide * 1.3, y - 0.03, 0.006), curve(x + wide * 1.3, y - 0.03, x - wide * 1.3, y - 0.03, 0.105, 16)
        mouth = np.concatenate([top, low])
        pen.shape(mouth, (120, 24, 40))
        pen.inside(mouth, [(oval(x, y - 0.03, wide * 1.5, 0.034), WHITE, 1.0), (oval(x, y + 0.066, wide * 0.8, 0.036), (236, 104, 112), 1.0)])
        pen.shape(mouth, None, ink, 0.013)
    elif mood == "sad":
        pen.line(curve(x - wide * 1.0, y + 0.034, x + wide * 1.0, y + 0.034, -0.054), ink, 0.021)
        pen.line(curve(x - wide * 0.4, y + 0.04, x + wide * 0.4, y + 0.04, -0.006), lip, 0.012)
    elif mood == "surprised":
        pen.shape(oval(x, y + 0.008, wide * 0.64, 0.056), (110, 26, 40), ink, 0.016)
        pen.shape(oval(x, y + 0.036, wide * 0.38, 0.019), (220, 96, 104))
    else:  # angry: bared teeth
        teeth = oval(x, y + 0.004, wide * 1.08, 0.036, power=5)
        pen.shape(teeth, WHITE, ink, 0.016)
        pen.line(points((x - wide, y + 0.004), (x + wide, y + 0.004)), ink, 0.008)
        for share in (-0.4, 0.0, 0.4):
            pen.line(points((x + wide * share, y - 0.028), (x + wide * share, y + 0.036)), ink, 0.006)


def _eye_place(head: Head, side: int) -> tuple[float, float, float]:
    """Middle x and y of an eye and its half width."""
    who = head.who
    u = side * (0.36 + 0.17 * who.eye_distance)
    return head.across(u), head.eye_y, (0.05 + 0.023 * who.eye_size) * head.narrow(u)


def _eyes(pen: Pen, head: Head) -> None:
    who, mood = head.who, head.scene.expression
    colour = ramp(EYES, who.eye_colour)
    for side in (-1, 1):
        x, y, rx = _eye_place(head, side)
        ry = (0.05 + 0.023 * who.eye_size) * {"surprised": 1.22, "angry": 0.86, "sad": 0.9}.get(mood, 1.0)
        slant = side * (who.eye_tilt - 0.5) * -0.035
        if mood == "laughing":
            pen.line(curve(x - rx, y + 0.014 - slant * 0.5, x + rx, y + 0.014 + slant * 0.5, -0.05), INK, 0.02)
            continue
        white = oval(x, y, rx, ry, 2.2)
        white[:, 1] += (white[:, 0] - x) / rx * slant
        pen.shape(white, WHITE)
        look_x, look_y = x + head.yaw * rx * 1.0, y + (0.1 * ry if mood == "sad" else 0.0)
        iris = min(rx, ry) * (0.62 if mood == "surprised" else 0.80)
        pen.inside(white, [
            (oval(look_x, look_y, iris, iris * 1.06, count=28), colour, 1.0),
            (oval(look_x, look_y, iris * 0.52, iris * 0.56, count=20), (24, 18, 24), 1.0),
            (oval(look_x - iris * 0.36, look_y - iris * 0.4, iris * 0.33, iris * 0.33, count=14), WHITE, 1.0),
        ])  # fmt: skip
        lid = white[(white[:, 1] - (white[:, 0] - x) / rx * slant) <= y + 1e-9]
        lid = lid[np.argsort(lid[:, 0])]
        if mood in ("sad", "angry"):
            inner_down = 1 if mood == "angry" else -1  # the lid falls towards the nose, or away from it
            top = y - ry * 1.15
            near, far = x - side * rx * 1.1, x + side * rx * 1.1
            y_near, y_far = (y - ry * 0.25, y - ry * 0.95) if inner_down > 0 else (y - ry * 0.95, y - ry * 0.25)
            pen.inside(white, [(points((near, top), (far, top), (far, y_far), (near, y_near)), darker(head.skin, 0.16), 1.0)])
            pen.shape(white, None, blend(INK, head.skin, 0.35), 0.008)
            pen.line(points((near * 0.93 + x * 0.07, y_near), (far * 0.93 + x * 0.07, y_far)), INK, 0.017)
        else:
            pen.shape(white, None, blend(INK, head.skin, 0.35), 0.008)
            pen.line(lid, INK, 0.017)


def _brows(pen: Pen, head: Head) -> None:
    who, mood = head.who, head.scene.expression
    thick = 0.014 + 0.026 * who.brow_thickness
    colour = darker(head.hair, 0.45)
    for side in (-1, 1):
        x, y, rx = _eye_place(head, side)
        wide = rx * 1.12
        up = y - 0.067 - 0.023 * who.eye_size - 0.02 * who.brow_height
        inner, outer, bend = 0.0, 0.006, -0.014
        if mood == "sad":
            inner, outer, bend = -0.026, 0.026, 0.004
        elif mood == "angry":
            inner, outer, bend = 0.036, -0.020, 0.0
        elif mood == "surprised":
            inner, outer, bend = -0.034, -0.030, -0.022
        elif mood in ("laughing", "smiling"):
            inner, outer, bend = -0.010, 0.0, -0.020
        pen.line(curve(x - side * wide, up + inner, x + side * wide, up + outer, bend), colour, thick)


def _hair_in_front(pen: Pen, head: Head) -> None:
    who = head.who
    volume = 0.012 + 0.05 * who.hair_volume
    shift = -head.yaw * 0.03
    wide, tall = head.rx + volume * 0.8 + 0.004, head.ry * 0.95 + volume
    t = np.linspace(np.pi, 2 * np.pi, 40)
    outer = np.stack([head.x + shift + wide * np.cos(t), head.y - 0.015 + tall * np.sin(t)], 1)
    outer = _curled(outer, head, who.hair_curl)
    sideburn = head.y + head.ry * (-0.12 + 0.42 * who.hair_length)
    part = head.across((who.parting - 0.5) * 1.1)
    line = head.y - head.ry * (0.74 - 0.36 * who.fringe)  # how low the fringe hangs
    high = line - head.ry * (0.10 + 0.14 * (1 - who.fringe))
    inset = 0.02 + 0.014 * who.hair_length
    right_x, left_x = head.x + shift + wide - inset, head.x + shift - wide + inset
    temple = line + head.ry * 0.16
    inner = np.concatenate([
        points((outer[-1, 0], sideburn), (right_x, sideburn)),
        curve(right_x - 0.004, temple, part, high, -0.02 + 0.03 * who.fringe, 14),
        curve(part, high, left_x + 0.004, temple, -0.02 + 0.03 * who.fringe, 14),
        points((left_x, sideburn), (outer[0, 0], sideburn)),
    ])  # fmt: skip
    cap = np.concatenate([outer, inner])
    pen.shape(cap, head.hair)
    x = head.x + shift - 0.3 * wide
    shine = np.concatenate([curve(x - 0.075, head.y - tall * 0.72, x + 0.10, head.y - tall * 0.86, -0.022), curve(x + 0.10, head.y - tall * 0.80, x - 0.075, head.y - tall * 0.62, -0.022)])
    pen.inside(cap, [(shine, lighter(head.hair, 0.42), 0.8)])
    pen.shape(cap, None, darker(head.hair, 0.62), 0.011)


def _clothes(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    kind = head.scene.clothes
    cloth = wobble(CLOTH[head.scene.colour], rng, 5)
    ink, shade = darker(cloth, 0.6), darker(cloth, 0.3)
    x, top, deep = head.x, 0.805, 2.6
    if kind == "hoodie":
        pen.shape(oval(x, top - 0.02, head.rx + 0.085, 0.125, 2.6), shade, ink)
    neck = head.rx * 0.44
    pen.shape(points((x - neck, 0.68), (x + neck, 0.68), (x + neck, top + 0.05), (x - neck, top + 0.05)), darker(head.skin, 0.22), darker(head.skin, 0.66))
    shoulder = np.concatenate([
        curve(x - neck - 0.035, top - 0.01, x - 0.345, top + 0.085, -0.018),
        points((x - 0.395, top + 0.16), (x - 0.43, top + 0.6), (x - 0.44, deep), (x + 0.44, deep), (x + 0.43, top + 0.6), (x + 0.395, top + 0.16)),
        curve(x + 0.345, top + 0.085, x + neck + 0.035, top - 0.01, -0.018),
        curve(x + neck + 0.035, top - 0.01, x - neck - 0.035, top - 0.01, 0.04),
    ])  # fmt: skip
    pen.shape(shoulder, cloth)
    if kind == "striped shirt":
        bands: list[tuple[Points, RGB, float]] = []
        for row in range(24):
            y = top + 0.03 + row * 0.073
            bands.append((np.concatenate([curve(x - 0.5, y, x + 0.5, y, 0.012), curve(x + 0.5, y + 0.034, x - 0.5, y + 0.034, 0.012)]), WHITE, 1.0))
        pen.inside(shoulder, bands)
        pen.line(curve(x - neck - 0.03, top - 0.006, x + neck + 0.03, top - 0.006, 0.045), shade, 0.024)
    elif kind == "sweater":
        pen.line(curve(x - neck - 0.03, top - 0.008, x + neck + 0.03, top - 0.008, 0.05), lighter(cloth, 0.32), 0.05)
        pen.line(curve(x - neck - 0.045, top + 0.015, x + neck + 0.045, top + 0.015, 0.056), ink, 0.009)
    elif kind == "suit":
        pen.shape(points((x - neck - 0.02, top - 0.015), (x + neck + 0.02, top - 0.015), (x, top + 0.52)), (250, 250, 250), ink, 0.009)
        tie = (60, 60, 120) if head.scene.colour in ("red", "pink", "yellow") else (190, 40, 60)
        pen.shape(points((x - 0.022, top + 0.025), (x + 0.022, top + 0.025), (x + 0.034, top + 0.3), (x, top + 0.38), (x - 0.034, top + 0.3)), tie)
        for side in (-1, 1):
            lapel = points((x + side * (neck + 0.03), top - 0.02), (x + side * (neck + 0.115), top + 0.09), (x + side * (neck + 0.06), top + 0.13), (x + side * 0.012, top + 0.5))
            pen.shape(lapel, lighter(cloth, 0.1), ink, 0.009)
    else:  # hoodie: strings and a pocket seam
        pen.line(curve(x - neck - 0.05, top - 0.01, x + neck + 0.05, top - 0.01, 0.075), shade, 0.03)
        for side in (-1, 1):
            pen.line(points((x + side * 0.05, top + 0.06), (x + side * 0.056, top + 0.175)), (246, 244, 236), 0.02)
    pen.shape(shoulder, None, ink, 0.012)


def _glasses(pen: Pen, head: Head) -> None:
    dark = head.scene.accessory == "sunglasses"
    frame = (28, 26, 34) if dark else (44, 34, 40)
    middle_y = head.eye_y + 0.004
    inner: list[float] = []
    for side in (-1, 1):
        x, _, rx = _eye_place(head, side)
        radius = (0.104 if dark else 0.1) * min(1.0, rx / 0.057)
        reach = min(radius, abs(x - head.across(0)) * 0.94)
        shape = oval(x, middle_y, reach, 0.094 if not dark else 0.08, 2.0 if not dark else 3.2)
        if dark:
            pen.shape(shape, (40, 40, 54), frame, 0.014)
            pen.inside(shape, [(points((x - reach * 0.7, middle_y - 0.05), (x - reach * 0.1, middle_y - 0.05), (x - reach * 0.5, middle_y + 0.03), (x - reach * 0.9, middle_y + 0.03)), (120, 130, 156), 0.8)])
        else:
            pen.inside(shape, [(shape, (214, 236, 255), 0.22)])
            pen.shape(shape, None, frame, 0.019)
        inner.append(x - side * reach)
        end = head.x + side * (head.rx + 0.004)
        if side * (end - (x + side * reach)) > 0:
            pen.line(points((x + side * reach, middle_y - 0.015), (end, middle_y - 0.02)), frame, 0.016)
    if inner[1] > inner[0]:
        pen.line(curve(inner[0], middle_y - 0.008, inner[1], middle_y - 0.008, -0.012, 8), frame, 0.018)


def _headwear(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    kind = head.scene.accessory
    volume = 0.012 + 0.05 * head.who.hair_volume
    top = head.y - head.ry * 0.95 - volume - 0.015
    x = head.x - head.yaw * 0.02
    if kind == "party hat":
        tones: tuple[tuple[RGB, RGB], ...] = (((240, 80, 150), (255, 226, 90)), ((70, 190, 220), (255, 120, 120)), ((255, 170, 50), (120, 80, 220)))
        base, dots = tones[int(rng.integers(len(tones)))]
        y0, y1, half = top + 0.085, top - 0.135, 0.105
        cone = np.concatenate([points((x, y1)), curve(x + half, y0, x - half, y0, 0.03)])
        pen.shape(cone, base)
        pen.inside(cone, [(points((x - half, y - 0.0), (x + half, y - 0.055), (x + half, y - 0.02), (x - half, y + 0.035)), dots, 1.0) for y in (y0 + 0.005, y0 - 0.075, y0 - 0.15)])
        pen.shape(cone, None, INK, 0.012)
        pen.shape(oval(x, y1, 0.03, 0.03, count=20), lighter(dots, 0.3), INK, 0.009)
    elif kind == "crown":
        gold, y0, half = (255, 206, 60), top + 0.105, head.rx * 0.78
        spikes = points((x - half, y0), (x - half * 1.12, y0 - 0.135), (x - half * 0.55, y0 - 0.075), (x, y0 - 0.165), (x + half * 0.55, y0 - 0.075), (x + half * 1.12, y0 - 0.135), (x + half, y0))
        crown = np.concatenate([spikes, curve(x + half, y0, x - half, y0, 0.02)])
        pen.shape(crown, gold)
        pen.inside(crown, [(points((x - half, y0 - 0.03), (x + half, y0 - 0.03), (x + half, y0 + 0.03), (x - half, y0 + 0.03)), (226, 160, 36), 1.0)])
        pen.shape(crown, None, (110, 66, 10), 0.012)
        for share, tone in ((-0.6, (70, 160, 230)), (0.0, (220, 50, 70)), (0.6, (70, 190, 110))):
            pen.shape(oval(x + half * share, y0 - 0.02, 0.02, 0.02, count=16), tone)
    else:
        tone: RGB = (70, 72, 86)
        band = oval(x, head.y - 0.01, head.rx + volume + 0.03, head.y - 0.01 - top + 0.012, count=80)
        band = band[band[:, 1] < head.y + 0.02]
        band = band[np.argsort(band[:, 0])]
        pen.line(band, INK, 0.048)
        pen.line(band, tone, 0.03)
        for side in (-1, 1):
            cup_x = head.x + side * (head.rx + volume + 0.024)
            pen.shape(oval(cup_x, head.eye_y + 0.03, 0.042, 0.078, 3), (236, 84, 76), INK, 0.012)
            pen.shape(oval(cup_x + side * 0.012, head.eye_y + 0.03, 0.018, 0.05, 3), (255, 150, 130))
