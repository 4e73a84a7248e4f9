"""Doubles of the studio's rooms, as far as the chat calls them: all of them work on the one training of their studio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.studio.dataset_screens import WordsCard
from bot.studio.painting_screens import PictureCard
from bot.studio.requests import Who
from bot.studio.screens import ColumnCard, Purpose, Reading
from bot.studio.standing import Stage, Standing
from tests.chat.training import picture

if TYPE_CHECKING:
    from tests.chat.double import StudioDouble


class Waiting:
    """`studio.standings`, as far as the chat calls it."""

    def __init__(self, studio: StudioDouble) -> None:
        self.studio = studio
        self.asked = 0

    async def of(self, guilds: Mapping[str, int]) -> dict[str, Standing]:
        self.asked += 1
        return {job_id: self.studio.standing.get(job_id, Standing(Stage.WAITING, 2)) for job_id in guilds}


class Bookish:
    """All captions at once, of the double's one training."""

    def __init__(self, studio: StudioDouble) -> None:
        self.studio = studio

    async def words(self, who: Who, dataset_id: int, page: int = 1) -> WordsCard:
        sheet = await self.studio.caption_sheet(who, dataset_id, page)
        return WordsCard(
            dataset_id, sheet.subject, "person", sheet.trigger, "a portrait", 5, (), (), (), None, "", "", page
        )


class Hanging:
    """`studio.gallery`, as far as one picture alone is concerned."""

    def __init__(self, studio: StudioDouble) -> None:
        self.studio = studio

    async def alone(self, who: Who, job_id: str, number: int) -> PictureCard:
        self.studio._called("alone", who)
        card = self.studio.jobs[job_id]
        image, seed = card.pictures[-len(card.seeds) :][number], card.seeds[number]
        return PictureCard(
            picture_id=seed,
            job_id=job_id,
            number=number,
            image=image,
            prompt=card.prompt,
            lora=card.lora,
            label="",
            seed=seed,
            member_id=card.member_id,
            kept=False,
            shared=False,
            can_share=False,
            can_edit=True,
            spoiler=False,
        )


class Counting:
    """`studio.ballots`, as far as the chat calls it."""

    def __init__(self, studio: StudioDouble) -> None:
        self.studio = studio

    async def end(self, guild_id: int, ballot_id: int, counted: Mapping[int, frozenset[int]] | None) -> bool:
        training = self.studio._training()
        if training.closes_at > self.studio.clock():
            return False
        await self.studio.close_ballot(guild_id, ballot_id, counted, option=training.tied[0] if training.tied else None)
        return True

    async def anew(self, guild_id: int, ballot_id: int) -> bool:
        training = self.studio._training()
        if any(due.purpose is Purpose.BALLOT for due in self.studio.outbox.rows):
            return False
        training.anew = True
        self.studio.outbox.put_row(guild_id, training.who.channel_id, Purpose.BALLOT, 1)
        return True


class Looking:
    """`studio.booth`, as far as the chat calls it."""

    def __init__(self, studio: StudioDouble) -> None:
        self.studio = studio

    async def column(self, who: Who, ballot_id: int, place: int | None) -> ColumnCard:
        self.studio._called("column", who)
        training = self.studio._training()
        shown = None if place is None else training.columns()[place]
        return ColumnCard(1, place, shown, picture("column.png", place or 99), training.epochs, training.winner is None)

    async def says(self, who: Who, ballot_id: int, voted: frozenset[int]) -> str:
        self.studio._called("says", who)
        if not voted:
            raise UserError("Look for yourself first.")
        return f"You took {sorted(voted)}. I would take D."


class Framer:
    """`studio.framing` and `studio.intake`, as far as the chat calls them."""

    def __init__(self, studio: StudioDouble) -> None:
        self._studio = studio

    async def press(self, who: Who, dataset_id: int, number: int, verb: str) -> None:
        training = self._studio._mine("press_crop", who, dataset_id)
        training.crops.setdefault(number, []).append(verb)
        if verb == "drop":
            training.dropped.add(number)
        if verb == "keep":
            training.dropped.discard(number)

    async def take_first_frames(self, who: Who, dataset_id: int) -> Reading:
        training = self._studio._mine("take_first_frames", who, dataset_id)
        training.frames = "asked for"
        return Reading(1, training.ask.name, len(training.photos), len(training.photos) - 2)
