"""The live card, epochs, and what goes wrong."""

from __future__ import annotations

import pytest

from bot.studio.screens import Purpose, TroubleCard
from tests.chat.conftest import World, words


def edits(world: World) -> int:
    return sum(r.method == "PATCH" and "/channels/" in r.path for r in world.env.http_requests)


async def test_status_is_edited_on_change_and_not_more_often_than_every_ten_seconds(world: World) -> None:
    await world.to_training()
    await world.pulse(30)
    before = edits(world)
    assert world.studio.training is not None
    world.studio.training.state = "training"
    await world.pulse()
    assert edits(world) == before + 1
    for epoch in range(1, 4):
        world.studio.training.epoch = epoch
        await world.pulse(3)
    assert edits(world) == before + 1, "three changes within ten seconds wait"
    await world.pulse(2)
    assert edits(world) == before + 2
    await world.pulse(60)
    assert edits(world) == before + 2, "nothing changed, nothing is edited"
    card = words(world.last(world.room()))
    assert "Epoch 3 of 4" in card and "75%" in card and "<t:1800000000:R>" in card and "█▃▁" in card


async def test_the_card_moves_to_a_new_message_before_an_hour_is_over(world: World) -> None:
    old = await world.to_training()
    assert world.studio.training is not None
    world.studio.training.state = "training"
    await world.pulse(10)
    for _ in range(56):
        await world.pulse(60)
    world.studio.training.epoch = 1
    await world.pulse(10)
    cards = world.find("Epoch 1 of 4.", world.room())
    assert len(cards) == 1 and cards[0].id != old.id
    assert old.id not in {m.id for m in world.room().history()}


async def test_discord_refusing_an_old_edit_moves_the_card_too(world: World) -> None:
    old = await world.to_training()
    await world.pulse(10)
    assert world.studio.training is not None
    world.studio.training.state = "training"
    world.env.inject_error("PATCH", f"/channels/*/messages/{old.id}", status=429, code=30046, times=1)
    await world.pulse(2)
    cards = world.find("Waiting.", world.room())
    assert len(cards) == 1 and cards[0].id != old.id


@pytest.mark.parametrize("restarted", [False, True])
async def test_stop_after_this_epoch_and_cancel(world: World, restarted: bool) -> None:
    card = await world.to_training()
    assert world.studio.training is not None
    world.studio.training.state = "training"
    await world.pulse(10)
    if restarted:
        await world.restart()
    await world.alice.click(card, label="Stop after this epoch")
    assert world.studio.training.epochs == 1
    result = await world.alice.click(card, label="Cancel")
    assert "Cancelled" in words(result.followups[0])
    assert world.studio.training.state == "cancelled"
    last = world.last(world.room())
    assert "custom_id" not in str([c.to_dict() for c in last.components]), "nothing left to press"


async def test_epochs_are_posted_once_silently_and_in_order(world: World) -> None:
    await world.to_training()
    for _ in range(3):
        world.studio.finish_epoch()
    await world.pulse()
    posts = [m for m in world.room().history() if words(m).startswith("**Epoch")]
    assert [words(m).splitlines()[0] for m in posts] == [f"**Epoch {n} of 4**" for n in (1, 2, 3)]
    assert all(m.flags.suppress_notifications for m in posts)


@pytest.mark.parametrize("restarted", [False, True])
async def test_trouble_is_told_once_and_can_be_tried_again(world: World, restarted: bool) -> None:
    world.studio.troubles["job-9"] = TroubleCard("job-9", world.alice.id, "The engine stopped three times.", True)
    world.outbox.put_row(world.guild.id, world.channel.id, Purpose.TROUBLE, "job-9")
    await world.pulse()
    if restarted:
        await world.restart()
    card = world.last()
    assert [m.id for m in card.mentions] == [world.alice.id]
    result = await world.alice.click(card, label="Try again")
    assert result.response is not None and "queue again" in result.response.content
