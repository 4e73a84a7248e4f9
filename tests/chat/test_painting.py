"""Under pictures, in the gallery, comparing and a channel's rules: pressed in an imitated Discord, also after a restart."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio
import simcord
from PIL import Image

from engine.files.picture import MADE_BY_A_MODEL
from engine.script import Script
from storage.records import Lora, Scope
from tests.journeys.town import Town, words
from tests.studio.shelf import planted_in


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


def admin(town: Town) -> simcord.MemberActor:
    role = town.guild.create_role("keeper", permissions=discord.Permissions(manage_guild=True))
    return town.guild.add_member(town.env.create_user("carol"), roles=[town.people, role])


async def learnt(town: Town, name: str = "kat-gen0", trigger: str = "k4t") -> Lora:
    return await planted_in(
        town.app.store, Scope(town.guild.id), name, trigger=trigger, owner=town.alice.id, channel_id=town.channel.id
    )


async def paint(town: Town, prompt: str, who: simcord.MemberActor | None = None, **more: Any) -> discord.Message:
    """The message with the pictures."""
    asked = await (who or town.alice).slash(town.channel, "imagine", prompt=prompt, **more)
    assert asked.response is not None and asked.response.content.startswith("Painting"), asked.response
    await town.engine_done()
    message = town.channel.last_message
    assert message is not None
    return message


def pressable(message: discord.Message) -> str:
    return str([component.to_dict() for component in message.components])


async def latest(town: Town) -> discord.Message:
    await town.engine_done()
    message = town.channel.last_message
    assert message is not None
    return message


@pytest.mark.parametrize("restarted", [False, True])
async def test_u_and_v_are_under_the_grid(town: Town, restarted: bool) -> None:
    await learnt(town)
    grid = await paint(town, "k4t on the moon --seed 40 --n 3")
    assert all(f"'label': '{label}'" in pressable(grid) for label in ("U1", "U3", "V1", "V3", "♡ 2"))
    assert "'label': 'U4'" not in pressable(grid)
    if restarted:
        await town.stop_and_start()
    await town.bob.click(grid, label="U2")
    enlarged = await latest(town)
    assert "seed 41" in words(enlarged) and "Picture 2, enlarged" in words(enlarged)
    await town.bob.click(grid, label="V3")
    varied = await latest(town)
    assert "Variations of picture 3" in words(varied) and [m.id for m in varied.mentions] == [town.bob.id]


async def test_pictures_say_that_they_are_made_by_ai(town: Town) -> None:
    grid = await paint(town, "a cat --n 2")
    assert "Made by AI" in words(grid)
    (file,) = grid.attachments
    assert "made by AI" in str(file.description)
    opened = Image.open(io.BytesIO(await file.read()))
    assert MADE_BY_A_MODEL.encode() in opened.info["xmp"]
    single = await paint(town, "a cat --n 1")
    opened = Image.open(io.BytesIO(await single.attachments[0].read()))
    opened.load()
    assert MADE_BY_A_MODEL in str(opened.info)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_strength_slider_steps_and_keeps_the_seeds(town: Town, restarted: bool) -> None:
    await learnt(town)
    grid = await paint(town, "k4t on the moon --w 0.8 --seed 5 --n 2")
    assert "Strength 0.8" in pressable(grid) and "kat-gen0 (0.8)" in words(grid)
    if restarted:
        await town.stop_and_start()
    await town.alice.click(grid, label="Stronger")
    stronger = await latest(town)
    assert "Strength 1'" in pressable(stronger) and "seeds 5, 6" in words(stronger)
    await town.alice.click(stronger, label="Weaker")
    assert "Strength 0.8" in pressable(await latest(town))
    bare = await paint(town, "a dog --n 1")
    assert "Stronger" not in pressable(bare)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_prompt_is_edited_in_a_form_that_knows_it(town: Town, restarted: bool) -> None:
    await learnt(town)
    grid = await paint(town, "k4t on the moon --ar 3:2 --no hat --seed 9 --n 2")
    form = await town.bob.click(grid, label="Edit prompt")
    shown = str(form.modal)
    assert "k4t on the moon <lora:kat-gen0:1> --ar 3:2" in shown and "'9'" in shown and "hat" in shown
    if restarted:
        await town.stop_and_start()
    filled = {"prompt": "k4t at sea <lora:kat-gen0:0.5> --ar 3:2", "negative": "", "seed": "9"}
    await town.bob.submit_modal(form, filled)
    edited = await latest(town)
    assert "k4t at sea" in words(edited) and "kat-gen0 (0.5)" in words(edited) and "seeds 9, 10" in words(edited)


@pytest.mark.parametrize("restarted", [False, True])
async def test_favourites_fill_a_private_gallery_that_can_be_shown(town: Town, restarted: bool) -> None:
    await learnt(town)
    empty = await town.alice.slash(town.channel, "gallery")
    assert empty.ephemeral and empty.response is not None and "No favourites yet" in words(empty.response)
    grid = await paint(town, "k4t on the moon --seed 40 --n 3")
    pressed = await town.alice.click(grid, label="♡ 2")
    assert pressed.ephemeral and pressed.response is not None and "Picture 2 is a favourite" in pressed.response.content
    theirs = await town.bob.click(grid, label="♡ 3")
    assert theirs.response is not None and "Picture 3 is a favourite" in theirs.response.content
    if restarted:
        await town.stop_and_start()
    listed = await town.alice.slash(town.channel, "gallery")
    assert listed.response is not None and "1 favourite" in words(listed.response)
    assert len(listed.response.attachments) == 1 and listed.response.attachments[0].description
    (favourite,) = await town.app.store.favourites.list(Scope(town.guild.id), member_id=town.alice.id)
    opened = await town.alice.select(listed.response, [str(favourite.picture_id)])
    card = opened.response
    assert card is not None and "k4t on the moon" in words(card) and "seed 41" in words(card)
    await town.alice.click(card, label="Show to the server")
    assert "Shown in the server's gallery" in words(card)
    server = await town.bob.slash(town.channel, "gallery", whose="server")
    assert server.response is not None and "The server's gallery: 1 favourite" in words(server.response)
    await town.alice.click(card, label="Keep it to myself")
    await town.alice.click(card, label="No favourite any more")
    await town.alice.click(card, label="Favourite")
    form = await town.alice.click(card, label="Edit prompt")
    assert "'41'" in str(form.modal)
    await town.alice.click(card, label="Back to the gallery")
    assert "Your gallery: 1 favourite" in words(card)
    await town.alice.click(card, label="The server's gallery")
    assert "Nobody shows a favourite yet" in words(card)


async def test_comparing_shows_how_far_it_is_and_becomes_the_result(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.script = Script(hold={"paint": 1})
    async with town.open():
        await learnt(town)
        await learnt(town, "rex-gen0", "r3x")
        offered = await town.alice.autocomplete(town.channel, "compare", "loras", "kat-gen0, re", prompt="x")
        assert [choice["value"] for choice in offered] == ["kat-gen0, rex-gen0"]
        trainings = await town.alice.autocomplete(town.channel, "compare", "training", "kat", prompt="x")
        assert [choice["name"] for choice in trainings] == ["kat gen0, 3 epochs"]
        asked = await town.alice.slash(
            town.channel, "compare", prompt="on the moon", loras="kat-gen0, rex-gen0", seed=3
        )
        assert asked.ephemeral and asked.response is not None and "becomes the result" in asked.response.content
        waiting = town.the("on the moon")

        async def half() -> bool:
            jobs = await town.app.store.jobs.live(Scope(town.guild.id))
            return any((job.progress or {}).get("step") == 1 for job in jobs)

        await town.until(half)
        await town.round(11)
        assert "50%" in words(town.the("on the moon")) and "Cancel" in pressable(town.the("on the moon"))
        town.engine.release("paint")
        await town.engine_done()
        await town.round(11)
        result = town.the("on the moon")
        assert result.id == waiting.id and len(result.attachments) == 1
        assert "kat-gen0; rex-gen0" in str(result.attachments[0].description) and "seed 3" in words(result)
        await town.stop_and_start()
        alone = await town.bob.select(town.the("on the moon"), ["2"])
        assert alone.response is not None and "r3x person, on the moon" in words(alone.response)
        assert "rex-gen0" in words(alone.response)


async def test_a_lora_is_compared_from_its_card(town: Town) -> None:
    lora = await learnt(town)
    await learnt(town, "rex-gen0", "r3x")
    listed = await town.alice.slash(town.channel, "loras")
    assert listed.response is not None
    opened = await town.alice.select(listed.response, [str(lora.id)], custom_id="lk1:lora.open:0")
    assert opened.response is not None
    form = await town.alice.click(opened.response, label="Compare")
    await town.alice.submit_modal(form, {"prompt": "on the moon", "strengths": "", "beside": "rex-gen0"})
    await town.engine_done()
    await town.round(11)
    result = town.the("on the moon")
    assert "kat-gen0; rex-gen0" in str(result.attachments[0].description)


async def test_a_comparison_is_cancelled_by_who_asked(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.script = Script(hold={"paint": 0})
    async with town.open():
        await learnt(town)
        await town.alice.slash(town.channel, "compare", prompt="on the moon", loras="kat-gen0")
        refused = await town.bob.click(town.the("on the moon"), label="Cancel")
        assert "Only the one who asked" in words(refused.followups[0])
        await town.alice.click(town.the("on the moon"), label="Cancel")
        await town.round()
        assert town.find("on the moon") == []
        wrong = await town.alice.slash(town.channel, "compare", prompt="x", training="kat gen0")
        assert wrong.response is not None and "no training of yours" in wrong.response.content


async def test_a_forum_s_rules_go_for_its_posts(town: Town) -> None:
    carol = admin(town)
    forum = town.guild.create_forum_channel("gallery")
    other = town.guild.create_forum_channel("elsewhere")
    post, elsewhere = (_post(town, parent) for parent in (forum, other))
    shown = await carol.slash(town.channel, "settings")
    assert shown.response is not None
    await carol.select(shown.response, [forum], custom_id="lk1:rules.channels:0")
    refused = await town.bob.slash(elsewhere, "imagine", prompt="at sea", count=1)
    assert refused.response is not None and f"I work in <#{forum.id}>" in refused.response.content
    asked = await town.bob.slash(post, "imagine", prompt="at sea", count=1)
    assert asked.response is not None and asked.response.content.startswith("Painting")
    await town.engine_done()
    assert post.last_message is not None and "at sea" in words(post.last_message)

    chosen = await carol.slash(town.channel, "settings", channel=forum)
    assert chosen.response is not None and f"<#{forum.id}>" in words(chosen.response)
    await carol.click(chosen.response, label="No painting here")
    refused = await town.bob.slash(post, "imagine", prompt="at sea", count=1)
    assert refused.response is not None and "Nothing is painted in this channel" in refused.response.content


def _post(town: Town, forum: simcord.ChannelHandle) -> simcord.ChannelHandle:
    """A member's post in a forum: a thread whose parent is the forum."""
    thread = town.env.backend.create_thread(forum.id, "my ideas", town.bob.id)
    return simcord.ChannelHandle(town.env, town.guild, thread)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_channel_has_rules_of_its_own(town: Town, restarted: bool) -> None:
    await learnt(town)
    carol = admin(town)
    shown = await carol.slash(town.channel, "settings", channel=town.channel)
    card = shown.response
    assert shown.ephemeral and card is not None and "Painting: allowed" in words(card)
    if restarted:
        await town.stop_and_start()
    form = await carol.click(card, label="Defaults and limit")
    refused = await carol.submit_modal(form, {"lora": "", "size": "", "count": "", "steps": "", "most": "two"})
    assert "Nothing was changed" in words(refused.followups[0])
    form = await carol.click(card, label="Defaults and limit")
    await carol.submit_modal(form, {"lora": "kat-gen0", "size": "3:2", "count": "1", "steps": "12", "most": "2"})
    assert "kat-gen0" in words(card) and "Pictures at once, at most: 2" in words(card)
    await carol.click(card, label="Blur pictures")
    asked = await town.bob.slash(town.channel, "imagine", prompt="at sea", count=3)
    assert asked.response is not None and "at most 2 pictures at once" in asked.response.content
    picture = await paint(town, "at sea", town.bob)
    assert "'spoiler': True" in pressable(picture) and "kat-gen0" in words(picture)
    await carol.click(card, label="No painting here")
    again = await town.bob.click(picture, label="Again")
    assert again.response is not None and "Nothing is painted in this channel" in again.response.content
    await carol.click(card, label="As everywhere")
    assert "Painting: allowed" in words(card)
