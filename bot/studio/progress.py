"""How far a training is, told from its rows: the status card, the post of an epoch, the card of a job that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.language import many, say
from bot.studio import captions, news, scores, sheets
from bot.studio.desk import Desk
from bot.studio.hearsay import retell
from bot.studio.lighter import may_be_lighter
from bot.studio.results import waits_for_a_person
from bot.studio.schedule import Schedule, about, place_words
from bot.studio.screens import EpochPost, Image, StatusCard, TroubleCard
from storage.records import Epoch, Job, Run, Scope
from storage.states import JobState, RunState, Stop

ROUND_S = 10
"""The end is told to this many seconds: a card must not change because a guess wavers."""
LIVE = (RunState.QUEUED, RunState.PREPARING, RunState.TRAINING)


class Progress:
    def __init__(self, desk: Desk, schedule: Schedule) -> None:
        self.desk = desk
        self.schedule = schedule

    async def status(self, scope: Scope, run_id: int) -> StatusCard:
        store = self.desk.store
        run = await store.runs.get(scope, run_id)
        _, subject = await self.desk.subject_of(scope, run.dataset_id)
        job = await store.jobs.of_run(scope, run_id)
        epochs = [epoch for epoch in await store.epochs.list(scope, run_id) if epoch.number]
        total = _epochs_of(run)
        place = 0 if job is None else await self.schedule.place(job)
        live = run.state in LIVE and job is not None and job.live
        of_news = await news.buttons(self.desk, scope, run)
        return StatusCard(
            run_id=run_id,
            subject=subject.name,
            state="paused" if live and job is not None and job.state is JobState.PARKED else run.state,
            headline=await self._headline(scope, run, job, epochs, place),
            place=place,
            done=_done(run, job, epochs, total),
            epoch=max([epoch.number for epoch in epochs], default=0),
            epochs=total,
            losses=tuple(epoch.loss for epoch in epochs if epoch.loss is not None),
            ends_at=await self._ends_at(job) if live and job is not None else None,
            can_cancel=live,
            happened=retell(_happened(job)) if live else "",
            can_stop=live and job is not None and job.state is JobState.RUNNING and job.stop is None,
            can_ask=of_news.ask,
            can_end=of_news.end,
        )

    async def epoch_post(self, scope: Scope, epoch_id: int) -> EpochPost:
        store = self.desk.store
        epoch = await store.epochs.get(scope, epoch_id)
        run = await store.runs.get(scope, epoch.run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        base = [e for e in await store.epochs.list(scope, run.id) if e.number == 0]
        own = [await store.blobs.get(scope, dataset.key_id, sha) for sha in epoch.previews]
        plain = [await store.blobs.get(scope, dataset.key_id, sha) for e in base for sha in e.previews]
        seeds = self.desk.settings.preview_seeds
        prompts = [p.prompt for p in captions.previews(subject.kind, run.trigger, run.class_word, seeds)]
        total = _epochs_of(run)
        title = say("Epoch {number} of {epochs}", number=epoch.number, epochs=total)
        data = await asyncio.to_thread(sheets.epoch_post, title, prompts, plain, own)
        alt = many(
            "{count} picture by epoch {epoch}, the base's picture of the same seed in its corner",
            "{count} pictures by epoch {epoch}, the base's picture of the same seed in the corner of each",
            len(own),
            epoch=epoch.number,
        )
        return EpochPost(
            run_id=run.id,
            epoch_id=epoch_id,
            number=epoch.number,
            epochs=total,
            previews=Image(f"epoch-{epoch.number}.webp", data, alt),
            note=scores.note(epoch),
        )

    async def trouble(self, scope: Scope, job_id: str) -> TroubleCard | None:
        """None once the job was sent again: there is no trouble then."""
        job = await self.desk.store.jobs.get(scope, job_id)
        if job.state not in (JobState.FAILED, JobState.DEAD):
            return None
        waits = waits_for_a_person(job) and bool(job.spec)
        run = None if job.run_id is None else await self.desk.store.runs.get(scope, job.run_id)
        return TroubleCard(job_id, job.member_id, retell(job.error), waits, waits and may_be_lighter(job, run))

    async def _headline(self, scope: Scope, run: Run, job: Job | None, epochs: Sequence[Epoch], place: int) -> str:
        if run.state is RunState.PUBLISHED:
            lora = await self.desk.store.loras.of_run(scope, run.id)
            return say("Done: published as {name}.", name=lora.name) if lora else say("Done.")
        if run.state is RunState.VOTING:
            if not run.seconds:
                return many(
                    "Trained {count} epoch. Now the vote decides.",
                    "Trained {count} epochs. Now the vote decides.",
                    len(epochs),
                )
            return many(
                "Trained {count} epoch in {time}. Now the vote decides.",
                "Trained {count} epochs in {time}. Now the vote decides.",
                len(epochs),
                time=about(run.seconds),
            )
        if run.state in (RunState.CANCELLED, RunState.FAILED):
            return retell(run.reason) if run.reason else say("It was stopped.")
        if job is not None and job.state is JobState.PARKED:
            return say("Paused while the engine is away. It goes on from its last checkpoint.")
        if job is None or job.state is JobState.QUEUED:
            if not epochs:
                return place_words(place)
            return f"{place_words(place)} {say('It goes on after epoch {epoch}.', epoch=epochs[-1].number)}"
        if await self.desk.engine_away():
            return say("The engine is away. The training goes on from its last checkpoint as soon as it is back.")
        progress = job.progress or {}
        epoch, total = progress.get("epoch") or len(epochs) + 1, progress.get("epochs") or _epochs_of(run)
        match progress.get("phase"):
            case "loading":
                words = say("Loading the base model.")
            case "caching":
                words = say("Reading the photos.")
            case "preview":
                words = say("Painting previews of epoch {epoch} of {epochs}.", epoch=epoch, epochs=total)
            case "training":
                words = say("Training epoch {epoch} of {epochs}.", epoch=epoch, epochs=total)
            case _:
                words = say("Getting ready.")
        if job.stop is Stop.AFTER_EPOCH:
            words += " " + say("It stops after this epoch.")
        if job.crashes:
            words += " " + say("The engine had stopped; it went on from the last checkpoint.")
        return words

    async def _ends_at(self, job: Job) -> int | None:
        if job.state is not JobState.RUNNING or await self.desk.engine_away():
            return None
        left = await self.schedule.seconds_left(job)
        return None if left is None else round((self.desk.clock() + left) / ROUND_S) * ROUND_S


def _happened(job: Job | None) -> str:
    found = ((job.progress if job else None) or {}).get("happened")
    return found if isinstance(found, str) else ""


def _epochs_of(run: Run) -> int:
    epochs = run.recipe.get("epochs")
    return epochs if isinstance(epochs, int) else 0


def _done(run: Run, job: Job | None, epochs: Sequence[Epoch], total: int) -> float:
    if run.state in (RunState.VOTING, RunState.PUBLISHED):
        return 1.0
    finished = len(epochs) / total if total else 0.0
    progress = (job.progress if job else None) or {}
    step, steps = progress.get("step"), progress.get("total")
    if progress.get("phase") == "training" and isinstance(step, int) and isinstance(steps, int) and steps > 0:
        return max(finished, min(1.0, step / steps))
    return finished
