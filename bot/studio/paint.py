"""/imagine: the prompt read, the LoRAs found, the job queued; later the pictures, or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio import prompt, sheets, terms
from bot.studio.acts import Act
from bot.studio.channels import count_here, rules_here
from bot.studio.commission import PaintSpec, commission_of
from bot.studio.desk import Desk
from bot.studio.hearsay import retell
from bot.studio.library import Library
from bot.studio.matrix import drawn_of
from bot.studio.mixing import Mixing, Used, read_prompt, size_of, used_loras
from bot.studio.requests import Imagine, Who
from bot.studio.rulebook import check_may_paint
from bot.studio.schedule import Schedule, place_words
from bot.studio.screens import Image, Notice, PicturesCard, Purpose
from engine.protocol import LoraUse, PaintJob
from storage.records import Job, Picture, Scope
from storage.states import JobKind, JobState

BARE = "base"
"""Asked for instead of a LoRA: the base alone, whatever the prompt says. For comparing."""


class Paint:
    def __init__(self, desk: Desk, library: Library, schedule: Schedule) -> None:
        self.desk = desk
        self.library = library
        self.schedule = schedule
        self.mixing = Mixing(desk, library)

    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        known = await self.asked_before(who)
        if known is not None:
            return known
        asked = read_prompt(ask.prompt)
        if not asked.words and not asked.loras and (ask.lora or BARE).casefold() == BARE:
            raise UserError(
                say("The prompt was empty. Say what should be painted, like: a portrait of ohwx on the moon.")
            )
        return await self.queue(who, await self._spec(who, ask, asked))

    async def delete(self, who: Who, job_id: str) -> Notice:
        """The pictures, and the prompt with them: their key is dropped."""
        scope, store = Scope(who.guild_id), self.desk.store
        gone = Notice(say("Deleted: the pictures and the prompt are gone."))
        job = await self.painting(scope, job_id)
        if who.member_id != job.member_id and not who.is_admin:
            raise NotAllowed(say("Only the one who asked for these pictures, or an admin, may delete them."))
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
        spec = commission_of(job)
        pictures = await self.desk.store.pictures.of_job(scope, job.id)
        images = [await self.image(scope, spec, picture) for picture in pictures]
        labels = tuple(spec.matrix.label(picture.number) for picture in pictures) if spec.matrix is not None else ()
        if len(images) > 1:
            images.insert(0, await self._sheet(job, spec, pictures, [image.data for image in images]))
        return PicturesCard(
            job_id=job.id,
            prompt=spec.work.prompt,
            lora=lora_of(spec),
            member_id=job.member_id,
            seeds=tuple(picture.seed for picture in pictures) or spec.work.seeds,
            pictures=tuple(images),
            ready=bool(pictures),
            note=_note(spec, pictures[0]) if pictures else await self._waiting(job, spec),
            numbers=tuple(picture.number for picture in pictures),
            strengths=spec.strengths,
            labels=labels,
            spoiler=spec.spoiler,
            done=_done(job) if spec.matrix is not None and not pictures else None,
            credit=terms.credit(self.desk.settings.terms_of(spec.work.base.source)),
            told="" if pictures else " ".join(_told(spec)),
        )

    async def to_post(self, scope: Scope, job: Job) -> PicturesCard | None:
        """The card for everybody to see; None where nobody is to see it any more."""
        if not job.spec or job.state is JobState.CANCELLED:
            return None
        spec = commission_of(job)
        if spec.matrix is not None and job.state in (JobState.FAILED, JobState.DEAD):
            return None  # the waiting card of a comparison; its trouble card tells why
        loras = self.desk.store.loras
        if any([(await loras.get(scope, used.lora_id)).withdrawn_at is not None for used in spec.loras]):
            return None
        posted = await self.desk.store.outbox.list(scope, purpose=Purpose.PICTURES, ref=job.id)
        if not any(row.message_id is not None for row in posted):
            try:
                await self.library.check_commission(scope, job.member_id, spec)
            except NotAllowed:
                return None
        return await self.card(scope, job)

    async def image(self, scope: Scope, spec: PaintSpec, picture: Picture) -> Image:
        data = await self.desk.store.blobs.get(scope, picture.key_id, picture.sha256)
        place = spec.matrix.label(picture.number) if spec.matrix is not None else ""
        alt = say("Picture {number}, made by AI, seed {seed}", number=picture.number + 1, seed=picture.seed)
        return Image(f"{picture.job_id[:8]}-{picture.number + 1}.png", data, f"{place}. {alt}" if place else alt)

    # -- for everything that paints

    async def asked_before(self, who: Who) -> PicturesCard | None:
        scope = Scope(who.guild_id)
        known = await self.desk.store.jobs.by_request(scope, who.request_id)
        return None if known is None else await self.card(scope, known)

    async def queue(self, who: Who, spec: PaintSpec, *, shown_waiting: bool = False) -> PicturesCard:
        """`shown_waiting`: a card stands in the channel from now on, and becomes the result."""
        scope, store = Scope(who.guild_id), self.desk.store
        most = self.desk.settings.paintings_per_member
        lora_ids = [used.lora_id for used in spec.loras]
        async with store.write():
            known = await store.jobs.by_request(scope, who.request_id)
            if known is None:
                await check_may_paint(self.desk, who)
                terms.check(self.desk.settings.terms_of(spec.work.base.source))
                rules = await rules_here(self.desk, who)
                spec = spec.model_copy(update={"spoiler": rules.spoiler, "roles": tuple(sorted(who.roles))})
                await self.library.check_commission(scope, who.member_id, spec)
                waiting = await store.jobs.live(scope, member_id=who.member_id)
                if sum(job.kind is JobKind.PAINT for job in waiting) >= most:
                    raise UserError(
                        say(
                            "You have {most} requests waiting, which is the most. Try again when one is done.",
                            most=most,
                        )
                    )
                job_id = self.desk.new_id()
                work = spec.work.model_copy(update={"job_id": job_id})
                queued = await store.jobs.enqueue(
                    scope,
                    job_id,
                    kind=JobKind.PAINT,
                    request_id=who.request_id,
                    member_id=who.member_id,
                    channel_id=who.channel_id,
                    dataset_id=None if spec.epochs is None else spec.epochs.dataset_id,
                    lora_ids=lora_ids,
                    key_id=await store.keys.create(scope),
                    spec=spec.model_copy(update={"work": work}).model_dump_json(),
                )
                known = queued.job
                for lora_id in lora_ids or [None]:
                    await store.audit.add(scope, Act.PAINTED, who.member_id, lora_id=lora_id, job_id=job_id)
                if shown_waiting:
                    await store.outbox.add(scope, channel_id=who.channel_id, purpose=Purpose.PICTURES, ref=job_id)
        self.library.was_used(scope, who.member_id, lora_ids)
        self.desk.wake.set()
        return await self.card(scope, known)

    async def painting(self, scope: Scope, job_id: str) -> Job:
        job = await self.desk.store.jobs.get(scope, job_id)
        if job.kind is not JobKind.PAINT:
            raise UserError(say("That was no request for pictures. /imagine is one."))
        return job

    # -- inside

    async def _spec(self, who: Who, ask: Imagine, asked: prompt.Prompt) -> PaintSpec:
        rules = await rules_here(self.desk, who)
        count = count_here(self.desk, rules, ask.count if asked.count is None else asked.count)
        bare = ask.lora is not None and ask.lora.casefold() == BARE
        used: Used = [] if bare else await self.mixing.chosen(who, ask.lora or "", asked, ask.strength)
        from_channel = not used and not bare and rules.lora_id is not None
        if from_channel:
            used = await self.mixing.of_channel(who, rules, ask.strength if asked.strength is None else asked.strength)
        words, added = await self.mixing.with_triggers(who, asked.words, (lora for lora, _ in used))
        negatives = [text for text in (ask.negative.strip(), asked.negative) if text]
        work = PaintJob.model_validate(
            {
                "job_id": "-",
                "base": self.desk.settings.base,
                "prompt": words,
                "negative": ", ".join(negatives),
                "seeds": self.mixing.seeds(ask.seed if asked.seed is None else asked.seed, count),
                "loras": [LoraUse(sha256=lora.sha256, strength=weight, name=lora.name) for lora, weight in used],
                **self.mixing.manner(asked, rules),
            }
        )
        return PaintSpec(
            work=work,
            loras=used_loras(lora for lora, _ in used),
            added=added,
            bare=bare,
            from_channel=from_channel and bool(used),
            size=size_of(asked, rules),
            is_fast=asked.is_fast,
        )

    async def _sheet(self, job: Job, spec: PaintSpec, pictures: Sequence[Picture], data: Sequence[bytes]) -> Image:
        if spec.matrix is not None:
            found = {picture.number: one for picture, one in zip(pictures, data, strict=True)}
            sheet = await asyncio.to_thread(drawn_of, spec.matrix, found)
            alt = say("{count} pictures made by AI, one prompt, one seed: {labels}", count=len(data),
                      labels="; ".join(spec.matrix.label(number) for number in found))  # fmt: skip
        else:
            sheet = await asyncio.to_thread(sheets.several, data, [picture.number + 1 for picture in pictures])
            alt = say("{count} pictures of one prompt, made by AI, numbered", count=len(data))
        return Image(f"{job.id[:8]}.webp", sheet, alt)

    async def _waiting(self, job: Job, spec: PaintSpec) -> str:
        if job.state in (JobState.FAILED, JobState.DEAD):
            return retell(job.error)
        if job.state is JobState.CANCELLED:
            return say("Cancelled.")
        if job.state is JobState.RUNNING:
            words = say("Painting now.")
        else:
            place = await self.schedule.place(job)
            words = place_words(place)
        return " ".join([words, *_told(spec)])


def lora_of(spec: PaintSpec) -> str | None:
    """What people call that by which it was painted."""
    if spec.epochs is not None:
        return spec.epochs.name
    return ", ".join(used.name for used in spec.loras) or None


def _told(spec: PaintSpec) -> list[str]:
    """What people should know of how it was understood."""
    told: list[str] = []
    if spec.varied is not None:
        told.append(say("Variations of picture {number}.", number=spec.varied + 1))
    if spec.enlarged is not None:
        told.append(say("Picture {number}, enlarged.", number=spec.enlarged + 1))
    told += [say("The trigger word `{word}` was put into the prompt.", word=word) for word in spec.added]
    if spec.bare:
        told.append(say("The base alone, as asked."))
    elif not spec.loras and spec.epochs is None:
        told.append(say("No LoRA's trigger word is in the prompt: this is the base alone."))
    elif spec.from_channel:
        told.append(say("With this channel's own LoRA, since none was named."))
    return told


def _note(spec: PaintSpec, picture: Picture) -> str:
    told = _told(spec)
    cut, cut_negative = (str(picture.params.get(name) or "") for name in ("cut", "cut_negative"))
    if cut:
        told.append(say('The prompt is longer than the base reads; left out was: "{words}".', words=cut))
    if cut_negative:
        told.append(
            say('What should not be seen is longer than the base reads; left out was: "{words}".', words=cut_negative)
        )
    return " ".join(told)


def _done(job: Job) -> float:
    step, total = ((job.progress or {}).get(name) for name in ("step", "total"))
    return min(1.0, step / total) if isinstance(step, int) and isinstance(total, int) and total > 0 else 0.0
