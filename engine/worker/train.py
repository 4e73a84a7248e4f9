"""A training from beginning to end: photos in, one checked LoRA file per epoch out.

It is a generator that yields before every pass and between the steps of a preview; whoever drives it may
paint on the same base meanwhile. It reads top to bottom: cache, resume, then step after step until the last epoch.

    1 cache the photos as latents, the captions as embeddings (see `worker.lesson`)
    2 go on from the newest checkpoint of this very training, if there is one
    3 the base's own previews are epoch 0
    4 learn, together with whoever else trains on this base; where an epoch ends: write the file, read it back through
      diffusers, compare, preview, score, keep, announce
    5 suggest an epoch

Stopped at any moment and started again, it ends with the same bytes (on a CPU; on a GPU nearly).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from engine.errors import Diverged
from engine.families.loaded import LoadedBase
from engine.files import notes, picture
from engine.protocol import (
    CancelMode,
    Checkpointed,
    Done,
    EpochReady,
    EventBase,
    Parked,
    PreviewPrompt,
    Progress,
    TrainJob,
)
from engine.scores import reading, suggestion
from engine.scores.reading import Scores
from engine.worker import memory
from engine.worker.checkpoint import Bundle, RunFolder, identity_of, sweep
from engine.worker.cohort import cohort_of
from engine.worker.edition import edition_of, picture_of, pictures_in, sent
from engine.worker.learner import Learner
from engine.worker.lesson import lesson
from engine.worker.order import Order
from engine.worker.paint import guidance_of
from engine.worker.proof import Shell
from engine.worker.sampler import draw
from engine.worker.slots import Mixture
from engine.worker.words import Spelling, words_of

CHECKPOINT_S = 30.0
PROGRESS_S = 0.5
READ_EVERY = 25
"""Steps between two looks at the loss on an accelerator: looking waits for it. On a CPU looking is free."""
PREVIEWS_AT_ONCE = 8
HALVINGS = 2
"""How often the rates are halved before a training that runs away is given up."""
ABANDONED_S = 3 * 24 * 3600.0

Emit = Callable[[EventBase], None]
Clock = Callable[[], float]


def train(
    base: LoadedBase,
    job: TrainJob,
    blobs: Mapping[str, bytes],
    scratch: Path,
    emit: Emit,
    order: Order,
    *,
    clock: Clock = time.monotonic,
) -> Iterator[None]:
    """Emits Progress, EpochReady, Checkpointed and Done or Parked. Raises BadInput, Diverged, EngineError."""
    sweep(scratch, time.time() - ABANDONED_S)
    run = Run(base, job, blobs, RunFolder(scratch, job.job_id, identity_of(job, base), job.seal), emit, order, clock)
    try:
        yield from run.steps()
    finally:
        run.close()


class Run:
    """The state of one training: what `train` drives."""

    def __init__(
        self,
        base: LoadedBase,
        job: TrainJob,
        blobs: Mapping[str, bytes],
        folder: RunFolder,
        emit: Emit,
        order: Order,
        clock: Clock,
    ) -> None:
        self.base, self.job, self.blobs, self.folder = base, job, blobs, folder
        self.emit, self.order, self.clock = emit, order, clock
        self.recipe = job.recipe
        self.cohort = cohort_of(base)
        self.shell: Shell | None = None
        self.reader: reading.Reader | None = None
        self.read: dict[int, Scores] = {}
        self.beginning: tuple[int, dict[str, torch.Tensor], dict[str, Any]]
        """As a checkpoint, for want of one."""
        self.closing = ExitStack()
        self.started = self.epoch_started = self.saved = self.said = clock()
        self.reported = -1
        """The step of the last Checkpointed."""
        self.step_s = 0.0
        """Seconds in the last steps, a running mean; what others did in between is not in it."""
        self.epoch_end_s = 0.0

    def steps(self) -> Iterator[None]:
        recipe = self.recipe
        learner = yield from self._prepare()
        if (yield from self._unless_parked(self._epoch_zero(learner))):
            return self._park(learner)
        while learner.epoch < recipe.epochs and not self._ends_here(learner):
            try:
                if (yield from self._go_on(learner)):
                    return self._park(learner)
            except Diverged:
                self._step_back(learner)
        return self._done(learner)

    def _go_on(self, learner: Learner) -> Generator[None, None, bool]:
        """One pass, or the end of an epoch; True where the engine is stopping. Raises Diverged."""
        if learner.step == self.recipe.epoch_end(learner.epoch + 1):
            return (yield from self._unless_parked(self._finish_epoch(learner)))
        taken_along = yield from self.cohort.wait(learner)
        if self.order.park:
            return True
        if not taken_along:
            self.cohort.learn(learner)
            self._tell_of_memory(learner)
        if learner.passes == 0:
            self._step_made(learner)
        return False

    def _tell_of_memory(self, learner: Learner) -> None:
        """What the cohort had to do without, said by whoever noticed."""
        while self.cohort.notes:
            note = self.cohort.notes.pop(0)
            self._say("training", learner.step, self.recipe.steps, epoch=learner.epoch + 1, note=note)

    def _ends_here(self, learner: Learner) -> bool:
        """At the end of an epoch: because somebody said so, or the recipe does."""
        if learner.epoch == 0 or learner.step != self.recipe.epoch_end(learner.epoch):
            return False
        return self._gains_nothing or self.order.cancel is CancelMode.AFTER_EPOCH

    def _step_back(self, learner: Learner) -> None:
        """The loss is no number any more: back to the last checkpoint with half the rates. Raises Diverged the third time."""
        slowed = learner.slowed + 1
        if slowed > HALVINGS:
            raise Diverged(
                "The training ran away: its loss is no number any more, also with lower rates. Finished epochs are kept; train "
                "again with the quick preset or a lower learning rate."
            )
        learner.restore(*(self.folder.latest_step() or self.beginning))
        learner.slowed = slowed
        tensors, facts = learner.state()
        self.folder.save_step(learner.step, tensors, facts)
        self._say(
            "training", learner.step, self.recipe.steps, epoch=learner.epoch + 1,
            note=f"The loss was no number any more: back to step {learner.step}, with {0.5**slowed:g} of the learning rates.",
        )  # fmt: skip

    @property
    def _gains_nothing(self) -> bool:
        """Whether the recipe has it end here."""
        return suggestion.stalled(self.read, self.recipe.patience)

    def _unless_parked(self, part: Generator[None, None, None]) -> Generator[None, None, bool]:
        """Run `part`; True where the engine is stopping and it was left unfinished."""
        with closing(part):
            for _ in part:
                if self.order.park:
                    return True
                yield
        return False

    # ---- the beginning -----------------------------------------------------------------------------------------------

    def _prepare(self) -> Generator[None, None, Learner]:
        self._make_room()
        learnt = yield from lesson(self.base, self.job, self.blobs, self.folder, self._say)
        if learnt.word is not None:
            self.closing.callback(words_of(self.base).give_back, learnt.word.ids)
        learner = Learner(
            self.base, self.recipe, learnt.dataset, holding=learnt.holding, around=learnt.around, word=learnt.word
        )  # fmt: skip
        self.reader = reading.reader_for(self.job, self.base.ref, learnt.squares, str(self.base.device))
        found = self.folder.latest_step()
        if found is not None:
            learner.restore(*found)
        self.beginning = learner.step, *learner.state()
        yield
        return learner

    def _make_room(self) -> None:
        """BadInput where the memory that is free holds not even the most frugal way. Nothing has been started then."""
        base, recipe = self.base, self.recipe
        rows = recipe.batch_size + recipe.held_per_pass
        precision = "bf16" if base.dtype is torch.bfloat16 else "fp32"
        rungs = memory.ladder(base.spec, rows, recipe.resolution**2, precision)
        note = self.cohort.room.plan(rungs, memory.free_bytes(base.device))
        if note:
            self._say("caching", 0, len(self.job.images), note=note)

    def _epoch_zero(self, learner: Learner) -> Generator[None, None, None]:
        """The base's previews, then every epoch that was finished before and that the sender does not have."""
        kept = self.folder.epochs()
        if 0 not in kept or len(pictures_in(kept[0], "probe")) != len(self._probes):
            began = self.clock()
            pictures = yield from self._preview(0, {}, {})
            files = self._shown(pictures) | {
                f"probe_{index}.png": picture.png(image)
                for index, image in enumerate(pictures[len(self.job.previews) :])
            }
            kept[0] = Bundle({"epoch": 0, "seconds": self.clock() - began}, files)
            self.folder.save_epoch(0, files, kept[0].facts)
        if self.reader is not None:
            pictures = [picture_of(data) for kind in ("preview", "probe") for _, data in pictures_in(kept[0], kind)]
            self.read[0] = self.reader.read_base(pictures)
            kept[0].facts.update(self.read[0].facts())
        for epoch, bundle in kept.items():
            if epoch > learner.epoch:
                continue  # finished, but the crash came before its checkpoint: it was not announced and is made again
            if epoch > 0:
                self.read[epoch] = Scores.of(bundle.facts)
            if epoch not in self.job.have_epochs:
                self._announce(epoch, bundle)
        self.epoch_started = self.clock()

    # ---- the end of an epoch -----------------------------------------------------------------------------------------

    def _finish_epoch(self, learner: Learner) -> Generator[None, None, None]:
        began = self.clock()
        epoch, loss = learner.epoch + 1, learner.epoch_loss()
        self._still_a_number(loss)
        self._checkpoint(learner)
        self.shell = self.shell or Shell(self.base)
        edition = edition_of(self.base, self.job, learner, epoch, self.shell)
        with edition.staged(self.base, self.job.trigger) as (mixture, spelling):
            pictures = yield from self._preview(epoch, mixture, spelling)
        read = self.read[epoch] = self.reader.read(pictures) if self.reader else Scores()
        files = self._shown(pictures)
        for name, data in edition.files.items():
            files[name] = notes.with_thumbnail(data, pictures[0]) if pictures else data
        facts = {"epoch": epoch, "loss": loss, "seconds": round(self.clock() - self.epoch_started, 2)} | read.facts()
        self.folder.save_epoch(epoch, files, facts)
        learner.next_epoch()
        self._checkpoint(learner)
        self.epoch_end_s, self.epoch_started = self.clock() - began, self.clock()
        # A sender that lost its checkpoint but not its epochs hears nothing twice.
        if epoch not in self.job.have_epochs:
            self._announce(epoch, Bundle(facts, files))
        yield

    def _preview(self, epoch: int, mixture: Mixture, spelling: Spelling) -> Generator[None, None, list[Image.Image]]:
        """The job's previews, then the reader's probes, at the recipe's size, with the base's own sampler settings."""
        spec, side = self.base.spec, self.recipe.resolution
        wanted = (*self.job.previews, *self._probes)
        pictures: list[Image.Image] = []
        for start in range(0, len(wanted), PREVIEWS_AT_ONCE):
            some = wanted[start : start + PREVIEWS_AT_ONCE]
            painting = draw(
                self.base, [p.prompt for p in some], [p.seed for p in some], steps=spec.preview_steps, cfg=spec.preview_cfg,
                width=side, height=side, mixtures=[mixture] * len(some),
                lora_guidance=guidance_of(self.base, self.job), clip_skip=self.recipe.clip_skip - 1,
                spelling=spelling,
            )  # fmt: skip
            self._say("preview", epoch, self.recipe.epochs, epoch=epoch)
            pictures += yield from painting
        return pictures

    @property
    def _probes(self) -> tuple[PreviewPrompt, ...]:
        return () if self.reader is None else self.reader.probes

    def _shown(self, pictures: list[Image.Image]) -> dict[str, bytes]:
        """The previews among `pictures`: probes are looked at and not kept."""
        return {
            f"preview_{index}.png": picture.png(one) for index, one in enumerate(pictures[: len(self.job.previews)])
        }

    def _announce(self, epoch: int, bundle: Bundle) -> None:
        facts = bundle.facts
        blobs = sent(bundle)
        data = blobs.get("lora", blobs.get("embedding"))
        self.emit(EpochReady(
            kind="epoch", job_id=self.job.job_id, attempt=self.job.attempt, epoch=epoch, loss=facts.get("loss"),
            sha256=hashlib.sha256(data).hexdigest() if data is not None else None,
            seconds=facts["seconds"], blobs=blobs, **Scores.of(facts).facts(),
        ))  # fmt: skip

    # ---- saying and saving -------------------------------------------------------------------------------------------

    def _checkpoint(self, learner: Learner) -> None:
        tensors, facts = learner.state()
        self._still_a_number(float(tensors["sums"].sum()))
        self.folder.save_step(learner.step, tensors, facts)
        self.saved = self.clock()
        if learner.step > self.reported:
            self.reported = learner.step
            self.emit(Checkpointed(job_id=self.job.job_id, attempt=self.job.attempt, step=learner.step))

    def _step_made(self, learner: Learner) -> None:
        took = learner.pass_s * self.recipe.accumulation
        self.step_s = 0.9 * self.step_s + 0.1 * took if self.step_s else took
        self._progress(learner)
        if self.clock() - self.saved >= CHECKPOINT_S:
            self._checkpoint(learner)

    def _progress(self, learner: Learner) -> None:
        free = self.base.device.type == "cpu"
        if not free and learner.step % READ_EVERY:
            return
        if self.clock() - self.said < PROGRESS_S and learner.step < self.recipe.steps:
            return
        loss = learner.recent_loss()
        self._still_a_number(loss)
        left = (self.recipe.steps - learner.step) * self.step_s + (
            self.recipe.epochs - learner.epoch
        ) * self.epoch_end_s
        self._say(
            "training", learner.step, self.recipe.steps, epoch=learner.epoch + 1, loss=loss, seconds_left=round(left, 1)
        )

    def _say(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        epoch: int = 0,
        loss: float | None = None,
        seconds_left: float | None = None,
        note: str = "",
    ) -> None:
        self.said = self.clock()
        self.emit(Progress(
            job_id=self.job.job_id, attempt=self.job.attempt, phase=phase, step=step, total=total, epoch=epoch,
            epochs=self.recipe.epochs, loss=loss, seconds_left=seconds_left, note=note,
        ))  # fmt: skip

    def _still_a_number(self, loss: float | None) -> None:
        if loss is not None and not math.isfinite(loss):
            raise Diverged("The loss is no number any more.")

    # ---- the ends ----------------------------------------------------------------------------------------------------

    def _park(self, learner: Learner) -> None:
        self._checkpoint(learner)
        self.emit(Parked(job_id=self.job.job_id, attempt=self.job.attempt, step=learner.step))

    def _done(self, learner: Learner) -> None:
        """What lies in the folder stays until it is swept: should this last word be lost, the answer is given again at once."""
        chosen = suggestion.suggest(self.read)
        left, reason = learner.epoch < self.recipe.epochs, chosen.reason
        if left and self._gains_nothing:
            reason += f" It ended after epoch {learner.epoch}, for the last {self.recipe.patience} gained nothing."
        self.emit(Done(
            job_id=self.job.job_id, attempt=self.job.attempt, seconds=round(self.clock() - self.started, 2),
            suggested=chosen.epoch, reason=reason,
            stopped_early=left and not self._gains_nothing,
        ))  # fmt: skip

    def close(self) -> None:
        self.closing.close()
        if self.order.cancel is CancelMode.NOW:
            self.folder.drop()
