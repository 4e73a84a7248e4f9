"""Draws a face: its shape and light, ears, beard, nose, mouth, eyes and brows. Expressions live in the last three."""

from __future__ import annotations

import numpy as np

from engine.miniature.head import Head, eye_place
from engine.miniature.palette import EYES, INK, LIPS, WHITE, blend, darker, ramp
from engine.miniature.pen import Pen, curve, oval, points


def ears(pen: Pen, head: Head) -> None:
    size = 0.022 + 0.032 * head.who.ear_size
    for side in (-1, 1):
        if side * head.yaw > 0:
            continue  # the far ear is hidden
        shift = -side * abs(head.yaw) * 0.05
        x = head.x + side * (head.rx + size * 0.35) + shift
        pen.shape(oval(x, head.eye_y + 0.03, size, size * 1.35), head.skin, darker(head.skin, 0.62))
        pen.shape(oval(x, head.eye_y + 0.035, size * 0.45, size * 0.7), darker(head.skin, 0.2))


def face(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    who, edge = head.who, head.outline
    pen.shape(edge, head.skin)
    light = -1.0 if rng.random() < 0.5 else 1.0
    crescent = np.concatenate(
        [edge, oval(head.x + light * 0.05, head.y - 0.045, head.rx * 1.02, head.ry * 1.0, count=72)[::-1]]
    )
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


def beard(pen: Pen, head: Head) -> None:
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


def nose(pen: Pen, head: Head) -> None:
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


def mouth(pen: Pen, head: Head) -> None:
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
        top, low = (
            curve(x - wide * 1.3, y - 0.03, x + wide * 1.3, y - 0.03, 0.006),
            curve(x + wide * 1.3, y - 0.03, x - wide * 1.3, y - 0.03, 0.105, 16),
        )
        mouth = np.concatenate([top, low])
        pen.shape(mouth, (120, 24, 40))
        pen.inside(
            mouth,
            [
                (oval(x, y - 0.03, wide * 1.5, 0.034), WHITE, 1.0),
                (oval(x, y + 0.066, wide * 0.8, 0.036), (236, 104, 112), 1.0),
            ],
        )
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


def eyes(pen: Pen, head: Head) -> None:
    who, mood = head.who, head.scene.expression
    colour = ramp(EYES, who.eye_colour)
    for side in (-1, 1):
        x, y, rx = eye_place(head, side)
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
            pen.inside(
                white, [(points((near, top), (far, top), (far, y_far), (near, y_near)), darker(head.skin, 0.16), 1.0)]
            )
            pen.shape(white, None, blend(INK, head.skin, 0.35), 0.008)
            pen.line(points((near * 0.93 + x * 0.07, y_near), (far * 0.93 + x * 0.07, y_far)), INK, 0.017)
        else:
            pen.shape(white, None, blend(INK, head.skin, 0.35), 0.008)
            pen.line(lid, INK, 0.017)


def brows(pen: Pen, head: Head) -> None:
    who, mood = head.who, head.scene.expression
    thick = 0.014 + 0.026 * who.brow_thickness
    colour = darker(head.hair, 0.45)
    for side in (-1, 1):
        x, y, rx = eye_place(head, side)
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
