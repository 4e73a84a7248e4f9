"""The engine's own reading of an epoch: is it the subject, and does it still do what the prompt says?

Likeness is calibrated on faces, not on cosines: 0 is what a stranger of the same class gets, 100 is how alike the
subject's own photos are to each other. Fidelity compares how well the previews match their prompts (trigger word
left out: no text model knows it) with what the bare base manages on the same prompts and seeds: 100 is as well.

Only a base that brings its own eyes can be read. The miniature does; for others every score is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.families.bases import MINIATURE
from engine.families.loaded import LoadedBase
from engine.miniature import CLIP, IDENTITY

HOLDS = 88.0
"""Below this fidelity an epoch pays for its likeness."""
PRICE = 2.0
"""Points of likeness that one point of fidelity under HOLDS costs."""
NEAR = 2.0
"""Epochs within this many points are taken for equal, and the earlier one is suggested: it has been bent less."""
LEAST_MARGIN = 0.03
"""A base whose pictures hardly match their own prompts better than each other's cannot measure fidelity."""


@dataclass(frozen=True, slots=True)
class Scores:
    likeness: float | None = None
    fidelity: float | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    epoch: int | None
    reason: str


class Reader:
    """Reads the epochs of one training. `stranger` is the mean cosine of two people's portraits."""

    def __init__(
        self, eyes: Any, matcher: Any, stranger: float, crops: Sequence[Image.Image], prompts: Sequence[str]
    ) -> None:
        self._eyes, self._matcher, self._stranger = eyes, matcher, stranger
        self._prompts = list(prompts)
        self._subject: NDArray[np.float32] = eyes.embed(list(crops))
        count = len(self._subject)
        alike = self._subject @ self._subject.T
        self._own = float((alike.sum() - np.trace(alike)) / (count * (count - 1))) if count > 1 else 1.0
        self._base: tuple[float, float] | None = None

    def read_base(self, pictures: Sequence[Image.Image]) -> Scores:
        """The base's own previews, from which fidelity is counted."""
        matches: NDArray[np.float32] = self._matcher.match(list(pictures), self._prompts)
        own = float(np.trace(matches)) / len(matches)
        others = matches[[[a != b for b in self._prompts] for a in self._prompts]]
        if others.size and own - float(others.mean()) >= LEAST_MARGIN:
            self._base = own, float(others.mean())
        return self.read(pictures)

    def read(self, pictures: Sequence[Image.Image]) -> Scores:
        """The previews of one epoch, in the order of the prompts."""
        alike = float((self._eyes.embed(list(pictures)) @ self._subject.T).mean())
        span = self._own - self._stranger
        likeness = 100 * (alike - self._stranger) / span if span > 0.05 else None
        fidelity = None
        if self._base is not None:
            own = float(np.trace(self._matcher.match(list(pictures), self._prompts))) / len(pictures)
            fidelity = 100 * (own - self._base[1]) / (self._base[0] - self._base[1])
        return Scores(_points(likeness), _points(fidelity))


def reader_for(base: LoadedBase, trigger: str, crops: Sequence[Image.Image], prompts: Sequence[str]) -> Reader | None:
    """None where this base has no eyes, or there is nothing to look at."""
    if base.ref.source != MINIATURE or not crops or not prompts or not (CLIP.is_dir() and IDENTITY.is_dir()):
        return None
    from engine.miniature.senses import Fidelity, IdentityEmbedder

    stranger = float(json.loads((IDENTITY / "calibration.json").read_text())["stranger_cosine"])
    said = [without(trigger, prompt) for prompt in prompts]
    return Reader(IdentityEmbedder.load(), Fidelity.load(), stranger, crops, said)


def without(trigger: str, prompt: str) -> str:
    """`prompt` as the base understands it: "a portrait of ohwx woman" -> "a portrait of a woman", "of ohwx" -> "of a person"."""
    word = re.escape(trigger)
    known = r"(?:person|woman|man|girl|boy|child|dog|cat|robot|toy)"
    said = re.sub(rf"\b(?:an? )?{word},? (?:an? )?({known})\b", r"a \1", prompt, flags=re.IGNORECASE)
    return re.sub(rf"\b(?:an? )?{word}\b", "a person", said, flags=re.IGNORECASE)


def suggest(scores: Mapping[int, Scores]) -> Suggestion:
    """The epoch (from 1 on) that is most like the subject while the prompt still counts, and why in one sentence."""
    read = {epoch: score for epoch, score in scores.items() if epoch > 0 and score.likeness is not None}
    if not read:
        return Suggestion(None, "This base has no eyes to compare faces with, so choose by the previews.")
    worth = {epoch: _worth(score) for epoch, score in read.items()}
    best = max(worth.values())
    epoch = min(epoch for epoch, value in worth.items() if value >= best - NEAR)
    chosen = read[epoch]
    likeness = f"Epoch {epoch} is {chosen.likeness:.0f} of 100 like the photos"
    if chosen.fidelity is None:
        return Suggestion(epoch, f"{likeness}, and no later epoch is clearly closer.")
    if chosen.fidelity >= HOLDS:
        return Suggestion(
            epoch,
            f"{likeness} and still follows prompts like the base ({chosen.fidelity:.0f} of 100); later ones gain little.",
        )
    return Suggestion(
        epoch,
        f"{likeness} but follows prompts less well than the base ({chosen.fidelity:.0f} of 100); no other balances both better.",
    )


def _worth(score: Scores) -> float:
    fidelity = HOLDS if score.fidelity is None else score.fidelity
    return (score.likeness or 0.0) - PRICE * max(0.0, HOLDS - fidelity)


def _points(value: float | None) -> float | None:
    """A score to one decimal, between 0 and 120: above 100 a picture is closer to the photos than they are to each other."""
    return None if value is None else round(min(120.0, max(0.0, value)), 1)
