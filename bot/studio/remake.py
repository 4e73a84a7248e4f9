"""New pictures from a painting that is there: again, varied, enlarged, with more or less of its LoRAs, with other words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.errors import NotFound, UserError
from bot.language import say
from bot.studio import brush
from bot.studio.channels import count_here, most_here, rules_here
from bot.studio.commission import PaintSpec, commission_of
from bot.studio.mixing import Mixing
from bot.studio.paint import BARE, Paint
from bot.studio.painting_screens import EditForm
from bot.studio.prompt import HEAVIEST
from bot.studio.requests import Imagine, Who
from bot.studio.screens import PicturesCard
from bot.studio.sentences import told
from bot.studio.typed import as_typed
from engine.fast import pace
from engine.shots import LoraUse
from storage.records import Picture, Scope

STEP = 0.2
"""Of a strength, for one press."""


class Remake:
    def __init__(self, paint: Paint) -> None:
        self.paint = paint
        self.desk = paint.desk
        self.mixing: Mixing = paint.mixing

    @told
    async def again(self, who: Who, job_id: str, *, same_seed: bool) -> PicturesCard:
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        spec = await self._spec(who, job_id)
        count = await self._count(who, spec)
        seeds = spec.work.seeds
        if not same_seed:
            seeds = self.mixing.seeds(None, count)
            seeds = seeds[:1] * count if spec.matrix is not None else seeds
        return await self._queue(who, spec, {"seeds": seeds[:count]}, shown_waiting=spec.matrix is not None)

    @told
    async def vary(self, who: Who, job_id: str, number: int) -> PicturesCard:
        """New pictures that start from picture `number` (from 0) of a painting."""
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        spec, picture = await self._picture(who, job_id, number)
        rules = await rules_here(self.desk, who)
        change: dict[str, object] = {
            "init": picture.sha256, "denoise": brush.VARY_DENOISE, "width": None, "height": None, "hires": None,
            "seeds": self.mixing.seeds(None, count_here(self.desk, rules, None)),
        }  # fmt: skip
        return await self._queue(who, spec, change, {"varied": number, "enlarged": None, "init_key": picture.key_id})

    @told
    async def upscale(self, who: Who, job_id: str, number: int) -> PicturesCard:
        """Picture `number` (from 0) of a painting again, with a second pass at twice its size."""
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        spec, picture = await self._picture(who, job_id, number)
        if spec.work.hires is not None:
            raise UserError(
                say("That picture has been enlarged already. Vary it, or paint it again with a larger size.")
            )
        change = {"hires": brush.UPSCALE, "seeds": (picture.seed,)}
        return await self._queue(who, spec, change, {"enlarged": number, "varied": None})

    @told
    async def stronger(self, who: Who, job_id: str, *, by: int) -> PicturesCard:
        """The same seeds with its LoRAs a step stronger or weaker: `by` 1 or -1. Several move together."""
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        spec = await self._spec(who, job_id)
        if spec.matrix is not None or not spec.work.loras:
            raise UserError(
                say(
                    "There is no LoRA in these pictures, so there is nothing to make stronger or weaker. Edit "
                    "prompt can bring one in."
                )
            )
        loras = tuple(use.model_copy(update={"strength": stepped(use.strength, by)}) for use in spec.work.loras)
        if loras == spec.work.loras:
            raise UserError(
                say(
                    "It goes no further: a strength is a number from 0 to {most}. Other words in the prompt may "
                    "do more.",
                    most=f"{HEAVIEST:g}",
                )
            )
        count = await self._count(who, spec)
        return await self._queue(who, spec, {"loras": loras, "seeds": spec.work.seeds[:count]})

    @told
    async def edit_form(self, who: Who, job_id: str, number: int) -> EditForm:
        """What was asked for in these pictures, as it would be typed; the seed is picture `number`'s."""
        spec = await self._spec(who, job_id)
        if spec.epochs is not None:
            raise UserError(say("An epoch has no name to be typed. Publish it, or compare the epochs again."))
        seed = spec.work.seeds[min(number, len(spec.work.seeds) - 1)]
        spec = _alone(spec, number)
        loras = await self.paint.library.known(who, [used.lora_id for used in spec.loras])
        facts, settings = self.mixing.facts(), self.desk.settings
        usual = brush.Usual(facts.paint_steps, facts.paint_cfg, settings.few_step, lora_guidance=settings.lora_guidance)
        if spec.is_fast:
            quick = pace(facts, few_step=settings.few_step is not None)
            usual = replace(usual, steps=quick.steps, cfg=quick.cfg, sampler=quick.sampler)
        return EditForm(job_id, as_typed(spec, [lora.name for lora in loras], usual), spec.work.negative, seed)

    @told
    async def edit(self, who: Who, job_id: str, text: str, negative: str, seed: str) -> PicturesCard:
        """With the words as they were changed; without a seed with a new one. As many as there were."""
        known = await self.paint.asked_before(who)
        if known is not None:
            return known
        if seed.strip() and not (seed.strip().isascii() and seed.strip().isdigit()):
            raise UserError(say("A seed is a whole number. Leave the field empty for a new one."))
        spec = await self._spec(who, job_id)
        count = 1 if spec.enlarged is not None else await self._count(who, spec)
        ask = Imagine(
            prompt=text,
            lora=BARE if spec.bare and "<lora:" not in text.casefold() else None,
            negative=negative,
            seed=int(seed) if seed.strip() else None,
            count=None if spec.matrix is not None or spec.varied is not None else count,
        )
        return await self.paint.imagine(who, ask)

    # -- inside

    async def _spec(self, who: Who, job_id: str) -> PaintSpec:
        """A painting that `who` may paint again."""
        scope = Scope(who.guild_id)
        spec = commission_of(await self.paint.painting(scope, job_id))
        loras = await self.paint.library.known(who, [used.lora_id for used in spec.loras])
        self.mixing.check_base(loras)
        return spec

    async def _picture(self, who: Who, job_id: str, number: int) -> tuple[PaintSpec, Picture]:
        spec = await self._spec(who, job_id)
        for picture in await self.desk.store.pictures.of_job(Scope(who.guild_id), job_id):
            if picture.number == number:
                return _alone(spec, number), picture
        raise NotFound(say("That picture is not kept any more. Paint it again with Same seed."))

    async def _count(self, who: Who, spec: PaintSpec) -> int:
        """As many as there were, or as many as are painted at once here."""
        rules = await rules_here(self.desk, who)
        there = len(spec.work.seeds)
        return there if spec.matrix is not None else min(there, most_here(self.desk, rules))

    async def _queue(
        self,
        who: Who,
        spec: PaintSpec,
        change: Mapping[str, object],
        about: Mapping[str, object] | None = None,
        *,
        shown_waiting: bool = False,
    ) -> PicturesCard:
        work = spec.work.model_copy(update=change)
        spec = spec.model_copy(update={"work": work, "added": (), **(about or {})})
        return await self.paint.queue(who, spec, shown_waiting=shown_waiting)


def stepped(strength: float, by: int) -> float:
    """A step on; from 0 up to the heaviest, and for one that is below 0 already from the heaviest down."""
    low = 0.0 if strength >= 0 else -HEAVIEST
    return min(max(round(strength + by * STEP, 2), low), HEAVIEST)


def _alone(spec: PaintSpec, number: int) -> PaintSpec:
    """Picture `number` of a comparison as if it had been asked for alone."""
    if spec.matrix is None:
        return spec
    shot = spec.work.shots[number]
    uses: tuple[LoraUse, ...] = shot.loras or ()
    change = {
        "prompt": spec.work.prompt if shot.prompt is None else shot.prompt,
        "loras": uses,
        "shots": (),
        "seeds": spec.work.seeds[number : number + 1],
    }
    meant = {use.sha256 for use in uses}
    return spec.model_copy(
        update={
            "work": spec.work.model_copy(update=change),
            "loras": tuple(used for used in spec.loras if used.sha256 in meant),
            "matrix": None,
            "bare": not uses,
        }
    )
