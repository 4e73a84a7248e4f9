"""Draws an inhabitant of the world in a scene, at any size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engine.miniature import PORTRAIT_SIDE, backdrop, face, hair, wardrobe
from engine.miniature.head import Head
from engine.miniature.pen import Pen
from engine.miniature.world import Identity, Scene

SUPERSAMPLE = 4


def draw_person(pen: Pen, who: Identity, scene: Scene) -> Head:
    """Paint `who` in `scene` (without its background) with `pen`; tells where the head is."""
    head = Head(who, scene)
    rng = np.random.default_rng(scene.seed)
    hair.hair_behind(pen, head)
    wardrobe.clothes(pen, head, rng)
    face.ears(pen, head)
    face.face(pen, head, rng)
    face.beard(pen, head)
    face.nose(pen, head)
    face.mouth(pen, head)
    face.eyes(pen, head)
    hair.hair_in_front(pen, head)
    if scene.accessory in ("round glasses", "sunglasses"):
        wardrobe.glasses(pen, head)
    face.brows(pen, head)
    if scene.accessory in ("party hat", "crown", "headphones"):
        wardrobe.headwear(pen, head, rng)
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
