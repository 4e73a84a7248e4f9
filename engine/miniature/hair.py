"""Draws hair: what falls behind the head, and the cap with its fringe and parting in front."""

from __future__ import annotations

import numpy as np

from engine.miniature.head import Head
from engine.miniature.palette import darker, lighter
from engine.miniature.pen import Pen, Points, curve, points


def hair_behind(pen: Pen, head: Head) -> None:
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


def hair_in_front(pen: Pen, head: Head) -> None:
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
    shine = np.concatenate(
        [
            curve(x - 0.075, head.y - tall * 0.72, x + 0.10, head.y - tall * 0.86, -0.022),
            curve(x + 0.10, head.y - tall * 0.80, x - 0.075, head.y - tall * 0.62, -0.022),
        ]
    )
    pen.inside(cap, [(shine, lighter(head.hair, 0.42), 0.8)])
    pen.shape(cap, None, darker(head.hair, 0.62), 0.011)
