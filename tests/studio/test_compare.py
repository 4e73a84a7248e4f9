"""/compare: LoRAs, strengths and epochs, each picture with its own LoRA, trigger word and place."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.commission import commission_of
from bot.studio.requests import Compare
from bot.studio.screens import PicturesCard, Purpose, TroubleCard
from engine.files.picture import MADE_BY_A_MODEL
from engine.protocol import FailureKind, PaintJob
from engine.script import Script
from storage.records import Lora
from storage.states import Access, JobState, RunState
from tests.studio.house import FRIEND, GUILD, OWNER, ROOM, SCOPE, House
from tests.studio.shelf import planted


def ask(prompt: str = "on the moon", **more: Any) -> Compare:
    return Compare(prompt, **more)


def last(house: House) -> PaintJob:
    return [job for job in house.engine.submitted if isinstance(job, PaintJob)][-1]


async def card_of(house: House, job_id: str) -> PicturesCard:
    card = await house.studio.screen(GUILD, Purpose.PICTURES, job_id)
    assert isinstance(card, PicturesCard)
    return card


async def test_loras_beside_each_other_each_with_its_own_trigger_word(house: House) -> None:
    async with house.life() as studio:
        kat, bob = await planted(house, "kat-gen0", trigger="k4t"), await planted(house, "bob-gen0", trigger="b0b")
        card = await studio.comparing.compare(house.who(request="c"), ask(loras="kat-gen0:0.6, bob-gen0", seed=7))
        assert (
            await studio.comparing.compare(house.who(request="c"), ask(loras="kat-gen0, bob-gen0"))
        ).job_id == card.job_id
        assert await house.posts("pictures") == [("pictures", card.job_id)], "a card waits for it in the channel"
        await house.settled()
        work = last(house)
        assert work.seeds == (7, 7)
        assert [shot.prompt for shot in work.shots] == ["k4t person, on the moon", "b0b person, on the moon"]
        used = [[(use.sha256, use.strength) for use in shot.loras or ()] for shot in work.shots]
        assert used == [[(kat.sha256, 0.6)], [(bob.sha256, 1.0)]]
        done = await card_of(house, card.job_id)
        assert done.ready and done.labels == ("kat-gen0", "bob-gen0") and len(done.pictures) == 3
        assert "kat-gen0; bob-gen0" in done.pictures[0].alt
        assert await house.posts("pictures") == [("pictures", card.job_id)]


async def test_one_lora_is_shown_at_several_strengths(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        usual = await studio.comparing.compare(house.who(), ask(loras=lora.name))
        named = await studio.comparing.compare(house.who(), ask("ohwx on the moon --steps 9", strengths="0, 0.5, 1"))
        await house.settled()
        assert (await card_of(house, usual.job_id)).labels == tuple(f"strength {s}" for s in ("0.4", "0.7", "1", "1.3"))
        work = last(house)
        assert [shot.loras[0].strength for shot in work.shots if shot.loras] == [0, 0.5, 1] and work.steps == 9
        assert (await card_of(house, named.job_id)).labels == ("strength 0", "strength 0.5", "strength 1")
        assert {shot.prompt for shot in work.shots} == {"ohwx on the moon"}


async def test_two_axes_make_a_table_that_a_phone_can_show(house: House) -> None:
    async with house.life() as studio:
        names = [(await planted(house, f"l{n}-gen0", trigger=f"w{n}x")).name for n in range(5)]
        card = await studio.comparing.compare(house.who(), ask(loras=", ".join(names[:4]), strengths="0.5, 1"))
        wide = await studio.comparing.compare(
            house.who(), ask(loras=", ".join(names[:2]), strengths="0.2,0.4,0.6,0.8,1")
        )
        await house.settled()
        assert (await card_of(house, card.job_id)).labels[:2] == ("l0-gen0, strength 0.5", "l1-gen0, strength 0.5")
        matrix = commission_of(await house.store.jobs.get(SCOPE, wide.job_id)).matrix
        assert matrix is not None and matrix.rows is not None
        assert (len(matrix.columns.values), len(matrix.rows.values)) == (2, 5)
        sheet = Image.open(io.BytesIO((await card_of(house, wide.job_id)).pictures[0].data))
        assert sheet.width <= 2100 and MADE_BY_A_MODEL.encode() in sheet.info["xmp"]


async def published_run(house: House, lora: Lora) -> int:
    return (await house.store.loras.get(SCOPE, lora.id)).run_id


async def test_epochs_of_ones_own_training(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house, access="me", epochs=4)
        run = await published_run(house, lora)
        assert await studio.comparing.trainings(house.who(), "KAT") == ((run, "kat3r1na gen0, 4 epochs"),)
        assert await studio.comparing.trainings(house.who(FRIEND), "") == ()
        assert await studio.comparing.trainings(house.who(), "rex") == ()
        card = await studio.comparing.compare(house.who(), ask(run_id=run))
        assert card.lora == "kat3r1na"
        await house.settled()
        work = last(house)
        epochs = {epoch.number: epoch.lora_sha256 for epoch in await house.store.epochs.list(SCOPE, run)}
        used = [shot.loras[0].sha256 if shot.loras else None for shot in work.shots]
        assert used == [None, *(epochs[number] for number in (1, 2, 3, 4))]
        assert {shot.prompt for shot in work.shots} == {"ohwx person, on the moon"}
        assert (await card_of(house, card.job_id)).labels == ("base", "epoch 1", "epoch 2", "epoch 3", "epoch 4")
        some = await studio.comparing.compare(house.who(), ask(run_id=run, epochs="2-3", strengths="0.5, 1"))
        await house.settled()
        assert len(last(house).shots) == 4 and (await card_of(house, some.job_id)).ready
        varied = await studio.vary(house.who(), some.job_id, 3)
        await house.settled()
        assert last(house).loras[0].sha256 == epochs[3] and last(house).shots == ()
        assert (await card_of(house, varied.job_id)).ready
        with pytest.raises(UserError, match="An epoch has no name"):
            await studio.remake.edit_form(house.who(), some.job_id, 0)


async def test_whose_epochs_and_which(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house, access="server")
        run = await published_run(house, lora)
        with pytest.raises(NotFound, match="no training of yours"):
            await studio.comparing.compare(house.who(FRIEND), ask(run_id=run))
        with pytest.raises(NotFound, match=r"Epoch 9 is not kept. Choose among 1, 2, 3"):
            await studio.comparing.compare(house.who(), ask(run_id=run, epochs="1, 9"))
        for wrong, part in (({"epochs": "some"}, "cannot be read"), ({"loras": lora.name}, "not both")):
            with pytest.raises(UserError, match=part):
                await studio.comparing.compare(house.who(), ask(run_id=run, **wrong))
        await house.store.epochs.delete_but(SCOPE, run, 0)
        with pytest.raises(NotFound, match="No epoch"):
            await studio.comparing.compare(house.who(), ask(run_id=run))
        await house.store.consents.revoke(SCOPE, await house.store.loras.subject_of(SCOPE, lora.id))
        with pytest.raises(NotAllowed, match="took it back"):
            await studio.comparing.compare(house.who(), ask(run_id=run))
        assert await house.store.jobs.live(SCOPE) == ()


async def test_an_open_vote_is_not_told_by_a_comparison(house: House) -> None:
    house.script = Script(hold={"train": 3})
    async with house.life() as studio:
        run = (await studio.start_training(house.who(), await house.ready())).run_id

        async def one_epoch() -> bool:
            return 1 in await house.epochs(run)

        await house.until(one_epoch)
        with pytest.raises(UserError, match="vote on these epochs is not over"):
            await studio.comparing.compare(house.who(), ask(run_id=run))
        house.engine.release("train")
        await house.settled()
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.VOTING
        with pytest.raises(UserError, match="vote on these epochs is not over"):
            await studio.comparing.compare(house.who(), ask(run_id=run))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (ask(""), "prompt was empty"),
        (ask("a cat"), "Say what is to be compared"),
        (ask("a cat <lora:x:1>"), "in the option of the command"),
        (ask("ohwx --n 2"), "leave `--n` out"),
        (ask("ohwx", strengths="0.1-1.7(+0.1)"), "17 pictures, and 16 is the most"),
        (ask("ohwx", strengths="many"), "cannot be read"),
        (ask("ohwx", strengths="5"), "cannot be read"),
        (ask("ohwx", loras="nobody"), "no LoRA called nobody"),
        (ask("ohwx --sed 3"), "Did you mean `--seed`"),
    ],
)
async def test_what_cannot_be_compared_is_said(house: House, asked: Compare, part: str) -> None:
    async with house.life() as studio:
        await planted(house)
        with pytest.raises(UserError, match=part):
            await studio.comparing.compare(house.who(), asked)
        assert await house.store.jobs.live(SCOPE) == ()


async def test_rights_are_looked_at_when_it_starts_and_before_it_is_shown(house: House) -> None:
    house.script = Script(hold={"paint": 1})
    async with house.life() as studio:
        lora = await planted(house)
        asked = [
            await studio.comparing.compare(house.who(member), ask(loras=lora.name))
            for member in (OWNER, FRIEND, FRIEND)
        ]
        await house.engine.idle()
        await studio.keeping.share(house.who(), lora.id, Access.ME)
        house.engine.release("paint")
        await house.settled()
        states = [(await house.store.jobs.get(SCOPE, card.job_id)).state for card in asked]
        assert states == [JobState.DONE, JobState.FAILED, JobState.FAILED]
        assert await house.store.pictures.of_job(SCOPE, asked[1].job_id) == ()
        trouble = await studio.screen(GUILD, Purpose.TROUBLE, asked[1].job_id)
        assert isinstance(trouble, TroubleCard) and "took it back" in trouble.sentence
        assert await studio.screen(GUILD, Purpose.PICTURES, asked[1].job_id) is None, "its waiting card goes"


async def test_progress_cancelling_and_another_try(house: House) -> None:
    house.script = Script(hold={"paint": 1})
    async with house.life() as studio:
        lora = await planted(house)
        card = await studio.comparing.compare(house.who(), ask(loras=lora.name))

        async def halfway() -> bool:
            return (await card_of(house, card.job_id)).done == 0.5

        await house.until(halfway)
        assert [line.what for line in (await studio.queue(house.who())).lines] == ["painting"]
        await studio.cancel(house.who(), card.job_id)
        assert await studio.screen(GUILD, Purpose.PICTURES, card.job_id) is None
        house.engine.release("paint")
        await house.settled()
    house.script = Script(fail={"paint": FailureKind.MEMORY})
    async with house.life() as studio:
        failed = await studio.comparing.compare(house.who(), ask(loras=lora.name))
        await house.settled()
        assert await studio.screen(GUILD, Purpose.PICTURES, failed.job_id) is None
        room = (await house.store.outbox.list(SCOPE, purpose=Purpose.TROUBLE))[0].channel_id
        assert room == house.who().channel_id
    house.script = Script()
    async with house.life() as studio:
        await studio.retry(house.who(), failed.job_id)
        await house.settled()
        assert (await card_of(house, failed.job_id)).ready


async def test_trouble_with_epochs_is_told_where_it_was_asked(house: House) -> None:
    house.script = Script(fail={"paint": FailureKind.INPUT})
    async with house.life() as studio:
        lora = await planted(house)
        assert (await house.store.datasets.get(SCOPE, 1)).thread_id == ROOM
        await studio.comparing.compare(house.who(), ask(run_id=await published_run(house, lora)))
        await house.settled()
        (trouble,) = await house.store.outbox.list(SCOPE, purpose=Purpose.TROUBLE)
        assert trouble.channel_id == house.who().channel_id
        assert (await house.store.runs.get(SCOPE, lora.run_id)).state is RunState.PUBLISHED


async def test_forgetting_a_subject_reaches_the_comparison_of_its_epochs(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        card = await studio.comparing.compare(house.who(), ask(run_id=await published_run(house, lora)))
        await house.settled()
        (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES)
        await house.store.outbox.sent(SCOPE, row.id, 8000)
        key = (await house.store.jobs.get(SCOPE, card.job_id)).key_id
        await studio.forgetting.forget_subject(house.who(), await house.store.loras.subject_of(SCOPE, lora.id))
        assert not house.store.database.vault.knows(key)
        assert 8000 in [erasure.message_id for erasure in await house.store.erasures.due_everywhere()]


async def test_again_is_a_new_seed_for_all_of_them(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        card = await studio.comparing.compare(house.who(), ask(loras=lora.name, seed=3))
        await house.settled()
        again = await studio.again(house.who(), card.job_id)
        await house.settled()
        work = last(house)
        assert len(set(work.seeds)) == 1 and work.seeds[0] != 3 and len(work.shots) == 4
        assert (await card_of(house, again.job_id)).labels == (await card_of(house, card.job_id)).labels
        with pytest.raises(UserError, match="no LoRA in these pictures"):
            await studio.remake.stronger(house.who(), card.job_id, by=1)
        form = await studio.remake.edit_form(house.who(), card.job_id, 1)
        assert form.text == f"ohwx person, on the moon <lora:{lora.name}:0.7>"


async def test_the_settings_of_a_channel_count(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house)
        admin = house.who(9, admin=True)
        await studio.channels.fill_in(admin, house.who().channel_id, {"steps": "8", "size": "2:1"})
        await studio.comparing.compare(house.who(), ask(loras=lora.name))
        await house.settled()
        work = last(house)
        assert work.steps == 8 and (work.width or 0) > (work.height or 0)
        await studio.channels.fill_in(admin, house.who().channel_id, {"most": "3"})
        with pytest.raises(UserError, match="at most 3 pictures at once, and you asked for 4"):
            await studio.comparing.compare(house.who(), ask(loras=lora.name))
        await studio.channels.choose(admin, house.who().channel_id, painting=False)
        with pytest.raises(NotAllowed):
            await studio.comparing.compare(house.who(), ask(loras=lora.name))
        stranger = replace(house.who(), guild_id=4711)
        with pytest.raises(NotFound):
            await studio.comparing.compare(stranger, ask(loras=lora.name))
