"""What the studio is told once, at its making."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.studio.recipes import PRESETS, PresetChange
from bot.studio.terms import Terms
from engine.captioning import CaptionerRef
from engine.families.spec import family
from engine.guidance import LoraGuidance, usual
from engine.protocol import BaseModelRef, Recipe, SubjectKind
from engine.recipes.presets import recipe_for


@dataclass(frozen=True)
class Retention:
    """How long things are kept at most, in days, whatever a server's admins say. None: until somebody deletes them."""

    photos_days: int | None = None
    """After the training they were for; those of a draft that nobody went on with, after it was opened."""
    epochs_days: int | None = None
    """Of those that lost."""
    pictures_days: int | None = None


@dataclass(frozen=True)
class Counter:
    """A folder that a web server of the owner's shows to the members."""

    folder: Path
    url: str
    """At which the folder stands: "https://files.example.org/likeness"."""
    hours: int
    """How long a file lies there."""


@dataclass(frozen=True)
class StudioSettings:
    base: BaseModelRef = field(default_factory=BaseModelRef)
    preset: str = "balanced"
    """The one chosen until a member picks another."""
    presets: tuple[str, ...] = PRESETS
    changes: tuple[tuple[str, PresetChange], ...] = ()
    """What the owner of the machine wants other than the base's own values, by preset."""
    min_photos: int = 5
    """Usable photos a subject needs."""
    max_photos: int = 50
    min_side_px: int = 256
    """A photo's short side."""
    trainings_per_member: int = 2
    """Waiting or running, as the other two."""
    trainings_per_server: int = 20
    paintings_per_member: int = 4
    pictures: int = 4
    """Of one request, at most."""
    usual_steps: int | None = None
    """What the base paints with where nobody says otherwise, as the other two; None: as its family does."""
    usual_cfg: float | None = None
    usual_sampler: str | None = None
    usual_lora_guidance: LoraGuidance | None = None
    """Likewise, in previews too; None: the base's own."""
    terms: tuple[tuple[str, Terms], ...] = ()
    """By a base's source; of the base in use and of those in use before."""
    few_step: str | None = None
    """A LoRA file for the fast mode, on the engine's machine."""
    attested: bool = False
    """Whether a member may answer for somebody who is not asked here."""
    retention: Retention = Retention()
    counter: Counter | None = None
    """Where large files are handed out; None: they are split."""
    ballot_seconds: int = 24 * 3600
    extend_seconds: int = 3600
    """What one press of "one more hour" adds."""
    decide_seconds: int = 12 * 3600
    """How long the owner of a ballot is waited for where votes and scores are level."""
    folders: tuple[tuple[str, str], ...] = ()
    """Name and path of folders that whoever runs the bot may take photos from."""
    finder: Literal["auto", "cartoon", "haar", "yunet"] = "auto"
    captioner: CaptionerRef = field(default_factory=CaptionerRef)
    """Who writes the captions that people start from."""
    preview_seeds: tuple[int, ...] = (1101, 2202, 3303, 4404)
    """One per preview prompt (bot/studio/captions.py)."""
    quick_jobs: int = 2
    """Paintings and readings the engine is given at once, beside trainings: it works one while the next is fetched."""
    joint_runs: int | None = None
    """Trainings the engine is given at once, which share their steps; None: by its device."""
    recipe: Callable[[str, BaseModelRef, SubjectKind, int], Recipe] = field(default=recipe_for, compare=False)
    """(preset, base, kind, photos) -> how it is trained, before `changes`."""

    def terms_of(self, source: str) -> Terms | None:
        return dict(self.terms).get(source)

    def steps_of(self, channel: int | None) -> int:
        """Of a painting where nobody says how many: the channel's, the base's, or the family's."""
        return channel or self.usual_steps or family(self.base.family).paint_steps

    @property
    def cfg(self) -> float:
        return family(self.base.family).paint_cfg if self.usual_cfg is None else self.usual_cfg

    @property
    def lora_guidance(self) -> LoraGuidance:
        return self.usual_lora_guidance or usual(self.base.source)

    def recipe_of(self, preset: str, kind: SubjectKind, photos: int) -> Recipe:
        plan = self.recipe(preset, self.base, kind, photos)
        change = dict(self.changes).get(preset)
        return plan if change is None else change.applied(plan)
