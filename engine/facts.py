"""What the engine measured in a photo, as numbers: torch-free, without a judgement. What they mean, the studio says.

Nothing here could bring a photo or a face back: no vectors and no dates, only how sharp, how bright, how alike to another.
"""

from __future__ import annotations

from engine.captioning import Captioner
from engine.shots import Part


class Pair(Part):
    """Two photos of one set, held against each other."""

    other: str
    """photo_id of the photo that came earlier."""
    bits: int
    """Of their perceptual hashes' 64, how many differ; the smaller of straight and mirrored. 0: the same picture, 32: two."""
    mirrored: bool = False
    """They are more alike with one of them turned over."""
    glance: float = 0.0
    """Correlation of the two at 16 x 16 px, -1..1: the same things in the same places."""
    colours: float = 0.0
    """Overlap of their colours, 0..1: the same place, wherever the camera stood."""
    eyes: float | None = None
    """Cosine of what a network saw in both; None where none is on this machine."""
    who: float | None = None
    """Of the faces chosen in both: 0 two strangers, 1 one person, 0.5 halfway. None: there is no face, or nothing to tell by."""
    same_day: bool | None = None
    """Taken on one day by their cameras' clocks; None: one of them does not say. The days themselves are not kept."""


class PhotoFacts(Part):
    """One photo that was kept."""

    face: int = 0
    """Longer side of the chosen face in pixels of the photo; 0: there is none, and the crop was measured."""
    crop: int = 0
    """Side of the proposed crop in pixels of the photo."""
    wanted: int = 0
    """Pixels a side that the base is trained at."""
    sharpness: float = 0.0
    """Variance of the Laplacian of the face (of the crop, without one) at 128 px, of 0..255 greys."""
    darkest: int = 0
    middle: int = 0
    brightest: int = 0
    """Of the same place: the greys that 5, 50 and 95 in 100 pixels are darker than."""
    burnt: float = 0.0
    """Share of its pixels that are white beyond all drawing (250 and more)."""
    colourful: float = 0.0
    """Mean difference between a pixel's strongest and weakest channel, 0..255: 0 is a black and white photo."""
    turn: float | None = None
    """How far the face is turned away: 0 into the camera, 1 in profile, to whichever side. None: not known."""
    captioner: Captioner = Captioner.TEMPLATE
    """Who wrote its caption."""
    pairs: tuple[Pair, ...] = ()
    """With every photo of the set that came before."""
