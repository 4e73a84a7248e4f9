"""New pictures from old ones: as typed, with other words, with more or less of a LoRA."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.errors import NotFound, UserError
from bot.studio import prompt
from bot.studio.brush import Usual
from bot.studio.commission import PaintSpec, commission_of
from bot.studio.remake import stepped
from bot.studio.typed import as_typed
from engine.protocol import PaintJob
from storage.records import Scope
from tests.studio.house import FRIEND, SCOPE, House
from tests.studio.shelf import planted

USUAL = Usual(25, 5.0)


async def spec_of(house: House, job_id: str) -> PaintSpec:
    return commission_of(await house.store.jobs.get(SCOPE, job_id))


def works(house: House) -> list[PaintJob]:
    return [job for job in house.engine.submitted if isinstance(job, PaintJob)]


ASKED = (
    "ohwx person on the moon --ar 3:2 --steps 30 --cfg 6.5 --clip-skip 2",
    "ohwx person on the moon --w 512 --h 768 --hires 1.5 --denoise 0.4 --sampler Euler a",
    "ohwx person on the moon --fast",
    "ohwx person on the moon --fast --steps 4",
    "ohwx person on the moon <lora:kat3r1na-gen0:0.45>",
    "ohwx person on the moon <lora:kat3r1na-gen0:0.8> --lora-guidance 0 --lora-start 0.35",
)


@pytest.mark.parametrize("text", ASKED)
async def test_what_the_form_shows_means_what_was_asked(house: House, text: str) -> None:
    async with house.life() as studio:
        await planted(house)
        card = await studio.imagine(house.who(), house.imagine(f"{text} --no hat, glasses --seed 7", count=2))
        await house.settled()
        form = await studio.remake.edit_form(house.who(), card.job_id, 1)
        assert (form.negative, form.seed) == ("hat, glasses", 8)
        anew = await studio.remake.edit(house.who(), card.job_id, form.text, form.negative, "7")
        await house.settled()
        first, second = (work.model_dump(exclude={"job_id"}) for work in works(house))
        assert first == second
        typed = await studio.remake.edit_form(house.who(), anew.job_id, 0)
        assert typed.text == form.text


async def test_edited_words_are_painted_with_a_new_seed_or_the_old_one(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house)).name
        card = await studio.imagine(house.who(), house.imagine("ohwx on the moon", count=2))
        await house.settled()
        form = await studio.remake.edit_form(house.who(), card.job_id, 0)
        assert form.text == f"ohwx on the moon <lora:{name}:1>"
        kept = await studio.remake.edit(house.who(), card.job_id, "ohwx at sea --steps 9", "", str(form.seed))
        new = await studio.remake.edit(house.who(), card.job_id, "ohwx at sea", "", " ")
        assert kept.seeds == card.seeds and set(new.seeds).isdisjoint(card.seeds) and len(new.seeds) == 2
        assert kept.prompt == "ohwx at sea" and kept.lora == name
        await house.settled()
        for wrong in ("seven", "-1", "1.5"):
            with pytest.raises(UserError, match="whole number"):
                await studio.remake.edit(house.who(), card.job_id, "ohwx", "", wrong)
        with pytest.raises(UserError, match="Did you mean `--steps`"):
            await studio.remake.edit(house.who(), card.job_id, "ohwx --step 3", "", "")


async def test_the_base_alone_stays_so_until_a_lora_is_typed(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house)).name
        bare = await studio.imagine(house.who(), house.imagine("ohwx on the moon", lora="base", count=1))
        await house.settled()
        same = await studio.remake.edit(house.who(), bare.job_id, "ohwx at sea", "", "")
        other = await studio.remake.edit(house.who(), bare.job_id, f"ohwx at sea <lora:{name}>", "", "")
        await house.settled()
        assert (same.lora, other.lora) == (None, name)


async def test_the_form_knows_a_lora_by_its_new_name_and_only_for_those_who_may_use_it(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house, access="me")).name
        card = await studio.imagine(house.who(), house.imagine("ohwx", count=1))
        await house.settled()
        lora = await house.store.loras.by_name(SCOPE, name)
        assert lora is not None
        await studio.keeping.rename(house.who(), lora.id, "katja")
        assert "<lora:katja:1>" in (await studio.remake.edit_form(house.who(), card.job_id, 0)).text
        await studio.again(house.who(), card.job_id)
        await house.settled()
        for press in (
            studio.remake.edit_form(house.who(FRIEND), card.job_id, 0),
            studio.again(house.who(FRIEND), card.job_id),
        ):
            with pytest.raises(NotFound, match="not one you may use"):
                await press


async def test_stronger_and_weaker_keep_the_seeds(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house)).name
        card = await studio.imagine(house.who(), house.imagine(f"ohwx <lora:{name}:0.8>", count=2))
        await house.settled()
        stronger = await studio.remake.stronger(house.who(FRIEND, "up"), card.job_id, by=1)
        assert (await studio.remake.stronger(house.who(FRIEND, "up"), card.job_id, by=1)).job_id == stronger.job_id
        weaker = await studio.remake.stronger(house.who(), stronger.job_id, by=-1)
        assert (stronger.strengths, weaker.strengths, card.strengths) == ((1.0,), (0.8,), (0.8,))
        assert stronger.seeds == weaker.seeds == card.seeds
        await house.settled()
        bare = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        with pytest.raises(UserError, match="no LoRA"):
            await studio.remake.stronger(house.who(), bare.job_id, by=1)
        most = await studio.imagine(house.who(), house.imagine(f"ohwx <lora:{name}:4>", count=1))
        with pytest.raises(UserError, match="no further"):
            await studio.remake.stronger(house.who(), most.job_id, by=1)
        await house.settled()


def test_a_step_stays_within_what_a_strength_may_be() -> None:
    assert [stepped(value, -1) for value in (1.0, 0.1, 0.0)] == [0.8, 0.0, 0.0]
    assert [stepped(value, 1) for value in (0.7, 3.9, 4.0)] == [0.9, 4.0, 4.0]
    assert (stepped(-0.5, -1), stepped(-0.5, 1), stepped(-4.0, -1)) == (-0.7, -0.3, -4.0)


async def test_several_loras_step_together(house: House) -> None:
    async with house.life() as studio:
        one = (await planted(house, "ann-gen0", trigger="ann")).name
        two = (await planted(house, "bob-gen0", trigger="b0b")).name
        ask = house.imagine(f"at sea <lora:{two}:0.5>", lora=f"{one}:0.7", count=1)
        card = await studio.imagine(house.who(), ask)
        await house.settled()
        assert card.strengths == (0.7, 0.5) and card.lora == f"{one}, {two}"
        stronger = await studio.remake.stronger(house.who(), card.job_id, by=1)
        assert stronger.strengths == (0.9, 0.7)
        await house.settled()


async def test_again_takes_as_many_as_the_channel_does_now(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat", count=4))
        await house.settled()
        admin = house.who(9, admin=True)
        await studio.channels.fill_in(admin, house.who().channel_id, {"most": "2"})
        again = await studio.again(house.who(), card.job_id, same_seed=True)
        assert again.seeds == card.seeds[:2]
        await house.settled()


def spec(**work: Any) -> PaintSpec:
    asked = prompt.read(work.pop("typed", "a cat"))
    job = PaintJob.model_validate({"job_id": "-", "prompt": asked.words, "seeds": (1,), "steps": 25, **work})
    return PaintSpec(work=job)


def test_what_is_usual_is_not_typed() -> None:
    assert as_typed(spec(), [], USUAL) == "a cat"
    assert as_typed(spec(steps=12, cfg=2), [], USUAL) == "a cat --steps 12 --cfg 2"
    assert as_typed(spec(steps=12), [], replace(USUAL, steps=12)) == "a cat"
    enlarged = spec(hires={"upscale": 2.0, "denoise": 0.4}).model_copy(update={"enlarged": 0})
    assert as_typed(enlarged, [], USUAL) == "a cat"


async def test_another_servers_painting_is_not_there(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        await house.settled()
        stranger = replace(house.who(), guild_id=4711)
        with pytest.raises(NotFound):
            await studio.remake.edit_form(stranger, card.job_id, 0)
        assert await house.store.jobs.live(Scope(4711)) == ()
