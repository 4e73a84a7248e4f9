"""/imagine, its pictures, and the lists."""

from __future__ import annotations

import discord
import pytest

from tests.chat.conftest import World, words


async def test_imagine_is_answered_at_once_and_delivered_as_an_ordinary_message(world: World) -> None:
    result = await world.alice.slash(
        world.channel,
        "imagine",
        prompt="a portrait of ohwx on the moon",
        lora="kat-gen0",
        negative="hat",
        seed=7,
        count=4,
        strength=0.8,
    )
    assert result.ephemeral and result.response is not None
    assert result.response.content == "Painting: number 2 in line. It will be posted here."
    ask = world.studio.asked[-1]
    assert (ask.lora, ask.negative, ask.seed, ask.count, ask.strength) == ("kat-gen0", "hat", 7, 4, 0.8)
    await world.pulse(16 * 60)  # the interaction's token is over by now
    job_id = list(world.studio.jobs)[-1]
    world.studio.deliver_pictures(job_id, world.guild.id, world.channel.id)
    await world.pulse()
    message = world.last()
    assert words(message).startswith(f"<@{world.alice.id}> a portrait of ohwx on the moon")
    assert [m.id for m in message.mentions] == [world.alice.id]
    assert len(message.attachments) == 1 and message.attachments[0].description


async def test_defaults_leave_the_choice_to_the_studio(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a dog")
    ask = world.studio.asked[-1]
    assert (ask.lora, ask.negative, ask.seed, ask.count, ask.strength) == (None, "", None, None, 1.0)


async def test_names_are_completed(world: World) -> None:
    choices = await world.alice.autocomplete(world.channel, "imagine", "lora", "kat", prompt="x")
    assert [choice["value"] for choice in choices] == ["kat-gen0"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_again_and_same_seed(world: World, restarted: bool) -> None:
    message = await world.to_pictures(count=2)
    if restarted:
        await world.restart()
    for label, seeds in (("Again", (1100, 1101)), ("Same seed", (100, 101))):
        result = await world.bob.click(message, label=label)
        assert result.response is not None and result.ephemeral
        assert list(world.studio.jobs.values())[-1].seeds == seeds


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_alone_is_shown_to_who_asks(world: World, restarted: bool) -> None:
    message = await world.to_pictures()
    if restarted:
        await world.restart()
    result = await world.bob.select(message, ["3"])
    assert result.ephemeral and result.response is not None
    assert [a.filename for a in result.response.attachments] == ["0-102.png"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_of_several_is_varied_and_enlarged(world: World, restarted: bool) -> None:
    message = await world.to_pictures()
    alone = await world.bob.select(message, ["3"])
    assert alone.response is not None
    if restarted:
        await world.restart()
    for label, prompt, seeds in (("Vary", "varied 2", (1100, 1101, 1102, 1103)), ("Upscale", "enlarged", (102,))):
        result = await world.bob.click(alone.response, label=label)
        assert result.response is not None and result.ephemeral
        job = list(world.studio.jobs.values())[-1]
        assert job.prompt.endswith(prompt) and job.seeds == seeds


async def test_a_single_picture_is_varied_and_enlarged_where_it_stands(world: World) -> None:
    message = await world.to_pictures(count=1)
    await world.alice.click(message, label="Upscale")
    assert list(world.studio.jobs.values())[-1].seeds == (100,)
    await world.alice.click(message, label="Vary")
    assert list(world.studio.jobs.values())[-1].prompt.endswith("varied 0")


@pytest.mark.parametrize("restarted", [False, True])
async def test_delete_is_for_who_asked(world: World, restarted: bool) -> None:
    message = await world.to_pictures()
    if restarted:
        await world.restart()
    refused = await world.bob.click(message, label="Delete")
    assert "Only who asked" in words(refused.followups[0])
    result = await world.alice.click(message, label="Delete")
    assert message.id not in {m.id for m in world.channel.history()}
    assert "Deleted" in words(result.followups[0]) and result.followups[0].ephemeral


async def test_loras_pages(world: World) -> None:
    result = await world.alice.slash(world.channel, "loras")
    assert result.ephemeral and result.response is not None
    assert "kat-gen9" in words(result.response)
    await world.alice.click(result.response, label="Next")
    assert "kat-gen19" in words(result.response)
    await world.alice.click(result.response, label="Previous")
    assert "kat-gen9" in words(result.response)


async def test_queue_and_cancel(world: World) -> None:
    empty = await world.alice.slash(world.channel, "queue")
    assert empty.response is not None and "Nobody is waiting" in words(empty.response)
    nothing = await world.alice.slash(world.channel, "cancel")
    assert nothing.response is not None and "Nothing of yours" in nothing.response.content
    await world.alice.slash(world.channel, "imagine", prompt="a dog")
    listed = await world.alice.slash(world.channel, "queue")
    assert listed.response is not None and "(yours)" in words(listed.response)
    choices = await world.alice.autocomplete(world.channel, "cancel", "job", "DOG")
    result = await world.alice.slash(world.channel, "cancel", job=choices[0]["value"])
    assert result.response is not None and "Cancelled" in result.response.content
    assert world.studio.cancelled == [choices[0]["value"]]


async def test_nobody_is_pinged_by_a_prompt(world: World) -> None:
    everyone = discord.AllowedMentions.none().to_dict()
    await world.alice.slash(world.channel, "imagine", prompt="@everyone <@1> look")
    job_id = list(world.studio.jobs)[-1]
    world.studio.deliver_pictures(job_id, world.guild.id, world.channel.id)
    await world.pulse()
    sent = next(r for r in reversed(world.env.http_requests) if r.method == "POST" and r.path.endswith("/messages"))
    assert sent.json is not None
    assert sent.json["allowed_mentions"] == {**everyone, "users": [world.alice.id]}
