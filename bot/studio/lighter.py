"""The same training for a machine whose memory did not suffice, even one picture at a time."""

from __future__ import annotations

from typing import Any

from engine.protocol import FailureKind, Recipe
from storage.records import Job, Run
from storage.states import JobKind

SMALLEST_RANK = 4
SMALLEST_PX = 256
STEP_PX = 64


def lighter(recipe: Recipe) -> Recipe | None:
    """Half the rank, three quarters of the side, the text encoder left alone. None: there is nothing left to take away."""
    rank = max(min(recipe.rank, SMALLEST_RANK), recipe.rank // 2)
    side = recipe.resolution
    if side > SMALLEST_PX:
        side = max(SMALLEST_PX, side * 3 // 4 // STEP_PX * STEP_PX)
    change: dict[str, Any] = {
        "rank": rank,
        # Alpha in proportion: so the same learning rate goes on being the right one.
        "alpha": recipe.alpha * rank / recipe.rank,
        "conv_rank": recipe.conv_rank // 2,
        "resolution": side,
        "text_encoder_lr": 0.0,
        "batch_size": 1,
        "accumulation": recipe.images_per_step,
    }
    smaller = recipe.model_copy(update=change)
    return None if smaller == recipe else smaller


def may_be_lighter(job: Job, run: Run | None) -> bool:
    """Whether this job ran out of memory and a lighter one would need less."""
    if job.kind is not JobKind.TRAIN or run is None:
        return False
    if (job.progress or {}).get("failure") != FailureKind.MEMORY.value:
        return False
    return lighter(Recipe.model_validate(run.recipe)) is not None
