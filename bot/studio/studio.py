"""The studio: what the product does, with no word of Discord.

One object, made once. Every method that changes something commits before it returns, is safe to call twice with the same
`Who.request_id`, checks who may do it (NotAllowed) and answers with the screen to show now. What must reach people later
is an outbox row (purpose, ref, channel), posted by the chat from `screen()`.

    intake ──▶ review ──▶ confirm ──▶ dispatch ⇄ engine
                                          │
    paint ◀── library ◀── ballot ◀── results          schedule, progress, controls: what is waiting, how far, and stop
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from random import Random

from bot.studio.ballot import Ballots, OpenBallot
from bot.studio.ballot_screens import TieCard
from bot.studio.booth import Booth
from bot.studio.channels import Channels
from bot.studio.coach import Coach
from bot.studio.compare import Comparing
from bot.studio.confirm import Confirm
from bot.studio.controls import Controls
from bot.studio.desk import Desk
from bot.studio.dispatch import Dispatch
from bot.studio.forgetting import Forgetting
from bot.studio.framing import Framing
from bot.studio.gallery import Gallery
from bot.studio.inspiration import Inspiration
from bot.studio.intake import Intake
from bot.studio.keeping import Keeping
from bot.studio.leaving import Leaving
from bot.studio.lexicon import Lexicon
from bot.studio.library import Library
from bot.studio.news import News
from bot.studio.paint import Paint
from bot.studio.people import People
from bot.studio.people_screens import HiddenCard
from bot.studio.privacy import Privacy
from bot.studio.progress import Progress
from bot.studio.remake import Remake
from bot.studio.reports import Reports
from bot.studio.requests import BeginTraining, GivenPhoto, Imagine, Who
from bot.studio.results import Results
from bot.studio.retraining import Retraining
from bot.studio.review import Review
from bot.studio.rulebook import Rulebook
from bot.studio.schedule import Schedule
from bot.studio.screens import (
    BallotCard,
    CaptionSheet,
    ConfirmCard,
    CropEditor,
    CropSheet,
    LoraList,
    Notice,
    PicturesCard,
    Purpose,
    QueueList,
    Reading,
    Screen,
    StatusCard,
    WinnerCard,
)
from bot.studio.sentences import told
from bot.studio.settings import StudioSettings
from bot.studio.shelves import Shelves
from bot.studio.standing import Standings
from bot.studio.teaching import Teaching
from engine.protocol import Engine
from storage.errors import KeyForgotten, NoSuchRow
from storage.records import Scope
from storage.states import DatasetState
from storage.store import Store


class Studio:
    """`start` starts the engine too and `stop` stops it: nobody else should."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        settings: StudioSettings,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        random: Random,
    ) -> None:
        self.desk = desk = Desk(store, engine, settings, clock, new_id, random)
        self.library = Library(desk)
        self.schedule = Schedule(desk)
        self.forgetting = Forgetting(desk, self.library)
        self.leaving = Leaving(desk, self.forgetting)
        self.people = People(desk, self.forgetting)
        self.keeping = Keeping(desk, self.library, self.forgetting)
        self.retraining = Retraining(desk)
        self.intake = Intake(desk, self.people)
        self.framing = Framing(desk)
        self.shelves = Shelves(desk)
        self.teaching = Teaching(desk, self.library, self.people, self.intake)
        self.review = Review(desk)
        self.lexicon = Lexicon(desk)
        self.coach = Coach(desk, self.intake)
        self.confirm = Confirm(desk, self.people, self.intake, self.review, self.schedule)
        self.booth = Booth(desk)
        self.ballots = Ballots(desk, self.library, self.booth)
        self.results = Results(desk, self.library, self.ballots)
        self.controls = Controls(desk, self.schedule, self.results)
        self.progress = Progress(desk, self.schedule)
        self.news = News(desk)
        self.paint = Paint(desk, self.library, self.schedule)
        self.standings = Standings(desk)
        self.remake = Remake(self.paint)
        self.comparing = Comparing(self.paint)
        self.gallery = Gallery(desk, self.library, self.paint)
        self.channels = Channels(desk, self.library)
        self.inspiration = Inspiration(desk, self.library)
        self.reports = Reports(desk, self.paint, self.forgetting)
        self.privacy = Privacy(desk)
        self.rulebook = Rulebook(desk)
        self.dispatch = Dispatch(desk, self.people, self.library, self.results)

    @property
    def attested(self) -> bool:
        """Whether a member may answer for somebody who is not asked here."""
        return self.desk.settings.attested

    async def start(self) -> None:
        """Take up what was accepted before a stop or a crash: resubmit live jobs, follow the engine."""
        await self.desk.engine.start()
        await self.dispatch.start()
        await self.library.warm()

    async def stop(self) -> None:
        """Park what runs."""
        await self.dispatch.stop()

    # -- the outbox and live cards, for the chat's presenter
    async def screen(self, guild_id: int, purpose: Purpose, ref: str) -> Screen | None:
        """The screen as it is now; None when there is nothing to show any more."""
        try:
            return await self._screen(Scope(guild_id), purpose, ref)
        except (NoSuchRow, KeyForgotten):
            return None

    async def _screen(self, scope: Scope, purpose: Purpose, ref: str) -> Screen | None:
        if purpose in (Purpose.READING, Purpose.COACHING, Purpose.CROPS, Purpose.CAPTIONS, Purpose.CONFIRM):
            return await self._dataset_screen(scope, purpose, int(ref))
        match purpose:
            case Purpose.STATUS:
                return await self.progress.status(scope, int(ref))
            case Purpose.EPOCH:
                return await self.progress.epoch_post(scope, int(ref))
            case Purpose.BALLOT:
                return await self.booth.card(scope, int(ref))
            case Purpose.TIE:
                return await self.booth.tie(scope, int(ref))
            case Purpose.WINNER:
                return await self.booth.winner(scope, int(ref))
            case Purpose.TROUBLE:
                return await self.progress.trouble(scope, ref)
            case Purpose.PERSON:
                return await self.people.person_card(scope, int(ref))
            case Purpose.CONSENT:
                return await self.people.consent_card(scope, int(ref))
            case Purpose.REPORT:
                return await self.reports.card(scope, int(ref))
            case Purpose.NEWS:
                return await self.news.card(scope, ref)
            case _:
                job = await self.desk.store.jobs.get(scope, ref)
                if job.spec and await self.desk.store.reports.open_of(scope, ref) is not None:
                    return HiddenCard(ref)
                return await self.paint.to_post(scope, job)

    async def _dataset_screen(self, scope: Scope, purpose: Purpose, dataset_id: int) -> Screen | None:
        dataset = await self.desk.store.datasets.get(scope, dataset_id)
        if dataset.state is DatasetState.DISCARDED:
            return None
        drawn: dict[Purpose, Callable[[Scope, int], Awaitable[Screen | None]]] = {
            Purpose.READING: self.coach.reading,
            Purpose.COACHING: self.coach.card,
            Purpose.CROPS: self.framing.crop_sheet,
            Purpose.CAPTIONS: self.review.caption_sheet,
        }
        return await drawn.get(purpose, self.confirm.card)(scope, dataset_id)

    # -- servers
    async def servers(self, guild_ids: Collection[int]) -> None:
        """These are all this bot is on: what was left is stopped, who came back is told."""
        await self.leaving.here(guild_ids)

    async def removed_from(self, guild_id: int) -> None:
        await self.leaving.left(guild_id)

    async def back_in(self, guild_id: int) -> None:
        await self.leaving.back(guild_id)

    # -- 1 intake
    @told
    async def begin(self, who: Who, ask: BeginTraining) -> Reading:
        """Accept the photos and have the engine read them. Again with the same `draft`: add those that are new."""
        return await self.intake.begin(who, ask)

    @told
    async def room_of_draft(self, who: Who, draft: str) -> int | None:
        """Where what was begun with this draft is talked about, if it was begun."""
        return await self.intake.room_of_draft(who, draft)

    @told
    async def add_photos(self, who: Who, dataset_id: int, photos: tuple[GivenPhoto, ...]) -> Reading:
        return await self.intake.add(who, dataset_id, photos)

    @told
    async def discard(self, who: Who, dataset_id: int) -> Notice:
        return await self.intake.discard(who, dataset_id)

    # -- 2 crops
    @told
    async def crop_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CropSheet:
        await self.desk.owned(who, dataset_id)
        return await self.framing.crop_sheet(Scope(who.guild_id), dataset_id, page)

    @told
    async def crop_editor(self, who: Who, dataset_id: int, number: int) -> CropEditor:
        await self.desk.owned(who, dataset_id)
        return await self.framing.crop_editor(Scope(who.guild_id), dataset_id, number)

    @told
    async def adjust_crop(self, who: Who, dataset_id: int, number: int, verb: str) -> CropEditor:
        """As `framing.press`, and what it looks like now."""
        await self.framing.press(who, dataset_id, number, verb)
        return await self.framing.crop_editor(Scope(who.guild_id), dataset_id, number)

    @told
    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        return await self.review.accept_crops(who, dataset_id)

    # -- 3 captions
    @told
    async def caption_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CaptionSheet:
        await self.desk.owned(who, dataset_id)
        return await self.review.caption_sheet(Scope(who.guild_id), dataset_id, page)

    @told
    async def edit_captions(self, who: Who, dataset_id: int, captions: Mapping[int, str]) -> CaptionSheet:
        """By photo number; without the trigger word, which is always put first."""
        return await self.review.edit(who, dataset_id, captions)

    @told
    async def change_word(self, who: Who, dataset_id: int, *, add: str = "", remove: str = "") -> CaptionSheet:
        """One word or phrase added to, or removed from, every caption."""
        return await self.review.change_word(who, dataset_id, add=add, remove=remove)

    @told
    async def accept_captions(self, who: Who, dataset_id: int) -> ConfirmCard:
        await self.review.accept_captions(who, dataset_id)
        return await self.confirm.card(Scope(who.guild_id), dataset_id)

    # -- 4 confirm
    @told
    async def confirm_card(self, who: Who, dataset_id: int) -> ConfirmCard:
        await self.desk.owned(who, dataset_id)
        return await self.confirm.card(Scope(who.guild_id), dataset_id)

    @told
    async def choose(
        self,
        who: Who,
        dataset_id: int,
        *,
        preset: str | None = None,
        access: str | None = None,
        wants_vote: bool | None = None,
        blind: bool | None = None,
        trigger: str | None = None,
    ) -> ConfirmCard:
        """Trigger: refused with Taken/UserError when it is an ordinary English word or already used in this guild."""
        return await self.confirm.choose(
            who, dataset_id, preset=preset, access=access, wants_vote=wants_vote, blind=blind, trigger=trigger
        )

    @told
    async def start_training(self, who: Who, dataset_id: int) -> StatusCard:
        run = await self.confirm.start(who, dataset_id)
        return await self.progress.status(Scope(who.guild_id), run.id)

    # -- 5 queue and training
    @told
    async def cancel(self, who: Who, job_id: str | None = None, run_id: int | None = None) -> Notice:
        """One's own job (admins: any). Finished epochs are kept and offered."""
        return await self.controls.cancel(who, job_id, run_id)

    @told
    async def stop_after_epoch(self, who: Who, run_id: int) -> StatusCard:
        run = await self.controls.stop_after_epoch(who, run_id)
        return await self.progress.status(Scope(who.guild_id), run.id)

    @told
    async def stop_mine_after_epoch(self, who: Who) -> StatusCard:
        """The one training of theirs that runs."""
        return await self.stop_after_epoch(who, await self.controls.running_of(who))

    async def language(self, guild_id: int) -> str | None:
        """What a server's admins want it to read; None: they never said."""
        return await self.rulebook.language(guild_id)

    async def tidy(self) -> None:
        """Delete what has been kept as long as its server wants."""
        for part in (self.rulebook, self.inspiration, self.leaving, self.keeping.exports):
            await part.tidy()

    @told
    async def retry(self, who: Who, job_id: str) -> Notice:
        """A job that failed, sent again by a person."""
        return await self.controls.retry(who, job_id)

    @told
    async def train_lighter(self, who: Who, job_id: str) -> Notice:
        """What ran out of memory, again with less."""
        return await self.confirm.start_lighter(who, job_id)

    @told
    async def queue(self, who: Who) -> QueueList:
        return await self.schedule.queue(who)

    @told
    async def cancellable(self, who: Who) -> tuple[tuple[str, str], ...]:
        """(job id, what it is) for autocompletion: own jobs, all for admins."""
        return await self.schedule.cancellable(who)

    # -- 6, 7 ballot and winner
    async def open_ballots(self) -> tuple[OpenBallot, ...]:
        """Every ballot that has no winner yet."""
        return await self.ballots.open()

    @told
    async def vote(self, guild_id: int, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        """A reaction set or taken back. `option` is the column's index from 0. A hint only: closing recounts."""
        await self.ballots.vote(Scope(guild_id), ballot_id, member_id, option, on)

    @told
    async def may_close(self, who: Who, ballot_id: int) -> None:
        """Raises NotAllowed for anyone but the owner and admins."""
        await self.ballots.may_close(who, ballot_id)

    @told
    async def close_ballot(
        self,
        guild_id: int,
        ballot_id: int,
        counted: Mapping[int, frozenset[int]] | None,
        *,
        option: int | None = None,
        by: int | None = None,
    ) -> WinnerCard | TieCard:
        """End it with the reactions read from Discord now (place of the column -> member ids; None: the votes on record).

        `option` is the column that `by` makes the winner. Without it the votes decide by the rules of bot/studio/tally.py,
        and where they are level its owner is asked. Calling it again returns what stands.
        """
        return await self.ballots.close(Scope(guild_id), ballot_id, counted, option, by)

    @told
    async def extend_ballot(self, who: Who, ballot_id: int, shown: int) -> BallotCard:
        """One more hour than the end that was `shown` to whoever asks: asked again with the same end, nothing changes."""
        return await self.ballots.extend(who, ballot_id, shown)

    # -- 8 paint
    @told
    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        """Finds the LoRA by its trigger word, reads `--seed --no --steps --w` and `<lora:name:0.8>` in the prompt, queues."""
        return await self.paint.imagine(who, ask)

    @told
    async def again(self, who: Who, job_id: str, *, same_seed: bool = False) -> PicturesCard:
        return await self.remake.again(who, job_id, same_seed=same_seed)

    @told
    async def vary(self, who: Who, job_id: str, number: int) -> PicturesCard:
        return await self.remake.vary(who, job_id, number)

    @told
    async def upscale(self, who: Who, job_id: str, number: int) -> PicturesCard:
        return await self.remake.upscale(who, job_id, number)

    @told
    async def delete_pictures(self, who: Who, job_id: str) -> Notice:
        return await self.paint.delete(who, job_id)

    @told
    async def loras(self, who: Who, page: int = 1) -> LoraList:
        return await self.library.page(who, page)

    @told
    async def lora_names(self, who: Who, typed: str) -> tuple[str, ...]:
        """For autocompletion, from memory: own first, at most 25."""
        return await self.library.names(who, typed)
