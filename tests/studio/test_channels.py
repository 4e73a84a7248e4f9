"""A channel's rules: allowed or not, defaults, the most at once, blurred."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.requests import Who
from bot.studio.screens import Purpose
from engine.protocol import PaintJob
from storage.people import ChannelRules
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, SCOPE, House
from tests.studio.shelf import planted

THREAD = 777


def admin(house: House) -> Who:
    return house.who(ADMIN, admin=True)


def in_thread(who: Who) -> Who:
    return replace(who, channel_id=THREAD, parent_id=CHANNEL)


def last(house: House) -> PaintJob:
    return [job for job in house.engine.submitted if isinstance(job, PaintJob)][-1]


async def test_only_admins_see_and_make_them(house: House) -> None:
    async with house.life() as studio:
        for act in (
            studio.channels.card(house.who(), CHANNEL),
            studio.channels.choose(house.who(), CHANNEL, painting=False),
            studio.channels.fill_in(house.who(), CHANNEL, {}),
            studio.channels.lift(house.who(), CHANNEL),
        ):
            with pytest.raises(NotAllowed, match="manage this server"):
                await act
        for wrong in ({"most": "0"}, {"count": "9"}, {"steps": "151"}, {"count": "2", "most": "1"}, {"size": "huge"}):
            with pytest.raises(UserError):
                await studio.channels.fill_in(admin(house), CHANNEL, wrong)
        with pytest.raises(NotFound):
            await studio.channels.fill_in(admin(house), CHANNEL, {"lora": "nobody"})
        assert (await studio.channels.card(admin(house), CHANNEL)).usual
        card = await studio.channels.choose(admin(house), CHANNEL, spoiler=True)
        assert card.rules == ChannelRules(spoiler=True) and not card.usual
        assert (await studio.channels.lift(admin(house), CHANNEL)).usual


async def test_defaults_count_where_nothing_is_typed_also_in_threads(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house)).name
        given = {"lora": name, "size": "3:2", "count": "2", "steps": "12", "most": "3"}
        assert (await studio.channels.fill_in(admin(house), CHANNEL, given)).lora == name
        card = await studio.imagine(in_thread(house.who()), house.imagine("on the moon"))
        assert (card.lora, len(card.seeds)) == (name, 2) and "channel's own LoRA" in card.note
        await house.settled()
        work = last(house)
        assert work.steps == 12 and work.width is not None and work.height is not None and work.width > work.height
        typed = house.imagine("on the moon --ar 1:2 --steps 20 --n 3", lora="base")
        card = await studio.imagine(house.who(), typed)
        await house.settled()
        work = last(house)
        assert (card.lora, len(card.seeds), work.steps) == (None, 3, 20)
        assert work.width is not None and work.height is not None and work.width < work.height
        elsewhere = await studio.imagine(replace(house.who(), channel_id=4), house.imagine("on the moon"))
        assert (elsewhere.lora, len(elsewhere.seeds)) == (None, 4)
        await house.settled()


async def test_a_default_lora_is_for_those_who_may_use_it(house: House) -> None:
    async with house.life() as studio:
        name = (await planted(house, access="me")).name
        await studio.channels.fill_in(house.who(admin=True), CHANNEL, {"lora": name})
        mine = await studio.imagine(house.who(), house.imagine("on the moon", count=1))
        theirs = await studio.imagine(house.who(FRIEND), house.imagine("on the moon", count=1))
        assert (mine.lora, theirs.lora) == (name, None)
        await house.settled()
        lora = await house.store.loras.by_name(SCOPE, name)
        assert lora is not None
        await studio.keeping.delete(house.who(), lora.id)
        assert (await studio.channels.card(admin(house), CHANNEL)).lora is None
        assert (await studio.imagine(house.who(), house.imagine("on the moon", count=1))).lora is None
        await house.settled()


async def test_the_limit_is_named_in_the_refusal(house: House) -> None:
    async with house.life() as studio:
        await studio.channels.fill_in(admin(house), CHANNEL, {"most": "2"})
        for ask in (house.imagine("a cat", count=3), house.imagine("a cat --n 3")):
            with pytest.raises(UserError, match="This channel takes at most 2 pictures at once, and you asked for 3"):
                await studio.imagine(house.who(), ask)
        assert len((await studio.imagine(house.who(), house.imagine("a cat"))).seeds) == 2
        with pytest.raises(UserError, match="I paint at most 4 pictures at once, and you asked for 5"):
            await studio.imagine(replace(house.who(), channel_id=4), house.imagine("a cat --n 5"))
        await house.settled()


async def test_no_painting_means_nothing_new_by_any_way(house: House) -> None:
    async with house.life() as studio:
        card = await studio.imagine(house.who(), house.imagine("a cat", count=1))
        await house.settled()
        await studio.channels.choose(admin(house), CHANNEL, painting=False)
        for act in (
            studio.imagine(house.who(), house.imagine("a cat")),
            studio.imagine(in_thread(house.who()), house.imagine("a cat")),
            studio.again(house.who(), card.job_id),
            studio.vary(house.who(), card.job_id, 0),
            studio.upscale(house.who(), card.job_id, 0),
            studio.remake.edit(house.who(), card.job_id, "a cat", "", ""),
        ):
            with pytest.raises(NotAllowed, match="Nothing is painted in this channel"):
                await act
        await studio.channels.choose(admin(house), CHANNEL, painting=True)
        await studio.again(house.who(), card.job_id)
        await house.settled()


async def test_pictures_are_blurred_where_admins_say_so(house: House) -> None:
    async with house.life() as studio:
        await studio.channels.choose(admin(house), CHANNEL, spoiler=True)
        card = await studio.imagine(house.who(), house.imagine("a cat", count=2))
        open_one = await studio.again(replace(house.who(), channel_id=4), card.job_id)
        await house.settled()
        assert (card.spoiler, open_one.spoiler) == (True, False)
        shown = await studio.gallery.alone(house.who(), card.job_id, 1)
        assert shown.spoiler
        await studio.gallery.keep(house.who(), shown.picture_id)
        assert (await studio.gallery.page(house.who(), "mine")).spoiler
        assert await studio.screen(GUILD, Purpose.PICTURES, card.job_id) is not None
