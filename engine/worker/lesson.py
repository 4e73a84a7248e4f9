"""What a training learns from, made of its job: the dataset, the word it learns, what it holds on to of the class.

It yields after every picture that goes through the VAE and every denoising step of a class image.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from engine.errors import BadInput
from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.files import picture
from engine.protocol import TrainJob
from engine.recipes.recipe import Prior, Recipe
from engine.worker import crops, plan
from engine.worker.checkpoint import RunFolder
from engine.worker.dataset import Dataset, cache_texts, gathered, said
from engine.worker.learner import trains_text
from engine.worker.objective import objective_of
from engine.worker.prior import BaseAnswer, ClassImages, Frozen, Holding, class_captions, class_pictures, class_prompt
from engine.worker.sampler import draw
from engine.worker.words import LearnedWord, plain_ids, words_of

CLASS_IMAGES = "class"
PAINTED_AT_ONCE = 8

Say = Callable[[str, int, int], None]
"""Phase, how much of it is done, how much there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    dataset: Dataset
    holding: Holding | None
    around: Frozen | None
    """What the rest of the picture is held to, under a recipe with a masked prior."""
    word: LearnedWord | None
    squares: tuple[Image.Image, ...]
    """Every photo's crop as a square, for whoever compares pictures with them."""


def lesson(
    base: LoadedBase, job: TrainJob, blobs: Mapping[str, bytes], folder: RunFolder, say: Say
) -> Generator[None, None, Lesson]:
    """BadInput where the job and the base do not go together. A word that it takes is the caller's to give back."""
    recipe = job.recipe
    _check(base, job)
    square = recipe.model_copy(update={"buckets": False, "masked_loss": False})
    shown: list[crops.Shown] = []
    squares: list[Image.Image] = []
    say("caching", 0, len(job.images))
    for image in job.images:
        shown.append(crops.show(image, blobs[image.sha256], recipe, base.factor))
        is_square = shown[-1].picture.width == shown[-1].picture.height
        squares.append(
            shown[-1].picture if is_square else crops.show(image, blobs[image.sha256], square, base.factor).picture
        )
        yield
    as_tokens = trains_text(base, recipe) or recipe.learns_words
    word = _word(base, job) if recipe.learns_words else None
    spelling = {} if word is None else {job.trigger: word.ids}
    skip = recipe.clip_skip - 1
    texts = said(recipe, [image.caption for image in job.images])
    cached = cache_texts(base, texts, as_tokens=as_tokens, clip_skip=skip, spelling=spelling)
    repeats = [image.repeats for image in job.images]
    dataset = yield from gathered(base, recipe, shown, repeats, cached, lambda done: say("caching", done, len(shown)))
    say("caching", len(shown), len(shown))
    holding: Holding | None = None
    objective = objective_of(base, recipe.min_snr_gamma, debiased=recipe.debiased)
    around: Frozen | None = None
    has_faces = any(one.mask is not None and bool(one.mask.min() < one.mask.max()) for one in shown)
    keeps_around = has_faces and recipe.masked_prior > 0
    if recipe.prior is Prior.BASE_ANSWER or keeps_around:
        held = cache_texts(base, class_captions(job), as_tokens=as_tokens, clip_skip=skip)
        frozen = Frozen(base, objective, held, skip)
        around = frozen if keeps_around else None
        holding = BaseAnswer(frozen, recipe.held_per_pass) if recipe.prior is Prior.BASE_ANSWER else None
    if recipe.prior is Prior.CLASS_IMAGES:
        painted = yield from _class_images(base, job, folder, say)
        shapes = list(dict.fromkeys(one.picture.size for one in shown))
        held = cache_texts(base, [class_prompt(job)], as_tokens=as_tokens, clip_skip=skip)
        whole = Framing.whole(recipe.resolution, recipe.resolution)
        holding = ClassImages(recipe, objective, class_pictures(base, painted, shapes), held, whole)
    return Lesson(dataset, holding, around, word, tuple(squares))


def _check(base: LoadedBase, job: TrainJob) -> None:
    recipe = job.recipe
    if not job.images:
        raise BadInput("There are no photos to learn from.")
    if recipe.resolution % base.multiple:
        raise BadInput(
            f"A resolution of {recipe.resolution} px does not fit this base; it must divide by {base.multiple}."
        )
    if recipe.buckets and recipe.bucket_step % base.multiple:
        raise BadInput(
            f"bucket_reso_steps = {recipe.bucket_step} does not fit this base; it must divide by {base.multiple}."
        )
    if recipe.learns_words and not base.spec.words.is_trained:
        raise BadInput(
            f'{base.spec.title} reads prompts with a language model that learns no words. Train a LoRA: method = "lora".'
        )


def _word(base: LoadedBase, job: TrainJob) -> LearnedWord:
    recipe = job.recipe
    known = plain_ids(base, recipe.embedding_init or job.class_word)
    if not all(known):
        raise BadInput(f'init_word = "{recipe.embedding_init}" is no word that this base reads. Take a plain one.')
    return words_of(base).begin(known, recipe.embedding_vectors)


def _class_images(
    base: LoadedBase, job: TrainJob, folder: RunFolder, say: Say
) -> Generator[None, None, Sequence[Image.Image]]:
    """Pictures of the class by the bare base; those painted before a crash are taken up from the run's folder."""
    recipe, spec = job.recipe, base.spec
    kept = folder.extra(CLASS_IMAGES)
    if kept is None:
        seeds = _seeds(recipe)
        painted: list[Image.Image] = []
        for start in range(0, len(seeds), PAINTED_AT_ONCE):
            say("class images", start, len(seeds))
            some = seeds[start : start + PAINTED_AT_ONCE]
            painted += yield from draw(
                base, [class_prompt(job)] * len(some), some, steps=spec.preview_steps, cfg=spec.preview_cfg,
                width=recipe.resolution, height=recipe.resolution, clip_skip=recipe.clip_skip - 1,
            )  # fmt: skip
        kept = {f"class_{number:04d}.png": picture.png(one) for number, one in enumerate(painted)}
        folder.save_extra(CLASS_IMAGES, kept)
    return [_opened(kept[name]) for name in sorted(kept)]


def _seeds(recipe: Recipe) -> list[int]:
    drawn = torch.randint(2**31, (recipe.class_images,), generator=plan.generator(recipe.seed, "class images"))
    return [int(seed) for seed in drawn]


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as file:
        return file.convert("RGB")
