from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from bot.errors import NotAllowed, UserError
from bot.studio import ballot as rules
from bot.studio import tally
from bot.studio.screens import BallotCard, Purpose, WinnerCard
from engine.script import Script
from storage.states import Decided, RunState
from tests.studio.house import ADMIN, CHANNEL, FRIEND, GUILD, OWNER, ROOM, SCOPE, House

A, B, C = frozenset({11}), frozenset({11, 12}), frozenset({11, 12, 13})


async def level(house: House) -> None:
    """Every epoch with the same scores."""
    async with house.store.write():
        await house.store.database.change("UPDATE epochs SET likeness = 60, fidelity = 95 WHERE number > 0")


def won(card: object) -> WinnerCard:
    assert isinstance(card, WinnerCard)
    return card


@pytest.mark.parametrize(
    ("counted", "name", "how", "result"),
    [
        ({1: C, 2: A, 3: B}, 1, Decided.VOTES, "Epoch 1 wins, 3 of 6 votes."),
        ({}, 2, Decided.NOBODY, "Nobody voted, so epoch 2 wins: it is what the engine suggested."),
        ({1: A, 3: A}, 3, Decided.SCORE, "Epoch 3 wins with 1 of 2 votes: a tie, so the better score decides."),
        ({1: A, 2: A}, 2, Decided.SCORE, "Epoch 2 wins with 1 of 2 votes: a tie, so the better score decides."),
        ({1: A}, 1, Decided.VOTES, "Epoch 1 wins, 1 of 1 vote."),
    ],
)
async def test_who_wins(house: House, counted: dict[int, frozenset[int]], name: int, how: Decided, result: str) -> None:
    async with house.life() as studio:
        run, ballot = await house.trained()
        votes = {**await house.counted(ballot, counted), 7: C}
        card = won(await studio.close_ballot(GUILD, ballot, votes))
        assert card.result == result and card.decided_by is None
        lora = await house.store.loras.get(SCOPE, card.lora_id)
        epoch = await house.store.epochs.numbered(SCOPE, run, name)
        assert (lora.epoch, lora.sha256) == (name, epoch.lora_sha256)
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.PUBLISHED
        assert (await house.store.ballots.get(SCOPE, ballot)).how is how


async def test_columns_stand_in_an_order_of_their_own_that_stays(house: House) -> None:
    orders: set[tuple[int, ...]] = set()
    async with house.life() as studio:
        for draft in ("a", "b", "c"):
            _, ballot = await house.trained(draft=draft, name=draft)
            found = await house.store.ballots.get(SCOPE, ballot)
            assert found.blind and found.options == tally.shuffled((1, 2, 3), found.seed)
            orders.add(found.options)
            await studio.close_ballot(GUILD, ballot, {})
        await house.crash()
    assert len(orders) > 1, "the three are not all in one order"
    async with house.life():
        assert (await house.store.ballots.get(SCOPE, ballot)).options == found.options


async def test_a_blind_ballot_names_no_epoch_before_its_end(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        card = await studio.screen(GUILD, Purpose.BALLOT, str(ballot))
        assert isinstance(card, BallotCard) and (card.state, card.result) == ("open", "")
        told = [card.suggestion, *(f"{image.name} {image.alt}" for image in card.sheets)]
        columns = [await studio.booth.column(house.who(FRIEND), ballot, place) for place in (None, 1)]
        told += [f"{shown.picture.name} {shown.picture.alt}" for shown in columns]
        told.append(await studio.booth.says(house.who(FRIEND), ballot, frozenset({0, 2})))
        assert not re.search(r"epoch|likeness|\d{2}|earl|later", " ".join(told), re.IGNORECASE), told
        assert [column.letter for column in card.columns] == ["A", "B", "C"]
        assert {column.epoch for column in card.columns} == {column.votes for column in card.columns} == {None}


async def test_the_same_pictures_whoever_looks_and_when(house: House) -> None:
    """No column looks different for its epoch: the sheet follows from the pictures and the order alone."""
    async with house.life() as studio:
        _, ballot = await house.trained()
        first = await studio.booth.card(SCOPE, ballot)
        await level(house)
        async with house.store.write():
            await house.store.database.change("UPDATE runs SET suggested = 1")
        again = await studio.booth.card(SCOPE, ballot)
        assert [image.data for image in again.sheets] == [image.data for image in first.sheets]
        await studio.close_ballot(GUILD, ballot, {})
        assert (await studio.booth.card(SCOPE, ballot)).sheets[0].data != first.sheets[0].data, "now it is told"


async def test_an_open_ballot_tells_all_of_it_in_order(house: House) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.choose(house.who(), dataset, blind=False)
        await studio.start_training(house.who(), dataset)
        await house.settled()
        card = await studio.booth.card(SCOPE, 1)
        assert not card.blind and [column.epoch for column in card.columns] == [1, 2, 3]
        assert card.suggestion.startswith("The engine's own reading (B): Epoch 2 looks most like")


async def test_what_likeness_says_comes_after_ones_own_vote(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        letter = "ABC"[(await house.places(ballot))[2]]
        with pytest.raises(UserError, match="Look for yourself first"):
            await studio.booth.says(house.who(FRIEND), ballot, frozenset())
        with pytest.raises(UserError, match="Look for yourself first"):
            await studio.booth.says(house.who(FRIEND), ballot, frozenset({9}))
        mine = (await house.places(ballot))[2]
        others = sorted({0, 1, 2} - {mine})
        told = await studio.booth.says(house.who(FRIEND), ballot, frozenset(others))
        taken = ", ".join("ABC"[place] for place in others)
        reason = "It looks most like the photos and still follows prompts."
        assert told == f"You took {taken}. I would take {letter}. {reason}"
        told = await studio.booth.says(house.who(FRIEND), ballot, frozenset({mine}))
        assert told == f"You took {letter}, and I would take {letter} too. {reason}"
        for change, reason in (
            ("fidelity = 60, memorising = 0", "it follows prompts less well than the base"),
            ("fidelity = 95, memorising = 90", "now and then it repeats one of them"),
            ("memorising = 0, bleed = 90", "others of its kind come to look like it"),
            ("likeness = NULL", "nothing to measure it with"),
        ):
            async with house.store.write():
                await house.store.database.change(f"UPDATE epochs SET {change} WHERE number = 2")
            assert reason in await studio.booth.says(house.who(FRIEND), ballot, frozenset({0}))
        await studio.close_ballot(GUILD, ballot, {})
        told = await studio.booth.says(house.who(FRIEND), ballot, frozenset())
        assert told.startswith(f"The engine's own reading ({letter}): Epoch 2 ")


async def test_its_time_is_looked_at_once_more_when_it_is_ended(house: House) -> None:
    """The votes are counted for a while: whoever gave it another hour meanwhile gets it."""
    async with house.life() as studio:
        _, ballot = await house.trained()
        ((closes_at),) = [found.ends_at for found in await studio.open_ballots()]
        house.clock.now = closes_at
        await studio.extend_ballot(house.who(), ballot, closes_at)
        assert not await studio.ballots.end(GUILD, ballot, {0: A})
        assert len(await studio.open_ballots()) == 1 and await house.posts("winner") == []


async def test_a_deleted_message_is_posted_anew_and_what_was_voted_stays(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        places = await house.places(ballot)
        assert not await studio.ballots.anew(GUILD, ballot), "the first one is still on its way"
        (post,) = await house.store.outbox.list(SCOPE, purpose="ballot")
        await house.store.outbox.sent(SCOPE, post.id, 900)
        await studio.vote(GUILD, ballot, 50, places[3], on=True)
        house.clock.now += 24 * 3600 - 60
        asked = [studio.ballots.anew(GUILD, ballot) for _ in range(3)]
        assert sorted(await asyncio.gather(*asked)) == [False, False, True]
        (found,) = await studio.open_ballots()
        assert found.ends_at == house.clock.now + 3600 and (await studio.booth.card(SCOPE, ballot)).anew
        await house.crash()
    async with house.life() as studio:
        _, second = await house.store.outbox.list(SCOPE, purpose="ballot")
        await house.store.outbox.sent(SCOPE, second.id, 901)
        house.clock.now += 5
        card = won(await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {3: A, 1: A})))
        assert card.result == "Epoch 3 wins, 2 of 3 votes." and card.voters == 2
        assert not await studio.ballots.anew(GUILD, ballot)


async def test_who_deletes_a_ballot_again_and_again_gets_their_way(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        for message in range(rules.MOST_POSTS):
            post = (await house.store.outbox.list(SCOPE, purpose="ballot"))[-1]
            await house.store.outbox.sent(SCOPE, post.id, 900 + message)
            assert await studio.ballots.anew(GUILD, ballot) == (message < rules.MOST_POSTS - 1)
        assert len(await studio.open_ballots()) == 1, "it ends at its time"


async def test_the_winner_is_published_once(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        closing = [studio.close_ballot(GUILD, ballot, {place: A}) for place in (2, 0, 1)]
        cards = [won(card) for card in await asyncio.gather(*closing)]
        assert {card.lora_id for card in cards} == {1} and {card.result for card in cards} == {cards[0].result}
        assert await house.posts("winner") == [("winner", "1")]
        assert len(await house.store.loras.list(SCOPE)) == 1
    async with house.life() as studio:
        again = won(await studio.close_ballot(GUILD, ballot, {1: C}, option=1, by=OWNER))
        assert again.result == cards[0].result
        assert await house.posts("winner") == [("winner", "1")]


async def test_the_rows_say_what_was_counted_at_the_end(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        places = await house.places(ballot)
        for member, epoch, on in ((50, 1, True), (51, 2, True), (51, 2, True), (52, 3, True), (52, 3, False)):
            await studio.vote(GUILD, ballot, member, places[epoch], on=on)
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 1, 2: 1, 3: 0}
        await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {3: B}))
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 0, 2: 0, 3: 2}
        with pytest.raises(UserError, match="This vote is over"):
            await studio.vote(GUILD, ballot, 53, 0, on=True)
        assert await house.store.ballots.tally(SCOPE, ballot) == {1: 0, 2: 0, 3: 2}


async def test_without_a_count_the_votes_on_record_decide(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await studio.vote(GUILD, ballot, 50, (await house.places(ballot))[3], on=True)
        assert won(await studio.close_ballot(GUILD, ballot, None)).result == "Epoch 3 wins, 1 of 1 vote."
        with pytest.raises(UserError, match="no such column"):
            await studio.vote(GUILD, ballot, 50, 8, on=True)


async def test_the_owner_may_choose_and_it_is_said(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await studio.may_close(house.who(OWNER), ballot)
        await studio.may_close(house.who(ADMIN, admin=True), ballot)
        with pytest.raises(NotAllowed):
            await studio.may_close(house.who(FRIEND), ballot)
        with pytest.raises(UserError, match="no such column"):
            await studio.close_ballot(GUILD, ballot, {}, option=7, by=OWNER)
        votes, places = await house.counted(ballot, {3: B}), await house.places(ballot)
        card = won(await studio.close_ballot(GUILD, ballot, votes, option=places[1], by=ADMIN))
        assert (card.result, card.decided_by) == ("Epoch 1 was chosen by hand; it had 0 of 2 votes.", ADMIN)
        assert [(c.letter, c.epoch, c.votes, c.wins) for c in card.ranking][:2] == [
            ("ABC"[places[1]], 1, 0, True),
            ("ABC"[places[3]], 3, 2, False),
        ]
        await studio.forgetting.forget_me(house.who(ADMIN))
        assert (await studio.booth.card(SCOPE, ballot)).decided_by == 0, "somebody, whose name is forgotten"


async def test_one_more_hour_once_for_what_was_shown(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        (found,) = await studio.open_ballots()
        closes_at = found.ends_at
        assert found == rules.OpenBallot(GUILD, ballot, house.clock.now + 24 * 3600, 3)
        with pytest.raises(NotAllowed):
            await studio.extend_ballot(house.who(FRIEND), ballot, closes_at)
        assert (await studio.extend_ballot(house.who(), ballot, closes_at)).closes_at == closes_at + 3600
        await house.crash()
    async with house.life() as studio:
        for admin in (False, True):
            again = await studio.extend_ballot(house.who(admin=admin), ballot, closes_at)
            assert again.closes_at == closes_at + 3600, "heard before, by another process or from another member"
        card = await studio.extend_ballot(house.who(), ballot, again.closes_at)
        assert card.closes_at == closes_at + 7200
        await studio.close_ballot(GUILD, ballot, {})
        assert await studio.open_ballots() == ()
        with pytest.raises(UserError, match="This vote is over"):
            await studio.extend_ballot(house.who(), ballot, card.closes_at)


async def test_one_more_hour_on_an_overdue_ballot_counts_from_now(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        closes_at = (await studio.open_ballots())[0].ends_at
        house.clock.now = closes_at + 600
        for _ in range(2):
            assert (await studio.extend_ballot(house.who(), ballot, closes_at)).closes_at == closes_at + 600 + 3600
            house.clock.now += 1


async def test_where_it_is_posted_follows_who_may_use_it(house: House) -> None:
    async with house.life() as studio:
        _, private = await house.trained()
        await studio.close_ballot(GUILD, private, {})
        assert await house.published(draft="b", name="B", access="server") == "b-gen0"
        places = {
            (row.purpose, row.ref): row.channel_id
            for row in await house.store.outbox.list(SCOPE)
            if row.purpose in ("ballot", "winner")
        }
        assert places == {
            ("ballot", "1"): ROOM,
            ("winner", "1"): ROOM,
            ("ballot", "2"): CHANNEL,
            ("winner", "2"): CHANNEL,
        }


async def test_where_no_vote_is_wanted_the_suggestion_is_published(house: House) -> None:
    house.script = Script(suggested=1)
    async with house.life() as studio:
        dataset = await house.ready()
        await studio.choose(house.who(), dataset, wants_vote=False)
        await studio.start_training(house.who(), dataset)
        await house.settled()
        assert await house.store.ballots.of_run(SCOPE, 1) is None
        ((_, ref),) = await house.posts("winner")
        card = await studio.screen(GUILD, Purpose.WINNER, ref)
        assert isinstance(card, WinnerCard) and card.result == "Epoch 1 it is."
        assert card.name == "kat3r1na-gen0" and card.try_it == "a portrait of ohwx person, on the moon"


async def test_two_of_one_name_are_told_apart(house: House) -> None:
    async with house.life():
        first = await house.published(draft="a", name="Zoë Ünal")
        second = await house.published(draft="b", name="Zoe Unal!")
        third = await house.published(draft="c", name="你好")
        trigger = (await house.store.subjects.get(SCOPE, 3)).trigger
        assert (first, second, third) == ("zoe-unal-gen0", "zoe-unal-gen0-2", f"{trigger}-gen0")


async def test_the_bot_dies_while_the_ballot_closes(house: House) -> None:
    """Before the commit nothing has happened, after it everything: never half."""
    async with house.life() as studio:
        run, ballot = await house.trained()
        publish, house.store.loras.publish = house.store.loras.publish, None  # type: ignore[method-assign, assignment]
        with contextlib.suppress(TypeError):
            await studio.close_ballot(GUILD, ballot, {0: A})
        house.store.loras.publish = publish  # type: ignore[method-assign]
        assert (await house.store.ballots.get(SCOPE, ballot)).closed_at is None
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.VOTING
        assert await house.posts("winner") == []
        await house.crash()
    async with house.life() as studio:
        assert len(await studio.open_ballots()) == 1
        await studio.close_ballot(GUILD, ballot, {0: A})
        assert await house.posts("winner") == [("winner", "1")]


async def test_a_closed_ballot_names_every_column(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        winner = won(await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {1: A})))
        card = await studio.screen(GUILD, Purpose.BALLOT, str(ballot))
        assert isinstance(card, BallotCard) and (card.state, card.result) == ("closed", "Epoch 1 wins, 1 of 1 vote.")
        options = (await house.store.ballots.get(SCOPE, ballot)).options
        assert [(c.epoch, c.votes, c.wins) for c in card.columns] == [(e, int(e == 1), e == 1) for e in options]
        assert card.suggestion.startswith("The engine's own reading (") and "Epoch 2" in card.suggestion
        assert winner.curve is not None and winner.curve.name == "curve.webp" and winner.voters == 1
        shown = await studio.booth.column(house.who(FRIEND), ballot, 0)
        assert shown.column is not None and shown.column.epoch == options[0] and not shown.open


async def test_epochs_that_lost_go_after_their_time_and_the_winner_stays(house: House) -> None:
    async with house.life() as studio:
        run, ballot = await house.trained()
        admin = house.who(ADMIN, admin=True)
        await studio.rulebook.number(admin, {"keep_epochs_days": "7"})
        won(await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {1: A})))
        lora = await house.store.loras.get(SCOPE, 1)
        epochs = await house.store.epochs.list(SCOPE, run)
        kept = {sha for e in epochs if e.number in (0, 1) for sha in (e.lora_sha256, *e.previews) if sha}
        lost = {sha for e in epochs for sha in (e.lora_sha256, *e.previews) if sha} - kept

        def on_disk() -> set[str]:
            return {path.name for path in house.folder.rglob("*") if path.is_file()} & (kept | lost)

        assert on_disk() == kept | lost and lost
        house.clock.now += 7 * 24 * 3600
        await studio.tidy()
        assert on_disk() == kept | lost, "not before its time"
        house.clock.now += 3601
        await house.crash()
    async with house.life() as studio:
        await studio.tidy()
        assert on_disk() == kept and await house.epochs() == [0, 1]
        assert await house.store.blobs.get(SCOPE, lora.key_id, lora.sha256)
        keys = await house.store.database.rows("SELECT id FROM keys WHERE forgotten_at IS NULL")
        named = await house.store.database.rows("SELECT key_id FROM datasets UNION SELECT key_id FROM jobs")
        assert {row[0] for row in keys} <= {row[0] for row in named}, "no key is left that only they were sealed with"
        card = await studio.booth.card(SCOPE, ballot)
        assert card.sheets and [c.epoch for c in card.columns if c.wins] == [1]
        places = await house.places(ballot)
        with pytest.raises(UserError, match="not kept any more"):
            await studio.booth.column(house.who(FRIEND), ballot, places[3])
        assert (await studio.booth.column(house.who(FRIEND), ballot, places[1])).picture
        asked = await studio.imagine(house.who(), house.imagine("a portrait of ohwx person"))
        await house.settled()
        assert await studio.screen(GUILD, Purpose.PICTURES, asked.job_id) is not None
