"""Draws what people wear: clothes, glasses, and what sits on the head."""

from __future__ import annotations

import numpy as np

from engine.miniature.head import Head, eye_place
from engine.miniature.palette import CLOTH, INK, RGB, WHITE, darker, lighter, wobble
from engine.miniature.pen import Pen, Points, curve, oval, points


def clothes(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    kind = head.scene.clothes
    cloth = wobble(CLOTH[head.scene.colour], rng, 5)
    ink, shade = darker(cloth, 0.6), darker(cloth, 0.3)
    x, top, deep = head.x, 0.805, 2.6
    if kind == "hoodie":
        pen.shape(oval(x, top - 0.02, head.rx + 0.085, 0.125, 2.6), shade, ink)
    neck = head.rx * 0.44
    pen.shape(
        points((x - neck, 0.68), (x + neck, 0.68), (x + neck, top + 0.05), (x - neck, top + 0.05)),
        darker(head.skin, 0.22),
        darker(head.skin, 0.66),
    )
    shoulder = np.concatenate(
        [
            curve(x - neck - 0.035, top - 0.01, x - 0.345, top + 0.085, -0.018),
            points(
                (x - 0.395, top + 0.16),
                (x - 0.43, top + 0.6),
                (x - 0.44, deep),
                (x + 0.44, deep),
                (x + 0.43, top + 0.6),
                (x + 0.395, top + 0.16),
            ),
            curve(x + 0.345, top + 0.085, x + neck + 0.035, top - 0.01, -0.018),
            curve(x + neck + 0.035, top - 0.01, x - neck - 0.035, top - 0.01, 0.04),
        ]
    )
    pen.shape(shoulder, cloth)
    if kind == "striped shirt":
        bands: list[tuple[Points, RGB, float]] = []
        for row in range(24):
            y = top + 0.03 + row * 0.073
            bands.append(
                (
                    np.concatenate(
                        [curve(x - 0.5, y, x + 0.5, y, 0.012), curve(x + 0.5, y + 0.034, x - 0.5, y + 0.034, 0.012)]
                    ),
                    WHITE,
                    1.0,
                )
            )
        pen.inside(shoulder, bands)
        pen.line(curve(x - neck - 0.03, top - 0.006, x + neck + 0.03, top - 0.006, 0.045), shade, 0.024)
    elif kind == "sweater":
        pen.line(curve(x - neck - 0.03, top - 0.008, x + neck + 0.03, top - 0.008, 0.05), lighter(cloth, 0.32), 0.05)
        pen.line(curve(x - neck - 0.045, top + 0.015, x + neck + 0.045, top + 0.015, 0.056), ink, 0.009)
    elif kind == "suit":
        pen.shape(
            points((x - neck - 0.02, top - 0.015), (x + neck + 0.02, top - 0.015), (x, top + 0.52)),
            (250, 250, 250),
            ink,
            0.009,
        )
        tie = (60, 60, 120) if head.scene.colour in ("red", "pink", "yellow") else (190, 40, 60)
        pen.shape(
            points(
                (x - 0.022, top + 0.025),
                (x + 0.022, top + 0.025),
                (x + 0.034, top + 0.3),
                (x, top + 0.38),
                (x - 0.034, top + 0.3),
            ),
            tie,
        )
        for side in (-1, 1):
            lapel = points(
                (x + side * (neck + 0.03), top - 0.02),
                (x + side * (neck + 0.115), top + 0.09),
                (x + side * (neck + 0.06), top + 0.13),
                (x + side * 0.012, top + 0.5),
            )
            pen.shape(lapel, lighter(cloth, 0.1), ink, 0.009)
    else:  # hoodie: strings and a pocket seam
        pen.line(curve(x - neck - 0.05, top - 0.01, x + neck + 0.05, top - 0.01, 0.075), shade, 0.03)
        for side in (-1, 1):
            pen.line(points((x + side * 0.05, top + 0.06), (x + side * 0.056, top + 0.175)), (246, 244, 236), 0.02)
    pen.shape(shoulder, None, ink, 0.012)


def glasses(pen: Pen, head: Head) -> None:
    dark = head.scene.accessory == "sunglasses"
    frame = (28, 26, 34) if dark else (44, 34, 40)
    middle_y = head.eye_y + 0.004
    inner: list[float] = []
    for side in (-1, 1):
        x, _, rx = eye_place(head, side)
        radius = (0.104 if dark else 0.1) * min(1.0, rx / 0.057)
        reach = min(radius, abs(x - head.across(0)) * 0.94)
        shape = oval(x, middle_y, reach, 0.094 if not dark else 0.08, 2.0 if not dark else 3.2)
        if dark:
            pen.shape(shape, (40, 40, 54), frame, 0.014)
            pen.inside(
                shape,
                [
                    (
                        points(
                            (x - reach * 0.7, middle_y - 0.05),
                            (x - reach * 0.1, middle_y - 0.05),
                            (x - reach * 0.5, middle_y + 0.03),
                            (x - reach * 0.9, middle_y + 0.03),
                        ),
                        (120, 130, 156),
                        0.8,
                    )
                ],
            )
        else:
            pen.inside(shape, [(shape, (214, 236, 255), 0.22)])
            pen.shape(shape, None, frame, 0.019)
        inner.append(x - side * reach)
        end = head.x + side * (head.rx + 0.004)
        if side * (end - (x + side * reach)) > 0:
            pen.line(points((x + side * reach, middle_y - 0.015), (end, middle_y - 0.02)), frame, 0.016)
    if inner[1] > inner[0]:
        pen.line(curve(inner[0], middle_y - 0.008, inner[1], middle_y - 0.008, -0.012, 8), frame, 0.018)


def headwear(pen: Pen, head: Head, rng: np.random.Generator) -> None:
    kind = head.scene.accessory
    volume = 0.012 + 0.05 * head.who.hair_volume
    top = head.y - head.ry * 0.95 - volume - 0.015
    x = head.x - head.yaw * 0.02
    if kind == "party hat":
        tones: tuple[tuple[RGB, RGB], ...] = (
            ((240, 80, 150), (255, 226, 90)),
            ((70, 190, 220), (255, 120, 120)),
            ((255, 170, 50), (120, 80, 220)),
        )
        base, dots = tones[int(rng.integers(len(tones)))]
        y0, y1, half = top + 0.085, top - 0.135, 0.105
        cone = np.concatenate([points((x, y1)), curve(x + half, y0, x - half, y0, 0.03)])
        pen.shape(cone, base)
        pen.inside(
            cone,
            [
                (
                    points((x - half, y - 0.0), (x + half, y - 0.055), (x + half, y - 0.02), (x - half, y + 0.035)),
                    dots,
                    1.0,
                )
                for y in (y0 + 0.005, y0 - 0.075, y0 - 0.15)
            ],
        )
        pen.shape(cone, None, INK, 0.012)
        pen.shape(oval(x, y1, 0.03, 0.03, count=20), lighter(dots, 0.3), INK, 0.009)
    elif kind == "crown":
        gold, y0, half = (255, 206, 60), top + 0.105, head.rx * 0.78
        spikes = points(
            (x - half, y0),
            (x - half * 1.12, y0 - 0.135),
            (x - half * 0.55, y0 - 0.075),
            (x, y0 - 0.165),
            (x + half * 0.55, y0 - 0.075),
            (x + half * 1.12, y0 - 0.135),
            (x + half, y0),
        )
        crown = np.concatenate([spikes, curve(x + half, y0, x - half, y0, 0.02)])
        pen.shape(crown, gold)
        pen.inside(
            crown,
            [
                (
                    points((x - half, y0 - 0.03), (x + half, y0 - 0.03), (x + half, y0 + 0.03), (x - half, y0 + 0.03)),
                    (226, 160, 36),
                    1.0,
                )
            ],
        )
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
