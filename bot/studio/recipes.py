"""Presets as the studio offers them: a recipe of the base's family, with what the owner of the machine changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bot.language import say
from engine.protocol import Recipe
from engine.recipes.presets import PRESETS

__all__ = ["PRESETS", "PresetChange", "title_of"]


def title_of(preset: str) -> str:
    """As people read it; a preset of the owner's own by its name."""
    return {"quick": say("Quick"), "balanced": say("Balanced"), "thorough": say("Thorough")}.get(preset, preset)


@dataclass(frozen=True)
class PresetChange:
    """None keeps the base's own value."""

    exposures: int | None = None
    epochs: int | None = None
    rank: int | None = None

    def applied(self, plan: Recipe) -> Recipe:
        update = {key: value for key, value in asdict(self).items() if value is not None}
        if self.rank is not None:
            # Alpha in proportion: so the same learning rate goes on being the right one.
            update["alpha"] = plan.alpha * self.rank / plan.rank
        return plan.model_copy(update=update)
