"""/imagine: the prompt read, the LoRA found, the job queued; later the pictures, again, or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio import brush, prompt, sheets
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.requests import Imagine, Who
from bot.studio.rulebook import check_may_paint
from bot.studio.schedule import Schedule, ordinal
from bot.studio.screens import Image, Notice, PicturesCard
from engine.families.spec import family
from engine.protocol import LoraUse, PaintJob, SubjectKind
from storage.records import Job, Lora, Picture, Scope
from storage.states import JobKind, JobState

LONGEST_PROMPT = 1500
BARE = "base"
"""Asked for instead of a LoRA: the base alone, whatever the prompt says. For comparing."""


class UsedLora(BaseModel):
    model_config = ConfigDict(frozen=True)

    lora_id: int
    name: str
    sha256: str
    key_id: str
    """Opens it: its dataset's."""


class PaintSpec(BaseModel):
    """What is stored of a painting that waits."""

    model_config = ConfigDict(frozen=True)

    work: PaintJob
    loras: tuple[UsedLora, ...] = ()
    note: str = ""
    init_key: str = ""
    """Opens `work.init`: the varied picture's."""
    roles: tuple[int, ...] = ()
    """The member's, when they asked: who may use the LoRAs is looked at again before it is painted and before it is shown."""


class Paint:
    def __init__(self, desk: Desk, library: Library, schedule: Schedule) -> None:
        self.desk = desk
        self.library = library
        self.schedule = schedule

    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        known = await self.desk.store.jobs.by_request(Scope(who.guild_id), who.request_id)
        if known is not None:
            return await self.card(Scope(who.guild_id), known)
        if len(ask.prompt) > LONGEST_PROMPT:
            raise UserError(f"A prompt has at most {LONGEST_PROMPT} characters; the base reads about 75 words anyway.")
        asked = prompt.read(ask.prompt)
        if not asked.words and not asked.loras and (ask.lora or BARE).casefold() == BARE:
            raise UserError("The prompt was empty. Say what should be painted, like: a portrait of ohwx on the moon.")
        spec = await self._spec(who, ask, asked)
        return await self._queue(who, spec)

    async def again(self, who: Who, job_id: str, *, same_seed: bool) -> PicturesCard:
        scope = Scope(who.guild_id)
        known = await self.desk.store.jobs.by_request(scope, who.request_id)
        if known is not None:
            return await self.card(scope, known)
        job = await self._painting(scope, job_id)
        spec = self._spec_of(job)
        for used in spec.loras:
            await self.library.named(who, used.name)
        seeds = spec.work.seeds if same_seed else self._seeds(None, len(spec.work.seeds))
        work = spec.work.model_copy(update={"seeds": seeds})
        return await self._queue(who, spec.model_copy(update={"work": work, "roles": tuple(sorted(who.roles))}))

    async def vary(self, who: Who, job_id: str, number: int) -> PicturesCard:
        """New pictures that start from picture `number` (from 0) of a painting."""
        scope = Scope(who.guild_id)
        known = await self.desk.store.jobs.by_request(scope, who.request_id)
        if known is not None:
            return await self.card(scope, known)
        spec, picture = await self._picture(who, job_id, number)
        change: dict[str, object] = {
            "init": picture.sha256, "denoise": brush.VARY_DENOISE, "width": None, "height": None, "hires": None,
            "seeds": self._seeds(None, self.desk.settings.pictures),
        }  # fmt: skip
        about = {"note": f"Variations of picture {number + 1}.", "init_key": picture.key_id}
        return await self._queue(who, self._changed(who, spec, change, about))

    async def upscale(self, who: Who, job_id: str, number: int) -> PicturesCard:
        """Picture `number` (from 0) of a painting again, with a second pass at twice its size."""
        scope = Scope(who.guild_id)
        known = await self.desk.store.jobs.by_request(scope, who.request_id)
        if known is not None:
            return await self.card(scope, known)
        spec, picture = await self._picture(who, job_id, number)
        if spec.work.hires is not None:
            raise UserError("That picture has been enlarged already. Vary it, or paint it again with a larger size.")
        change = {"hires": brush.UPSCALE, "seeds": (picture.seed,)}
        return await self._queue(who, self._changed(who, spec, change, {"note": f"Picture {number + 1}, enlarged."}))

    async def delete(self, who: Who, job_id: str) -> Notice:
        """The pictures, and the prompt with them: their key is dropped."""
        scope, store = Scope(who.guild_id), self.desk.store
        gone = Notice("Deleted: the pictures and the prompt are gone.")
        job = await self._painting(scope, job_id)
        if who.member_id != job.member_id and not who.is_admin:
            raise NotAllowed("Only the one who asked for these pictures, or an admin, may delete them.")
        if not job.spec:
            return gone
        async with store.write():
            if (await store.jobs.get(scope, job_id)).live:
                await store.jobs.cancel(scope, job_id)
            await store.pictures.delete(scope, job_id)
            await store.keys.forget(scope, job.key_id)
        if job.live:
            await self.desk.engine.cancel(job_id)
            self.desk.wake.set()
        return gone

    async def card(self, scope: Scope, job: Job) -> PicturesCard:
        spec = self._spec_of(job)
        pictures = await self.desk.store.pictures.of_job(scope, job.id)
        images: list[Image] = []
        for picture in pictures:
            data = await self.desk.store.blobs.get(scope, picture.key_id, picture.sha256)
            alt = f"Picture {picture.number + 1}, seed {picture.seed}"
            images.append(Image(f"{job.id[:8]}-{picture.number + 1}.png", data, alt))
        if len(images) > 1:
            sheet = await asyncio.to_thread(sheets.several, [image.data for image in images])
            images.insert(0, Image(f"{job.id[:8]}.webp", sheet, f"{len(images)} pictures of one prompt, numbered"))
        return PicturesCard(
            job_id=job.id,
            prompt=spec.work.prompt,
            lora=", ".join(used.name for used in spec.loras) or None,
            member_id=job.member_id,
            seeds=spec.work.seeds,
            pictures=tuple(images),
            ready=bool(pictures),
            note=_note(spec, pictures[0]) if pictures else await self._waiting(job, spec),
        )

    # -- inside

    async def _picture(self, who: Who, job_id: str, number: int) -> tuple[PaintSpec, Picture]:
        """A painting that `who` may paint again, and one picture of it."""
        scope = Scope(who.guild_id)
        spec = self._spec_of(await self._painting(scope, job_id))
        for used in spec.loras:
            await self.library.named(who, used.name)
        for picture in await self.desk.store.pictures.of_job(scope, job_id):
            if picture.number == number:
                return spec, picture
        raise NotFound("That picture is not kept any more. Paint it again with Same seed.")

    def _changed(self, who: Who, spec: PaintSpec, change: Mapping[str, object], about: Mapping[str, str]) -> PaintSpec:
        work = spec.work.model_copy(update=change)
        return spec.model_copy(update={"work": work, "roles": tuple(sorted(who.roles)), **about})

    async def _spec(self, who: Who, ask: Imagine, asked: prompt.Prompt) -> PaintSpec:
        usual = ask.strength if asked.strength is None else asked.strength
        used: list[tuple[Lora, float]] = []
        bare = ask.lora is not None and ask.lora.casefold() == BARE
        if ask.lora and not bare:
            used.append((await self.library.named(who, ask.lora), usual))
        for named in () if bare else asked.loras:
            lora = await self.library.named(who, named.name)
            if lora.id not in {other.id for other, _ in used}:
                used.append((lora, usual if named.strength is None else named.strength))
        if not used and not bare:
            used = [(lora, usual) for lora in await self.library.triggered(who, asked.words)]
        self._check_base([lora for lora, _ in used])
        words, added = asked.words, ""
        for lora, _ in used:
            run = await self.desk.store.runs.get(Scope(who.guild_id), lora.run_id)
            with_it = prompt.with_trigger(words, lora.trigger, run.class_word)
            if with_it != words:
                words, added = with_it, f"The trigger word `{lora.trigger}` was put into the prompt."
        base = self.desk.settings.base
        facts = family(base.family)
        width, height = prompt.size_of(asked, self._side(facts.home_resolution), facts.multiple_of)
        usual = brush.Usual(facts.paint_steps, facts.paint_cfg, self.desk.settings.few_step)
        negatives = [text for text in (ask.negative.strip(), asked.negative) if text]
        work = PaintJob(
            job_id="-",
            base=base,
            prompt=words,
            negative=", ".join(negatives),
            seeds=self._seeds(ask.seed if asked.seed is None else asked.seed, ask.count),
            loras=tuple(LoraUse(sha256=lora.sha256, strength=strength, name=lora.name) for lora, strength in used),
            width=width,
            height=height,
            **brush.settings(asked, facts, usual),
        )
        alone = (
            "The base alone, as asked." if bare else "No LoRA's trigger word is in the prompt: this is the base alone."
        )
        note = added or ("" if used else alone)
        kept = tuple(
            UsedLora(lora_id=lora.id, name=lora.name, sha256=lora.sha256, key_id=lora.key_id) for lora, _ in used
        )
        return PaintSpec(work=work, loras=kept, note=note, roles=tuple(sorted(who.roles)))

    async def _queue(self, who: Who, spec: PaintSpec) -> PicturesCard:
        scope, store = Scope(who.guild_id), self.desk.store
        most = self.desk.settings.paintings_per_member
        async with store.write():
            known = await store.jobs.by_request(scope, who.request_id)
            if known is None:
                await check_may_paint(self.desk, who)
                waiting = await store.jobs.live(scope, member_id=who.member_id)
                if sum(job.kind is JobKind.PAINT for job in waiting) >= most:
                    raise UserError(f"You have {most} requests waiting, which is the most. Try again when one is done.")
                job_id = self.desk.new_id()
                work = spec.work.model_copy(update={"job_id": job_id})
                queued = await store.jobs.enqueue(
                    scope,
                    job_id,
                    kind=JobKind.PAINT,
                    request_id=who.request_id,
                    member_id=who.member_id,
                    channel_id=who.channel_id,
                    lora_ids=[used.lora_id for used in spec.loras],
                    key_id=await store.keys.create(scope),
                    spec=spec.model_copy(update={"work": work}).model_dump_json(),
                )
                known = queued.job
                for lora_id in [used.lora_id for used in spec.loras] or [None]:
                    await store.audit.add(scope, Act.PAINTED, who.member_id, lora_id=lora_id, job_id=job_id)
        self.desk.wake.set()
        return await self.card(scope, known)

    async def _painting(self, scope: Scope, job_id: str) -> Job:
        job = await self.desk.store.jobs.get(scope, job_id)
        if job.kind is not JobKind.PAINT:
            raise UserError("That was no request for pictures.")
        return job

    def _spec_of(self, job: Job) -> PaintSpec:
        if not job.spec:  # its key was dropped
            raise NotFound("Those pictures were deleted.")
        return PaintSpec.model_validate_json(job.spec)

    async def _waiting(self, job: Job, spec: PaintSpec) -> str:
        if job.state in (JobState.FAILED, JobState.DEAD):
            return job.error
        if job.state is JobState.CANCELLED:
            return "Cancelled."
        if job.state is JobState.RUNNING:
            words = "Painting now."
        else:
            place = await self.schedule.place(job)
            words = "Next in line." if place <= 1 else f"{ordinal(place)} in line."
        return f"{words} {spec.note}".strip()

    def _seeds(self, first: int | None, count: int) -> tuple[int, ...]:
        """Following each other, so that the third picture can be had alone by its own seed."""
        start = self.desk.random.randrange(prompt.SEED_BELOW) if first is None else first
        if not 0 <= start < prompt.SEED_BELOW:
            raise UserError(f"A seed is a whole number from 0 to {prompt.SEED_BELOW - 1}.")
        many = min(max(count, 1), self.desk.settings.pictures)
        return tuple((start + place) % prompt.SEED_BELOW for place in range(many))

    def _side(self, home: int) -> int:
        """The base's own square, in pixels: the one it is trained at here."""
        settings = self.desk.settings
        return settings.recipe_of(settings.preset, SubjectKind.PERSON, settings.min_photos).resolution or home

    def _check_base(self, loras: list[Lora]) -> None:
        for lora in loras:
            if lora.base != self.desk.settings.base.source:
                raise UserError(
                    f"{lora.name} was trained on another base than the one in use now, so it would paint nonsense. "
                    "Train it again, or ask the owner of this bot to go back to its base."
                )


def _note(spec: PaintSpec, picture: Picture) -> str:
    cut = str(picture.params.get("cut") or "")
    unread = f'The prompt is longer than the base reads; left out was: "{cut}".' if cut else ""
    return f"{spec.note} {unread}".strip()
