"""What the values of a recipe do to a training, on a base small enough to see it in seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
import tiny
import torch
from learners import SHORT, learner, losses, oblong, recipe_of
from PIL import Image
from torch import Tensor

from engine.errors import BadInput, Diverged
from engine.families.loaded import LoadedBase
from engine.files import embedding
from engine.protocol import Done, EpochReady, EventBase, Painted, PaintJob, Progress, TrainJob
from engine.recipes.recipe import Method, Optimizer
from engine.shots import WordUse
from engine.worker import lesson as lessons
from engine.worker import train as training
from engine.worker.checkpoint import RunFolder
from engine.worker.cohort import learn
from engine.worker.learner import Batch, Learner
from engine.worker.order import Order
from engine.worker.paint import paint
from engine.worker.train import train
from engine.worker.words import words_of

T = TypeVar("T", bound=EventBase)


def weights(one: Learner) -> Tensor:
    return torch.cat([leaf.detach().flatten() for leaf in one.leaves])


# ---- what is shown -----------------------------------------------------------------------------------------------


def test_bucket_batches_have_one_shape_and_masks_of_their_own(base: LoadedBase, tmp_path: Path) -> None:
    recipe = recipe_of(buckets=True, bucket_step=8, masked_loss=True, unmasked_weight=0.0, exposures=24, flip=True)
    one = learner(base, tmp_path, oblong(recipe))
    assert [bucket.photos for bucket in one.dataset.buckets] == [(0, 0, 2, 4), (1, 3)]
    forms: set[tuple[int, ...]] = set()
    for _ in range(8):
        batch = one.batch()
        forms.add(tuple(batch.clean.shape[2:]))
        assert batch.mask is not None and batch.mask.shape[2:] == batch.clean.shape[2:]
        # Where nothing counts, nothing that is said there changes the loss.
        said = torch.randn(batch.clean.shape, generator=torch.Generator().manual_seed(3))
        elsewhere = said + 5 * (batch.mask == 0)
        assert (batch.mask == 0).any() and torch.equal(one.loss(said, batch), one.loss(elsewhere, batch))
        learn([one])
    assert len(forms) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"shuffle_caption": True, "keep_tokens": 0, "text_encoder_lr": 1e-3},
        {"clip_skip": 2},
        {"debiased": True, "min_snr_gamma": None},
    ],
)
def test_a_value_changes_what_is_learnt(base: LoadedBase, tmp_path: Path, changes: dict[str, object]) -> None:
    plain = recipe_of(text_encoder_lr=changes.get("text_encoder_lr", 0.0))
    one, other = (learner(base, tmp_path, tiny.job(recipe)) for recipe in (plain, recipe_of(**changes)))
    losses(one, 2), losses(other, 2)
    assert weights(other).isfinite().all() and not torch.equal(weights(one), weights(other))


# ---- how it moves ------------------------------------------------------------------------------------------------


def test_a_running_mean_is_what_is_saved(base: LoadedBase, tmp_path: Path) -> None:
    one = learner(base, tmp_path, tiny.job(recipe_of(ema_decay=0.9, exposures=40)))
    seen = [one.blocks[0].leaf.detach().clone()]
    mean = seen[0].clone()
    for step in range(6):
        losses(one, 1)
        decay = min(0.9, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * one.blocks[0].leaf.detach()
    kept = torch.cat([half.flatten() for half in one.blocks[0].pieces(mean)])
    key, (down, _, _) = next(iter(one.weights().items()))
    assert torch.allclose(down, one.blocks[0].weights(mean)[key][0], atol=1e-6)
    assert not torch.allclose(kept, one.blocks[0].leaf.detach(), atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "Prodigy", "unet_lr": 1.0, "ema_decay": 0.8},
        {"optimizer": "Adafactor", "accumulation": 2, "prior": "base_answer", "masked_loss": True, "masked_prior": 1.0},
        {"method": "pivotal", "embedding_share": 0.5, "ema_decay": 0.5},
        {"method": "embedding", "optimizer": "Prodigy", "embedding_lr": 1.0, "unet_lr": 1.0},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_a_checkpoint_goes_on_to_the_bit(base: LoadedBase, tmp_path: Path, changes: dict[str, object]) -> None:
    job = tiny.job(recipe_of(exposures=16, **changes))
    whole, first, second = (learner(base, tmp_path, job) for _ in range(3))
    losses(whole, 4)
    losses(first, 2)
    tensors, facts = first.state()
    second.restore(2, {name: tensor.clone() for name, tensor in tensors.items()}, facts)
    losses(second, 2)
    assert torch.equal(weights(whole), weights(second))
    for ours, theirs in zip(whole.weights().values(), second.weights().values(), strict=True):
        assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])


# ---- words -------------------------------------------------------------------------------------------------------


def unseen(one: Learner) -> float:
    """The loss on the noise of passes that are never made."""
    found = 0.0
    for index in range(1000, 1040):
        batch = one._drawn(index)  # pyright: ignore[reportPrivateUsage]
        with torch.no_grad():
            text = one.base.family.encode_tokens(one.base, batch.text)  # type: ignore[arg-type]
            noisy = one.objective.add_noise(batch.clean, batch.noise, batch.moments)
            found += float(one.loss(one.base.family.forward(one.base, noisy, batch.moments, text), batch))
    return found


def test_a_word_alone_lowers_the_loss_and_leaves_the_base_as_it_was(base: LoadedBase, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in base.encoders[0].state_dict().items()}
    recipe = recipe_of(
        method="embedding",
        embedding_lr=0.05,
        embedding_vectors=3,
        exposures=120,
        caption_dropout=0.0,
        min_snr_gamma=None,
    )
    one = learner(base, tmp_path, tiny.job(recipe))
    assert one.blocks == [] and [tuple(leaf.shape) for leaf in one.leaves] == [(3, tiny.WIDTH)]
    started, wrong = one.leaves[0].detach().clone(), unseen(one)
    losses(one, 60)
    assert unseen(one) < 0.99 * wrong
    assert not torch.equal(started, one.leaves[0]) and one.weights() == {}
    assert all(torch.equal(value, before[name]) for name, value in base.encoders[0].state_dict().items())


def test_in_a_pivotal_run_the_word_stands_still_after_its_share(base: LoadedBase, tmp_path: Path) -> None:
    one = learner(base, tmp_path, tiny.job(recipe_of(method=Method.PIVOTAL, exposures=16, embedding_share=0.5)))
    seen = [(one.leaves[-1].detach().clone(), one.leaves[0].detach().clone())]
    for _ in range(8):
        losses(one, 1)
        seen.append((one.leaves[-1].detach().clone(), one.leaves[0].detach().clone()))
    moved = [not torch.equal(before[0], after[0]) for before, after in pairwise(seen)]
    assert moved == [True] * 4 + [False] * 4
    assert all(not torch.equal(before[1], after[1]) for before, after in pairwise(seen))


def test_different_kinds_learn_in_one_batch(base: LoadedBase, tmp_path: Path) -> None:
    """A word, a word with a LoRA, a LoRA with its text encoder: each as alone."""
    kinds: list[dict[str, object]] = [
        {"method": "embedding"}, {"method": "pivotal", "seed": 7}, {"text_encoder_lr": 1e-3, "seed": 8},
    ]  # fmt: skip
    jobs = [tiny.job(recipe_of(accumulation=2, **kind)) for kind in kinds]
    alone, together = ([learner(base, tmp_path, job) for job in jobs] for _ in range(2))
    for one in alone:
        learn([one])
    learn(together)
    for one, other in zip(alone, together, strict=True):
        for ours, theirs in zip(one._gradients, other._gradients, strict=True):  # pyright: ignore[reportPrivateUsage]
            assert ours.abs().max() > 0 and torch.allclose(ours, theirs, atol=1e-4 * float(ours.abs().max()))


# ---- a whole training --------------------------------------------------------------------------------------------


class Told(list[EventBase]):
    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self if isinstance(event, kind)]


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PROGRESS_S", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_S", 0.0)


def run(base: LoadedBase, scratch: Path, job: TrainJob) -> Told:
    told = Told()
    for _ in train(base, job, tiny.PHOTOS, scratch, told.append, Order()):
        pass
    return told


@pytest.mark.parametrize("method", [Method.EMBEDDING, Method.PIVOTAL])
def test_a_learned_word_leaves_as_a_file_and_paints_its_previews(
    base: LoadedBase, tmp_path: Path, method: Method
) -> None:
    told = run(base, tmp_path, tiny.job(recipe_of(method=method, embedding_lr=0.5, epochs=1)))
    zero, one = told.of(EpochReady)
    assert ("lora" in one.blobs) == (method is Method.PIVOTAL)
    (vectors,) = embedding.read(one.blobs["embedding"], (tiny.WIDTH,)).vectors.values()
    assert vectors.shape == (4, tiny.WIDTH)
    assert zero.blobs["preview_0"] != one.blobs["preview_0"]
    assert words_of(base).learned(0) is None, "the training gave its places back"
    if method is Method.EMBEDDING:
        assert painted(base, one.blobs["embedding"]) != painted(base, None)


def painted(base: LoadedBase, word: bytes | None) -> bytes:
    told = Told()
    use = () if word is None else (WordUse(sha256="ab" * 32, word="ohwx"),)
    job = PaintJob(job_id="paint", prompt="ohwx on the moon", seeds=(1,), steps=2, words=use)
    for _ in paint(base, job, {"ab" * 32: word or b""}, told.append, Order()):
        pass
    assert words_of(base).learned(0) is None
    (done,) = told.of(Painted)
    return done.blobs["picture_0"]


def broken(when: Callable[[Learner], bool]) -> Callable[[Learner, Tensor, Batch], Tensor]:
    honest = Learner.loss
    return lambda self, said, batch: honest(self, said, batch) * (math.nan if when(self) else 1.0)


@pytest.mark.usefixtures("talkative")
def test_a_loss_that_is_no_number_goes_back_with_half_the_rate(
    base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "loss", broken(lambda one: one.step == 3 and one.slowed == 0))
    rates: list[tuple[int, float]] = []
    honest = Learner._move  # pyright: ignore[reportPrivateUsage]

    def move(self: Learner) -> None:
        honest(self)
        rates.append((self.step, self.optimizer.param_groups[0]["lr"]))

    monkeypatch.setattr(Learner, "_move", move)
    told = run(base, tmp_path, tiny.job(recipe_of(schedule="constant", exposures=12)))
    assert isinstance(told[-1], Done) and [event.epoch for event in told.of(EpochReady)] == [0, 1, 2]
    (note,) = [event.note for event in told.of(Progress) if event.note]
    assert note == "The loss was no number any more: back to step 3, with 0.5 of the learning rates."
    assert [step for step, _ in rates] == [1, 2, 3, 4, 4, 5, 6]
    assert [rate for _, rate in rates] == [1e-2] * 4 + [5e-3] * 3


@pytest.mark.usefixtures("talkative")
def test_it_is_given_up_the_third_time(base: LoadedBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "loss", broken(lambda one: one.step == 1))
    told = Told()
    with pytest.raises(Diverged, match="also with lower rates"):
        for _ in train(base, tiny.job(SHORT), tiny.PHOTOS, tmp_path, told.append, Order()):
            pass
    assert [event.note.rpartition("with ")[2] for event in told.of(Progress) if event.note] == [
        "0.5 of the learning rates.", "0.25 of the learning rates.",
    ]  # fmt: skip


def test_a_recipe_that_does_not_fit_the_base_is_refused(base: LoadedBase, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="bucket_reso_steps = 12 does not fit"):
        run(base, tmp_path, tiny.job(recipe_of(buckets=True, bucket_step=12)))
    with pytest.raises(BadInput, match="AdamW8bit runs on NVIDIA cards only"):
        run(base, tmp_path, tiny.job(recipe_of(optimizer=Optimizer.ADAMW_8BIT)))


def test_squares_are_made_for_the_eyes_also_where_crops_are_oblong(base: LoadedBase, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "job", "identity", None)
    work = lessons.lesson(base, oblong(recipe_of(buckets=True, bucket_step=8)), tiny.PHOTOS, folder, lambda *_: None)
    while True:
        try:
            next(work)
        except StopIteration as end:
            squares: tuple[Image.Image, ...] = end.value.squares
            break
    assert {one.size for one in squares} == {(32, 32)}
