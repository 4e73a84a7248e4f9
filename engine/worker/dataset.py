"""The photos and captions of a training as the base sees them: cached whole, so that no step decodes or encodes anything.

Photos of one shape lie on one *shelf*. A pass takes photos of one shelf, by the number of the pass alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.families.text import Text, Tokens
from engine.recipes.recipe import Recipe
from engine.worker import plan
from engine.worker.crops import Shown
from engine.worker.masks import mirrored
from engine.worker.slots import table_of
from engine.worker.words import Spelling, tokens_of

WORDINGS = 8
"""Orders in which a shuffled caption is kept ready."""
TEXTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """All photos of one shape; with a flipping recipe the mirrored ones behind the upright ones."""

    means: Tensor
    """(n or 2n, C, h, w) of the posteriors: every step draws its own sample."""
    spreads: Tensor
    masks: Tensor | None
    """(n or 2n, 1, h, w) weights of the loss; None: everything counts the same."""
    photos: int

    def sample(self, rows: Tensor, wobble: Tensor) -> Tensor:
        return self.means[rows] + self.spreads[rows] * wobble


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What one pass shows."""

    photos: list[int]
    clean: Tensor
    mask: Tensor | None
    framings: list[Framing]
    text: Text | Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    shelves: tuple[Shelf, ...]
    places: tuple[tuple[int, int], ...]
    """Of each photo: its shelf and its row there."""
    buckets: tuple[plan.Bucket, ...]
    """Shelf by shelf, who is shown how often."""
    framings: tuple[Framing, ...]
    """What each photo's crop shows of it."""
    texts: Text | Tokens
    """Of every caption in each of its wordings, then the empty one: embeddings, or token ids while the words can change."""
    wordings: int

    def sample(self, recipe: Recipe, index: int) -> Sample:
        """Fresh samples of the photos of pass `index`, with their captions: some left empty, some in another order."""
        photos = plan.draw(recipe, self.buckets, index)
        shelf = self.shelves[self.places[photos[0]][0]]
        draw = plan.generator(recipe.seed, "photos", index)
        turned = torch.rand(len(photos), generator=draw) < 0.5 if recipe.flip else torch.zeros(len(photos)).bool()
        silent = torch.rand(len(photos), generator=draw) < recipe.caption_dropout
        wobble = torch.randn((len(photos), *shelf.means.shape[1:]), generator=draw)
        device = shelf.means.device
        rows = shipped(torch.tensor([self.places[photo][1] for photo in photos]) + shelf.photos * turned, device)
        told = torch.tensor(photos) * self.wordings
        if self.wordings > 1:
            draw = plan.generator(recipe.seed, "words", index)
            told += torch.randint(self.wordings, (len(photos),), generator=draw)
        told = shipped(torch.where(silent, len(self.places) * self.wordings, told), device)
        return Sample(
            photos,
            shelf.sample(rows, shipped(wobble, device)),
            None if shelf.masks is None else shelf.masks[rows],
            [self.framings[photo] for photo in photos],
            self.texts.rows(told),
        )


def gathered(
    base: LoadedBase,
    recipe: Recipe,
    shown: Sequence[Shown],
    repeats: Sequence[int],
    texts: Text | Tokens,
    say: Callable[[int], None] = lambda _: None,
) -> Generator[None, None, Dataset]:
    """The dataset of these pictures; yields after each that went through the VAE, and tells `say` how many have."""
    shapes = list(dict.fromkeys(one.picture.size for one in shown))
    latents: list[tuple[Tensor, Tensor]] = []
    for number, one in enumerate(shown):
        say(number)
        latents.append(encoded(base, one.picture, flip=recipe.flip))
        yield
    shelves: list[Shelf] = []
    places = [(0, 0)] * len(shown)
    for number, shape in enumerate(shapes):
        own = [photo for photo, one in enumerate(shown) if one.picture.size == shape]
        for row, photo in enumerate(own):
            places[photo] = number, row
        # (n, 1 or 2, C, h, w) -> all upright ones first, the mirrored ones behind them
        means, spreads = (
            torch.stack(kind).transpose(0, 1).flatten(0, 1)
            for kind in zip(*(latents[photo] for photo in own), strict=True)
        )
        shelves.append(
            Shelf(means, spreads, _masks([shown[photo].mask for photo in own], recipe, base.device), len(own))
        )
    return Dataset(
        tuple(shelves), tuple(places), plan.buckets([one.picture.size for one in shown], repeats),
        tuple(one.framing for one in shown), texts, wordings_of(recipe),
    )  # fmt: skip


def encoded(base: LoadedBase, picture: Image.Image, *, flip: bool) -> tuple[Tensor, Tensor]:
    """Mean and spread of one picture, (1 or 2, C, h, w): upright and, if asked, mirrored."""
    pixels = torch.from_numpy(np.array(picture, dtype=np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    if flip:
        pixels = torch.cat([pixels, pixels.flip(-1)])
    with torch.no_grad():
        return base.family.encode_latents(base, pixels)


def wordings_of(recipe: Recipe) -> int:
    return WORDINGS if recipe.shuffle_caption else 1


def said(recipe: Recipe, captions: Sequence[str]) -> list[str]:
    """Every text a training shows: each caption in each of its wordings, and last the empty one."""
    count = wordings_of(recipe)
    if count == 1:
        return [*captions, ""]
    return [*(plan.reworded(recipe, caption, turn) for caption in captions for turn in range(count)), ""]


def without_subject(caption: str, trigger: str) -> str:
    """A caption that speaks of the class alone: "a photo of ohwx woman, smiling" -> "a photo of woman, smiling"."""
    left = re.sub(rf"(?<!\w){re.escape(trigger)}(?!\w)", " ", caption, flags=re.IGNORECASE)
    left = re.sub(r"\s+([,.;:])", r"\1", re.sub(r"\s+", " ", left)).strip(" ,;")
    return re.sub(r"(,\s*){2,}", ", ", left)


def cache_texts(
    base: LoadedBase, texts: Sequence[str], *, as_tokens: bool, clip_skip: int = 0, spelling: Spelling | None = None
) -> Text | Tokens:
    """Token ids, or the bare base's embeddings of them."""
    if as_tokens:
        return tokens_of(base, texts, spelling)
    with table_of(base).using(None), torch.no_grad():
        return Text.cat(
            [base.family.encode_tokens(base, tokens_of(base, part, spelling), clip_skip) for part in _parts(texts)]
        )


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE))


def _masks(masks: Sequence[Tensor | None], recipe: Recipe, device: torch.device) -> Tensor | None:
    some = [mask for mask in masks if mask is not None]
    if not some:
        return None
    upright = torch.stack(some)[:, None]
    return (torch.cat([upright, mirrored(upright)]) if recipe.flip else upright).to(device)
