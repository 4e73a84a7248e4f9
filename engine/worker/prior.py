"""What is kept of the base: rows that go along in every pass, so that "woman" does not become the subject (prior
preservation), and what lies around the face in the rows that are learnt (masked prior preservation, OneTrainer's).

`class_images` is DreamBooth's way (Ruiz et al. 2022): pictures of the class, painted by the base itself, are trained along
under the class prompt. `base_answer` needs no pictures: on the very latents of the pass, the learner's answer to the caption
without the subject is held to what the frozen base answers. Either adds `recipe.held_per_pass` rows to a pass. Around the face
the learner's answer to the caption as it is is held to the same: no row more, one more forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from engine.families.framing import Framing
from engine.families.loaded import LoadedBase
from engine.families.shipping import shipped
from engine.families.text import Text, Tokens
from engine.protocol import TrainJob
from engine.recipes.recipe import Recipe
from engine.worker import plan
from engine.worker.buckets import cut_of
from engine.worker.dataset import Sample, encoded, without_subject
from engine.worker.objective import Objective, losses
from engine.worker.slots import table_of

Grid = tuple[int, ...]
"""(C, h, w) of latents."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The rows of one pass that hold on to the class."""

    clean: Tensor
    noise: Tensor
    moments: Tensor
    framings: list[Framing]
    text: Text | Tokens
    answer: Tensor | None
    """What the frozen base says of them; None: they are compared with their own noise, like photos."""

    def loss(self, objective: Objective, said: Tensor) -> Tensor:
        if self.answer is None:
            return losses(objective, said, self.clean, self.noise, self.moments).mean()
        return ((said - self.answer).square().mean(dim=(1, 2, 3)) * objective.weigh(self.moments)).mean()


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """The bare base, asked about photos of which nobody told it who they show."""

    base: LoadedBase
    objective: Objective
    texts: Text | Tokens
    """Of every photo: its caption without the subject."""
    clip_skip: int

    def read(self, sample: Sample, rows: int) -> Text | Tokens:
        """What it is told of the first so many rows of a pass."""
        return self.texts.rows(shipped(torch.tensor(sample.photos[:rows]), sample.clean.device))

    def answer(self, sample: Sample, noise: Tensor, moments: Tensor) -> Tensor:
        """What it says of the first rows of a pass, as many as there is noise for: (rows, C, h, w)."""
        base, rows = self.base, len(noise)
        text, lowly = self.read(sample, rows), base.dtype is torch.bfloat16
        told = base.family.conditions(base, sample.framings[:rows])
        noisy = self.objective.add_noise(sample.clean[:rows], noise, moments)
        with (
            torch.no_grad(),
            table_of(base).using(None),
            torch.autocast(base.device.type, torch.bfloat16, enabled=lowly),
        ):
            read = base.family.encode_tokens(base, text, self.clip_skip) if isinstance(text, Tokens) else text
            return base.family.forward(base, noisy, self.objective.clock(moments), read, told)


def astray(objective: Objective, said: Tensor, answer: Tensor, moments: Tensor, mask: Tensor) -> Tensor:
    """The mean over rows of how far what is `said` outside of their masks is from the base's `answer`."""
    outside = 1 - mask / mask.amax(dim=(1, 2, 3), keepdim=True)
    return (((said - answer).square() * outside).mean(dim=(1, 2, 3)) * objective.weigh(moments)).mean()


@dataclass(frozen=True, slots=True, eq=False)
class BaseAnswer:
    frozen: Frozen
    count: int
    """Rows: of the pass's photos, which come in shuffled order, the first so many."""

    def held(self, sample: Sample, noise: Tensor, moments: Tensor, index: int) -> Held:
        noise, moments = noise[: self.count], moments[: self.count]
        return Held(
            sample.clean[: self.count], noise, moments, sample.framings[: self.count],
            self.frozen.read(sample, self.count), self.frozen.answer(sample, noise, moments),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ClassImages:
    recipe: Recipe
    objective: Objective
    pictures: Mapping[Grid, tuple[Tensor, Tensor]]
    """Means and spreads of all of them, in every shape that photos have."""
    text: Text | Tokens
    """Of the class prompt: one row."""
    framing: Framing

    def held(self, sample: Sample, noise: Tensor, moments: Tensor, index: int) -> Held:
        count, seed = self.recipe.held_per_pass, self.recipe.seed
        clean = sample.clean[:count]
        means, spreads = self.pictures[tuple(clean.shape[1:])]
        rows = plan.Bucket(tuple(range(len(means)))).shown(seed, "class order", index * count, count)
        draw = plan.generator(seed, "class", index)
        wobble, fresh = (shipped(torch.randn(clean.shape, generator=draw), clean.device) for _ in range(2))
        at = shipped(self.objective.draw(count, draw), clean.device)
        text = self.text.rows(torch.zeros(count, dtype=torch.long, device=clean.device))
        return Held(means[rows] + spreads[rows] * wobble, fresh, at, [self.framing] * count, text, None)


Holding = BaseAnswer | ClassImages


def class_prompt(job: TrainJob) -> str:
    return job.recipe.class_prompt or f"a photo of {job.class_word}"


def class_captions(job: TrainJob) -> list[str]:
    """Of every photo, what it shows without the subject; the recipe's own prompt for all where it gives one."""
    return [job.recipe.class_prompt or without_subject(image.caption, job.trigger) for image in job.images]


def class_pictures(
    base: LoadedBase, pictures: Sequence[Image.Image], shapes: Sequence[plan.Shape]
) -> dict[Grid, tuple[Tensor, Tensor]]:
    """The latents of class images in every shape that photos have, cut from their middle."""
    found: dict[Grid, tuple[Tensor, Tensor]] = {}
    for shape in shapes:
        latents = [
            encoded(
                base,
                one.resize(shape, Image.Resampling.LANCZOS, box=cut_of((0, 0, one.width, one.height), shape)),
                flip=False,
            )
            for one in pictures
        ]
        means, spreads = (torch.cat(kind) for kind in zip(*latents, strict=True))
        found[tuple(means.shape[1:])] = means, spreads
    return found
