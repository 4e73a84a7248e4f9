"""What is kept of the base while a subject is learnt: the class, and what lies around the face."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
import torch
from learners import learner, losses, oblong, recipe_of

from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.recipes.recipe import Prior
from engine.worker import lesson as lessons
from engine.worker.dataset import cache_texts
from engine.worker.learner import Learner
from engine.worker.prior import BaseAnswer, Frozen, astray, class_captions
from engine.worker.slots import table_of

# ---- what the class keeps ----------------------------------------------------------------------------------------


def drift(base: LoadedBase, one: Learner) -> float:
    """How far the learner's answer to the class prompt is from the bare base's, on noise nobody trained on."""
    draw = torch.Generator().manual_seed(77)
    noisy = torch.randn(6, 4, 8, 8, generator=draw)
    at = torch.tensor([100, 300, 500, 700, 900, 50])
    table = table_of(base)
    with torch.no_grad(), table.using(None):
        text = base.family.encode_tokens(base, base.family.tokens_of(base, ["person, number 1"] * 6))
        before = base.family.forward(base, noisy, at, text)
    slot = table.take(one.weights())
    try:
        with torch.no_grad(), table.using(table.mix([{slot: 1.0}] * 6)):
            after = base.family.forward(base, noisy, at, text)
    finally:
        table.give_back(slot)
    return float((after - before).square().mean())


def test_the_bases_own_answer_keeps_the_class_where_it_was(base: LoadedBase, tmp_path: Path) -> None:
    found: dict[Prior, float] = {}
    for prior in (Prior.NONE, Prior.BASE_ANSWER):
        recipe = recipe_of(prior=prior, prior_weight=3.0, exposures=80, unet_lr=5e-3, caption_dropout=0.0)
        one = learner(base, tmp_path / prior, tiny.job(recipe))
        assert isinstance(one.holding, BaseAnswer) == (prior is Prior.BASE_ANSWER)
        losses(one, 40)
        found[prior] = drift(base, one)
    assert found[Prior.BASE_ANSWER] < 0.6 * found[Prior.NONE], found


def test_what_is_held_is_what_the_frozen_base_says(base: LoadedBase, tmp_path: Path) -> None:
    one = learner(base, tmp_path, tiny.job(recipe_of(prior="base_answer", text_encoder_lr=1e-3)))
    batch = one.batch()
    assert batch.own == 2 and len(batch.clean) == 4 and batch.held is not None
    # Before its first step a LoRA is the bare base: holding on costs nothing then, and something later.
    with torch.no_grad(), table_of(base).using(None):
        text = base.family.encode_tokens(base, batch.text)  # type: ignore[arg-type]
        noisy = one.objective.add_noise(batch.clean, batch.noise, batch.moments)
        said = base.family.forward(base, noisy, one.objective.clock(batch.moments), text)
    assert batch.held.loss(one.objective, said[2:]).item() == pytest.approx(0, abs=1e-10)
    assert batch.held.loss(one.objective, said[2:] + 1).item() > 0.1


@pytest.mark.parametrize("prior", [Prior.BASE_ANSWER, Prior.CLASS_IMAGES])
def test_fewer_pictures_may_hold_on_than_are_learnt(base: LoadedBase, tmp_path: Path, prior: Prior) -> None:
    recipe = recipe_of(prior=prior, class_images=2, batch_size=4, prior_share=0.25)
    one = learner(base, tmp_path, tiny.job(recipe))
    batch = one.batch()
    assert (batch.own, len(batch.clean), len(batch.noise), len(batch.moments)) == (4, 5, 5, 5)
    assert all(math.isfinite(loss) for loss in losses(one, 2))
    # A share of a row is a whole one: nothing is held on to by nobody.
    assert recipe_of(prior=prior, batch_size=2, prior_share=0.01).held_per_pass == 1
    assert recipe_of(batch_size=4).held_per_pass == 0


def test_class_images_are_painted_once_and_trained_along(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(prior="class_images", class_images=3, buckets=True, bucket_step=8)
    painted: list[int] = []
    honest = lessons.draw

    def draw(base: LoadedBase, prompts: list[str], *rest: object, **more: object) -> Iterator[None]:
        assert set(prompts) == {"a photo of person"}
        painted.append(len(prompts))
        return honest(base, prompts, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(lessons, "draw", draw)
    first = learner(base, tmp_path, tiny.job(recipe))
    again = learner(base, tmp_path, tiny.job(recipe))
    assert painted == [3]
    one, other = first.batch(), again.batch()
    assert torch.equal(one.clean, other.clean) and len(one.clean) == 4
    assert one.held is not None and one.held.answer is None
    assert losses(first, 3) == losses(again, 3)


# ---- what lies around the face -----------------------------------------------------------------------------------


def strayed(base: LoadedBase, one: Learner) -> float:
    """How far what is said around the faces is from what the bare base says without the subject, on passes never made."""
    frozen, found, table = Frozen(base, one.objective, class_texts(base), 0), 0.0, table_of(base)
    slot = table.take(one.weights())
    try:
        for index in range(1000, 1020):
            sample, batch = one.dataset.sample(one.recipe, index), one._drawn(index)  # pyright: ignore[reportPrivateUsage]
            answer = frozen.answer(sample, batch.noise, batch.moments)
            assert batch.mask is not None
            with torch.no_grad(), table.using(table.mix([{slot: 1.0}] * batch.own)):
                noisy = one.objective.add_noise(batch.clean, batch.noise, batch.moments)
                said = base.family.forward(base, noisy, batch.moments, batch.text)  # type: ignore[arg-type]
            found += astray(one.objective, said, answer, batch.moments, batch.mask).item()
    finally:
        table.give_back(slot)
    return found


def class_texts(base: LoadedBase) -> Text | Tokens:
    return cache_texts(base, class_captions(tiny.job(recipe_of())), as_tokens=False)


def test_around_the_face_the_base_keeps_its_say(base: LoadedBase, tmp_path: Path) -> None:
    found: dict[float, float] = {}
    for weight in (0.0, 3.0):
        recipe = recipe_of(
            masked_loss=True, masked_prior=weight, resolution=32, exposures=80, unet_lr=5e-3, caption_dropout=0.0
        )
        one = learner(base, tmp_path / str(weight), oblong(recipe))
        assert (one.batch().around is None) == (weight == 0)
        losses(one, 40)
        found[weight] = strayed(base, one)
    assert found[3.0] < 0.6 * found[0.0], found


def test_only_what_is_said_outside_the_mask_can_stray(base: LoadedBase, tmp_path: Path) -> None:
    recipe = recipe_of(masked_loss=True, masked_prior=1.0, unmasked_weight=0.0)
    batch = (one := learner(base, tmp_path, oblong(recipe))).batch()
    assert batch.around is not None and batch.mask is not None
    inside = batch.mask == batch.mask.amax(dim=(1, 2, 3), keepdim=True)
    far = [
        astray(one.objective, batch.around + 2 * where, batch.around, batch.moments, batch.mask).item()
        for where in (torch.zeros(()), inside, batch.mask == 0)
    ]
    assert far[0] == far[1] == 0 < far[2]
    said = batch.around + (batch.mask == 0)
    free = dataclasses.replace(batch, around=None)
    assert one.loss(said, batch).item() > one.loss(said, free).item()


def test_without_faces_the_base_is_not_asked(base: LoadedBase, tmp_path: Path) -> None:
    faceless = learner(base, tmp_path, tiny.job(recipe_of(masked_loss=True, masked_prior=1.0)))
    unmasked = learner(base, tmp_path, oblong(recipe_of(masked_loss=False, masked_prior=1.0, resolution=32)))
    assert faceless.batch().around is unmasked.batch().around is None
    # Of photos of which some show a face, the others have nothing around it.
    some = oblong(recipe_of(masked_loss=True, masked_prior=1.0, resolution=32, batch_size=5))
    images = (some.images[0].model_copy(update={"face": None}), *some.images[1:])
    one = learner(base, tmp_path, some.model_copy(update={"images": images}))
    batch = one.batch()
    assert batch.mask is not None and batch.around is not None
    rows = [
        astray(one.objective, (batch.around + 1)[row], batch.around[row], batch.moments[row], batch.mask[row]).item()
        for row in (slice(number, number + 1) for number in range(batch.own))
    ]
    assert 0 in rows and max(rows) > 0
