"""What the base is shown: shapes, masks, captions; the same sample for the same pass, whatever came before."""

from __future__ import annotations

import tiny
import torch

from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.protocol import Box, Recipe, TrainImage
from engine.worker import crops, dataset
from engine.worker.dataset import Dataset, cache_texts, gathered, said, without_subject

PHOTOS = [tiny.photo(index, *size) for index, size in enumerate([(96, 64), (64, 96), (96, 64), (70, 70), (90, 60)])]
FACE = Box(x0=10, y0=10, x1=26, y1=28)
BUCKETS = Recipe(
    batch_size=2, resolution=32, buckets=True, bucket_step=8, masked_loss=True, unmasked_weight=0.2, flip=True
)


def made(base: LoadedBase, recipe: Recipe, captions: list[str], *, as_tokens: bool = False) -> Dataset:
    images = [TrainImage(photo_id=str(n), sha256="", caption=text, face=FACE) for n, text in enumerate(captions)]
    shown = [crops.show(image, data, recipe, base.factor) for image, data in zip(images, PHOTOS, strict=True)]
    texts = cache_texts(base, said(recipe, captions), as_tokens=as_tokens)
    work = gathered(base, recipe, shown, [image.repeats for image in images], texts)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def captions() -> list[str]:
    return [f"ohwx person, red, green, number {n}" for n in range(len(PHOTOS))]


def test_buckets_keep_shapes_and_masks_follow_the_face(base: LoadedBase) -> None:
    found = made(base, BUCKETS, captions())
    assert [tuple(shelf.means.shape[2:]) for shelf in found.shelves] == [(6, 10), (10, 6), (8, 8)]
    assert {photo for bucket in found.buckets for photo in bucket.photos} == set(range(5))
    for index in range(20):
        sample = found.sample(BUCKETS, index)
        assert sample.mask is not None and sample.mask.shape == (2, 1, *sample.clean.shape[2:])
        assert torch.allclose(sample.mask.mean(dim=(1, 2, 3)), torch.ones(2))
        assert {(f.width, f.height) for f in sample.framings} == {
            (sample.clean.shape[3] * 4, sample.clean.shape[2] * 4)
        }
    again = found.sample(BUCKETS, 7)
    assert torch.equal(again.clean, found.sample(BUCKETS, 7).clean)
    assert not torch.equal(again.clean, found.sample(BUCKETS, 8).clean)


def test_mirrored_photos_have_mirrored_masks(base: LoadedBase) -> None:
    shelf = made(base, BUCKETS, captions()).shelves[0]
    assert shelf.masks is not None and len(shelf.means) == len(shelf.masks) == 2 * shelf.photos
    assert torch.equal(shelf.masks[shelf.photos :], shelf.masks[: shelf.photos].flip(-1))


def test_squares_share_one_shelf_and_have_no_mask(base: LoadedBase) -> None:
    (shelf,) = made(base, tiny.RECIPE, captions()).shelves
    assert shelf.masks is None and shelf.photos == len(shelf.means) == 5


def test_shuffled_captions_are_ready_in_several_orders(base: LoadedBase) -> None:
    recipe = tiny.RECIPE.model_copy(update={"shuffle_caption": True, "keep_tokens": 1, "caption_dropout": 0.3})
    texts = said(recipe, captions())
    assert len(texts) == 5 * dataset.WORDINGS + 1 and texts[-1] == ""
    found = made(base, recipe, captions(), as_tokens=True)
    assert isinstance(found.texts, Tokens)
    every = {tuple(row) for row in found.texts.ids[0].tolist()}
    seen = {
        tuple(row)
        for index in range(40)
        for row in found.sample(recipe, index).text.rows(torch.arange(2)).ids[0].tolist()
    }  # type: ignore[union-attr]
    assert seen <= every and len(seen) > 10
    assert tuple(found.texts.ids[0][-1].tolist()) in seen, "some captions are left out"


def test_frozen_words_are_embedded_once(base: LoadedBase) -> None:
    found = made(base, tiny.RECIPE, captions())
    assert isinstance(found.texts, Text) and len(found.texts) == 6
    with torch.no_grad():
        skipped = cache_texts(base, ["ohwx"], as_tokens=False, clip_skip=1)
    assert isinstance(skipped, Text)
    plain = cache_texts(base, ["ohwx"], as_tokens=False)
    assert isinstance(plain, Text) and not torch.allclose(skipped.hidden, plain.hidden)


def test_a_caption_without_its_subject_speaks_of_the_class() -> None:
    assert without_subject("a portrait of ohwx woman, smiling", "ohwx") == "a portrait of woman, smiling"
    assert without_subject("ohwx, red hat", "ohwx") == "red hat"
    assert without_subject("Ohwx woman, ohwx, on a bed", "ohwx") == "woman, on a bed"
    assert without_subject("ohwxes stay", "ohwx") == "ohwxes stay"
