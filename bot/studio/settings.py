"""What the studio is told once, at its making."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.studio.recipes import PRESETS, PresetChange
from engine.protocol import BaseModelRef, Recipe, SubjectKind
from engine.recipes.presets import recipe_for


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
    few_step: str | None = None
    """A LoRA file for the fast mode, on the engine's machine."""
    attested: bool = False
    """Whether a member may answer for somebody who is not asked here."""
    ballot_seconds: int = 24 * 3600
    extend_seconds: int = 3600
    """What one press of "one more hour" adds."""
    finder: Literal["auto", "cartoon", "haar", "yunet"] = "auto"
    preview_seeds: tuple[int, ...] = (1101, 2202, 3303, 4404)
    """One per preview prompt (bot/studio/captions.py)."""
    quick_jobs: int = 2
    """Paintings and readings the engine is given at once, beside trainings: it works one while the next is fetched."""
    joint_runs: int | None = None
    """Trainings the engine is given at once, which share their steps; None: by its device."""
    recipe: Callable[[str, BaseModelRef, SubjectKind, int], Recipe] = field(default=recipe_for, compare=False)
    """(preset, base, kind, photos) -> how it is trained, before `changes`."""

    def recipe_of(self, preset: str, kind: SubjectKind, photos: int) -> Recipe:
        plan = self.recipe(preset, self.base, kind, photos)
        change = dict(self.changes).get(preset)
        return plan if change is None else change.applied(plan)
