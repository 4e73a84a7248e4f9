"""The part of a training that changes: a LoRA's weights, a word's vectors, their optimizer, the sums behind the loss line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.families.sites import ENCODERS, Part
from engine.families.text import Text, Tokens
from engine.protocol import Recipe
from engine.recipes.recipe import Method, Optimizer
from engine.worker import optimizers, plan
from engine.worker.dataset import Dataset
from engine.worker.halves import Block, blocks_of
from engine.worker.objective import losses, objective_of
from engine.worker.prior import Frozen, Held, Holding, astray
from engine.worker.words import LearnedWord


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one pass shows: rows of one dataset with their noise, and behind them those that hold on to the class."""

    clean: Tensor
    noise: Tensor
    moments: Tensor
    text: Text | Tokens
    told: Tensor | None
    clip_skip: int
    mask: Tensor | None
    """What each place of the dataset's own rows counts."""
    held: Held | None
    around: Tensor | None
    """What the frozen base says of the dataset's own rows, where what lies outside the mask is held to it."""

    @property
    def form(self) -> tuple[object, ...]:
        """Batches of the same form can go through the base together."""
        return type(self.text), self.clean.shape[1:], self.clip_skip

    @property
    def own(self) -> int:
        """Rows of the dataset."""
        return len(self.clean) - (0 if self.held is None else len(self.held.clean))


class Learner:
    """One training's weights. What a step does depends on its number and the weights alone.

    `worker.cohort.learn` makes the passes, `recipe.accumulation` of them to a step: it asks for `batch` and `loss` and hands
    the gradients of the `leaves` to `take`.
    """

    def __init__(
        self,
        base: LoadedBase,
        recipe: Recipe,
        dataset: Dataset,
        *,
        holding: Holding | None = None,
        around: Frozen | None = None,
        word: LearnedWord | None = None,
    ) -> None:
        self.base, self.recipe, self.dataset, self.word = base, recipe, dataset, word
        self.holding, self.around = holding, around
        self.step = 0
        """Finished ones."""
        self.epoch = 0
        """Finished ones."""
        self.passes = 0
        """Made of the step that is not finished."""
        self.pass_s = 0.0
        """Seconds of the last pass, whoever went along."""
        self.slowed = 0
        """How often the rates were halved because the loss was no number any more."""
        self.objective = objective_of(base, recipe.min_snr_gamma, debiased=recipe.debiased)
        seed = int(torch.randint(2**31, (1,), generator=plan.generator(recipe.seed, "weights")))
        draw = torch.Generator().manual_seed(seed)
        is_lora = recipe.method is not Method.EMBEDDING
        self.blocks: list[Block] = blocks_of(base, recipe, draw, text=trains_text(base, recipe)) if is_lora else []
        vectors = [] if word is None else list(word.leaves)
        self.leaves: list[Tensor] = [*(block.leaf for block in self.blocks), *vectors]
        """What learns: every block's weights, then the word's vectors for each text encoder."""
        # Adafactor looks at a weight's rows and columns; to every other one a block is just numbers.
        in_pieces = recipe.optimizer is Optimizer.ADAFACTOR
        self._params = [
            *(
                [nn.Parameter(piece) for piece in block.pieces()] if in_pieces else [block.leaf]
                for block in self.blocks
            ),
            *([vector] for vector in vectors),
        ]
        self._rates = [recipe.unet_lr if block.part == "denoiser" else recipe.text_encoder_lr for block in self.blocks]
        groups: list[optimizers.Group] = [
            {"params": params, "lr": rate} for params, rate in zip(self._params, self._rates, strict=False)
        ]
        # A vector has a length that means something, and nothing is gained by pulling it to zero.
        groups += [{"params": [vector], "lr": recipe.embedding_lr, "weight_decay": 0.0} for vector in vectors]
        self.optimizer = optimizers.optimizer_for(recipe, groups, base.device)
        self._gradients: list[Tensor] = []
        kind = torch.float64 if base.device.type != "mps" else torch.float32
        self._loss = torch.zeros((), dtype=kind, device=base.device)
        """Of the passes of the step that is not finished."""
        self._sums = torch.zeros(2, dtype=kind, device=base.device)
        """Loss since the last progress line and since the epoch's begin; read rarely, because reading waits for the device."""
        self._counts = [0, 0]
        self._means = [leaf.detach().clone() for leaf in self.leaves] if recipe.ema_decay else None
        """Of the weights over the last steps, where the recipe wants them."""
        self._next: Batch | None = None

    # ---- one pass ----------------------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        """The next pass's: fresh samples of the posteriors of its photos, their captions (some of them left empty), noise."""
        if self._next is None:
            self._next = self._drawn(self.step * self.recipe.accumulation + self.passes)
        return self._next

    def _drawn(self, index: int) -> Batch:
        recipe, base, device = self.recipe, self.base, self.base.device
        sample = self.dataset.sample(recipe, index)
        draw = plan.generator(recipe.seed, "noise", index)
        noise = torch.randn(sample.clean.shape, generator=draw)
        if recipe.noise_offset:
            noise += recipe.noise_offset * torch.randn(*sample.clean.shape[:2], 1, 1, generator=draw)
        moments = shipped(self.objective.draw(len(noise), draw), device)
        noise = shipped(noise, device)
        skip, told = recipe.clip_skip - 1, base.family.conditions(base, sample.framings)
        around = None
        if self.around is not None and sample.mask is not None:
            around = self.around.answer(sample, noise, moments)
        if self.holding is None:
            return Batch(sample.clean, noise, moments, sample.text, told, skip, sample.mask, None, around)
        held = self.holding.held(sample, noise, moments, index)
        return Batch(
            torch.cat([sample.clean, held.clean]),
            torch.cat([noise, held.noise]),
            torch.cat([moments, held.moments]),
            _joined(sample.text, held.text),
            base.family.conditions(base, [*sample.framings, *held.framings]),
            skip,
            sample.mask,
            held,
            around,
        )

    def loss(self, said: Tensor, batch: Batch) -> Tensor:
        """The mean over this training's own pictures, and what holding on to the class costs: `said` is the denoiser's answer."""
        own = batch.own
        rows = batch.clean[:own], batch.noise[:own], batch.moments[:own]
        learnt = losses(self.objective, said[:own], *rows, batch.mask).mean()
        if batch.around is not None and batch.mask is not None:
            strayed = astray(self.objective, said[:own], batch.around, batch.moments[:own], batch.mask)
            learnt = learnt + self.recipe.masked_prior * strayed
        if batch.held is None:
            return learnt
        return learnt + self.recipe.prior_weight * batch.held.loss(self.objective, said[own:])

    def take(self, loss: Tensor, gradients: Sequence[Tensor]) -> None:
        """What one pass gave, a gradient for each leaf. The last of a step's passes moves the weights."""
        self._next = None
        self._gradients = [
            one if had is None else had + one
            for had, one in zip(self._gradients or [None] * len(gradients), gradients, strict=True)
        ]
        self._loss += loss
        self.passes += 1
        if self.passes == self.recipe.accumulation:
            self._move()

    def _move(self) -> None:
        """One optimizer step. Nothing in here waits for the device."""
        recipe, count = self.recipe, len(self.blocks)
        gradients = [one / self.passes if self.passes > 1 else one for one in self._gradients]
        # A word's gradients are of another size than a LoRA's: cut together, the larger would silence the smaller.
        gradients = _clipped(gradients[:count], recipe.max_grad_norm) + _clipped(
            gradients[count:], recipe.max_grad_norm
        )
        factor = plan.rate(recipe, self.step) * 0.5**self.slowed
        words = plan.words_learn(recipe, self.step)
        rates = [*self._rates, *([recipe.embedding_lr if words else 0.0] * (len(self.leaves) - count))]
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        for number, (params, gradient) in enumerate(zip(self._params, gradients, strict=True)):
            in_pieces = params[0] is not self.leaves[number]
            pieces = self.blocks[number].pieces(gradient) if in_pieces else [gradient]
            for param, piece in zip(params, pieces, strict=True):
                param.grad = piece
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self._means is not None:
            # The first steps would hold the mean back for long: so it forgets faster at the beginning.
            decay = min(recipe.ema_decay, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self._means, [leaf.detach() for leaf in self.leaves], 1 - decay)  # pyright: ignore[reportPrivateUsage]
        self._sums += self._loss / self.passes
        self._counts = [count + 1 for count in self._counts]
        self._gradients, self.passes = [], 0
        self._loss.zero_()
        self.step += 1

    # ---- losses ------------------------------------------------------------------------------------------------------

    def recent_loss(self) -> float | None:
        """Mean since this was last asked; waits for the device."""
        return self._read(0, clear=True)

    def epoch_loss(self) -> float | None:
        """Mean since the epoch began; waits for the device."""
        return self._read(1, clear=False)

    def next_epoch(self) -> None:
        self.epoch += 1
        self._sums[1], self._counts[1] = 0, 0

    def _read(self, index: int, *, clear: bool) -> float | None:
        if not self._counts[index]:
            return None
        mean = float(self._sums[index]) / self._counts[index]
        if clear:
            self._sums[index], self._counts[index] = 0, 0
        return mean

    # ---- checkpoint --------------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values from which `restore` continues to the bit: with the passes of an unfinished step made anew."""
        remembered, facts = optimizers.state(self.optimizer, self._flat_params)
        tensors = {"weights": _row(self.leaves), "sums": self._sums.cpu().clone()} | remembered
        if self._means is not None:
            tensors["means"] = _row(self._means)
        return tensors, {"epoch": self.epoch, "counts": self._counts, "slowed": self.slowed, "optimizer": facts}

    def restore(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        _fill(self.leaves, tensors["weights"])
        if self._means is not None:
            _fill(self._means, tensors["means"])
        optimizers.restore(self.optimizer, self._flat_params, tensors, facts["optimizer"])
        self._sums.copy_(tensors["sums"])
        self._loss.zero_()
        self._next, self._gradients, self.passes = None, [], 0
        self.step, self.epoch, self.slowed = step, int(facts["epoch"]), int(facts["slowed"])
        self._counts = [int(count) for count in facts["counts"]]

    @property
    def _flat_params(self) -> list[Tensor]:
        return [param for params in self._params for param in params]

    # ---- what comes of it --------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, tuple[Tensor, Tensor, float]]:
        """As `files.lora.write` takes them: views, in the table's order. Of the running mean where the recipe wants one."""
        means = self._means or [None] * len(self.blocks)
        return {
            key: halves
            for block, mean in zip(self.blocks, means, strict=False)
            for key, halves in block.weights(mean).items()
        }

    def vectors(self) -> dict[Part, Tensor]:
        """As `files.embedding.write` takes them; empty where no word is learned."""
        found = (self._means or self.leaves)[len(self.blocks) :]
        return {part: vectors.detach() for part, vectors in zip(ENCODERS, found, strict=False)}


def trains_text(base: LoadedBase, recipe: Recipe) -> bool:
    return recipe.text_encoder_lr > 0 and recipe.method is not Method.EMBEDDING and base.spec.words.is_trained


def _joined(own: Text | Tokens, held: Text | Tokens) -> Text | Tokens:
    if isinstance(own, Tokens):
        assert isinstance(held, Tokens)
        return Tokens.cat([own, held])
    assert isinstance(held, Text)
    return Text.cat([own, held])


def _row(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).cpu()


def _fill(tensors: Sequence[Tensor], row: Tensor) -> None:
    with torch.no_grad():
        for tensor, values in zip(tensors, row.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(values.view_as(tensor))


def _clipped(gradients: Sequence[Tensor], most: float) -> list[Tensor]:
    """Cut to the length `most`, all taken as one vector (0: never). Zeros where a gradient is no number: weights stay numbers."""
    if not gradients:
        return []
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in gradients]))
    factor = (most / (length + 1e-6)).clamp(max=1.0) if most else torch.ones_like(length)
    sound = length.isfinite()
    return [torch.where(sound, one * factor, 0.0) for one in gradients]
