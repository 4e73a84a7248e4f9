"""Trainings on one base that learn in the same pass: one batch, each its own weights, loss, clipping, schedule and end.

A training that is about to learn *waits* here for its turn. Whoever has the turn takes along all that wait and whose next
batch has the same form; those find their step made when their own turn comes. So trainings join and leave between two
passes, and one that is busy with an epoch's previews holds nobody up.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator, Sequence
from weakref import WeakKeyDictionary

import torch

from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.worker.halves import stacked
from engine.worker.learner import Learner
from engine.worker.slots import Table, table_of


class Cohort:
    """The trainings of one base."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting: list[Learner] = []
        self._clock = clock
        self._together = True
        """Until memory once did not suffice for it."""

    def wait(self, learner: Learner) -> Generator[None, None, bool]:
        """Yield once. True: meanwhile another training's pass took this one along, and its step is made."""
        self._waiting.append(learner)
        try:
            yield
            return learner not in self._waiting
        finally:
            if learner in self._waiting:
                self._waiting.remove(learner)

    def learn(self, learner: Learner) -> None:
        """One pass of `learner` and of all that wait and can go along."""
        form = learner.batch().form
        others = (
            [one for one in self._waiting if one is not learner and one.batch().form == form] if self._together else []
        )
        began = self._clock()
        try:
            learn([learner, *others])
        except torch.OutOfMemoryError:
            if not others:
                raise
            self._together, others = False, []
            gc.collect()
            torch.cuda.empty_cache()
            learn([learner])
        for one in (learner, *others):
            one.pass_s = self._clock() - began
        self._waiting = [one for one in self._waiting if one not in others]


def cohort_of(base: LoadedBase) -> Cohort:
    """The one cohort of this base, as long as it is loaded."""
    return _COHORTS.setdefault(table_of(base), Cohort())


_COHORTS: WeakKeyDictionary[Table, Cohort] = WeakKeyDictionary()


def learn(learners: Sequence[Learner]) -> None:
    """One forward and backward of every learner's next batch, as one; each is handed its own loss and gradients.

    All batches have one form. Nothing in here waits for the device. Where it raises, no learner has changed.
    """
    base = learners[0].base
    batches = [learner.batch() for learner in learners]
    rows = [len(batch.clean) for batch in batches]
    dtype = torch.bfloat16 if base.dtype is torch.bfloat16 else torch.float32
    leaves = [leaf for learner in learners for leaf in learner.leaves]
    learnt = stacked([learner.blocks for learner in learners], dtype)
    pairs = list(zip(learners, batches, strict=True))
    with table_of(base).learning(learnt, rows):
        with torch.autocast(base.device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
            text = _together([batch.text for batch in batches])
            if isinstance(text, Tokens):
                text = base.family.encode_tokens(base, text, batches[0].clip_skip)
            noisy = _cat([one.objective.add_noise(batch.clean, batch.noise, batch.moments) for one, batch in pairs])
            clock = _cat([one.objective.clock(batch.moments) for one, batch in pairs])
            told = [batch.told for batch in batches if batch.told is not None]
            said = base.family.forward(base, noisy, clock, text, _cat(told) if told else None)
        found = [one.loss(part, batch) for (one, batch), part in zip(pairs, said.split(rows), strict=True)]
        total = found[0] if len(found) == 1 else torch.stack(found).sum()
        gradients = torch.autograd.grad(total, leaves)
    for learner, loss in zip(learners, found, strict=True):
        count = len(learner.leaves)
        learner.take(loss.detach(), gradients[:count])
        gradients = gradients[count:]


def _cat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _together(texts: Sequence[Text | Tokens]) -> Text | Tokens:
    """All embeddings or all token ids in one batch: of one form, so either the one or the other."""
    if len(texts) == 1:
        return texts[0]
    tokens = [text for text in texts if isinstance(text, Tokens)]
    return Tokens.cat(tokens) if tokens else Text.cat([text for text in texts if isinstance(text, Text)])
