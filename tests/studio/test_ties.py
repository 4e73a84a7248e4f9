"""Votes that are level: the owner is asked, once, and not waited for for ever."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import UserError
from bot.studio.screens import Purpose, TieCard
from storage.states import Decided, RunState
from tests.studio.house import ADMIN, GUILD, OWNER, SCOPE, House
from tests.studio.test_ballot import A, B, C, level, won


async def test_a_tie_in_votes_and_score_asks_the_owner(house: House) -> None:
    async with house.life() as studio:
        run, ballot = await house.trained()
        await level(house)
        votes = await house.counted(ballot, {1: A, 3: A})
        tie = await studio.close_ballot(GUILD, ballot, votes)
        places = await house.places(ballot)
        assert isinstance(tie, TieCard) and (tie.owner_id, tie.result) == (OWNER, "")
        assert [place for place, _ in tie.level] == sorted((places[1], places[3]))
        assert {(column.epoch, column.votes) for _, column in tie.level} == {(None, 1)}
        assert await house.posts("tie") == [("tie", str(ballot))] and await house.posts("winner") == []
        assert (await house.store.runs.get(SCOPE, run)).state is RunState.VOTING
        with pytest.raises(UserError, match="This vote is over"):
            await studio.vote(GUILD, ballot, 60, 0, on=True)
        with pytest.raises(UserError, match="This vote is over"):
            await studio.extend_ballot(house.who(), ballot, 0)
        await house.crash()
    async with house.life() as studio:
        again = await studio.close_ballot(GUILD, ballot, {0: C})
        assert isinstance(again, TieCard) and again.level == tie.level, "what was counted is counted"
        card = await studio.booth.card(SCOPE, ballot)
        assert (card.state, {column.epoch for column in card.columns}) == ("tied", {None})
        assert [place for place, column in enumerate(card.columns) if column.level] == [place for place, _ in tie.level]
        chosen = won(await studio.close_ballot(GUILD, ballot, None, option=places[3], by=OWNER))
        assert chosen.result == "Epoch 3 wins with 1 of 2 votes: a tie, also in score, so its owner was asked."
        assert (chosen.decided_by, chosen.voters) == (OWNER, 1)
        assert (await house.store.ballots.get(SCOPE, ballot)).how is Decided.OWNER
        over = await studio.screen(GUILD, Purpose.TIE, str(ballot))
        assert isinstance(over, TieCard) and over.result == chosen.result and over.sheets == ()
        assert await house.posts("tie") == [("tie", str(ballot))] and await house.posts("winner") == [("winner", "1")]


@pytest.mark.parametrize(
    ("tied", "winner", "why"), [((1, 2), 2, "the engine's suggestion decides"), ((1, 3), 1, "the earlier one wins")]
)
async def test_an_owner_who_does_not_answer_is_not_waited_for_for_ever(
    house: House, tied: tuple[int, ...], winner: int, why: str
) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await level(house)
        house.clock.now += 24 * 3600
        assert await studio.ballots.end(GUILD, ballot, await house.counted(ballot, dict.fromkeys(tied, B)))
        (waiting,) = await studio.open_ballots()
        assert waiting.tied_at == house.clock.now and waiting.ends_at == house.clock.now + house.settings.decide_seconds
        assert not await studio.ballots.end(GUILD, ballot, None), "not yet"
        await house.crash()
    house.clock.now = waiting.ends_at
    async with house.life() as studio:
        ends = [studio.ballots.end(GUILD, ballot, None) for _ in range(3)]
        assert await asyncio.gather(*ends) == [True, False, False]
        lora = await house.store.loras.get(SCOPE, 1)
        card = await studio.booth.winner(SCOPE, lora.id)
        assert lora.epoch == winner and why in card.result and card.decided_by is None
        assert await studio.open_ballots() == () and await house.posts("winner") == [("winner", "1")]


async def test_a_question_goes_with_its_subject(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await level(house)
        await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {1: A, 3: A}))
        (question,) = await house.store.outbox.list(SCOPE, purpose="tie")
        await house.store.outbox.sent(SCOPE, question.id, 777)
        await studio.forgetting.forget_subject(house.who(), 1)
        assert 777 in {row.message_id for row in await house.store.erasures.due_everywhere()}
        assert await studio.screen(GUILD, Purpose.TIE, str(ballot)) is None and await studio.open_ballots() == ()


async def test_two_who_may_decide_at_once_decide_once(house: House) -> None:
    async with house.life() as studio:
        _, ballot = await house.trained()
        await level(house)
        await studio.close_ballot(GUILD, ballot, await house.counted(ballot, {1: A, 2: A, 3: A}))
        deciding = [
            studio.close_ballot(GUILD, ballot, None, option=place, by=who)
            for place, who in ((0, OWNER), (1, ADMIN), (2, OWNER))
        ]
        cards = [won(card) for card in await asyncio.gather(*deciding)]
        assert len({(card.lora_id, card.result, card.decided_by) for card in cards}) == 1
        assert await house.posts("winner") == [("winner", "1")]
