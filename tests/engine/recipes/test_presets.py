"""A preset is a whole recipe for every family, subject and number of photos."""

from __future__ import annotations

from itertools import product

import pytest

from engine.families.spec import FAMILIES as KNOWN
from engine.protocol import BaseModelRef, SubjectKind
from engine.recipes.presets import FAMILIES, PRESETS, recipe_for
from engine.recipes.recipe import Recipe, conflicts

BASES = (BaseModelRef(), *(BaseModelRef(family=family, source="someone/base") for family in FAMILIES))
REAL = BASES[1:]


def named(base: BaseModelRef) -> str:
    return "miniature" if base.source == "miniature" else base.family


@pytest.mark.parametrize("base", BASES, ids=named)
def test_presets_grow_in_length_and_choice(base: BaseModelRef) -> None:
    for kind, photos in product(SubjectKind, (1, 5, 12, 30, 50)):
        quick, balanced, thorough = every = [recipe_for(name, base, kind, photos) for name in PRESETS]
        assert [one.preset for one in every] == list(PRESETS)
        assert quick.exposures < balanced.exposures < thorough.exposures
        assert quick.epochs <= balanced.epochs <= thorough.epochs <= 10, "a ballot has ten number emoji"
        assert quick.epochs >= 3
        assert not any(conflicts(one) for one in every)
        assert all(Recipe.model_validate_json(one.model_dump_json()) == one for one in every)


@pytest.mark.parametrize("base", BASES, ids=named)
def test_faces_are_not_mirrored_and_more_photos_are_shown_more(base: BaseModelRef) -> None:
    assert not recipe_for("balanced", base, SubjectKind.PERSON, 12).flip
    assert recipe_for("balanced", base, SubjectKind.STYLE, 12).flip
    few, many = (recipe_for("balanced", base, SubjectKind.PERSON, photos).exposures for photos in (5, 50))
    assert few < many


@pytest.mark.parametrize(
    "base, update, resolution",
    list(zip(REAL, (2.5e-4, 1.5e-4, 1e-4), (512, 1024, 1024), strict=True)),
    ids=list(map(named, REAL)),
)
def test_the_size_of_an_update_is_what_trainers_agree_on(base: BaseModelRef, update: float, resolution: int) -> None:
    for name, kind in product(PRESETS, SubjectKind):
        recipe = recipe_for(name, base, kind, 15)
        assert recipe.unet_lr * recipe.alpha / recipe.rank == pytest.approx(update)
        assert recipe.resolution == resolution
    assert 1400 <= recipe_for("balanced", base, SubjectKind.PERSON, 15).exposures <= 2500


def test_a_style_learns_strokes_and_leaves_words_alone() -> None:
    for base in REAL[:2]:
        style, person = (recipe_for("balanced", base, kind, 20) for kind in (SubjectKind.STYLE, SubjectKind.PERSON))
        assert style.conv_rank == 8 and person.conv_rank == 0
        assert style.text_encoder_lr == 0


def test_every_known_family_has_presets() -> None:
    assert set(KNOWN) <= set(FAMILIES)


def test_an_unknown_preset_or_family_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        recipe_for("slow", BASES[0], SubjectKind.PERSON, 12)
    with pytest.raises(KeyError):
        recipe_for("quick", BaseModelRef(family="none", source="x"), SubjectKind.PERSON, 12)
