"""/compare: one prompt and one seed, painted with several LoRAs, at several strengths, or by the epochs of one training.

One painting job of at most sixteen pictures: it waits, is cancelled, limited and allowed as every other painting is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import many, say
from bot.studio import prompt
from bot.studio.channels import check_limit, rules_here
from bot.studio.commission import Axis, Matrix, PaintSpec, UsedEpochs
from bot.studio.matrix import ACROSS
from bot.studio.mixing import read_prompt, size_of, used_loras
from bot.studio.paint import Paint
from bot.studio.requests import Compare, Who
from bot.studio.screens import PicturesCard
from bot.studio.sentences import told
from engine import xyz
from engine.errors import BadInput
from engine.protocol import LoraUse, PaintJob
from engine.shots import Shot
from engine.xyz import AxisKind, Value
from storage.records import Dataset, Run, Scope, Subject
from storage.states import RunState

MOST = xyz.JOB_PICTURES
USUAL_STRENGTHS: tuple[Value, ...] = (0.4, 0.7, 1.0, 1.3)
BEGUN = (RunState.PREPARING, RunState.TRAINING)
TRAININGS = 25
"""In one autocompletion."""


@dataclass(frozen=True)
class Meant:
    """What is compared, found and allowed."""

    axes: tuple[xyz.Axis, ...]
    loras: Mapping[Value, LoraUse | None]
    """Which file, at which strength, a value of the axis of LoRAs or epochs is."""
    prompts: Mapping[Value, str]
    """The prompt with the trigger word of that value's LoRA; where there is none, that of `spec`."""
    spec: PaintSpec
    """With its LoRAs or epochs, and a `work` of one seed."""


class Comparing:
    def __init__(self, paint: Paint) -> None:
        self.paint = paint
        self.desk = paint.desk
        self.mixing = paint.mixing

    @told
    async def compare(self, who: Who, ask: Compare) -> PicturesCard:
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        meant = await self._meant(who, ask)
        axes = meant.axes
        if len(axes) == 2 and len(axes[0].values) > ACROSS and len(axes[1].values) < len(axes[0].values):
            axes = axes[::-1]  # a phone shows few columns and any number of rows
        cells = prod(len(axis.values) for axis in axes)
        if cells <= xyz.MOST_CELLS:
            plan = xyz.plan(meant.spec.work, axes[0], axes[1] if len(axes) > 1 else None, meant.loras)
            cells = plan.pictures
            check_limit(await rules_here(self.desk, who), cells)
            if cells <= MOST:
                spec = _laid_out(meant, axes, plan.batches[0])
                return await self.paint.queue(who, spec, shown_waiting=True)
        raise UserError(
            say(
                "That is a comparison of {count} pictures, and {most} is the most. Leave some values out.",
                count=cells,
                most=MOST,
            )
        )

    @told
    async def trainings(self, who: Who, typed: str) -> tuple[tuple[int, str], ...]:
        """(run id, what it is called) for autocompletion: one's own that still have epochs, the newest first."""
        found: list[tuple[int, str]] = []
        for kept in await self.desk.store.runs.with_epochs(Scope(who.guild_id), who.member_id):
            name = f"{kept.subject} gen{kept.generation}"
            called = many("{name}, {count} epoch", "{name}, {count} epochs", kept.epochs, name=name)
            if typed.strip().casefold() in called.casefold():
                found.append((kept.run_id, called))
        return tuple(found[:TRAININGS])

    # -- inside

    async def _meant(self, who: Who, ask: Compare) -> Meant:
        asked = read_prompt(ask.prompt)
        if not asked.words:
            raise UserError(say("The prompt was empty. Say what should be painted."))
        if asked.loras:
            raise UserError(
                say("Name the LoRAs in the option of the command, not in the prompt: each is painted for itself.")
            )
        if asked.count is not None:
            raise UserError(say("A comparison paints one picture for every value: leave `--n` out."))
        strengths = _strengths(ask.strengths)
        if ask.run_id is None:
            return await self._loras(who, ask, asked, strengths)
        if ask.loras.strip():
            raise UserError(say("Compare epochs of a training, or LoRAs: not both at once. Leave one of them out."))
        return await self._epochs(who, ask, asked, strengths)

    async def _loras(self, who: Who, ask: Compare, asked: prompt.Prompt, strengths: xyz.Axis | None) -> Meant:
        named = await self.mixing.chosen(who, ask.loras, asked, 1.0)
        if not named:
            raise UserError(
                say(
                    "Say what is to be compared: two LoRAs or more, one LoRA at several strengths, or a training of yours "
                    "for its epochs."
                )
            )
        prompts: dict[Value, str] = {}
        uses: dict[Value, LoraUse | None] = {}
        for lora, weight in named:
            prompts[lora.name], _ = await self.mixing.with_triggers(who, asked.words, [lora])
            uses[lora.name] = LoraUse(sha256=lora.sha256, strength=weight, name=lora.name)
        if len(named) == 1 and strengths is None:
            strengths = xyz.Axis(AxisKind.STRENGTH, USUAL_STRENGTHS)
        axes = [xyz.Axis(AxisKind.LORA, tuple(uses))] if len(named) > 1 else []
        axes += [strengths] if strengths is not None else []
        first = named[0][0]
        work = await self._work(who, ask, asked, prompts[first.name], uses[first.name])
        spec = PaintSpec(
            work=work,
            loras=used_loras(lora for lora, _ in named),
            size=size_of(asked, await rules_here(self.desk, who)),
            is_fast=asked.is_fast,
        )
        return Meant(tuple(axes), uses, prompts if len(named) > 1 else {}, spec)

    async def _epochs(self, who: Who, ask: Compare, asked: prompt.Prompt, strengths: xyz.Axis | None) -> Meant:
        run, dataset, subject = await self._own(who, ask.run_id or 0)
        if run.base != self.desk.settings.base.source:
            raise UserError(
                say(
                    "That training was on another base than the one in use now. Compare another one, or train it "
                    "again with /retrain."
                )
            )
        epochs = await self.desk.store.epochs.list(Scope(who.guild_id), run.id)
        kept = {epoch.number: epoch.lora_sha256 for epoch in epochs if epoch.lora_sha256 is not None}
        numbers = _numbers(ask.epochs, sorted(kept))
        uses: dict[Value, LoraUse | None] = {
            number: LoraUse(sha256=kept[number], name=f"{run.trigger}-{number}") if number else None
            for number in numbers
        }
        files = [use for use in uses.values() if use is not None]
        words = prompt.with_trigger(asked.words, run.trigger, run.class_word)
        work = await self._work(who, ask, asked, words, files[0] if files else None)
        used = UsedEpochs(
            dataset_id=dataset.id,
            subject_id=subject.id,
            name=subject.name,
            key_id=dataset.key_id,
            sha256s=tuple(use.sha256 for use in files),
        )
        axes = (xyz.Axis(AxisKind.EPOCH, tuple(numbers)), *((strengths,) if strengths is not None else ()))
        size = size_of(asked, await rules_here(self.desk, who))
        return Meant(axes, uses, {}, PaintSpec(work=work, epochs=used, size=size, is_fast=asked.is_fast))

    async def _own(self, who: Who, run_id: int) -> tuple[Run, Dataset, Subject]:
        """A training of this member's whose epochs may be shown. NotFound for somebody else's: it is nobody's business."""
        scope, store = Scope(who.guild_id), self.desk.store
        run = await store.runs.get(scope, run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        if subject.owner_id != who.member_id:
            raise NotFound(say("That is no training of yours, so its epochs cannot be compared. /loras lists LoRAs."))
        if not (await store.consents.of_subject(scope, subject.id)).given:
            raise NotAllowed(
                say(
                    "Whoever is in those photos has not allowed it, or took it back. Only they can change that; "
                    "compare another one."
                )
            )
        to_come = dataset.wants_vote and dataset.blind and run.state in (*BEGUN, RunState.QUEUED)
        if run.state is RunState.VOTING or to_come:
            raise UserError(say("The vote on these epochs is not over yet: compare them when it is."))
        return run, dataset, subject

    async def _work(self, who: Who, ask: Compare, asked: prompt.Prompt, words: str, lora: LoraUse | None) -> PaintJob:
        rules = await rules_here(self.desk, who)
        return PaintJob.model_validate(
            {
                "job_id": "-",
                "base": self.desk.settings.base,
                "prompt": words,
                "negative": asked.negative,
                "seeds": self.mixing.seeds(ask.seed if asked.seed is None else asked.seed, 1),
                "loras": () if lora is None else (lora,),
                **self.mixing.manner(asked, rules),
            }
        )


def _laid_out(meant: Meant, axes: Sequence[xyz.Axis], batch: xyz.Batch) -> PaintSpec:
    """The one job of the whole comparison: every picture with the trigger word, and the strength, of its own LoRA."""
    one_strength = all(axis.kind is not AxisKind.STRENGTH for axis in axes)
    shots: list[Shot] = []
    for shot, places in zip(batch.job.shots, batch.cells, strict=True):
        for axis, at in zip(axes, places[0], strict=False):
            if axis.kind is AxisKind.STRENGTH:
                continue
            value = axis.values[at]
            use = meant.loras[value]
            change: dict[str, object] = {"prompt": meant.prompts.get(value, meant.spec.work.prompt)}
            if one_strength and use is not None:
                change["loras"] = (use,)
            shot = shot.model_copy(update=change)
        shots.append(shot)
    told = [
        Axis.model_validate({"kind": str(axis.kind), "values": [_written(v) for v in axis.values]}) for axis in axes
    ]
    matrix = Matrix(columns=told[0], rows=told[1] if len(told) > 1 else None, cells=batch.cells)
    work = batch.job.model_copy(update={"shots": tuple(shots)})
    return meant.spec.model_copy(update={"work": work, "matrix": matrix})


def _written(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _strengths(text: str) -> xyz.Axis | None:
    return xyz.Axis(AxisKind.STRENGTH, _read(AxisKind.STRENGTH, text)) if text.strip() else None


def _numbers(text: str, kept: Sequence[int]) -> list[int]:
    """The epochs meant; none said: the base and all that are kept, or as many of them as fit."""
    if not kept:
        raise NotFound(
            say("No epoch of that training is kept any more. Its LoRA can be compared at several strengths.")
        )
    if not text.strip():
        return _spread([0, *kept], MOST)
    numbers = [int(value) for value in _read(AxisKind.EPOCH, text)]
    missing = [number for number in numbers if number and number not in kept]
    if missing:
        known = ", ".join(str(number) for number in kept)
        raise NotFound(say("Epoch {number} is not kept. Choose among {known}.", number=missing[0], known=known))
    return numbers


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most `most` of them, the first and the last among them, evenly apart."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(place * (len(numbers) - 1) / (most - 1))] for place in range(most)]


def _read(kind: AxisKind, text: str) -> tuple[Value, ...]:
    try:
        return xyz.read_axis(f"{kind}={text}").values
    except BadInput as error:
        like = "1-4, 8" if kind is AxisKind.EPOCH else "0.4, 0.7, 1"
        raise UserError(
            say("These numbers cannot be read: {typed}. Write them like {like}.", typed=text[:60], like=like)
        ) from error
