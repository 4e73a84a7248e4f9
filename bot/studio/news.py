"""News: what a member who asked for it is written in private while a training of theirs goes on, and nobody else ever.

    no wish ──ask──► wish, and a first message ──► vote, ready, failed, stopped: one each, by the outbox
       ▲               │
       └───────────────┴── taken back, refused by Discord, or forgotten: the wish goes, and what was written goes too

A wish is a row; what is written is an outbox row like any other post, in the channel those two share, and told by
"<wish>-<moment>". Words of people are in none of it: it is drawn from what stands when it is sent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio.desk import Desk, room_of, stage_of
from bot.studio.news_screens import Moment, NewsCard
from bot.studio.requests import Who
from bot.studio.screens import Purpose
from bot.studio.sentences import told
from storage.errors import NoSuchRow
from storage.records import Run, Scope
from storage.states import RunState
from storage.wishes import Wish

log = logging.getLogger(__name__)

ENDS = (RunState.PUBLISHED, RunState.CANCELLED, RunState.FAILED)


@dataclass(frozen=True)
class Buttons:
    """What a card of a training offers; both only where two may ask, and one of them has."""

    ask: bool
    end: bool


class News:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @told
    async def check(self, who: Who, run_id: int) -> None:
        """Raises UserError where this member may not ask for news of that training, or none will come any more."""
        scope = Scope(who.guild_id)
        run = await self.desk.store.runs.get(scope, run_id)
        if who.member_id not in await _concerned(self.desk, scope, run):
            raise NotAllowed(
                say("Only the one who brought the photos, or who started this training, is written to about it.")
            )
        if run.state in ENDS:
            raise UserError(
                say("That training is over, so there is no news of it to wait for. /queue shows what runs.")
            )

    @told
    async def ask(self, who: Who, run_id: int, channel_id: int, language: str) -> None:
        """They want to be written to. The first message is on its way with it; asked again, nothing changes."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            await self.check(who, run_id)
            wish = await store.wishes.add(scope, run_id, who.member_id, channel_id=channel_id, language=language)
            await _add(self.desk, scope, wish, Moment.ASKED)

    @told
    async def stands(self, who: Who, run_id: int) -> bool:
        wishes = await self.desk.store.wishes.of_run(Scope(who.guild_id), run_id)
        return any(wish.member_id == who.member_id for wish in wishes)

    @told
    async def end(self, who: Who, run_id: int) -> bool:
        """They do not want it any more; what was written is deleted. False: they had not asked."""
        scope, ended = Scope(who.guild_id), False
        for wish in await self.desk.store.wishes.of_run(scope, run_id):
            if wish.member_id == who.member_id:
                await drop(self.desk, scope, wish)
                ended = True
        return ended

    async def refused(self, guild_id: int, ref: str) -> None:
        """Discord does not let this through: they closed their messages, or have left. Not asked again unless they ask."""
        scope = Scope(guild_id)
        try:
            wish = await self.desk.store.wishes.get(scope, _wish_of(ref))
        except NoSuchRow:
            return
        await drop(self.desk, scope, wish)
        log.info("guild=%d run=%d: a wish for news was dropped, Discord does not deliver it", guild_id, wish.run_id)

    async def card(self, scope: Scope, ref: str) -> NewsCard | None:
        """None where it is no news any more."""
        store, moment = self.desk.store, Moment(ref.partition("-")[2])
        wish = await store.wishes.get(scope, _wish_of(ref))
        run = await store.runs.get(scope, wish.run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        about, channel_id = (Purpose.STATUS, str(run.id)), room_of(dataset, subject)
        match moment:
            case Moment.ASKED:
                if run.state in ENDS:
                    return None
            case Moment.VOTE:
                ballot = await store.ballots.of_run(scope, run.id)
                if ballot is None or ballot.closed_at is not None:
                    return None
                about, channel_id = (Purpose.BALLOT, str(ballot.id)), ballot.channel_id
            case Moment.READY:
                lora = await store.loras.of_run(scope, run.id)
                if lora is None or lora.withdrawn_at is not None:
                    return None
                about, channel_id = (Purpose.WINNER, str(lora.id)), stage_of(dataset, subject)
            case Moment.FAILED:
                job = await store.jobs.of_run(scope, run.id)
                if run.state is not RunState.FAILED or job is None:
                    return None
                about = (Purpose.TROUBLE, job.id)
            case Moment.STOPPED:
                if run.state is not RunState.CANCELLED:
                    return None
        posted = await store.outbox.list(scope, purpose=about[0], ref=about[1])
        sent = [(row.channel_id, row.message_id) for row in posted if row.message_id is not None]
        where = sent[-1] if sent else (channel_id, None)
        return NewsCard(moment, subject.name, wish.language, scope.guild_id, *where)


# -- for the parts of the studio in which something happens


async def write(desk: Desk, scope: Scope, run_id: int, moment: Moment, *, spare: int | None = None) -> None:
    """Inside the transaction in which it happens. `spare`: who did it themselves, and so knows."""
    for wish in await desk.store.wishes.of_run(scope, run_id):
        if wish.member_id != spare:
            await _add(desk, scope, wish, moment)


async def buttons(desk: Desk, scope: Scope, run: Run) -> Buttons:
    if run.state in ENDS:
        return Buttons(ask=False, end=False)
    have = {wish.member_id for wish in await desk.store.wishes.of_run(scope, run.id)}
    return Buttons(ask=bool(await _concerned(desk, scope, run) - have), end=bool(have))


async def posts_of(desk: Desk, scope: Scope, run_id: int) -> list[tuple[str, str]]:
    """All that was or may yet be written about it: (purpose, ref)."""
    return [post for wish in await desk.store.wishes.of_run(scope, run_id) for post in _posts(wish)]


async def drop(desk: Desk, scope: Scope, wish: Wish) -> None:
    """It is taken back, with all that was written for it."""
    async with desk.store.write():
        await desk.store.erasures.take_down(scope, _posts(wish))
        await desk.store.wishes.drop(scope, wish.id)


async def _add(desk: Desk, scope: Scope, wish: Wish, moment: Moment) -> None:
    await desk.store.outbox.add(
        scope, channel_id=wish.channel_id, purpose=Purpose.NEWS, ref=_ref(wish, moment), once=True
    )


async def _concerned(desk: Desk, scope: Scope, run: Run) -> frozenset[int]:
    """Whoever brought the photos, and whoever asked for this training."""
    _, subject = await desk.subject_of(scope, run.dataset_id)
    job = await desk.store.jobs.of_run(scope, run.id)
    return frozenset({subject.owner_id} if job is None or not job.member_id else {subject.owner_id, job.member_id})


def _ref(wish: Wish, moment: Moment) -> str:
    return f"{wish.id}-{moment}"


def _wish_of(ref: str) -> int:
    return int(ref.partition("-")[0])


def _posts(wish: Wish) -> list[tuple[str, str]]:
    return [(Purpose.NEWS, _ref(wish, moment)) for moment in Moment]
