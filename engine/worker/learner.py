"""The part of a training that changes: a LoRA's weights, its optimizer, and the sums behind the loss line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.protocol import Recipe
from engine.recipes.recipe import Optimizer
from engine.worker import optimizers, plan
from engine.worker.halves import blocks_of
from engine.worker.objective import losses, objective_of
from engine.worker.slots import table_of


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    """The whole dataset on the device: no photo is decoded or encoded again."""

    means: Tensor
    """(N, C, h, w), or (2N, ...) with the mirrored ones behind when the recipe flips."""
    spreads: Tensor
    texts: Text | Tokens
    """Of N + 1 captions, the empty one last: embeddings, or token ids while the text encoder learns."""
    framings: tuple[Framing, ...]
    """What each photo's crop shows of it."""

    @property
    def photos(self) -> int:
        return len(self.framings)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one pass shows: rows of one dataset with their noise."""

    clean: Tensor
    noise: Tensor
    moments: Tensor
    text: Text | Tokens
    told: Tensor | None

    @property
    def form(self) -> tuple[object, ...]:
        """Batches of the same form can go through the base together."""
        return type(self.text), self.clean.shape[1:]


class Learner:
    """One LoRA being trained. What a step does depends on its number and the weights alone.

    `worker.cohort.learn` makes the passes, `recipe.accumulation` of them to a step: it asks for `batch` and `loss` and hands
    the gradients to `take`.
    """

    def __init__(self, base: LoadedBase, recipe: Recipe, cache: Cache) -> None:
        self.base, self.recipe, self.cache = base, recipe, cache
        self.step = 0
        """Finished ones."""
        self.epoch = 0
        """Finished ones."""
        self.passes = 0
        """Made of the step that is not finished."""
        self.pass_s = 0.0
        """Seconds of the last pass, whoever went along."""
        self.trains_text = trains_text(base, recipe)
        self.objective = objective_of(base, recipe.min_snr_gamma)
        seed = int(torch.randint(2**31, (1,), generator=plan.generator(recipe.seed, "weights")))
        self.blocks = blocks_of(base, recipe, torch.Generator().manual_seed(seed), text=self.trains_text)
        # Adafactor looks at a weight's rows and columns; to every other one a block is just numbers.
        in_pieces = recipe.optimizer is Optimizer.ADAFACTOR
        self._params = [
            [nn.Parameter(piece) for piece in block.pieces()] if in_pieces else [block.leaf] for block in self.blocks
        ]
        self._rates = [recipe.unet_lr if block.part == "denoiser" else recipe.text_encoder_lr for block in self.blocks]
        groups = [{"params": params, "lr": rate} for params, rate in zip(self._params, self._rates, strict=True)]
        self.optimizer = optimizers.optimizer_for(recipe, groups, base.device)
        self._gradients: list[Tensor] = []
        kind = torch.float64 if base.device.type != "mps" else torch.float32
        self._loss = torch.zeros((), dtype=kind, device=base.device)
        """Of the passes of the step that is not finished."""
        self._sums = torch.zeros(2, dtype=kind, device=base.device)
        """Loss since the last progress line and since the epoch's begin; read rarely, because reading waits for the device."""
        self._counts = [0, 0]
        self._next: Batch | None = None

    # ---- one pass ----------------------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        """The next pass's: fresh samples of the posteriors of its photos, their captions (some of them left empty), noise."""
        if self._next is None:
            self._next = self._drawn(self.step * self.recipe.accumulation + self.passes)
        return self._next

    def _drawn(self, index: int) -> Batch:
        recipe, cache, device = self.recipe, self.cache, self.base.device
        photos = plan.batch(recipe, cache.photos, index)
        draw = plan.generator(recipe.seed, "photos", index)
        mirrored = (
            torch.rand(len(photos), generator=draw) < 0.5 if recipe.flip else torch.zeros(len(photos), dtype=torch.bool)
        )
        silent = torch.rand(len(photos), generator=draw) < recipe.caption_dropout
        rows = torch.tensor(photos)
        shown = (rows + cache.photos * mirrored).to(device)
        said = torch.where(silent, cache.photos, rows).to(device)
        wobble = torch.randn((len(photos), *cache.means.shape[1:]), generator=draw).to(device)
        clean = cache.means[shown] + cache.spreads[shown] * wobble
        told = self.base.family.conditions(self.base, [cache.framings[photo] for photo in photos])
        draw = plan.generator(recipe.seed, "noise", index)
        noise = torch.randn(clean.shape, generator=draw)
        if recipe.noise_offset:
            noise += recipe.noise_offset * torch.randn(*clean.shape[:2], 1, 1, generator=draw)
        moments = self.objective.draw(len(clean), draw)
        return Batch(
            clean, noise.to(device, non_blocking=True), moments.to(device, non_blocking=True), cache.texts.rows(said), told
        )  # fmt: skip

    def loss(self, said: Tensor, batch: Batch) -> Tensor:
        """The mean over this training's own pictures: `said` is what the denoiser says of `batch`."""
        return losses(self.objective, said, batch.clean, batch.noise, batch.moments).mean()

    def take(self, loss: Tensor, gradients: Sequence[Tensor]) -> None:
        """What one pass gave, a gradient for each block. The last of a step's passes moves the weights."""
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
        recipe = self.recipe
        gradients = _clipped(
            [one / self.passes if self.passes > 1 else one for one in self._gradients], recipe.max_grad_norm
        )
        factor = plan.rate(recipe, self.step)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        for block, params, gradient in zip(self.blocks, self._params, gradients, strict=True):
            pieces = [gradient] if params[0] is block.leaf else block.pieces(gradient)
            for param, piece in zip(params, pieces, strict=True):
                param.grad = piece
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
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
        weights = torch.cat([block.leaf.detach() for block in self.blocks]).cpu()
        tensors = {"weights": weights, "sums": self._sums.cpu().clone()} | remembered
        return tensors, {"epoch": self.epoch, "counts": self._counts, "optimizer": facts}

    def restore(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        sizes = [len(block.leaf) for block in self.blocks]
        with torch.no_grad():
            for block, values in zip(self.blocks, tensors["weights"].split(sizes), strict=True):
                block.leaf.copy_(values)
        optimizers.restore(self.optimizer, self._flat_params, tensors, facts["optimizer"])
        self._sums.copy_(tensors["sums"])
        self._loss.zero_()
        self._next, self._gradients, self.passes = None, [], 0
        self.step, self.epoch, self._counts = step, int(facts["epoch"]), [int(count) for count in facts["counts"]]

    @property
    def _flat_params(self) -> list[Tensor]:
        return [param for params in self._params for param in params]

    def weights(self) -> dict[str, tuple[Tensor, Tensor, float]]:
        """As `files.lora.write` takes them: views, in the table's order."""
        return {key: halves for block in self.blocks for key, halves in block.weights().items()}


def trains_text(base: LoadedBase, recipe: Recipe) -> bool:
    return recipe.text_encoder_lr > 0 and base.spec.words.is_trained


def cache_texts(base: LoadedBase, captions: Sequence[str], *, as_tokens: bool) -> Text | Tokens:
    """The captions and, last, the empty one: token ids or the bare base's embeddings of them."""
    texts, family = [*captions, ""], base.family
    if as_tokens:
        return family.tokens_of(base, texts)
    with table_of(base).using(None), torch.no_grad():
        parts = [texts[start : start + 16] for start in range(0, len(texts), 16)]
        return Text.cat([family.encode_tokens(base, family.tokens_of(base, part)) for part in parts])


def _clipped(gradients: Sequence[Tensor], most: float) -> list[Tensor]:
    """Cut to the length `most`, all taken as one vector (0: never). Zeros where a gradient is no number: weights stay numbers."""
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in gradients]))
    factor = (most / (length + 1e-6)).clamp(max=1.0) if most else torch.ones_like(length)
    sound = length.isfinite()
    return [torch.where(sound, one * factor, 0.0) for one in gradients]
