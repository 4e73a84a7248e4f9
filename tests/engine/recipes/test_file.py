"""A recipe file: what is right is taken, what is wrong is named, all of it at once, with the nearest right word."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import BaseModelRef, SubjectKind
from engine.recipes import keys
from engine.recipes.file import RecipeError, read, write
from engine.recipes.presets import PRESETS, recipe_for
from engine.recipes.recipe import Method, Optimizer, Prior, Recipe, Schedule, Targets
from engine.recipes.values import allowed, effect

UNDER = recipe_for("balanced", BaseModelRef(source="someone/sd15"), SubjectKind.PERSON, 15)


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        read(text)
    return caught.value.problems


def test_every_value_has_one_key_and_says_what_it_does() -> None:
    fields = [field for _, section in keys.SECTIONS for _, field in section]
    assert sorted(fields) == sorted(Recipe.model_fields)
    assert len(keys.FIELDS) == len(fields)
    assert all(effect(field) and allowed(field) for field in fields)
    assert not set(keys.OTHERWISE) & set(keys.FIELDS)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "zimage", "miniature"])
def test_every_preset_comes_back_from_its_file(family: str) -> None:
    base = BaseModelRef() if family == "miniature" else BaseModelRef(family=family, source="someone/base")
    for name, kind in product(PRESETS, SubjectKind):
        recipe = recipe_for(name, base, kind, 20)
        text = write(recipe, "a title")
        assert read(text).over(Recipe(), photos=20) == recipe
        assert text.startswith("# a title\n")


def test_a_file_changes_what_it_says_and_keeps_the_rest() -> None:
    file = read(
        'preset = "thorough"\n[network]\nnetwork_dim = 8\nconv_dim = 4\nnetwork_targets = "attn"\n'
        '[rates]\nlr_scheduler = "cosine_with_restarts"\nunet_lr = 3e-4\nmin_snr_gamma = 0\n'
        'method = "pivotal"\nprior_preservation = "base_answer"\nenable_bucket = true\n'
    )
    assert file.preset == "thorough"
    recipe = file.over(UNDER, photos=15)
    assert (recipe.rank, recipe.alpha, recipe.conv_rank, recipe.targets) == (8, 4, 4, Targets.ATTN)
    assert (recipe.schedule, recipe.unet_lr, recipe.min_snr_gamma) == (Schedule.COSINE_WITH_RESTARTS, 3e-4, None)
    assert (recipe.method, recipe.prior, recipe.buckets) == (Method.PIVOTAL, Prior.BASE_ANSWER, True)
    assert recipe.exposures == UNDER.exposures and recipe.text_encoder_lr == UNDER.text_encoder_lr


def test_repeats_give_the_length_as_kohya_does() -> None:
    recipe = read("num_repeats = 10\nepochs = 10\n").over(UNDER, photos=20)
    assert (recipe.exposures, recipe.steps) == (2000, 500)


def test_prodigy_gets_its_own_rate_unless_one_is_given() -> None:
    recipe = read(
        'optimizer_type = "Prodigy"\noptimizer_args = ["d_coef=2", "weight_decay=0.05", "decouple=True"]'
    ).over(UNDER, photos=15)
    assert (recipe.optimizer, recipe.unet_lr, recipe.text_encoder_lr) == (Optimizer.PRODIGY, 1.0, 1.0)
    assert (recipe.optimizer_args, recipe.weight_decay) == ({"d_coef": 2.0}, 0.05)
    with pytest.raises(RecipeError, match=r"unet_lr: 0\.0005 is no rate for Prodigy"):
        read('optimizer_type = "Prodigy"\nunet_lr = 5e-4').over(UNDER, photos=15)


def test_kohyas_adafactor_is_taken() -> None:
    text = 'optimizer_type = "Adafactor"\noptimizer_args = ["scale_parameter=False", "relative_step=False", "warmup_init=False"]'
    assert read(text).over(UNDER, photos=15).optimizer_args == {}
    with pytest.raises(RecipeError, match="Adafactor has no option relative_step"):
        read(text.replace("relative_step=False", "relative_step=True")).over(UNDER, photos=15)


@pytest.mark.parametrize(
    "line, sentence",
    [
        ('lr_sheduler = "cosine"', "lr_sheduler: there is no such key; did you mean lr_scheduler?"),
        ("rank = 16", "rank: there is no such key; did you mean network_dim?"),
        ("learning_rate = 1e-4", "learning_rate: there is no such key here; write unet_lr"),
        ("zzz = 1", "zzz: there is no such key; `likeness recipe docs` lists them all."),
        ("network_dim = 4096", "network_dim: 4096 is not possible; allowed is 1 to 256; the nearest is 256."),
        ("network_dim = 7.5", "network_dim: 7.5 is not a whole number; the nearest is 8."),
        ("network_dim = true", "network_dim: true is not a whole number."),
        ('network_dim = "16"', 'network_dim: "16" is not a whole number.'),
        ("unet_lr = 0", "unet_lr: 0 is not possible; allowed is above 0, at most 10; the nearest is 0.001."),
        ("unet_lr = nan", "unet_lr: nan is not possible; allowed is above 0, at most 10; the nearest is 0.001."),
        ("seed = inf", "seed: inf is not a whole number"),
        ("ema_decay = 1", "ema_decay: 1 is not possible; allowed is 0 or more, below 1; the nearest is 0."),
        ('optimizer_type = "prodgy"', "allowed is AdamW, AdamW8bit, Prodigy, Adafactor; the nearest is Prodigy."),
        ('preset = "slow"', 'preset: "slow" is not possible; allowed is quick, balanced, thorough'),
        ("flip_aug = 1", "flip_aug: 1 is not true or false."),
        ("class_prompt = 3", "class_prompt: 3 is not text in quotes."),
        (f'class_prompt = "{"x" * 201}"', "class_prompt: it has 201 characters; at most 200 are allowed."),
        ('optimizer_args = ["betas=0.9,2"]', "optimizer_args: betas is [0.9, 2]; 0 to 0.999999 are allowed"),
        ("optimizer_args = { beta = [0.9, 0.99] }", "AdamW has no option beta; did you mean betas?"),
        ("optimizer_args = { betas = 0.9 }", "betas is 0.9; it is two numbers, for example [0.9, 0.999]."),
        ("optimizer_args = { eps = inf }", "eps is inf; it is a number, for example 1e-08."),
        ("optimizer_args = 7", "optimizer_args: it is a table of numbers"),
        ("debiased_estimation_loss = true\nmin_snr_gamma = 5", "debiased_estimation_loss: it and min_snr_gamma both"),
        ("unet_lr = 5", "unet_lr: 5 would burn everything at once with AdamW; at most 0.1 is taken."),
        ('method = "pivotal"\noptimizer_type = "Prodigy"\nembedding_lr = 1e-3', "embedding_lr: 0.001 is no rate for Prodigy"),
        ("[a]\nseed = 1\n[b]\nseed = 2", "seed: it stands there twice; leave one."),
        ("seed = [", "The recipe is no valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(line: str, sentence: str) -> None:
    try:
        read(line).over(UNDER, photos=15)
    except RecipeError as error:
        (said,) = error.problems
        assert sentence in said and "\n" not in said
        assert said.endswith((".", "?"))
    else:
        raise AssertionError("nothing was said")


def test_all_mistakes_are_told_at_once() -> None:
    said = problems('network_dim = 0\nlr_sheduler = 1\noptimizer_type = "Prodigy"\nunet_lr = 5e-4\nflip_aug = "no"')
    assert [one.partition(":")[0] for one in said] == ["network_dim", "lr_sheduler", "flip_aug", "unet_lr"]


def test_a_record_that_contradicts_itself_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="both weigh the timesteps"):
        Recipe(debiased=True)


@given(
    key=st.sampled_from(sorted(keys.FIELDS)),
    value=st.sampled_from(
        ["-1", "0", "1", "1e300", "-inf", "nan", "true", '""', '"x"', "[]", "[1]", "{}", "2026-01-01", "3.5"]
    ),
)
def test_whatever_is_given_is_taken_or_named(key: str, value: str) -> None:
    try:
        recipe = read(f"{key} = {value}").over(UNDER, photos=15)
    except RecipeError as error:
        assert error.problems[0].startswith(f"{key}: ")
    else:
        assert Recipe.model_validate(recipe.model_dump()) == recipe
        assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
