"""The ballot, its letters and its end; the question to its owner; the winner."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.chat.ballots import LOOK_EVERY_S
from tests.chat.conftest import World, words
from tests.chat.training import Training

A, B, C, D = BALLOT_EMOJI[:4]


def training(world: World) -> Training:
    assert world.studio.training is not None
    return world.studio.training


def pressable(message: Any) -> str:
    return str([component.to_dict() for component in message.components])


async def to_the_end(world: World) -> None:
    training(world).closes_at = int(world.now()) + 5
    await world.pulse(8)


def ballot_of(world: World) -> Any:
    (message,) = world.find("Which Katerina")
    return message


async def test_letters_are_seeded_and_votes_are_counted(world: World) -> None:
    ballot = await world.to_ballot()
    assert [str(r.emoji) for r in ballot.reactions] == ["\U0001f1e6", "\U0001f1e7", "\U0001f1e8", "\U0001f1e9"]
    await world.bob.react(ballot, C)
    await world.alice.react(ballot, C)
    await world.alice.react(ballot, A)
    await world.alice.unreact(ballot, A)
    for other in ("\N{PARTY POPPER}", "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}", BALLOT_EMOJI[8]):
        await world.alice.react(ballot, other)
    assert training(world).votes == {(world.bob.id, 2), (world.alice.id, 2)}


async def test_it_closes_on_time_with_the_reactions_discord_has(world: World) -> None:
    ballot = await world.to_ballot()
    for member in (world.alice, world.bob):
        await member.react(ballot, B)
    await world.bob.react(ballot, C)
    other_bot = world.guild.add_member(world.env.create_user("robot", bot=True))
    await other_bot.react(ballot, A)
    await to_the_end(world)
    assert training(world).counted == {
        0: frozenset(),
        1: frozenset({world.alice.id, world.bob.id}),
        2: frozenset({world.bob.id}),
        3: frozenset(),
    }
    assert training(world).winner == 4, "column B"
    closed, winner = world.channel.history()[-2:]
    assert "Epoch 4 wins." in words(closed) and "custom_id" not in pressable(closed)
    assert f"**{B} epoch 4, 2 votes** · {C} epoch 1, 1 vote · {A} epoch 2, 0 votes" in words(closed)
    assert f"<@{world.alice.id}>" in words(winner) and [m.id for m in winner.mentions] == [world.alice.id]
    assert f"3 members voted. **{B} epoch 4, 2 votes**" in words(winner)
    await world.pulse(30)
    assert len(world.find("is here")) == 1


async def test_a_super_reaction_is_a_vote_and_twice_is_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """simcord knows no super-reactions: what the list of them would answer is put in here."""
    ballot = await world.to_ballot()
    await world.bob.react(ballot, B)
    ballots, asked = world.bot.presenter.ballots, world.bot.http.get_reaction_users
    read = ballots._read

    async def with_bursts(place: Any) -> Any:
        message = await read(place)
        for reaction in message.reactions:
            reaction.burst_count = 2 if str(reaction.emoji) == B else 0
        return message

    async def users(channel: int, message: int, emoji: str, limit: int, after: Any = None, type: Any = None) -> Any:
        if type != 1:
            return await asked(channel, message, emoji, limit, after, type)
        people = [world.env.backend.users[member.id] for member in (world.alice, world.bob)]
        return [{"id": str(u.id), "username": u.name, "discriminator": "0", "avatar": None} for u in people]

    monkeypatch.setattr(ballots, "_read", with_bursts)
    monkeypatch.setattr(world.bot.http, "get_reaction_users", users)
    place = (await world.outbox.places({"ballot"}))[0]
    assert (await ballots.recount(place) or {})[1] == {world.alice.id, world.bob.id}
    assert await ballots.voted(place, world.alice.id) == {1}


async def test_votes_cast_while_the_bot_was_away_count(world: World) -> None:
    ballot = await world.to_ballot()
    await world.env.restart_bot(world.make_bot())
    world.bot.presenter.ballots._open.clear()
    await world.bob.react(ballot, D)
    assert training(world).votes == set(), "nobody was listening"
    await world.restart()
    assert training(world).votes == {(world.bob.id, 3)}


async def test_missing_reactions_are_put_back_after_a_restart(world: World) -> None:
    ballot = await world.to_ballot()
    message = world.env.backend.messages[world.channel.id][ballot.id]
    message.reactions = message.reactions[:1]
    await world.restart()
    assert [str(r.emoji) for r in world.last().reactions] == list(BALLOT_EMOJI[:4])


async def test_letters_a_moderator_cleared_stand_there_again(world: World) -> None:
    ballot = await world.to_ballot()
    await world.bob.react(ballot, D)
    world.env.backend.clear_reaction(world.channel.id, ballot.id, B)
    await world.pulse()
    assert {str(r.emoji): r.count for r in ballot_of(world).reactions} == {A: 1, C: 1, D: 2, B: 1}
    world.env.backend.clear_reactions(world.channel.id, ballot.id)
    await world.pulse()
    assert {str(r.emoji): r.count for r in ballot_of(world).reactions} == {A: 1, B: 1, C: 1, D: 1}
    await to_the_end(world)
    assert training(world).counted == dict.fromkeys(range(4), frozenset()), "what Discord shows at the end is the truth"


@pytest.mark.parametrize("restarted", [False, True])
async def test_nothing_on_a_blind_ballot_names_an_epoch(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    large = await world.bob.select(ballot, ["1"], custom_id="lk1:vote.column:1")
    assert large.response is not None and "**Column B**" in words(large.response)
    seen = words(ballot) + pressable(ballot) + words(large.response)
    seen += "".join(f"{file.filename} {file.description}" for file in ballot.attachments)
    assert not re.search(r"epoch\W{0,3}\d|suggest\w* (?:epoch|column)", seen, re.IGNORECASE)
    menu = next(
        p for row in ballot.components[0].children for p in getattr(row, "children", ()) if "win" in p.custom_id
    )
    assert [(o.label, o.value) for o in menu.options] == [(f"Column {x}", str(n)) for n, x in enumerate("ABCD")]


async def test_one_column_large_for_one_member_and_on_to_the_next(world: World) -> None:
    ballot = await world.to_ballot()
    large = await world.bob.select(ballot, ["3"], custom_id="lk1:vote.column:1")
    assert large.response is not None and large.response.ephemeral
    assert "**Column D**" in words(large.response) and f"react with {D}" in words(large.response)
    next_one = await world.bob.click(large.response, label="Next column")
    assert next_one.response is not None and "**The base" in words(large.response)
    await world.bob.click(large.response, label="Next column")
    assert "**Column A**" in words(large.response)
    await world.bob.click(large.response, label="Previous column")
    await world.bob.click(large.response, label="Previous column")
    assert "**Column D**" in words(large.response)
    assert len(world.find("Column D")) == 0, "nobody else sees any of it"


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_likeness_says_is_for_those_who_voted(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    await world.bob.react(ballot, A)
    asked = await world.alice.click(ballot, label="What does Likeness say?")
    assert asked.response is not None and "Look for yourself first" in asked.response.content
    training(world).votes.clear()
    told = await world.bob.click(ballot, label="What does Likeness say?")
    assert told.response is not None and told.response.ephemeral
    assert told.response.content == "You took [0]. I would take D.", "Discord is asked, not what was heard"
    await world.bob.unreact(ballot, A)
    again = await world.bob.click(ballot, label="What does Likeness say?")
    assert again.response is not None and "Look for yourself first" in again.response.content
    world.env.backend.delete_message(world.channel.id, ballot.id)
    place = (await world.outbox.places({"ballot"}))[0]
    assert await world.bot.presenter.ballots.voted(place, world.bob.id) is None


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_owner_makes_it_the_winner(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    refused = await world.bob.select(ballot, ["0"], custom_id="lk1:vote.win:1")
    assert refused.response is not None and "Only who started this" in refused.response.content
    result = await world.alice.select(ballot, ["1"], custom_id="lk1:vote.win:1")
    assert result.response is not None and "kat-gen0 it is" in result.response.content
    assert (training(world).winner, training(world).decided_by) == (4, world.alice.id)
    (winner,) = world.find("is here")
    assert f"Decided by <@{world.alice.id}>." in words(winner)


@pytest.mark.parametrize("restarted", [False, True])
async def test_extend_and_close_now(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    if restarted:
        await world.restart()
    before = training(world).closes_at
    await world.alice.click(ballot, label="One more hour")
    assert f"<t:{before + 3600}:R>" in words(world.last())
    # As from a client that has not seen the edit yet: it asks for the same hour, and is shown what stands.
    old = {"type": 2, "style": 2, "label": "Hour", "custom_id": f"lk1:vote.extend:1:{before}", "id": 2}
    world.env.backend.messages[ballot.channel.id][ballot.id].components = [{"type": 1, "id": 1, "components": [old]}]
    await world.alice.click(ballot, label="Hour")
    assert training(world).closes_at == before + 3600 and f"<t:{before + 3600}:R>" in words(world.last())
    assert len(world.last().reactions) == 4, "an edit keeps the votes"
    await world.bob.react(ballot, B)
    await world.alice.click(ballot, label="Close now")
    assert training(world).winner == 4 and training(world).counted is not None
    await world.pulse(20)
    assert len(world.find("is here")) == 1 and "custom_id" not in pressable(ballot_of(world))


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_tie_asks_its_owner(world: World, restarted: bool) -> None:
    ballot = await world.to_ballot()
    await world.bob.react(ballot, A)
    await world.alice.react(ballot, C)
    closing = await world.alice.click(ballot, label="Close now")
    assert closing.response is not None and "It is a tie" in closing.response.content
    (question,) = world.find("Katerina: a tie")
    assert [m.id for m in question.mentions] == [world.alice.id]
    assert "A and C are level, with 1 vote each" in words(question) and "epoch 2" not in words(question)
    standing = ballot_of(world)
    assert "Close now" not in pressable(standing) and "Whoever brought the photos decides" in words(standing)
    if restarted:
        await world.restart()
    refused = await world.bob.click(question, label="Take C")
    assert refused.response is not None and "Only who started this" in refused.response.content
    taken = await world.alice.click(question, label="Take C")
    assert taken.response is not None and "kat-gen0 it is" in taken.response.content
    assert training(world).winner == 1
    await world.pulse(20)
    (question,) = world.find("Katerina: a tie")
    assert "Epoch 1 wins." in words(question) and "custom_id" not in pressable(question)
    assert "Epoch 1 wins." in words(ballot_of(world)) and len(world.find("is here")) == 1


async def test_a_tie_that_nobody_breaks_ends_by_itself(world: World) -> None:
    ballot = await world.to_ballot()
    await world.bob.react(ballot, A)
    await world.alice.react(ballot, C)
    await to_the_end(world)
    assert training(world).winner is None and len(world.find("Katerina: a tie")) == 1
    await world.restart()
    await to_the_end(world)
    assert training(world).winner == 2 and len(world.find("is here")) == 1
    assert "custom_id" not in pressable(ballot_of(world)) + pressable(world.find("Katerina: a tie")[0])


async def test_a_ballot_whose_message_was_deleted_is_posted_anew(world: World) -> None:
    ballot = await world.to_ballot()
    await world.bob.react(ballot, B)
    world.env.backend.delete_message(world.channel.id, ballot.id)
    await world.pulse(LOOK_EVERY_S / 2)
    assert world.find("Which Katerina") == []
    for _ in range(3):
        await world.pulse(LOOK_EVERY_S)
    anew = ballot_of(world)
    assert anew.id != ballot.id and "was deleted" in words(anew)
    assert [str(r.emoji) for r in anew.reactions] == list(BALLOT_EMOJI[:4])
    await world.alice.react(anew, D)
    assert training(world).votes == {(world.bob.id, 1), (world.alice.id, 3)}


async def test_deleted_while_the_bot_was_away_it_is_posted_anew_at_once(world: World) -> None:
    ballot = await world.to_ballot()
    world.env.backend.delete_message(world.channel.id, ballot.id)
    await world.restart()
    await world.pulse(3)
    assert ballot_of(world).id != ballot.id


async def test_deleted_just_before_its_end_it_still_ends(world: World) -> None:
    ballot = await world.to_ballot()
    world.env.backend.delete_message(world.channel.id, ballot.id)
    await to_the_end(world)
    assert training(world).counted is None and training(world).winner is not None
    assert len(world.find("is here")) == 1


async def test_an_edit_discord_refuses_is_made_later_and_never_by_a_new_message(world: World) -> None:
    """A new message would stand there without the votes."""
    ballot = await world.to_ballot()
    world.env.inject_error("PATCH", f"/channels/*/messages/{ballot.id}", status=429, code=30046, times=1)
    await world.studio.close_ballot(world.guild.id, 1, None, option=2)
    await world.pulse(2)
    assert "custom_id" in pressable(ballot_of(world))
    await world.pulse(15)
    assert ballot_of(world).id == ballot.id and "custom_id" not in pressable(ballot_of(world))


async def test_closed_while_the_bot_was_away_is_drawn_closed(world: World) -> None:
    await world.to_ballot()
    await world.studio.close_ballot(world.guild.id, 1, None, option=3)
    await world.restart()
    await world.pulse(3)
    assert "Epoch 3 wins." in words(ballot_of(world))
    assert len(world.find("is here")) == 1


async def test_the_vote_is_blind_until_somebody_wants_it_open_or_not_at_all(world: World) -> None:
    card = await world.to_confirm()
    room = world.room()
    for label, blind, wanted in (("blind", False, True), ("open", False, False), ("off", True, True)):
        await world.alice.click(world.last(room), label=f"Vote: {label}")
        assert (training(world).blind, training(world).wants_vote) == (blind, wanted)
    assert card.id == world.last(room).id and "Vote: blind" in pressable(world.last(room))
    training(world).blind = False
    await world.alice.click(world.last(room), label="Start training")
    for _ in range(4):
        world.studio.finish_epoch()
    world.studio.open_ballot()
    await world.pulse()
    ballot = ballot_of(world)
    assert "I would take epoch 3" in words(ballot) and "What does Likeness say?" not in pressable(ballot)


@pytest.mark.parametrize("restarted", [False, True])
async def test_imagine_from_the_winners_card(world: World, restarted: bool) -> None:
    await world.alice.select(await world.to_ballot(), ["2"], custom_id="lk1:vote.win:1")
    winner = world.find("is here")[0]
    if restarted:
        await world.restart()
    shown = await world.bob.click(winner, label="Imagine with it")
    assert shown.modal is not None
    assert shown.modal["components"][0]["component"]["value"] == "a portrait of ohwx on the moon"
    result = await world.bob.submit_modal(shown, {"prompt": "a portrait at sea"})
    assert result.response is not None and "number 2 in line" in result.response.content
    assert world.studio.asked[-1].lora == "kat-gen0"
