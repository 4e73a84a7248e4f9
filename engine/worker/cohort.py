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
from torch.nn import functional

from engine.families.loaded import LoadedBase
from engine.families.text import Text, Tokens
from engine.worker.halves import stacked
from engine.worker.learner import Batch, Learner
from engine.worker.memory import Room, ran_out
from engine.worker.slots import Table, table_of


class Cohort:
    """The trainings of one base."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting: list[Learner] = []
        self._clock = clock
        self.room = Room()
        self._computes_again = False
        """Whether gradient checkpointing is on in the base."""
        self.notes: list[str] = []
        """Sentences for the log that nobody has said yet."""

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
        others = [one for one in self._waiting if one is not learner and one.batch().form == form]
        everybody = [learner, *others]
        began = self._clock()
        while not self._fits(everybody):
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        for one in (learner, *others):
            one.pass_s = self._clock() - began
        self._waiting = [one for one in self._waiting if one not in others]

    def _fits(self, learners: Sequence[Learner]) -> bool:
        """Whether memory sufficed for a pass; where not, the next one is smaller. Raises where it cannot be."""
        if self.room.checkpointing and not self._computes_again:
            learners[0].base.denoiser.enable_gradient_checkpointing()
            self._computes_again = True
        try:
            learn(learners, self.room.pictures)
        except RuntimeError as error:
            if not ran_out(error):
                raise
            note = self.room.step_down(sum(len(one.batch().clean) for one in learners))
            if note is None:
                raise
            self.notes.append(note)
            error.__traceback__ = None  # it holds the tensors that were too many
            return False
        return True


def cohort_of(base: LoadedBase) -> Cohort:
    """The one cohort of this base, as long as it is loaded."""
    return _COHORTS.setdefault(table_of(base), Cohort())


_COHORTS: WeakKeyDictionary[Table, Cohort] = WeakKeyDictionary()


def learn(learners: Sequence[Learner], most: int | None = None) -> None:
    """One forward and backward of every learner's next batch, as one; each is handed its own loss and gradients.

    All batches have one form. At most `most` pictures are in the base at a time: with more, parts follow each other, which is the
    same but for rounding, for a picture's loss knows nothing of its neighbours. Nothing in here waits for the device. Where it
    raises, no learner has changed.
    """
    batches = [learner.batch() for learner in learners]
    rows = [len(batch.clean) for batch in batches]
    size = min(most or sum(rows), sum(rows))
    said, losses, gradients = _part(learners, batches, range(size))
    parts = [said]
    for start in range(size, sum(rows), size):
        said, _, more = _part(learners, batches, range(start, min(start + size, sum(rows))))
        parts.append(said)
        gradients = [had + one for had, one in zip(gradients, more, strict=True)]
    if len(parts) > 1:
        with torch.no_grad():
            answers = torch.cat(parts).split(rows)
            losses = [one.loss(part, batch) for one, batch, part in zip(learners, batches, answers, strict=True)]
    for learner, loss in zip(learners, losses, strict=True):
        count = len(learner.leaves)
        learner.take(loss, gradients[:count])
        gradients = gradients[count:]


def _part(
    learners: Sequence[Learner], batches: Sequence[Batch], part: range
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Of these rows of all batches in a row: what the base says, every learner's loss (right where the part is all there
    is), and what they add to the gradient of every leaf."""
    base, rows = learners[0].base, [len(batch.clean) for batch in batches]
    ends = [sum(rows[: number + 1]) for number in range(len(rows))]
    counts = [max(0, min(end, part.stop) - max(end - count, part.start)) for end, count in zip(ends, rows, strict=True)]
    is_whole = len(part) == ends[-1]
    dtype = torch.bfloat16 if base.dtype is torch.bfloat16 else torch.float32
    leaves = [leaf for learner in learners for leaf in learner.leaves]
    pairs = list(zip(learners, batches, strict=True))
    with table_of(base).learning(stacked([learner.blocks for learner in learners], dtype), counts):
        with torch.autocast(base.device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
            text = _together([batch.text for batch in batches])
            if not is_whole:
                text = text.rows(torch.arange(part.start, part.stop, device=base.device))
            if isinstance(text, Tokens):
                text = base.family.encode_tokens(base, text, batches[0].clip_skip)
            noisy = _cat([one.objective.add_noise(batch.clean, batch.noise, batch.moments) for one, batch in pairs])
            clock = _cat([one.objective.clock(batch.moments) for one, batch in pairs])
            told = [batch.told for batch in batches if batch.told is not None]
            at = slice(part.start, part.stop)
            said = base.family.forward(base, noisy[at], clock[at], text, _cat(told)[at] if told else None)
        answers = said if is_whole else functional.pad(said, (0, 0) * 3 + (part.start, ends[-1] - part.stop))
        found = [one.loss(own, batch) for (one, batch), own in zip(pairs, answers.split(rows), strict=True)]
        total = found[0] if len(found) == 1 else torch.stack(found).sum()
        # A word that no caption of this part says has no gradient from it.
        gradients = torch.autograd.grad(total, leaves, allow_unused=not is_whole, materialize_grads=not is_whole)
    return said.detach(), [loss.detach() for loss in found], list(gradients)


def _cat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _together(texts: Sequence[Text | Tokens]) -> Text | Tokens:
    """All embeddings or all token ids in one batch: of one form, so either the one or the other."""
    if len(texts) == 1:
        return texts[0]
    tokens = [text for text in texts if isinstance(text, Tokens)]
    return Tokens.cat(tokens) if tokens else Text.cat([text for text in texts if isinstance(text, Text)])
