"""Private answers that follow a painting: its place in line, then how much is done, until the picture stands in the channel.

They hang on the interaction's token, which lives for a quarter of an hour and in memory only: after a restart an answer stays
as it was, and the picture is posted all the same. Nothing waits for an edit, and none of them is ever worth an error.

However many follow something, at most EDITS edits are sent in a second, and one while members wait for a first answer:
what is over comes first, then what is being painted, then what waits, whoever was not told longest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import discord
from discord import ui
from discord.ext import tasks

from bot.chat import answer_texts, texts
from bot.chat.errors import is_too_late, on_its_own, where
from bot.chat.layout import button
from bot.chat.painting_texts import Button
from bot.language import speaking
from bot.studio.standing import OVER, Stage, Standing

log = logging.getLogger(__name__)

EDITS = 4
"""In a second, of all answers together."""
EVERY_S = 3
"""Seconds between two edits of one answer while it is painted."""
WAITING_S = 6
FAR_S = 15
"""The same while it waits, and while it waits far back."""
FAR = 5
"""Places in line from which a change of place is no news."""
LAST_S = 14 * 60
"""Then the answer says good-bye: the token lives a minute longer."""
PATIENCE_S = 10
MOST = 500
"""Answers followed at a time; whoever comes after is told at the beginning only."""
HOPELESS = (401, 403, 404)

Ask = Callable[[Mapping[str, int]], Awaitable[Mapping[str, Standing]]]
"""The standings of paintings: job id -> guild id."""


@dataclass(eq=False)
class Answer:
    interaction: discord.Interaction = field(repr=False)
    job_id: str
    guild_id: int
    told: str = field(repr=False)
    since: float
    edited_at: float
    shown: str = field(repr=False)
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    over: bool = False
    """Nothing may be drawn into it any more."""


@dataclass(frozen=True)
class Due:
    answer: Answer
    text: str = field(repr=False)
    last: bool
    rank: int


class Answers:
    def __init__(self, ask: Ask, clock: Callable[[], float], busy: Callable[[], bool]) -> None:
        """`busy`: members wait for a first answer."""
        self._ask, self._clock, self._busy = ask, clock, busy
        self._answers: dict[str, Answer] = {}
        """By the painting they follow."""

    async def begin(self, interaction: discord.Interaction, job_id: str, told: str = "") -> None:
        """The first words, in the answer that was promised; from then on it is kept up to date. Raises as Discord does."""
        guild_id = interaction.guild_id or 0
        standing = (await self._ask({job_id: guild_id}))[job_id]
        # Painted while this was asked: the picture is on its way, and the next round knows where it stands.
        over, quick = standing.stage in OVER, standing.stage is Stage.POSTING
        text = texts.painting() if quick else self._text(standing, told, guild_id)
        await interaction.edit_original_response(content=text, view=None if over else withdrawal(job_id))
        now = self._clock()
        if not over and len(self._answers) < MOST:
            self._answers[job_id] = Answer(interaction, job_id, guild_id, told, now, now, text)

    async def let_go(self, job_id: str) -> None:
        """It is answered otherwise: once this returns, nothing is drawn over that."""
        answer = self._answers.pop(job_id, None)
        if answer is not None:
            async with answer.drawing:
                answer.over = True

    def start(self) -> None:
        if not self._round.is_running():
            self._round.start()

    def stop(self) -> None:
        self._round.cancel()
        self._answers.clear()

    @tasks.loop(seconds=1.0)
    async def _round(self) -> None:
        with on_its_own("answers"):
            await self.round()

    async def round(self) -> None:
        """Bring up to date what there is time for."""
        answers = list(self._answers.values())
        if not answers:
            return
        standings = await self._ask({answer.job_id: answer.guild_id for answer in answers})
        due = [one for answer in answers if (one := self._due(answer, standings[answer.job_id])) is not None]
        due.sort(key=lambda one: (one.rank, one.answer.edited_at))
        await asyncio.gather(*(self._edit(one) for one in due[: 1 if self._busy() else EDITS]))

    def _due(self, answer: Answer, standing: Standing) -> Due | None:
        """None where there is nothing to say, or it is too early to say it."""
        now = self._clock()
        over, parting = standing.stage in OVER, now - answer.since >= LAST_S
        if now - answer.edited_at < (EVERY_S if over or parting else _pause(standing)):
            return None
        with speaking(answer.interaction.locale):
            text = (
                answer_texts.parting() if parting and not over else self._text(standing, answer.told, answer.guild_id)
            )
        if text == answer.shown:
            return None
        return Due(answer, text, over or parting, 0 if over or parting else 1 + (standing.stage is Stage.WAITING))

    def _text(self, standing: Standing, told: str, guild_id: int) -> str:
        channel, message = standing.message or (0, 0)
        return answer_texts.how_it_stands(
            standing, told, f"https://discord.com/channels/{guild_id}/{channel}/{message}"
        )

    async def _edit(self, due: Due) -> None:
        answer = due.answer
        async with answer.drawing:
            if answer.over:
                return
            answer.edited_at = self._clock()
            view = None if due.last else withdrawal(answer.job_id)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await answer.interaction.edit_original_response(content=due.text, view=view)
                answer.shown = due.text
                if due.last:
                    self._drop(answer)
            except (discord.HTTPException, OSError, TimeoutError) as error:
                # Dismissed, or its token is over: nobody looks at it. After anything else it is tried again.
                log.info("answer to job=%s: %s", answer.job_id, where(error))
                if is_too_late(error) or (isinstance(error, discord.HTTPException) and error.status in HOPELESS):
                    self._drop(answer)

    def _drop(self, answer: Answer) -> None:
        answer.over = True
        if self._answers.get(answer.job_id) is answer:
            del self._answers[answer.job_id]


def _pause(standing: Standing) -> int:
    if standing.stage is not Stage.WAITING:
        return EVERY_S
    return FAR_S if standing.place > FAR else WAITING_S


def withdrawal(job_id: str) -> ui.View:
    """Cancel, under an answer only the member sees. Pressed by custom id (router.py), so discord.py need not keep it."""
    view = ui.View(timeout=None)
    view.add_item(button(Button.CANCEL, "pic.withdraw", job_id))
    view.stop()
    return view
