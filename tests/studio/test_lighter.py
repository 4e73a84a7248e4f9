"""What is taken from a training that did not fit, until there is nothing left to take."""

from __future__ import annotations

import pytest

from bot.studio.lighter import SMALLEST_PX, lighter
from engine.families.bases import MINIATURE
from engine.protocol import BaseModelRef, Recipe, SubjectKind
from engine.recipes.presets import PRESETS, recipe_for

BASES = [
    BaseModelRef(source=MINIATURE),
    BaseModelRef(family="sdxl", source="x"),
    BaseModelRef(family="zimage", source="x"),
]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("base", BASES, ids=lambda base: base.family + base.source[:4])
def test_each_time_less_and_in_the_end_no_more(preset: str, base: BaseModelRef) -> None:
    recipe = recipe_for(preset, base, SubjectKind.STYLE, 12)
    taken = 0
    while (smaller := lighter(recipe)) is not None:
        assert smaller.rank <= recipe.rank and smaller.resolution <= recipe.resolution
        assert smaller.batch_size == 1 and smaller.images_per_step == recipe.images_per_step
        assert smaller.alpha / smaller.rank == pytest.approx(recipe.alpha / recipe.rank), "the rate stays the right one"
        assert (smaller.exposures, smaller.epochs) == (recipe.exposures, recipe.epochs), (
            "as long as it was chosen to be"
        )
        Recipe.model_validate(smaller.model_dump())
        recipe, taken = smaller, taken + 1
        assert taken < 20
    assert taken >= 1 and recipe.resolution <= max(SMALLEST_PX, recipe.resolution)
