"""The live card, epochs, the ballot and the winner."""

from __future__ import annotations

import pytest

from bot.chat.training_cards import BALLOT_EMOJI
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


async def test_ballot_is_seeded_and_votes_are_counted(world: World) -> None:
    ballot = await world.to_ballot()
    assert [str(r.emoji) for r in ballot.reactions] == list(BALLOT_EMOJI[:4])
    await world.bob.react(ballot, BALLOT_EMOJI[2])
    await world.alice.react(ballot, BALLOT_EMOJI[2])
    await world.alice.react(ballot, BALLOT_EMOJI[0])
    await world.alice.unreact(ballot, BALLOT_EMOJI[0])
    await world.alice.react(ballot, "🎉")
    assert world.studio.training is not None
    assert world.studio.training.votes == {(world.bob.id, 2), (world.alice.id, 2)}


async def test_ballot_closes_on_time_with_the_reactions_discord_has(world: World) -> None:
    ballot = await world.to_ballot()
    for member in (world.alice, world.bob):
        await member.react(ballot, BALLOT_EMOJI[1])
    other_bot = world.guild.add_member(world.env.create_user("robot", bot=True))
    await other_bot.react(ballot, BALLOT_EMOJI[0])
    await world.pulse(3601)
    training = world.studio.training
    assert training is not None and training.counted is not None
    assert training.counted == {
        0: frozenset(),
        1: frozenset({world.alice.id, world.bob.id}),
        2: frozenset(),
        3: frozenset(),
    }
    assert training.winner == 2
    closed, winner = world.channel.history()[-2:]
    assert "Epoch 2 wins." in words(closed) and "custom_id" not in str([c.to_dict() for c in closed.components])
    assert f"<@{world.alice.id}>" in words(winner) and [m.id for m in winner.mentions] == [world.alice.id]
    await world.pulse(30)
    assert len(world.find("is here")) == 1


async def test_votes_cast_while_the_bot_was_away_count(world: World) -> None:
    ballot = await world.to_ballot()
    await world.env.restart_bot(world.make_bot())
    world.bot.presenter.ballots._open.clear()
    await world.bob.react(ballot, BALLOT_EMOJI[3])
    assert world.studio.training is not None
    assert world.studio.training.votes == set(), "nobody was listening"
    await world.restart()
    assert world.studio.training.votes == {(world.bob.id, 3)}


async def test_missing_reactions_are_put_back_after_a_restart(world: World) -> None:
    ballot = await world.to_ballot()
    message = world.env.backend.messages[world.channel.id][ballot.id]
    message.reactions = message.reactions[:1]
    await world.restart()
    assert [str(r.emoji) for r in world.last().reactions] == list(BALLOT_EMOJI[:4])


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_owner_makes_it_the_winner(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    refused = await world.bob.select(ballot, ["1"])
    assert refused.response is not None and "Only who started this" in refused.response.content
    result = await world.alice.select(ballot, ["4"])
    assert result.response is not None and "kat-gen0 it is" in result.response.content
    assert world.studio.training is not None and world.studio.training.winner == 4
    assert len(world.find("is here")) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_extend_and_close_now(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    training = world.studio.training
    assert training is not None
    before = training.closes_at
    await world.alice.click(ballot, label="One more hour")
    assert f"<t:{before + 3600}:R>" in words(world.last())
    # As from a client that has not seen the edit yet: it asks for the same hour, and is shown what stands.
    old = {"type": 2, "style": 2, "label": "Hour", "custom_id": f"lk1:vote.extend:1:{before}", "id": 2}
    world.env.backend.messages[ballot.channel.id][ballot.id].components = [{"type": 1, "id": 1, "components": [old]}]
    await world.alice.click(ballot, label="Hour")
    assert training.closes_at == before + 3600 and f"<t:{before + 3600}:R>" in words(world.last())
    assert len(world.last().reactions) == 4, "an edit keeps the votes"
    await world.bob.react(ballot, BALLOT_EMOJI[1])
    await world.alice.click(ballot, label="Close now")
    assert training.winner == 2 and training.counted is not None
    await world.alice.click(world.find("Which Katerina")[0], label="Close now") if world.find("Closes") else None
    assert len(world.find("is here")) == 1


async def test_a_ballot_whose_message_is_gone_still_closes(world: World) -> None:
    ballot = await world.to_ballot()
    world.env.backend.delete_message(world.channel.id, ballot.id)
    await world.pulse(3601)
    assert world.studio.training is not None
    assert world.studio.training.counted is None and world.studio.training.winner is not None


async def test_closed_while_the_bot_was_away_is_drawn_closed(world: World) -> None:
    await world.to_ballot()
    assert world.studio.training is not None
    await world.studio.close_ballot(world.guild.id, 1, None, winner=3)
    await world.restart()
    await world.pulse()
    assert "Epoch 3 wins." in words(world.find("Which Katerina")[0])
    assert len(world.find("is here")) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_imagine_from_the_winners_card(world: World, restarted: bool) -> None:
    await world.alice.select(await world.to_ballot(), ["2"])
    winner = world.find("is here")[0]
    if restarted:
        await world.restart()
    shown = await world.bob.click(winner, label="Imagine with it")
    assert shown.modal is not None
    assert shown.modal["components"][0]["component"]["value"] == "a portrait of ohwx on the moon"
    result = await world.bob.submit_modal(shown, {"prompt": "a portrait at sea"})
    assert result.response is not None and "2nd in line" in result.response.content
    assert world.studio.asked[-1].lora == "kat-gen0"


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
