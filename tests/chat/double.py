"""A studio by hand: enough of the product's rules to hold a whole conversation, with no engine, no database, no waiting.

It outlives the bot (a restart of the bot keeps it), and it insists on the order of every handler: whoever calls it on
behalf of a member must have acknowledged the interaction before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from bot.errors import NotAllowed, NotFound, Taken, UserError
from bot.studio.ballot import OpenBallot
from bot.studio.requests import BeginTraining, GivenPhoto, Imagine, Who
from bot.studio.screens import (
    BallotCard,
    CaptionSheet,
    ConfirmCard,
    CropEditor,
    CropSheet,
    EpochPost,
    LoraLine,
    LoraList,
    Notice,
    PicturesCard,
    Purpose,
    QueueLine,
    QueueList,
    Reading,
    Screen,
    StatusCard,
    TieCard,
    TroubleCard,
    WinnerCard,
)
from bot.studio.standing import Standing
from bot.studio.studio import Studio
from tests.chat.memory import Outbox
from tests.chat.training import PAGE, Training, picture
from tests.chat.understudies import Bookish, Counting, Framer, Hanging, Looking, Waiting


class StudioDouble(Studio):
    attested = False

    def __init__(self, outbox: Outbox, clock: Callable[[], float]) -> None:
        self.outbox = outbox
        self.clock = clock
        self.calls: list[str] = []
        self.acknowledged: Callable[[str], bool] = lambda request_id: True
        """Whether the interaction of this id has had its first answer."""
        self.training: Training | None = None
        self.jobs: dict[str, PicturesCard] = {}
        self.asked: list[Imagine] = []
        self.troubles: dict[str, TroubleCard] = {}
        self.cancelled: list[str] = []
        self.standing: dict[str, Standing] = {}
        """By job; of all others: second in line."""
        self.standings = Waiting(self)  # type: ignore[assignment]
        self.gallery = Hanging(self)  # type: ignore[assignment]
        self.lexicon = Bookish(self)  # type: ignore[assignment]
        self.breaks: Exception | None = None
        self.languages: dict[int, str] = {}
        """By server: what its admins chose."""
        self.ballots = Counting(self)  # type: ignore[assignment]
        self.booth = Looking(self)  # type: ignore[assignment]
        self.framing = self.intake = Framer(self)  # type: ignore[assignment]
        self.caption_text = "smiling, on a blue background"

    # -- what the engine would do, done by the test

    def finish_reading(self) -> None:
        training = self._training()
        training.read = True
        for number in range(1, len(training.photos) + 1):
            training.captions.setdefault(number, self.caption_text)
        self.outbox.put_row(training.who.guild_id, training.room, Purpose.CROPS, 1)

    def finish_epoch(self) -> None:
        training = self._training()
        training.state = "training"
        training.epoch += 1
        self.outbox.put_row(training.who.guild_id, training.room, Purpose.EPOCH, training.epoch)

    def open_ballot(self, seconds: int = 3600) -> None:
        training = self._training()
        training.state = "voting"
        training.closes_at = int(self.clock()) + seconds
        self.outbox.put_row(training.who.guild_id, training.who.channel_id, Purpose.BALLOT, 1)

    def finish_painting(self, job_id: str) -> None:
        card = self.jobs[job_id]
        grid = [picture("grid.png", 10)] if len(card.seeds) > 1 else []
        pictures = (*grid, *(picture(f"{seed}.png", seed) for seed in card.seeds))
        numbers = tuple(range(len(card.seeds)))
        self.jobs[job_id] = replace(card, ready=True, pictures=pictures, note="", numbers=numbers)

    # -- the contract

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def tidy(self) -> None: ...

    async def servers(self, guild_ids: Collection[int]) -> None: ...

    async def language(self, guild_id: int) -> str | None:
        return self.languages.get(guild_id)

    async def screen(self, guild_id: int, purpose: Purpose, ref: str) -> Screen | None:
        training = self.training
        if purpose is Purpose.PICTURES:
            return self.jobs.get(ref)
        if purpose is Purpose.TROUBLE:
            return self.troubles.get(ref)
        if training is None or guild_id != training.who.guild_id:
            return None
        match purpose:
            case Purpose.READING:
                return None if training.read else Reading(1, training.ask.name, len(training.photos), 0)
            case Purpose.CROPS:
                return self._training().crop_sheet(1)
            case Purpose.CAPTIONS:
                return self._training().caption_sheet(1)
            case Purpose.CONFIRM:
                return self._training().confirm_card()
            case Purpose.STATUS:
                return self._training().status_card()
            case Purpose.EPOCH:
                return EpochPost(1, int(ref), int(ref), training.epochs, picture("previews.png"), "likeness 71")
            case Purpose.BALLOT:
                return self._training().ballot_card()
            case Purpose.TIE:
                return self._training().tie_card()
            case Purpose.WINNER:
                return self._training().winner_card() if training.winner else None
        return None

    async def room_of_draft(self, who: Who, draft: str) -> int | None:
        self._called("room_of_draft", who)
        known = self.training is not None and self.training.ask.draft == draft
        return self._training().room if known else None

    async def begin(self, who: Who, ask: BeginTraining) -> Reading:
        self._called("begin", who)
        if len(ask.photos) > 50:
            raise UserError("That is more than the 50 photos one training takes. Leave some out.")
        self.training = Training(ask, who, list(ask.photos))
        self.outbox.put_row(who.guild_id, self.training.room, Purpose.READING, 1)
        return Reading(1, ask.name, len(ask.photos), 0)

    async def add_photos(self, who: Who, dataset_id: int, photos: tuple[GivenPhoto, ...]) -> Reading:
        training = self._mine("add_photos", who, dataset_id)
        training.photos += photos
        training.read = False
        return Reading(1, training.ask.name, len(training.photos), 0)

    async def discard(self, who: Who, dataset_id: int) -> Notice:
        self._mine("discard", who, dataset_id)
        self.training = None
        return Notice("All photos are deleted.")

    async def crop_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CropSheet:
        self._mine("crop_sheet", who, dataset_id)
        return self._training().crop_sheet(page)

    async def crop_editor(self, who: Who, dataset_id: int, number: int) -> CropEditor:
        training = self._mine("crop_editor", who, dataset_id)
        pressed = training.crops.get(number, [])
        return CropEditor(
            1, number, picture("crop.png"), 2, " ".join(pressed), steps=len(pressed), dropped=number in training.dropped
        )

    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        self._mine("accept_crops", who, dataset_id)
        return self._training().caption_sheet(1)

    async def caption_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CaptionSheet:
        self._mine("caption_sheet", who, dataset_id)
        return self._training().caption_sheet(page)

    async def edit_captions(self, who: Who, dataset_id: int, captions: Mapping[int, str]) -> CaptionSheet:
        training = self._mine("edit_captions", who, dataset_id)
        training.captions |= captions
        return self._training().caption_sheet(1)

    async def change_word(self, who: Who, dataset_id: int, *, add: str = "", remove: str = "") -> CaptionSheet:
        training = self._mine("change_word", who, dataset_id)
        for number, caption in training.captions.items():
            parts = [part for part in caption.split(", ") if part != remove]
            training.captions[number] = ", ".join([*parts, add] if add else parts)
        return self._training().caption_sheet(1)

    async def accept_captions(self, who: Who, dataset_id: int) -> ConfirmCard:
        self._mine("accept_captions", who, dataset_id)
        return self._training().confirm_card()

    async def confirm_card(self, who: Who, dataset_id: int) -> ConfirmCard:
        self._mine("confirm_card", who, dataset_id)
        return self._training().confirm_card()

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
        training = self._mine("choose", who, dataset_id)
        if trigger == "house":
            raise Taken("house is an ordinary word. Take one that does not exist, such as h0us3.")
        training.preset = preset or training.preset
        training.access = access or training.access
        training.trigger = trigger or training.trigger
        training.wants_vote = training.wants_vote if wants_vote is None else wants_vote
        training.blind = training.blind if blind is None else blind
        return self._training().confirm_card()

    async def start_training(self, who: Who, dataset_id: int) -> StatusCard:
        training = self._mine("start_training", who, dataset_id)
        if training.state == "review":
            training.state = "queued"
            self.outbox.put_row(who.guild_id, training.room, Purpose.STATUS, 1)
        return self._training().status_card()

    async def cancel(self, who: Who, job_id: str | None = None, run_id: int | None = None) -> Notice:
        self._called("cancel", who)
        if run_id is not None:
            self._mine("cancel", who, run_id).state = "cancelled"
        elif job_id is None:
            raise NotFound("Nothing of yours is waiting or running.")
        self.cancelled.append(job_id or f"run {run_id}")
        return Notice("Cancelled. What was finished is kept.")

    async def stop_after_epoch(self, who: Who, run_id: int) -> StatusCard:
        training = self._mine("stop_after_epoch", who, run_id)
        training.epochs = training.epoch + 1
        return self._training().status_card()

    async def retry(self, who: Who, job_id: str) -> Notice:
        self._called("retry", who)
        return Notice("It is in the queue again.")

    async def queue(self, who: Who) -> QueueList:
        self._called("queue", who)
        return QueueList(tuple(QueueLine(n, "painting", True, job, 99) for n, job in enumerate(self.jobs, 1)))

    async def cancellable(self, who: Who) -> tuple[tuple[str, str], ...]:
        return tuple((job, f"painting {card.prompt}") for job, card in self.jobs.items())

    async def open_ballots(self) -> tuple[OpenBallot, ...]:
        training = self.training
        if training is None or training.state != "voting":
            return ()
        tied_at = training.tied_at if training.tied else None
        return (OpenBallot(training.who.guild_id, 1, training.closes_at, training.epochs, tied_at),)

    async def vote(self, guild_id: int, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        training = self._training()
        if training.winner is not None:
            raise UserError("The vote is over.")
        (training.votes.add if on else training.votes.discard)((member_id, option))

    async def may_close(self, who: Who, ballot_id: int) -> None:
        self._mine("may_close", who, ballot_id)

    async def close_ballot(
        self,
        guild_id: int,
        ballot_id: int,
        counted: Mapping[int, frozenset[int]] | None,
        *,
        option: int | None = None,
        by: int | None = None,
    ) -> WinnerCard | TieCard:
        """Two columns ahead of the others are a tie; what is chosen then wins."""
        training = self._training()
        if training.winner is None:
            if not training.tied:
                training.counted = counted
            most = max((len(who) for who in (counted or {}).values()), default=0)
            first = [place for place in sorted(counted or {}) if len((counted or {})[place]) == most]
            if option is None and not training.tied and most and len(first) > 1:
                training.tied, training.tied_at = tuple(first), int(self.clock())
                training.closes_at = int(self.clock()) + 3600
                self.outbox.put_row(guild_id, training.who.channel_id, Purpose.TIE, 1)
                return training.tie_card()
            chosen = (first or [0])[0] if option is None else option
            training.winner = training.order()[chosen]
            training.decided_by = by
            training.state = "published"
            self.outbox.put_row(guild_id, training.who.channel_id, Purpose.WINNER, 1)
        return self._training().winner_card()

    async def extend_ballot(self, who: Who, ballot_id: int, shown: int) -> BallotCard:
        training = self._mine("extend_ballot", who, ballot_id)
        if training.closes_at == shown:
            training.closes_at += 3600
        return self._training().ballot_card()

    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        self._called("imagine", who)
        if "unicorn" in ask.prompt:
            raise NotFound("No LoRA here is called unicorn. /loras shows what there is.")
        self.asked.append(ask)
        seeds = tuple((ask.seed or 100) + n for n in range(ask.count or 4))
        return self._paint(who, ask.prompt, seeds, ask.lora or "kat-gen0")

    async def again(self, who: Who, job_id: str, *, same_seed: bool = False) -> PicturesCard:
        self._called("again", who)
        old = self.jobs[job_id]
        seeds = old.seeds if same_seed else tuple(seed + 1000 for seed in old.seeds)
        return self._paint(who, old.prompt, seeds, old.lora)

    async def vary(self, who: Who, job_id: str, number: int) -> PicturesCard:
        self._called("vary", who)
        old = self.jobs[job_id]
        return self._paint(who, f"{old.prompt}, varied {number}", tuple(seed + 1000 for seed in old.seeds), old.lora)

    async def upscale(self, who: Who, job_id: str, number: int) -> PicturesCard:
        self._called("upscale", who)
        old = self.jobs[job_id]
        return self._paint(who, f"{old.prompt}, enlarged", (old.seeds[number],), old.lora)

    async def delete_pictures(self, who: Who, job_id: str) -> Notice:
        self._called("delete_pictures", who)
        if self.jobs[job_id].member_id != who.member_id:
            raise NotAllowed("Only who asked for a picture can delete it.")
        del self.jobs[job_id]
        return Notice("Deleted.")

    async def loras(self, who: Who, page: int = 1) -> LoraList:
        self._called("loras", who)
        lines = tuple(
            LoraLine(n, f"kat-gen{n}", "ohwx", n % 2 == 0, "server", picture(f"{n}.png") if n % 3 else None)
            for n in range(page * PAGE - PAGE, page * PAGE)
        )
        return LoraList(lines, page, 2)

    async def lora_names(self, who: Who, typed: str) -> tuple[str, ...]:
        return tuple(name for name in ("kat-gen0", "rex-gen1") if typed in name)

    # -- insides

    def _called(self, name: str, who: Who) -> None:
        assert self.acknowledged(who.request_id), f"{name} was called before the interaction was answered"
        self.calls.append(name)
        if self.breaks is not None:
            raise self.breaks

    def _training(self) -> Training:
        if self.training is None:
            raise NotFound("That is not here any more.")
        return self.training

    def _mine(self, name: str, who: Who, id: int) -> Training:
        self._called(name, who)
        training = self._training()
        if id != 1 or who.guild_id != training.who.guild_id:
            raise NotFound("That is not here any more.")
        if who.member_id != training.who.member_id and not who.is_admin:
            raise NotAllowed("Only who started this, or an admin, can do that.")
        return training

    def _paint(self, who: Who, prompt: str, seeds: tuple[int, ...], lora: str | None) -> PicturesCard:
        job_id = f"paint-{who.request_id}"
        if job_id not in self.jobs:
            self.jobs[job_id] = PicturesCard(job_id, prompt, lora, who.member_id, seeds, (), False, "2nd in line")
        return self.jobs[job_id]

    def deliver_pictures(self, job_id: str, guild_id: int, channel_id: int) -> None:
        self.finish_painting(job_id)
        self.outbox.put_row(guild_id, channel_id, Purpose.PICTURES, job_id)
