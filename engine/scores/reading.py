"""All scores of an epoch, from the pictures it painted: its previews, and probes that nobody else sees.

likeness    0 = a stranger of the same class, 100 = the subject's own photo-to-photo spread
fidelity    how well its pictures match their prompts, trigger left out: 0 = as another prompt's, 100 = as the bare base's do
memorising  0 = as near to a photo as the photos are to each other, 100 = a copy of one
leakage     pictures painted without the trigger: 0 = the base's own, 100 = as changed as another seed would have made them
bleed       points of likeness that the class without the trigger has gained over the base's
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from PIL import Image

from engine.protocol import BaseModelRef, PreviewPrompt, TrainJob
from engine.scores.copies import Copies
from engine.scores.eyes import Sight, Vectors, sight_for
from engine.scores.likeness import Likeness
from engine.scores.probes import Probes, probes, without

LEAST_MARGIN = 0.03
"""A base whose pictures hardly match their own prompts better than each other's cannot measure fidelity."""
LEAST_CHANGE = 0.01
"""Where the base's pictures of other seeds are as good as equal to these eyes, no leakage can be read."""


@dataclass(frozen=True, slots=True)
class Scores:
    likeness: float | None = None
    fidelity: float | None = None
    memorising: float | None = None
    leakage: float | None = None
    bleed: float | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """What `facts` (of a kept epoch) says of each."""
        return cls(**{field.name: facts.get(field.name) for field in fields(cls)})

    def facts(self) -> dict[str, float | None]:
        return asdict(self)


class Reader:
    """Reads the epochs of one training; `read_base` comes first. Pictures come in the order of the previews, then of `probes`.

    `prompts` are those of all pictures of the subject, previews and probes, as the base understands them.
    """

    def __init__(self, sight: Sight, crops: Sequence[Image.Image], prompts: Sequence[str], probes: Probes) -> None:
        photos = list({crop.tobytes(): crop for crop in crops}.values())
        self.probes: tuple[PreviewPrompt, ...] = probes.all
        self._sight, self._prompts, self._of_class = sight, list(prompts), len(probes.of_class)
        self._likeness = Likeness(sight.who, photos, sight.strangers) if sight.who is not None else None
        self._copies = Copies(sight.whole, photos)
        self._match: tuple[float, float] | None = None
        self._untouched: Vectors | None = None
        self._change = 0.0
        self._class_likeness: float | None = None

    def read_base(self, pictures: Sequence[Image.Image]) -> Scores:
        """The base's own pictures, by which the other epochs are measured."""
        subject, of_class, unasked = self._parts(pictures)
        if self._sight.matcher is not None:
            matches = self._sight.matcher.match(subject, self._prompts)
            own = float(np.trace(matches)) / len(matches)
            others = matches[[[a != b for b in self._prompts] for a in self._prompts]]
            if others.size and own - float(others.mean()) >= LEAST_MARGIN:
                self._match = own, float(others.mean())
        if self._likeness is not None:
            self._likeness.meet([*subject, *of_class])
            self._class_likeness = self._likeness.of(of_class)
        if unasked:
            self._untouched = self._sight.whole.embed(unasked)
            seen = np.concatenate([self._sight.whole.embed(subject), self._untouched])
            count = len(seen)
            self._change = 1 - float((seen @ seen.T).sum() - count) / (count * (count - 1))
        return self.read(pictures)

    def read(self, pictures: Sequence[Image.Image]) -> Scores:
        subject, of_class, unasked = self._parts(pictures)
        likeness = self._likeness.of(subject) if self._likeness is not None else None
        fidelity = leakage = bleed = None
        if self._match is not None and self._sight.matcher is not None:
            own = float(np.trace(self._sight.matcher.match(subject, self._prompts))) / len(subject)
            fidelity = 100 * (own - self._match[1]) / (self._match[0] - self._match[1])
        if self._untouched is not None and self._change >= LEAST_CHANGE:
            same = np.einsum("pf,pf->p", self._sight.whole.embed(unasked), self._untouched)
            leakage = 100 * (1 - float(same.mean())) / self._change
        if self._likeness is not None and self._class_likeness is not None:
            now = self._likeness.of(of_class)
            bleed = None if now is None else now - self._class_likeness
        memorising = self._copies.of(subject)
        return Scores(*(_points(one) for one in (likeness, fidelity, memorising, leakage, bleed)))

    def _parts(self, pictures: Sequence[Image.Image]) -> tuple[list[Image.Image], list[Image.Image], list[Image.Image]]:
        """Those of the subject, of the class without trigger, and everything without trigger."""
        shown = len(self._prompts)
        return list(pictures[:shown]), list(pictures[shown : shown + self._of_class]), list(pictures[shown:])


def reader_for(job: TrainJob, base: BaseModelRef, crops: Sequence[Image.Image], device: str = "cpu") -> Reader | None:
    """With the eyes there are for `base`. None where there is nothing to look at."""
    if not crops or not job.previews:
        return None
    extra = probes(job.previews, job.subject_kind, job.trigger, job.class_word)
    prompts = [without(job.trigger, job.class_word, one.prompt) for one in (*job.previews, *extra.of_subject)]
    return Reader(sight_for(base, job.subject_kind, crops, device), crops, prompts, extra)


def _points(value: float | None) -> float | None:
    """A score to one decimal, between 0 and 120: above 100 a picture is closer to the photos than they are to each other."""
    return None if value is None else round(min(120.0, max(0.0, value)), 1)
