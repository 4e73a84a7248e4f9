from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.requests import Compare, Who
from bot.studio.screens import PicturesCard, Purpose, TroubleCard
from engine.files.picture import MADE_BY_A_MODEL
from engine.protocol import FailureKind, PaintJob
from engine.script import At, Script
from engine.shots import Hires
from storage.states import Access, JobState
from tests.studio.house import ADMIN, FRIEND, GUILD, OWNER, SCOPE, House
from tests.studio.shelf import planted


async def painted(house: House, job_id: str) -> PicturesCard:
    card = await house.studio.screen(GUILD, Purpose.PICTURES, job_id)
    assert isinstance(card, PicturesCard)
    return card


def sent(house: House) -> list[PaintJob]:
    return [job for job in house.engine.submitted if isinstance(job, PaintJob)]


async def test_everything_asked_for_reaches_the_engine(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        ask = house.imagine(
            f"ohwx person on the moon <lora:{name}:0.6> --no hat --seed 7 --steps 30 --cfg 6 --ar 2:1",
            count=3,
            negative="blurry",
        )
        card = await studio.imagine(house.who(), ask)
        assert (card.seeds, card.ready, card.lora) == ((7, 8, 9), False, name)
        await house.settled()
        (work,) = sent(house)
        assert (work.prompt, work.negative) == ("ohwx person on the moon", "blurry, hat")
        assert (work.steps, work.cfg, work.seeds) == (30, 6.0, (7, 8, 9))
        assert work.width is not None and work.height is not None and work.width > work.height
        lora = await house.store.loras.by_name(SCOPE, name)
        assert lora is not None and [(use.sha256, use.strength) for use in work.loras] == [(lora.sha256, 0.6)]
        done = await painted(house, card.job_id)
        assert done.ready and len(done.pictures) == 4
        assert Image.open(io.BytesIO(done.pictures[1].data)).format == "PNG"
        (first, *_) = await house.store.pictures.of_job(SCOPE, card.job_id)
        assert first.seed == 7 and first.params["steps"] == 30 and first.params["negative"] == "blurry, hat"


async def test_the_lora_is_found_by_its_trigger_word_and_own_ones_first(house: House) -> None:
    async with house.life() as studio:
        name = await house.published(access="me")
        mine = await studio.imagine(house.who(OWNER), house.imagine("OHWX, on a beach"))
        theirs = await studio.imagine(house.who(FRIEND), house.imagine("ohwx, on a beach"))
        assert (mine.lora, theirs.lora) == (name, None)
        await house.settled()
        assert (await painted(house, theirs.job_id)).note.startswith("No LoRA's trigger word is in the prompt")
        assert await studio.lora_names(house.who(FRIEND), "") == ()
        with pytest.raises(NotFound, match="no LoRA called"):
            await studio.imagine(house.who(FRIEND), house.imagine("a cat", lora=name))
        lora = await house.store.loras.by_name(SCOPE, name)
        assert lora is not None


async def test_a_named_lora_brings_its_trigger_word(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        card = await studio.imagine(house.who(), house.imagine("a portrait of a person on a beach", lora=name.upper()))
        assert card.prompt == "a portrait of ohwx person on a beach"
        assert "`ohwx` was put into the prompt" in card.note
        with pytest.raises(NotFound, match=f"Did you mean {name}"):
            await studio.imagine(house.who(), house.imagine("a cat", lora="kat3rina-gen0"))
        await house.settled()


async def test_the_base_alone_when_asked_for_it(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        card = await studio.imagine(house.who(), house.imagine(f"ohwx <lora:{name}> on a beach", lora="Base"))
        await house.settled()
        (work,) = sent(house)
        assert work.loras == () and work.prompt == "ohwx on a beach"
        assert (await painted(house, card.job_id)).note == "The base alone, as asked."
        with pytest.raises(UserError, match="prompt was empty"):
            await studio.imagine(house.who(), house.imagine("", lora="base"))


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("  ", "prompt was empty"),
        ("x" * 1501, "at most 1500"),
        ("a cat --sed 3", "Did you mean `--seed`"),
        ("a cat <lora:nobody>", "no LoRA called nobody"),
    ],
)
async def test_what_cannot_be_painted_is_said(house: House, prompt: str, part: str) -> None:
    async with house.life() as studio:
        with pytest.raises(UserError, match=part):
            await studio.imagine(house.who(), house.imagine(prompt))
        assert await house.store.jobs.live(SCOPE) == ()


async def test_the_same_request_is_painted_once(house: House) -> None:
    async with house.life() as studio:
        who = house.who(request="paint")
        first = await studio.imagine(who, house.imagine("a cat"))
        second = await studio.imagine(who, house.imagine("a cat"))
        assert first.job_id == second.job_id and first.seeds == second.seeds
        await house.settled()
        assert (await studio.imagine(who, house.imagine("a cat"))).ready
        assert len(await house.posts("pictures")) == 1
        again = house.who(request="again")
        third = await studio.again(again, first.job_id)
        assert (await studio.again(again, first.job_id)).job_id == third.job_id
        await house.settled()
        assert len(sent(house)) == 2 and set(third.seeds).isdisjoint(first.seeds)


async def test_again_with_the_same_seed_is_the_same_picture(house: House) -> None:
    async with house.life() as studio:
        first = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        second = await studio.again(house.who(FRIEND), first.job_id, same_seed=True)
        await house.settled()
        one, two = await painted(house, first.job_id), await painted(house, second.job_id)
        assert one.pictures[0].data == two.pictures[0].data and two.member_id == FRIEND


async def test_how_it_is_painted_stands_in_the_prompt(house: House) -> None:
    house.settings = replace(house.settings, few_step="/models/lcm.safetensors")
    async with house.life() as studio:
        for number, text in enumerate(
            ("a cat --sampler euler a --clip-skip 2 --hires 2 --denoise 0.4", "a cat --fast", "a cat --fast --steps 4")
        ):
            await studio.imagine(house.who(request=f"r{number}"), house.imagine(text, count=1))
            await house.settled()
        plain, fast, faster = sent(house)
        assert (plain.sampler, plain.clip_skip, plain.few_step) == ("Euler a", 1, None)
        assert plain.hires == Hires(upscale=2.0, denoise=0.4)
        assert (fast.sampler, fast.steps, fast.cfg, fast.few_step) == ("LCM", 6, 1.5, "/models/lcm.safetensors")
        assert (faster.sampler, faster.steps) == ("LCM", 4)


async def test_a_variation_starts_from_the_picture_it_was_pressed_on(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        card = await studio.imagine(house.who(), house.imagine("ohwx on the moon --seed 7 --ar 2:1", count=3))
        await house.settled()
        pictures = await house.store.pictures.of_job(SCOPE, card.job_id)
        varied = await studio.vary(house.who(FRIEND, request="vary"), card.job_id, 1)
        assert (await studio.vary(house.who(FRIEND, request="vary"), card.job_id, 1)).job_id == varied.job_id
        await house.settled()
        work = sent(house)[-1]
        assert (work.init, work.width, work.height, work.hires) == (pictures[1].sha256, None, None, None)
        assert 0 < work.denoise < 1 and len(work.seeds) == 4 and set(work.seeds).isdisjoint(card.seeds)
        done = await painted(house, varied.job_id)
        assert done.ready and done.lora == name and done.note == "Variations of picture 2."


async def test_upscale_is_the_same_picture_with_a_second_pass(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat --seed 7", count=3))
        await house.settled()
        large = await studio.upscale(house.who(request="up"), card.job_id, 2)
        await house.settled()
        first, second = sent(house)
        assert second.seeds == (9,) and second.hires is not None and second.init is None
        same = {"seeds": (9,), "hires": None, "job_id": first.job_id, "attempt": first.attempt}
        assert second.model_copy(update=same) == first.model_copy(update={"seeds": (9,)})
        with pytest.raises(UserError, match="enlarged already"):
            await studio.upscale(house.who(request="again"), large.job_id, 0)


async def test_what_is_gone_is_neither_varied_nor_enlarged(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat", count=2))
        await house.settled()
        with pytest.raises(NotFound, match="not kept"):
            await studio.vary(house.who(request="v1"), card.job_id, 2)
        await studio.delete_pictures(house.who(), card.job_id)
        for press in (studio.vary, studio.upscale):
            with pytest.raises(NotFound, match="deleted"):
                await press(house.who(request="v2"), card.job_id, 0)


async def test_a_variation_of_what_was_deleted_meanwhile_is_told(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        await house.settled()
        house.script = Script(hold={"paint": 0})
        await studio.stop()
    async with house.life() as studio:
        for request in ("w1", "w2"):  # the engine is given two at once; the third waits outside
            await studio.imagine(house.who(request=request), house.imagine("a dog", count=1))
        varied = await studio.vary(house.who(request="v"), card.job_id, 0)
        await studio.delete_pictures(house.who(), card.job_id)
        house.engine.release("paint")
        await house.settled()
        assert isinstance(await studio.screen(GUILD, Purpose.TROUBLE, varied.job_id), TroubleCard)


async def test_again_with_somebodys_own_lora_is_refused(house: House) -> None:
    async with house.life() as studio:
        await house.published(access="me")
        card = await studio.imagine(house.who(), house.imagine("ohwx"))
        with pytest.raises(NotFound):
            await studio.again(house.who(FRIEND), card.job_id)
        await house.settled()


async def test_a_picture_comes_while_a_training_runs(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.start_training(house.who(), dataset)

        async def held() -> bool:
            job = await house.store.jobs.of_run(SCOPE, 1)
            return job is not None and (job.progress or {}).get("step") == 3

        await house.until(held)
        card = await studio.imagine(house.who(), house.imagine("a cat"))

        async def there() -> bool:
            return (await painted(house, card.job_id)).ready

        await house.until(there)
        training = await house.store.jobs.of_run(SCOPE, 1)
        assert training is not None and training.state is JobState.RUNNING
        house.engine.release("train")
        await house.settled()


async def test_what_the_base_did_not_read_is_told_word_by_word(house: House) -> None:
    house.script = Script(reads=4)
    async with house.life() as studio:
        lora = (await planted(house)).name
        long = await studio.imagine(
            house.who(), house.imagine("a cat on the moon --no hat, dog, red, blue, green", count=1)
        )
        short = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        compared = await studio.comparing.compare(house.who(), Compare("on the moon", loras=lora))
        await house.settled()
        note = (await painted(house, long.job_id)).note
        assert 'left out was: "moon"' in note and 'left out was: "green"' in note
        assert "left out" not in (await painted(house, short.job_id)).note
        assert 'left out was: "moon"' in (await painted(house, compared.job_id)).note


async def test_what_is_posted_says_that_a_model_made_it(house: House) -> None:
    async with house.life() as studio:
        for count in (1, 3):
            card = await studio.imagine(house.who(), house.imagine("a cat", count=count))
            await house.settled()
            for image in (await painted(house, card.job_id)).pictures:
                opened = Image.open(io.BytesIO(image.data))
                opened.load()
                assert MADE_BY_A_MODEL in str(opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp"))
                assert "made by AI" in image.alt


async def test_what_was_painted_is_not_posted_once_its_lora_was_taken_back(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        card = await studio.imagine(house.who(FRIEND), house.imagine("ohwx", count=1))
        await house.settled()
        assert (await painted(house, card.job_id)).ready
        await studio.keeping.share(house.who(), lora.id, Access.ME)
        assert await studio.screen(GUILD, Purpose.PICTURES, card.job_id) is None
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES)
        await house.store.outbox.sent(SCOPE, row.id, 9000)
        assert (await painted(house, card.job_id)).ready, "what stands in the channel already stays there"
        await house.store.loras.withdraw(SCOPE, lora.id)
        assert await studio.screen(GUILD, Purpose.PICTURES, card.job_id) is None


async def test_waiting_is_told_and_limited(house: House) -> None:
    house.script = Script(hold={"paint": 0})
    house.settings = replace(house.settings, paintings_per_member=3)
    async with house.life() as studio:
        cards = [await studio.imagine(house.who(), house.imagine("a cat")) for _ in range(3)]
        with pytest.raises(UserError, match="3 requests waiting"):
            await studio.imagine(house.who(), house.imagine("a cat"))

        async def two() -> bool:
            return sum(j.state is JobState.RUNNING for j in await house.store.jobs.live(SCOPE)) == 2

        await house.until(two)
        assert (await painted(house, cards[2].job_id)).note.startswith("Next in line.")
        lines = (await studio.queue(house.who(FRIEND))).lines
        assert [(line.what, line.place) for line in lines] == [("painting", 0), ("painting", 0), ("painting", 1)]
        house.engine.release("paint")
        await house.settled()


async def test_deleting_takes_the_prompt_with_the_pictures(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a very private wish"))
        await house.settled()
        with pytest.raises(NotAllowed):
            await studio.delete_pictures(house.who(FRIEND), card.job_id)
        for who in (house.who(), house.who(), house.who(ADMIN, admin=True)):
            assert "gone" in (await studio.delete_pictures(who, card.job_id)).sentence
        assert await studio.screen(GUILD, Purpose.PICTURES, card.job_id) is None
        with pytest.raises(NotFound, match="deleted"):
            await studio.again(house.who(), card.job_id)
        assert (await house.store.jobs.get(SCOPE, card.job_id)).spec == ""


async def test_deleting_what_is_not_painted_yet_cancels_it(house: House) -> None:
    house.script = Script(hold={"paint": 0})
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat"))
        await studio.delete_pictures(house.who(), card.job_id)
        assert await house.store.jobs.live(SCOPE) == ()
        house.engine.release("paint")
        await house.engine.idle()
        assert await house.posts("pictures") == []


async def test_a_painting_in_the_works_survives_the_bot_and_the_engine(house: House) -> None:
    house.script = Script(hold={"paint": 1}, crash={"paint": At(step=1, times=1)})
    async with house.life() as studio:
        card = await studio.imagine(house.who(request="paint"), house.imagine("a cat --seed 5", count=1))
        await house.crash()
    house.script = Script(crash={"paint": At(step=1, times=1)})
    async with house.life() as studio:
        await house.settled()
        assert (await studio.imagine(house.who(request="paint"), house.imagine("a cat --seed 5", count=1))).ready
        assert await house.posts("pictures") == [("pictures", card.job_id)]
        job = await house.store.jobs.get(SCOPE, card.job_id)
        assert job.crashes == 1 and job.attempt >= 2


async def test_a_failed_painting_is_told(house: House) -> None:
    house.script = Script(fail={"paint": FailureKind.MEMORY})
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat"))
        await house.settled()
        trouble = await studio.screen(GUILD, Purpose.TROUBLE, card.job_id)
        assert isinstance(trouble, TroubleCard) and trouble.can_retry and trouble.member_id == OWNER
        assert (await painted(house, card.job_id)).note == trouble.sentence


async def test_another_base_is_refused_by_name(house: House) -> None:
    async with house.life() as studio:
        name = await house.published()
        await studio.stop()
    house.settings = replace(house.settings, base=house.settings.base.model_copy(update={"source": "other/base"}))
    async with house.life() as studio:
        with pytest.raises(UserError, match=f"{name} was trained on another base"):
            await studio.imagine(house.who(), house.imagine("ohwx"))


async def test_the_list_of_loras(house: House) -> None:
    async with house.life() as studio:
        one = await house.published(draft="a", name="Ann", access="me")
        two = await house.published(draft="b", name="Bob", access="server")
        own = (await studio.loras(house.who())).lines
        assert [(line.name, line.mine, line.access) for line in own] == [(two, True, "server"), (one, True, "me")]
        others = (await studio.loras(house.who(FRIEND))).lines
        assert [line.name for line in others] == [two]
        assert await studio.lora_names(house.who(), "ANN") == (one,)
        assert await studio.lora_names(house.who(FRIEND), "BOB") == (two,)
        elsewhere = Who(4711, OWNER, 5, "x", is_admin=True)
        assert (await studio.loras(elsewhere)).lines == () and await studio.lora_names(elsewhere, "") == ()
