"""The vote over the epochs of a run, its one winner, and the LoRA that is published with it.

    open ──reactions──► votes ──time, or its owner──► closed: winner, LoRA and announcement in one commit

Most votes win. A tie goes to the engine's suggestion if it is among the tied, else to the earlier epoch. Nobody voted: the
suggestion. `offer` and `publish` are called inside the transaction that ends a training.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence

from bot.errors import NotAllowed, UserError
from bot.studio import captions, curve, scores, sheets
from bot.studio.acts import Act
from bot.studio.desk import Desk, room_of, stage_of
from bot.studio.library import Library
from bot.studio.requests import Who
from bot.studio.screens import BallotCard, Image, Purpose, WinnerCard
from storage.records import Ballot, Dataset, Epoch, Lora, Run, Scope, Subject
from storage.states import RunState

MOST_OPTIONS = 8
"""Columns of a grid that can still be read; keys go further, eyes do not."""
LONGEST_NAME = 40


class Ballots:
    def __init__(self, desk: Desk, library: Library) -> None:
        self.desk = desk
        self.library = library

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
        ballot = await store.ballots.open(
            scope,
            run.id,
            channel_id=stage_of(dataset, subject),
            options=_options([epoch.number for epoch in epochs], run.suggested or 0),
            closes_at=self.desk.clock() + self.desk.settings.ballot_seconds,
        )
        await store.outbox.add(scope, channel_id=ballot.channel_id, purpose=Purpose.BALLOT, ref=ballot.id, once=True)
        return moved

    # -- voting

    async def open(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((b.guild_id, b.id, b.closes_at) for b in await self.desk.store.ballots.open_everywhere())

    async def vote(self, scope: Scope, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        if not 0 <= option < len(ballot.options):
            raise UserError("There is no such epoch on this ballot.")
        await self.desk.store.ballots.vote(scope, ballot_id, member_id, ballot.options[option], on=on)

    async def may_close(self, who: Who, ballot_id: int) -> None:
        scope = Scope(who.guild_id)
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        run = await self.desk.store.runs.get(scope, ballot.run_id)
        _, subject = await self.desk.subject_of(scope, run.dataset_id)
        if who.member_id != subject.owner_id and not who.is_admin:
            raise NotAllowed("Only the one who brought the photos, or an admin, may end or extend this vote.")

    async def extend(self, who: Who, ballot_id: int, shown: int) -> BallotCard:
        """Nothing changes where the end is later by now than what was `shown`: this press was heard before."""
        await self.may_close(who, ballot_id)
        scope, ballots = Scope(who.guild_id), self.desk.store.ballots
        async with self.desk.store.write():
            ballot = await ballots.get(scope, ballot_id)
            heard = ballot.closed_at is None and ballot.closes_at > shown
            if not heard:
                later = max(ballot.closes_at, self.desk.clock()) + self.desk.settings.extend_seconds
                await ballots.extend(scope, ballot_id, later)
        return await self.card(scope, ballot_id)

    async def close(
        self, scope: Scope, ballot_id: int, counted: Mapping[int, frozenset[int]] | None, winner: int | None
    ) -> WinnerCard:
        store = self.desk.store
        async with store.write():
            ballot = await store.ballots.get(scope, ballot_id)
            run = await store.runs.get(scope, ballot.run_id)
            if ballot.closed_at is None:
                if winner is not None and winner not in ballot.options:
                    raise UserError(f"Epoch {winner} is not on this ballot: choose one of its columns.")
                if counted is not None:
                    votes = {ballot.options[i]: who for i, who in counted.items() if 0 <= i < len(ballot.options)}
                    await store.ballots.recount(scope, ballot_id, votes)
                tally = await store.ballots.tally(scope, ballot_id)
                chosen = _winner(tally, run.suggested) if winner is None else winner
                await store.ballots.close(scope, ballot_id, chosen)
                dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
                await self._publish(scope, run, dataset, subject, chosen)
        lora = await store.loras.of_run(scope, run.id)
        if lora is None:
            raise UserError("This vote was closed without a winner.")
        return await self.winner_card(scope, lora.id)

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

    # -- screens

    async def card(self, scope: Scope, ballot_id: int) -> BallotCard:
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        run = await self.desk.store.runs.get(scope, ballot.run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        columns, prompts = await self._columns(scope, ballot, run, dataset, subject)
        data = await asyncio.to_thread(sheets.grid, columns, prompts)
        alt = f"A grid: the base and {len(ballot.options)} epochs side by side, the same {len(prompts)} prompts in each"
        return BallotCard(
            ballot_id=ballot_id,
            run_id=run.id,
            subject=subject.name,
            grid=Image("grid.webp", data, alt),
            options=ballot.options,
            suggestion=f"The engine's own reading (*): {run.reason}" if run.reason else "",
            closes_at=ballot.closes_at,
            closed=ballot.closed_at is not None,
            result="" if ballot.closed_at is None else await self._result(scope, ballot, run),
            curve=None if ballot.closed_at is None else await self._curve(scope, run, ballot.winner),
        )

    async def _curve(self, scope: Scope, run: Run, winner: int | None) -> Image | None:
        epochs = {epoch.number: epoch for epoch in await self.desk.store.epochs.list(scope, run.id) if epoch.number}
        data = await asyncio.to_thread(curve.draw, epochs, winner, "winner")
        return (
            None if data is None else Image("curve.webp", data, "The scores of the epochs as curves, the winner marked")
        )

    async def winner_card(self, scope: Scope, lora_id: int) -> WinnerCard:
        store = self.desk.store
        lora = await store.loras.get(scope, lora_id)
        run = await store.runs.get(scope, lora.run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        epoch = await store.epochs.numbered(scope, run.id, lora.epoch)
        previews = [await store.blobs.get(scope, dataset.key_id, sha) for sha in epoch.previews]
        data = await asyncio.to_thread(sheets.epoch_post, lora.name, self._prompts(run, subject), [], previews)
        ballot = await store.ballots.of_run(scope, run.id)
        result = f"Epoch {lora.epoch} it is." if ballot is None else await self._result(scope, ballot, run)
        return WinnerCard(
            lora_id=lora.id,
            name=lora.name,
            trigger=lora.trigger,
            owner_id=lora.owner_id,
            picture=Image(f"{lora.name}.webp", data, f"What {lora.name} paints"),
            result=result,
            try_it=captions.prompt_to_try(subject.kind, run.trigger, run.class_word),
        )

    async def channel(self, scope: Scope, run: Run) -> int:
        return room_of(*await self.desk.subject_of(scope, run.dataset_id))

    async def _columns(
        self, scope: Scope, ballot: Ballot, run: Run, dataset: Dataset, subject: Subject
    ) -> tuple[list[sheets.Column], tuple[str, ...]]:
        store = self.desk.store
        columns: list[sheets.Column] = []
        for epoch in await store.epochs.list(scope, run.id):
            if epoch.number and epoch.number not in ballot.options:
                continue
            previews = tuple([await store.blobs.get(scope, dataset.key_id, sha) for sha in epoch.previews])
            key = ballot.options.index(epoch.number) + 1 if epoch.number else None
            title = f"epoch {epoch.number}" if epoch.number else "base"
            columns.append(sheets.Column(title, key, scores.column(epoch), previews, epoch.number == run.suggested))
        return columns, self._prompts(run, subject)

    def _prompts(self, run: Run, subject: Subject) -> tuple[str, ...]:
        seeds = self.desk.settings.preview_seeds
        return tuple(p.prompt for p in captions.previews(subject.kind, run.trigger, run.class_word, seeds))

    async def _result(self, scope: Scope, ballot: Ballot, run: Run) -> str:
        tally = await self.desk.store.ballots.tally(scope, ballot.id)
        winner, cast = ballot.winner or 0, sum(tally.values())
        if winner != _winner(tally, run.suggested):
            return f"Epoch {winner} was chosen by hand; it had {tally.get(winner, 0)} of {_count(cast)}."
        if not cast:
            return f"Nobody voted, so epoch {winner} wins: it is what the engine suggested."
        tied = [epoch for epoch, count in tally.items() if count == tally[winner]]
        if len(tied) > 1:
            rule = "the engine's suggestion decides" if winner == run.suggested else "the earlier one wins"
            return f"Epoch {winner} wins with {tally[winner]} of {_count(cast)}: a tie, so {rule}."
        return f"Epoch {winner} wins, {tally[winner]} of {_count(cast)}."


def slug(name: str) -> str:
    """The part of a name that can stand in a prompt and in a file's name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")


def _winner(tally: Mapping[int, int], suggested: int | None) -> int:
    most = max(tally.values())
    first = [epoch for epoch, count in tally.items() if count == most]
    return suggested if suggested in first else min(first)


def _best(epochs: Sequence[Epoch]) -> int:
    """Where the engine made no suggestion: the likest that still follows its prompt, else the last."""

    def worth(epoch: Epoch) -> tuple[float, int]:
        return ((epoch.likeness or 0.0) * (epoch.fidelity or 0.0), epoch.number)

    return max(epochs, key=worth).number


def _options(numbers: Sequence[int], suggested: int) -> tuple[int, ...]:
    """All of them, or MOST_OPTIONS: the suggested, the last, and others evenly from the whole length."""
    if len(numbers) <= MOST_OPTIONS:
        return tuple(numbers)
    kept = {numbers[-1], suggested}
    spread = [numbers[round(i * (len(numbers) - 1) / (MOST_OPTIONS - 1))] for i in range(MOST_OPTIONS)]
    for number in reversed(spread):
        if len(kept) < MOST_OPTIONS:
            kept.add(number)
    return tuple(sorted(kept))


def _count(votes: int) -> str:
    return f"{votes} vote{'' if votes == 1 else 's'}"
