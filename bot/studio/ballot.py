"""The vote over the epochs of a run, its one winner, and the LoRA that is published with it.

    open ──reactions──► votes ──time, or its owner──► closed: winner, LoRA and announcement in one commit
                                  └─ level ─► tied: its owner is asked, and waited for ─► closed

Blind by default: columns stand in an order of their own, lettered, the same for everybody (bot/studio/tally.py has the
rules, bot/studio/booth.py shows it). `offer` and `publish` are called inside the transaction that ends a training.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio import news, sheets, tally
from bot.studio.acts import Act
from bot.studio.ballot_screens import BallotCard, TieCard, WinnerCard
from bot.studio.booth import Booth
from bot.studio.desk import Desk, stage_of
from bot.studio.library import Library
from bot.studio.news_screens import Moment
from bot.studio.requests import Who
from bot.studio.screens import Purpose
from bot.studio.sentences import told
from storage.records import Ballot, Dataset, Epoch, Lora, Run, Scope, Subject
from storage.states import Decided, OutboxState, RunState

LONGEST_NAME = 40
MOST_POSTS = 3
"""Times one ballot is posted: whoever deletes it this often does not want it there."""


@dataclass(frozen=True)
class OpenBallot:
    """One that has no winner yet."""

    guild_id: int
    ballot_id: int
    ends_at: int
    """Unix seconds: when it is counted, or where it is level, when its owner is waited for no longer."""
    columns: int
    tied_at: int | None = None
    """When its votes were found to be level."""


class Ballots:
    def __init__(self, desk: Desk, library: Library, booth: Booth) -> None:
        self.desk = desk
        self.library = library
        self.booth = booth

    # -- the end of a training

    async def offer(self, scope: Scope, run: Run, *, cut_short: bool) -> Run:
        """Epochs are there to choose from: open the vote, or publish at once where none is wanted.

        A training that was cut short is voted on in any case: its owner should see what there is.
        """
        store = self.desk.store
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        epochs = [epoch for epoch in await store.epochs.list(scope, run.id) if epoch.number]
        if run.suggested is None or run.suggested not in {epoch.number for epoch in epochs}:
            best = _best(epochs)
            reason = f"Of the {len(epochs)} finished epochs, epoch {best} looks best so far."
            run = await store.runs.suggest(scope, run.id, epoch=best, reason=reason, seconds=run.seconds)
        if run.state in (RunState.QUEUED, RunState.PREPARING):
            await store.runs.move(scope, run.id, RunState.TRAINING)
        if len(epochs) == 1 or not (dataset.wants_vote or cut_short):
            await self._publish(scope, run, dataset, subject, run.suggested or epochs[-1].number)
            return await store.runs.get(scope, run.id)
        moved = await store.runs.move(scope, run.id, RunState.VOTING)
        options = tally.chosen([epoch.number for epoch in epochs], run.suggested or 0)
        seed = _seed(run)
        ballot = await store.ballots.open(
            scope,
            run.id,
            channel_id=stage_of(dataset, subject),
            options=tally.shuffled(options, seed) if dataset.blind else options,
            closes_at=self.desk.clock() + self.desk.settings.ballot_seconds,
            blind=dataset.blind,
            seed=seed,
        )
        await store.outbox.add(scope, channel_id=ballot.channel_id, purpose=Purpose.BALLOT, ref=ballot.id, once=True)
        await news.write(self.desk, scope, run.id, Moment.VOTE)
        return moved

    # -- voting

    async def open(self) -> tuple[OpenBallot, ...]:
        waits = self.desk.settings.decide_seconds
        return tuple(
            OpenBallot(
                b.guild_id, b.id, b.due_at, len(b.options), None if b.decides_at is None else b.decides_at - waits
            )
            for b in await self.desk.store.ballots.open_everywhere()
        )

    async def vote(self, scope: Scope, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        if not 0 <= option < len(ballot.options):
            raise UserError(say("There is no such column on this ballot. Choose one of its letters."))
        await self.desk.store.ballots.vote(scope, ballot_id, member_id, ballot.options[option], on=on)

    async def may_close(self, who: Who, ballot_id: int) -> None:
        scope = Scope(who.guild_id)
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        run = await self.desk.store.runs.get(scope, ballot.run_id)
        _, subject = await self.desk.subject_of(scope, run.dataset_id)
        if who.member_id != subject.owner_id and not who.is_admin:
            raise NotAllowed(say("Only the one who brought the photos, or an admin, may end or extend this vote."))

    async def extend(self, who: Who, ballot_id: int, shown: int) -> BallotCard:
        """Nothing changes where the end is later by now than what was `shown`: this press was heard before."""
        await self.may_close(who, ballot_id)
        scope, ballots = Scope(who.guild_id), self.desk.store.ballots
        async with self.desk.store.write():
            ballot = await ballots.get(scope, ballot_id)
            heard = ballot.closed_at is None and not ballot.tied and ballot.closes_at > shown
            if not heard:
                later = max(ballot.closes_at, self.desk.clock()) + self.desk.settings.extend_seconds
                await ballots.extend(scope, ballot_id, later)
        return await self.booth.card(scope, ballot_id)

    @told
    async def anew(self, guild_id: int, ballot_id: int) -> bool:
        """Its message was deleted: have it posted again, with time to see it. What was voted there stays.

        False where it is on its way already, needs no votes any more, or was deleted too often: it then ends at its time.
        """
        scope, store = Scope(guild_id), self.desk.store
        async with store.write():
            ballot = await store.ballots.get(scope, ballot_id)
            posts = await store.outbox.list(scope, purpose=Purpose.BALLOT, ref=ballot_id)
            waits = any(post.state is OutboxState.PENDING for post in posts)
            if ballot.closed_at is not None or ballot.tied or waits or len(posts) >= MOST_POSTS:
                return False
            await store.ballots.anew(scope, ballot_id, self.desk.clock() + self.desk.settings.extend_seconds)
            await store.outbox.add(scope, channel_id=ballot.channel_id, purpose=Purpose.BALLOT, ref=ballot_id)
        return True

    # -- the end

    async def close(
        self,
        scope: Scope,
        ballot_id: int,
        counted: Mapping[int, frozenset[int]] | None,
        option: int | None = None,
        by: int | None = None,
    ) -> WinnerCard | TieCard:
        """Now, whatever its time. `option` is the place of the column that `by` chose; without one the votes decide."""
        async with self.desk.store.write():
            ballot = await self.desk.store.ballots.get(scope, ballot_id)
            if option is not None and not 0 <= option < len(ballot.options):
                raise UserError(say("There is no such column on this ballot. Choose one of its letters."))
            if ballot.closed_at is None:
                await self._count(scope, ballot, counted)
                await self._decide(scope, ballot, None if option is None else ballot.options[option], by)
        return await self.standing(scope, ballot_id)

    @told
    async def end(self, guild_id: int, ballot_id: int, counted: Mapping[int, frozenset[int]] | None) -> bool:
        """As `close`, if its time has come: another hour may have been given while the votes were counted."""
        scope = Scope(guild_id)
        async with self.desk.store.write():
            ballot = await self.desk.store.ballots.get(scope, ballot_id)
            due = ballot.closed_at is None and ballot.due_at <= self.desk.clock()
            if due:
                await self._count(scope, ballot, counted)
                await self._decide(scope, ballot, None, None)
        return due

    async def standing(self, scope: Scope, ballot_id: int) -> WinnerCard | TieCard:
        """The winner, or what its owner is asked."""
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        lora = await self.desk.store.loras.of_run(scope, ballot.run_id)
        if lora is not None:
            return await self.booth.winner(scope, lora.id)
        tie = None if ballot.closed_at is not None else await self.booth.tie(scope, ballot_id)
        if tie is None:
            raise UserError(
                say("This vote was closed without a winner. /retrain makes a new one with the same photos.")
            )
        return tie

    async def _count(self, scope: Scope, ballot: Ballot, counted: Mapping[int, frozenset[int]] | None) -> None:
        if counted is not None and not ballot.tied:
            votes = {ballot.options[i]: who for i, who in counted.items() if 0 <= i < len(ballot.options)}
            await self.desk.store.ballots.recount(scope, ballot.id, votes)

    async def _decide(self, scope: Scope, ballot: Ballot, chosen: int | None, by: int | None) -> None:
        store = self.desk.store
        run = await store.runs.get(scope, ballot.run_id)
        suggested = run.suggested if run.suggested in ballot.options else min(ballot.options)
        if chosen is not None:
            how = Decided.OWNER if chosen in ballot.tied else Decided.HAND
            await self._finish(scope, ballot, run, chosen, how, by)
        elif ballot.tied:
            if ballot.due_at <= self.desk.clock():
                winner = tally.by_rule(ballot.tied, suggested)
                await self._finish(scope, ballot, run, winner, Decided.RULE, None)
        else:
            scored = {epoch.number: epoch for epoch in await store.epochs.list(scope, run.id)}
            found = tally.verdict(await store.ballots.tally(scope, ballot.id), scored, suggested)
            if found.winner is not None and found.how is not None:
                await self._finish(scope, ballot, run, found.winner, found.how, None)
            else:
                await self._ask(scope, ballot, run, found.tied)

    async def _ask(self, scope: Scope, ballot: Ballot, run: Run, tied: Sequence[int]) -> None:
        store = self.desk.store
        await store.ballots.ask(scope, ballot.id, tied, self.desk.clock() + self.desk.settings.decide_seconds)
        channel_id = stage_of(*await self.desk.subject_of(scope, run.dataset_id))
        await store.outbox.add(scope, channel_id=channel_id, purpose=Purpose.TIE, ref=ballot.id, once=True)

    async def _finish(self, scope: Scope, ballot: Ballot, run: Run, winner: int, how: Decided, by: int | None) -> None:
        await self.desk.store.ballots.close(scope, ballot.id, winner, how, by)
        await self._publish(scope, run, *await self.desk.subject_of(scope, run.dataset_id), winner)

    async def _publish(self, scope: Scope, run: Run, dataset: Dataset, subject: Subject, number: int) -> Lora:
        """Inside a transaction. Once per run, whoever comes second."""
        store = self.desk.store
        epoch = await store.epochs.numbered(scope, run.id, number)
        thumbnail = None
        if epoch.previews:
            plain = await store.blobs.get(scope, dataset.key_id, epoch.previews[0])
            small = await asyncio.to_thread(sheets.thumbnail, plain)
            thumbnail = await store.blobs.put(scope, dataset.key_id, small)
        published = await store.loras.publish(
            scope,
            run.id,
            epoch=number,
            name=await self._free_name(scope, subject, dataset.generation),
            trigger=run.trigger,
            base=run.base,
            sha256=epoch.lora_sha256 or "",
            key_id=dataset.key_id,
            access=subject.access,
            owner_id=subject.owner_id,
            thumbnail_sha256=thumbnail,
        )
        await store.runs.move(scope, run.id, RunState.PUBLISHED)
        await store.outbox.add(
            scope,
            channel_id=stage_of(dataset, subject),
            purpose=Purpose.WINNER,
            ref=published.lora.id,
            once=True,
        )
        await news.write(self.desk, scope, run.id, Moment.READY)
        await store.audit.add(scope, Act.PUBLISHED, subject.owner_id, subject_id=subject.id, lora_id=published.lora.id)
        self.library.changed(scope)
        return published.lora

    async def _free_name(self, scope: Scope, subject: Subject, generation: int) -> str:
        wanted = f"{slug(subject.name) or subject.trigger}-gen{generation}"
        name, count = wanted, 1
        while await self.desk.store.loras.by_name(scope, name) is not None:
            count += 1
            name = f"{wanted}-{count}"
        return name


def slug(name: str) -> str:
    """The part of a name that can stand in a prompt and in a file's name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")


def _seed(run: Run) -> int:
    """From the training's own, which nobody has seen: made again after a crash, it is the same."""
    digest = hashlib.blake2b(f"ballot {run.id} {run.recipe.get('seed')}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _best(epochs: Sequence[Epoch]) -> int:
    """Where the engine made no suggestion: the likest that still follows its prompt, else the last."""

    def worth(epoch: Epoch) -> tuple[float, int]:
        return ((epoch.likeness or 0.0) * (epoch.fidelity or 0.0), epoch.number)

    return max(epochs, key=worth).number
