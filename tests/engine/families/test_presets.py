"""A preset is a whole recipe for every subject and number of photos."""

from __future__ import annotations

from itertools import product

import pytest

from engine.families.presets import PRESETS, recipe_for
from engine.protocol import BaseModelRef, SubjectKind

BASES = (BaseModelRef(), BaseModelRef(source="someone/sd15"))


@pytest.mark.parametrize("base", BASES, ids=["miniature", "sd15"])
def test_presets_grow_in_length_and_choice(base: BaseModelRef) -> None:
    for kind, photos in product(SubjectKind, (1, 5, 12, 30, 50)):
        quick, balanced, thorough = (recipe_for(name, base, kind, photos) for name in PRESETS)
        assert [one.preset for one in (quick, balanced, thorough)] == list(PRESETS)
        assert quick.exposures < balanced.exposures < thorough.exposures
        assert quick.epochs <= balanced.epochs <= thorough.epochs <= 10, "a ballot has ten number emoji"
        assert quick.epochs >= 3


@pytest.mark.parametrize("base", BASES, ids=["miniature", "sd15"])
def test_faces_are_not_mirrored_and_more_photos_are_shown_more(base: BaseModelRef) -> None:
    assert not recipe_for("balanced", base, SubjectKind.PERSON, 12).flip
    assert recipe_for("balanced", base, SubjectKind.STYLE, 12).flip
    few, many = (recipe_for("balanced", base, SubjectKind.PERSON, photos).exposures for photos in (5, 50))
    assert few < many


def test_the_real_base_gets_what_trainers_agree_on() -> None:
    recipe = recipe_for("balanced", BASES[1], SubjectKind.PERSON, 15)
    assert 2000 <= recipe.exposures <= 2500
    assert recipe.resolution == 512
    assert recipe.unet_lr * recipe.alpha / recipe.rank == pytest.approx(2.5e-4)
    assert recipe_for("balanced", BASES[1], SubjectKind.STYLE, 15).text_encoder_lr == 0


def test_an_unknown_preset_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        recipe_for("slow", BASES[0], SubjectKind.PERSON, 12)
