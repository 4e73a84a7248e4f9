"""The voting booth: what is seen of a vote, made from its rows at any time.

While a ballot is blind and has no winner its columns are letters only: epoch posts in the room name epochs, so no score and
no reason with a number stands here, where it could be held against them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from bot.errors import UserError
from bot.language import say
from bot.studio import ballot_sheet, ballot_words, captions, curve, scores, sheets
from bot.studio.ballot_screens import BallotCard, BallotColumn, ColumnCard, TieCard, WinnerCard
from bot.studio.desk import Desk
from bot.studio.requests import Who
from bot.studio.screens import Image
from bot.studio.sentences import told
from bot.studio.tally import LETTERS
from storage.records import Ballot, Dataset, Epoch, Run, Scope, Subject
from storage.states import Decided


class Booth:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # -- the ballot

    async def card(self, scope: Scope, ballot_id: int) -> BallotCard:
        ballot, run, dataset, subject = await self._of(scope, ballot_id)
        winner = ballot.winner
        tally = await self.desk.store.ballots.tally(scope, ballot_id)
        told_of = _names_epochs(ballot)
        return BallotCard(
            ballot_id=ballot_id,
            run_id=run.id,
            subject=subject.name,
            sheets=await self._grid(scope, ballot, run, dataset, subject, ballot.options),
            columns=_columns(ballot, tally),
            blind=ballot.blind,
            suggestion=self._suggestion(ballot, run) if told_of else "",
            closes_at=ballot.closes_at,
            state="closed" if winner is not None else "tied" if ballot.tied else "open",
            decides_at=ballot.decides_at,
            result="" if winner is None else _result(ballot, winner, tally, run),
            decided_by=ballot.decided_by,
            anew=ballot.anew_at is not None,
        )

    @told
    async def column(self, who: Who, ballot_id: int, place: int | None) -> ColumnCard:
        """One column large; None is the base."""
        scope = Scope(who.guild_id)
        ballot, run, dataset, subject = await self._of(scope, ballot_id)
        if place is not None and not 0 <= place < len(ballot.options):
            raise UserError(say("There is no such column on this ballot. Choose one of its letters."))
        number = 0 if place is None else ballot.options[place]
        drawn = await self._column(scope, ballot, run, dataset, number)
        if drawn is None or not drawn.previews:
            raise UserError(say("That column is not kept any more: its server keeps the winner only. /loras shows it."))
        data = await asyncio.to_thread(ballot_sheet.alone, drawn, self._prompts(run, subject))
        tally = await self.desk.store.ballots.tally(scope, ballot_id)
        return ColumnCard(
            ballot_id=ballot_id,
            place=place,
            column=None if place is None else _columns(ballot, tally)[place],
            picture=Image(
                "base.webp" if place is None else f"column-{LETTERS[place].lower()}.webp",
                data,
                say("What the base paints, without anything learnt")
                if place is None
                else say("Column {letter}: {count} pictures", letter=LETTERS[place], count=len(drawn.previews)),
            ),
            places=len(ballot.options),
            open=ballot.closed_at is None and not ballot.tied,
        )

    @told
    async def says(self, who: Who, ballot_id: int, voted: Collection[int]) -> str:
        """What the engine would take, for a member who voted: `voted` are the places they reacted with just now."""
        scope = Scope(who.guild_id)
        ballot, run, _, _ = await self._of(scope, ballot_id)
        mine = sorted(place for place in voted if 0 <= place < len(ballot.options))
        if not mine and ballot.winner is None:
            raise UserError(say("Look for yourself first: react with the letter you like best, then press this again."))
        suggested = run.suggested if run.suggested in ballot.options else None
        if suggested is None:
            raise UserError(say("I have no opinion of my own on this one. Go by what you see."))
        letter = LETTERS[ballot.options.index(suggested)]
        if _names_epochs(ballot):
            return ballot_words.suggestion(letter, run.reason)
        epoch = await self.desk.store.epochs.numbered(scope, run.id, suggested)
        return ballot_words.advice([LETTERS[place] for place in mine], letter, epoch)

    async def tie(self, scope: Scope, ballot_id: int) -> TieCard | None:
        ballot, run, dataset, subject = await self._of(scope, ballot_id)
        if ballot.decides_at is None:
            return None
        tally = await self.desk.store.ballots.tally(scope, ballot_id)
        columns = _columns(ballot, tally)
        over = ballot.winner is not None
        places = [place for place, number in enumerate(ballot.options) if number in ballot.tied]
        level = tuple(ballot.options[place] for place in places)
        return TieCard(
            ballot_id=ballot_id,
            subject=subject.name,
            owner_id=subject.owner_id,
            level=tuple((place, columns[place]) for place in places),
            sheets=() if over else await self._grid(scope, ballot, run, dataset, subject, level),
            decides_at=ballot.decides_at,
            result="" if ballot.winner is None else _result(ballot, ballot.winner, tally, run),
            decided_by=ballot.decided_by,
        )

    # -- the winner

    async def winner(self, scope: Scope, lora_id: int) -> WinnerCard:
        store = self.desk.store
        lora = await store.loras.get(scope, lora_id)
        run = await store.runs.get(scope, lora.run_id)
        dataset, subject = await self.desk.subject_of(scope, run.dataset_id)
        epoch = await store.epochs.numbered(scope, run.id, lora.epoch)
        previews = [await store.blobs.get(scope, dataset.key_id, sha) for sha in epoch.previews]
        data = await asyncio.to_thread(sheets.epoch_post, lora.name, self._prompts(run, subject), [], previews)
        ballot = await store.ballots.of_run(scope, run.id)
        result, ranking, voters = say("Epoch {epoch} it is.", epoch=lora.epoch), (), 0
        if ballot is not None and ballot.winner is not None:
            tally = await store.ballots.tally(scope, ballot.id)
            result = _result(ballot, ballot.winner, tally, run)
            ranking = tuple(sorted(_columns(ballot, tally), key=lambda c: (not c.wins, -(c.votes or 0), c.letter)))
            voters = len({vote.member_id for vote in await store.ballots.votes(scope, ballot.id)})
        return WinnerCard(
            lora_id=lora.id,
            name=lora.name,
            trigger=lora.trigger,
            owner_id=lora.owner_id,
            picture=Image(f"{lora.name}.webp", data, say("What {name} paints", name=lora.name)),
            result=result,
            try_it=captions.prompt_to_try(subject.kind, run.trigger, run.class_word),
            ranking=ranking,
            voters=voters,
            decided_by=None if ballot is None else ballot.decided_by,
            curve=await self._curve(scope, run, lora.epoch),
        )

    async def _curve(self, scope: Scope, run: Run, winner: int) -> Image | None:
        epochs = {epoch.number: epoch for epoch in await self.desk.store.epochs.list(scope, run.id) if epoch.number}
        data = await asyncio.to_thread(curve.draw, epochs, winner, say("winner"))
        if data is None:
            return None
        return Image("curve.webp", data, say("The scores of the epochs as curves, the winner marked"))

    # -- parts

    async def _of(self, scope: Scope, ballot_id: int) -> tuple[Ballot, Run, Dataset, Subject]:
        ballot = await self.desk.store.ballots.get(scope, ballot_id)
        run = await self.desk.store.runs.get(scope, ballot.run_id)
        return ballot, run, *await self.desk.subject_of(scope, run.dataset_id)

    async def _grid(
        self, scope: Scope, ballot: Ballot, run: Run, dataset: Dataset, subject: Subject, numbers: Sequence[int]
    ) -> tuple[Image, ...]:
        found = [await self._column(scope, ballot, run, dataset, number) for number in numbers]
        columns = [column for column in found if column is not None]
        base = await self._column(scope, ballot, run, dataset, 0)
        prompts = self._prompts(run, subject)
        drawn = await asyncio.to_thread(ballot_sheet.grid, base, columns, prompts)
        images: list[Image] = []
        for number, (band, data) in enumerate(zip(ballot_sheet.bands(columns), drawn, strict=True), 1):
            alt = say(
                "Columns {letters} beside the base, the same {count} prompts in each",
                letters=", ".join(column.letter for column in band),
                count=len(prompts),
            )
            images.append(Image(f"columns-{number}.webp", data, alt))
        return tuple(images)

    async def _column(
        self, scope: Scope, ballot: Ballot, run: Run, dataset: Dataset, number: int
    ) -> ballot_sheet.Column | None:
        """None where that epoch is not kept any more, and for a base that was not painted."""
        store = self.desk.store
        epoch = next((e for e in await store.epochs.list(scope, run.id) if e.number == number), None)
        if epoch is None:
            return None
        previews = tuple([await store.blobs.get(scope, dataset.key_id, sha) for sha in epoch.previews])
        if number == 0:
            return ballot_sheet.Column("", say("base"), previews)
        letter = LETTERS[ballot.options.index(number)]
        if not _names_epochs(ballot):
            return ballot_sheet.Column(letter, "", previews)
        marked = number == (run.suggested if ballot.winner is None else ballot.winner)
        return ballot_sheet.Column(letter, _named(epoch), previews, scores.column(epoch), marked)

    def _prompts(self, run: Run, subject: Subject) -> tuple[str, ...]:
        seeds = self.desk.settings.preview_seeds
        return tuple(p.prompt for p in captions.previews(subject.kind, run.trigger, run.class_word, seeds))

    def _suggestion(self, ballot: Ballot, run: Run) -> str:
        if not run.reason or run.suggested not in ballot.options:
            return ""
        return ballot_words.suggestion(LETTERS[ballot.options.index(run.suggested)], run.reason)


def _names_epochs(ballot: Ballot) -> bool:
    return not ballot.blind or ballot.winner is not None


def _named(epoch: Epoch) -> str:
    return say("epoch {number}", number=epoch.number)


def _columns(ballot: Ballot, tally: dict[int, int]) -> tuple[BallotColumn, ...]:
    counted = ballot.winner is not None or bool(ballot.tied)
    return tuple(
        BallotColumn(
            letter=LETTERS[place],
            epoch=number if _names_epochs(ballot) else None,
            votes=tally.get(number, 0) if counted else None,
            wins=number == ballot.winner,
            level=number in ballot.tied,
        )
        for place, number in enumerate(ballot.options)
    )


def _result(ballot: Ballot, winner: int, tally: dict[int, int], run: Run) -> str:
    return ballot_words.result(ballot.how or Decided.VOTES, winner, tally, run.suggested)
