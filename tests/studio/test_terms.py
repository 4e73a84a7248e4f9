"""A base whose terms bind is shown, and starts nothing before the owner has spoken; its own defaults paint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed
from bot.studio.screens import Notice
from bot.studio.terms import Terms, in_short, on_card
from engine.guidance import SUBJECT, LoraGuidance
from engine.protocol import PaintJob, Progress, TrainJob
from engine.script import Script
from tests.studio.house import SCOPE, House

HARD = Terms(
    "noob", "Fair AI", "https://example.org/terms", commercial=False, max_revenue=5000, attribution="NoobAI inside"
)
FREE = Terms("sd15", "OpenRAIL-M", commercial=True)


def under(house: House, terms: Terms) -> None:
    house.settings = replace(house.settings, terms=((house.settings.base.source, terms),))


@pytest.mark.parametrize(
    ("terms", "bind", "line"),
    [
        (HARD, True, 'The base is noob: Fair AI, no commercial use, for revenue up to $5,000 a year. Where its'),
        (FREE, False, ""),
        (replace(FREE, attribution="Powered by X"), False, "The base is sd15: OpenRAIL-M. Where its pictures"),
        (replace(FREE, commercial=None), False, ""),
    ],
)  # fmt: skip
def test_what_binds_and_what_is_told(terms: Terms, bind: bool, line: str) -> None:
    assert (terms.bind, terms.hold_back) == (bind, bind)
    assert on_card(terms).startswith(line) and bool(on_card(terms)) == bool(line)
    assert not replace(terms, accepted=True).hold_back


async def test_nothing_starts_before_the_owner_accepts(house: House) -> None:
    under(house, HARD)
    async with house.life() as studio:
        dataset = await house.ready()
        card = await studio.confirm_card(house.who(), dataset)
        assert "NoobAI inside" in card.terms and "accepted = true" in card.waits and "$5,000" in card.waits
        with pytest.raises(NotAllowed, match="has not accepted"):
            await studio.start_training(house.who(), dataset)
        with pytest.raises(NotAllowed, match="has not accepted"):
            await studio.imagine(house.who(), house.imagine("a hat"))
        assert not [sent for sent in house.engine.submitted if isinstance(sent, TrainJob | PaintJob)]
        assert not await house.store.jobs.live(SCOPE)


async def test_once_accepted_everything_starts_and_the_export_says_the_terms(house: House) -> None:
    under(house, replace(HARD, accepted=True))
    async with house.life() as studio:
        await house.published()
        card = await studio.confirm_card(house.who(), 1)
        assert card.terms and not card.waits
        taken = await studio.keeping.export(house.who(), 1, 10**9)
        assert taken.terms == card.terms
        facts = taken.files[-1][1].decode()
        assert (await studio.imagine(house.who(), house.imagine("a hat"))).credit == "NoobAI inside"
        assert in_short(HARD) in facts and HARD.url in facts and "NoobAI inside" in facts


async def test_what_waited_when_the_terms_came_is_not_sent(house: House) -> None:
    async with house.life(started=False) as studio:
        await studio.desk.engine.start()
        queued = await studio.imagine(house.who(), house.imagine("a hat"))
    under(house, HARD)
    async with house.life() as studio:
        await house.settled()
        assert not [sent for sent in house.engine.submitted if isinstance(sent, PaintJob)]
        assert "has not accepted" in (await house.store.jobs.get(SCOPE, queued.job_id)).error


async def test_the_bases_own_steps_guidance_and_sampler_paint(house: House) -> None:
    own = LoraGuidance(scale=3.0, start=0.3)
    house.settings = replace(
        house.settings, usual_steps=7, usual_cfg=2.5, usual_sampler="UniPC", usual_lora_guidance=own
    )
    async with house.life() as studio:
        for words in ("a hat", "a hat --steps 9 --cfg 3 --sampler euler --lora-start 0", "a hat --fast"):
            await studio.imagine(house.who(), house.imagine(words))
        await house.settled()
        usual, asked, fast = [sent for sent in house.engine.submitted if isinstance(sent, PaintJob)]
        assert (usual.steps, usual.cfg, usual.sampler) == (7, 2.5, "UniPC")
        assert (asked.steps, asked.cfg, asked.sampler) == (9, 3, "Euler")
        assert fast.steps != 7
        assert [one.lora_guidance for one in (usual, asked, fast)] == [own, LoraGuidance(scale=3.0), own]


@pytest.mark.parametrize("own", [None, LoraGuidance(scale=3.0, start=0.3)])
async def test_previews_are_painted_as_pictures_will_be(house: House, own: LoraGuidance | None) -> None:
    house.settings = replace(house.settings, usual_lora_guidance=own)
    async with house.life():
        await house.trained()
    (work,) = [sent for sent in house.engine.submitted if isinstance(sent, TrainJob)]
    assert work.lora_guidance == (own or SUBJECT)


async def test_what_the_engine_did_differently_stays_on_the_status_card(house: House) -> None:
    house.script = Script(hold={"train": 1})
    said = "Memory is short: 2 of 4 pictures at a time. Slower, with the same result."
    async with house.life() as studio:
        await house.under_way()
        (job,) = await house.store.jobs.live(SCOPE)
        told = Progress(job_id=job.id, attempt=job.attempt, phase="training", step=1, total=9, epoch=1, epochs=3)
        for event in (told, told.model_copy(update={"note": said}), told.model_copy(update={"step": 2})):
            await studio.results.take(SCOPE, event)  # all in one second: a note is never left out for that
            house.clock.now += event.step - 1
        house.clock.now += 5
        await studio.results.take(SCOPE, told.model_copy(update={"step": 3}))
        assert (await house.status()).happened == said
        assert isinstance(await studio.cancel(house.who(), run_id=1), Notice)
        await house.settled()
        assert (await house.status()).happened == ""
        house.engine.release("train")
