"""The part of a training that changes: a LoRA on the shared base, its optimizer, and the sums behind the loss line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.protocol import Recipe
from engine.worker import adapters, plan
from engine.worker.objective import losses, objective_of


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    """The whole dataset on the device: no photo is decoded or encoded again."""

    means: Tensor
    """(N, 4, h, w), or (2N, ...) with the mirrored ones behind when the recipe flips."""
    spreads: Tensor
    texts: Text | Tokens
    """Of N + 1 captions, the empty one last: embeddings, or token ids while the text encoder learns."""
    framings: tuple[Framing, ...]
    """What each photo's crop shows of it."""

    @property
    def photos(self) -> int:
        return len(self.framings)


class Learner:
    """One LoRA being trained. `learn(step)` depends on the step's number and the weights alone."""

    def __init__(self, base: LoadedBase, recipe: Recipe, cache: Cache, name: str) -> None:
        self.base, self.recipe, self.cache, self.name = base, recipe, cache, name
        self.step = 0
        self.epoch = 0
        """Finished ones."""
        self.trains_text = recipe.text_encoder_lr > 0
        self.objective = objective_of(base, recipe.min_snr_gamma)
        seed = int(torch.randint(2**31, (1,), generator=plan.generator(recipe.seed, "weights")))
        self.parameters = adapters.attach(
            base, name, rank=recipe.rank, alpha=recipe.alpha, text_encoder=self.trains_text, seed=seed
        )
        rates = {base.spec.lora_unet_prefix: recipe.unet_lr, base.spec.lora_text_prefix: recipe.text_encoder_lr}
        groups = [
            {
                "params": [p for key, p in self.parameters.items() if key.startswith(f"{prefix}_")],
                "lr": rate,
                "full": rate,
            }
            for prefix, rate in rates.items()
            if rate > 0
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=base.device.type == "cuda")
        self._sums = torch.zeros(
            2, dtype=torch.float64 if base.device.type != "mps" else torch.float32, device=base.device
        )
        """Loss since the last progress line and since the epoch's begin; read rarely, because reading waits for the device."""
        self._counts = [0, 0]

    def learn(self) -> None:
        """One optimizer step. Nothing in here waits for the device."""
        recipe, base = self.recipe, self.base
        clean, text, told = self._batch()
        draw = plan.generator(recipe.seed, "noise", self.step)
        noise = torch.randn(clean.shape, generator=draw)
        if recipe.noise_offset:
            noise += recipe.noise_offset * torch.randn(*clean.shape[:2], 1, 1, generator=draw)
        noise = noise.to(base.device, non_blocking=True)
        moments = self.objective.draw(len(clean), draw).to(base.device, non_blocking=True)
        with adapters.active(base, {self.name: 1.0}):
            with torch.autocast(base.device.type, torch.bfloat16, enabled=base.dtype is torch.bfloat16):
                embedded = base.family.encode_tokens(base, text) if isinstance(text, Tokens) else text
                noisy = self.objective.add_noise(clean, noise, moments)
                said = base.family.forward(base, noisy, self.objective.clock(moments), embedded, told)
            loss = losses(self.objective, said, clean, noise, moments).mean()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), recipe.max_grad_norm)
        factor = plan.rate(recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._sums += loss.detach()
        self._counts = [count + 1 for count in self._counts]
        self.step += 1

    def _batch(self) -> tuple[Tensor, Text | Tokens, Tensor | None]:
        """Fresh samples of the posteriors of this step's photos, their captions (some of them left empty), their framing."""
        recipe, cache = self.recipe, self.cache
        photos = plan.batch(recipe, cache.photos, self.step)
        draw = plan.generator(recipe.seed, "photos", self.step)
        mirrored = (
            torch.rand(len(photos), generator=draw) < 0.5 if recipe.flip else torch.zeros(len(photos), dtype=torch.bool)
        )
        silent = torch.rand(len(photos), generator=draw) < recipe.caption_dropout
        rows = torch.tensor(photos)
        shown = (rows + cache.photos * mirrored).to(cache.means.device)
        told = torch.where(silent, cache.photos, rows).to(cache.means.device)
        wobble = torch.randn((len(photos), *cache.means.shape[1:]), generator=draw).to(cache.means.device)
        clean = cache.means[shown] + cache.spreads[shown] * wobble
        framed = self.base.family.conditions(self.base, [cache.framings[photo] for photo in photos])
        return clean, cache.texts.rows(told), framed

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
        """Tensors and plain values from which `restore` continues to the bit. Each kind is one flat row in the table's order."""
        parameters = list(self.parameters.values())
        moments = [self.optimizer.state.get(parameter, {}) for parameter in parameters]
        tensors = {"weights": _flat(parameters), "sums": self._sums.cpu().clone()}
        if all(moments):
            tensors |= {name: _flat([moment[name] for moment in moments]) for name in ("step", "exp_avg", "exp_avg_sq")}
        return tensors, {"epoch": self.epoch, "counts": self._counts}

    def restore(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        parameters = list(self.parameters.values())
        sizes = [parameter.numel() for parameter in parameters]
        with torch.no_grad():
            for parameter, row in zip(parameters, tensors["weights"].split(sizes), strict=True):
                parameter.copy_(row.view_as(parameter))
        if "exp_avg" in tensors:
            # AdamW keeps its step counter on the CPU unless it is fused; everything else lives where the weight does.
            place = self.base.device if self.base.device.type == "cuda" else torch.device("cpu")
            rows = zip(
                parameters,
                tensors["step"],
                tensors["exp_avg"].split(sizes),
                tensors["exp_avg_sq"].split(sizes),
                strict=True,
            )
            for parameter, count, first, second in rows:
                self.optimizer.state[parameter] = {
                    "step": count.clone().to(place),
                    "exp_avg": first.view_as(parameter).clone().to(self.base.device),
                    "exp_avg_sq": second.view_as(parameter).clone().to(self.base.device),
                }
        self._sums.copy_(tensors["sums"])
        self.step, self.epoch, self._counts = step, int(facts["epoch"]), [int(count) for count in facts["counts"]]

    def weights(self) -> dict[str, tuple[Tensor, Tensor, float]]:
        """As `files.lora.write` takes them."""
        return adapters.state(self.base, self.name)

    def close(self) -> None:
        """Take the adapter off the base again."""
        adapters.detach(self.base, self.name)


def cache_texts(base: LoadedBase, captions: Sequence[str], *, as_tokens: bool) -> Text | Tokens:
    """The captions and, last, the empty one: token ids or the bare base's embeddings of them."""
    texts, family = [*captions, ""], base.family
    if as_tokens:
        return family.tokens_of(base, texts)
    with adapters.active(base, {}), torch.no_grad():
        parts = [texts[start : start + 16] for start in range(0, len(texts), 16)]
        return Text.cat([family.encode_tokens(base, family.tokens_of(base, part)) for part in parts])


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).cpu()
