"""What training costs: the bare base, our step, PEFT's, and several trainings in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import LoraConfig, inject_adapter_in_model

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.text import Text
from engine.recipes.recipe import Recipe, Targets
from engine.worker import plan
from engine.worker.cohort import learn
from engine.worker.dataset import Dataset, Shelf, cache_texts, said
from engine.worker.learner import Learner
from engine.worker.objective import losses, objective_of

PHOTOS = 12


@dataclass(frozen=True, slots=True)
class Scene:
    """How large the measured steps are."""

    side: int
    batch: int
    rank: int = 16
    targets: Targets = Targets.FULL


def learner(base: LoadedBase, scene: Scene, seed: int) -> Learner:
    """A training of PHOTOS random photos, its latents and texts cached as a real one's are."""
    recipe = Recipe(
        rank=scene.rank, alpha=scene.rank, batch_size=scene.batch, resolution=scene.side, exposures=10**6, epochs=1, seed=seed,
        flip=False, targets=scene.targets,
    )  # fmt: skip
    draw = torch.Generator().manual_seed(seed)
    grid = (PHOTOS, base.spec.latent_channels, scene.side // base.factor, scene.side // base.factor)
    means = torch.randn(grid, generator=draw).to(base.device)
    captions = [f"ohwx person, number {number}" for number in range(PHOTOS)]
    texts = cache_texts(base, said(recipe, captions), as_tokens=False)
    shelf, size = Shelf(means, means.abs() * 0.1, None, PHOTOS), (scene.side, scene.side)
    dataset = Dataset(
        (shelf,), tuple((0, photo) for photo in range(PHOTOS)), plan.buckets([size] * PHOTOS, [1] * PHOTOS),
        (Framing.whole(*size),) * PHOTOS, texts, 1,
    )  # fmt: skip
    return Learner(base, recipe, dataset)


class Ours:
    """One pass of several trainings as the worker makes it, optimizer steps included."""

    def __init__(self, base: LoadedBase, scene: Scene, runs: int = 1) -> None:
        self._learners: Sequence[Learner] = [learner(base, scene, seed) for seed in range(runs)]

    def __call__(self) -> None:
        learn(self._learners)


class Bare:
    """Forward and backward of the frozen base alone, to its input: through diffusers' own modules where `base` has no slots."""

    def __init__(self, base: LoadedBase, scene: Scene) -> None:
        self._base, self._batch = base, _Batch(base, scene)

    def __call__(self) -> None:
        batch = self._batch
        noisy = batch.noisy.clone().requires_grad_()
        torch.autograd.grad(batch.loss(self._base, noisy), noisy)


class Peft:
    """The same LoRA as PEFT injects it, in the loop everybody writes. It stays on `base`, so give it a twin."""

    def __init__(self, base: LoadedBase, scene: Scene) -> None:
        paths = [site.path for site in base.sites if site.part == "denoiser"]
        config = LoraConfig(r=scene.rank, lora_alpha=scene.rank, target_modules=paths)
        inject_adapter_in_model(config, base.denoiser, "bench")
        weights: list[torch.nn.Parameter] = []
        for name, parameter in base.denoiser.named_parameters():
            if ".bench." in name:
                parameter.data = parameter.data.float()
                weights.append(parameter.requires_grad_())
        self._base, self._batch, self._weights = base, _Batch(base, scene), weights
        self._optimizer = torch.optim.AdamW(weights, lr=1e-4, fused=base.device.type == "cuda")

    def __call__(self) -> None:
        batch = self._batch
        batch.loss(self._base, batch.noisy).backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)


class _Batch:
    """One batch that is always the same: nothing is drawn or looked up, which is in favour of whoever uses it."""

    def __init__(self, base: LoadedBase, scene: Scene) -> None:
        side = scene.side // base.factor
        draw = torch.Generator().manual_seed(1)
        shape = scene.batch, base.spec.latent_channels, side, side
        self.clean, self.noise = (torch.randn(shape, generator=draw).to(base.device) for _ in range(2))
        self._objective = objective_of(base, None)
        self.moments = self._objective.draw(scene.batch, draw).to(base.device)
        self.noisy = self._objective.add_noise(self.clean, self.noise, self.moments)
        with torch.no_grad():
            tokens = base.family.tokens_of(base, ["ohwx person"] * scene.batch)
            self.text: Text = base.family.encode_tokens(base, tokens)
        self.told = base.family.conditions(base, [Framing.whole(scene.side, scene.side)] * scene.batch)

    def loss(self, base: LoadedBase, noisy: torch.Tensor) -> torch.Tensor:
        with torch.autocast(base.device.type, torch.bfloat16, enabled=base.dtype is torch.bfloat16):
            said = base.family.forward(base, noisy, self._objective.clock(self.moments), self.text, self.told)
        return losses(self._objective, said, self.clean, self.noise, self.moments).mean()
