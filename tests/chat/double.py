"""A studio by hand: enough of the product's rules to hold a whole conversation, with no engine, no database, no waiting.

It outlives the bot (a restart of the bot keeps it), and it insists on the order of every handler: whoever calls it on
behalf of a member must have acknowledged the interaction before.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from PIL import Image as Pixels

from bot.chat.ports import Due, Place
from bot.errors import NotAllowed, NotFound, Taken, UserError
from bot.studio.requests import BeginTraining, GivenPhoto, Imagine, Who
from bot.studio.screens import (
    BallotCard,
    CaptionLine,
    CaptionSheet,
    ConfirmCard,
    CropEditor,
    CropSheet,
    EpochPost,
    Image,
    LoraLine,
    LoraList,
    Notice,
    PhotoLine,
    PicturesCard,
    PresetChoice,
    Purpose,
    QueueLine,
    QueueList,
    Reading,
    Screen,
    StatusCard,
    TroubleCard,
    WinnerCard,
)
from bot.studio.studio import Studio

PAGE = 10


def picture(name: str = "picture.png", shade: int = 120) -> Image:
    out = io.BytesIO()
    Pixels.new("RGB", (8, 8), (shade % 256, 90, 60)).save(out, "PNG")
    return Image(name, out.getvalue(), alt=f"A test picture called {name}")


@dataclass
class Outbox:
    """The port `Post`, in memory: what a database would keep across restarts."""

    rows: list[Due] = field(default_factory=list[Due])
    dropped: list[tuple[Due, str]] = field(default_factory=list[tuple[Due, str]])
    done: list[Due] = field(default_factory=list[Due])
    standing: dict[tuple[int, Purpose, str], Place] = field(default_factory=dict[tuple[int, Purpose, str], Place])
    crash_before_marking: int = 0
    """That many times the process dies between Discord's answer and the mark."""
    _next: int = 1

    async def add(self, guild_id: int, channel_id: int, purpose: Purpose, ref: str) -> None:
        self.put_row(guild_id, channel_id, purpose, ref)

    def put_row(self, guild_id: int, channel_id: int, purpose: Purpose, ref: int | str) -> None:
        self.rows.append(Due(self._next, guild_id, channel_id, purpose, str(ref)))
        self._next += 1

    async def pending(self) -> list[Due]:
        return list(self.rows)

    async def sent(self, due: Due, place: Place) -> None:
        if self.crash_before_marking:
            self.crash_before_marking -= 1
            raise Died
        self.rows.remove(due)
        self.done.append(due)
        self.standing[place.guild_id, place.purpose, place.ref] = place

    async def drop(self, due: Due, reason: str) -> None:
        self.rows.remove(due)
        self.dropped.append((due, reason))

    async def place(self, guild_id: int, purpose: Purpose, ref: str) -> Place | None:
        return self.standing.get((guild_id, purpose, ref))

    async def put(self, place: Place) -> None:
        self.standing[place.guild_id, place.purpose, place.ref] = place

    async def remove(self, place: Place) -> None:
        key = (place.guild_id, place.purpose, place.ref)
        standing = self.standing.get(key)
        if standing is not None and standing.message_id == place.message_id:
            del self.standing[key]

    async def at(self, guild_id: int, message_id: int) -> Place | None:
        return next((p for p in self.standing.values() if (p.guild_id, p.message_id) == (guild_id, message_id)), None)

    async def places(self, purposes: object) -> list[Place]:
        return [p for p in self.standing.values() if p.purpose in purposes]  # type: ignore[operator]


class Died(BaseException):
    """The process is gone: nothing of it goes on, no handler sees it."""


@dataclass
class Facts:
    """Command tree and the like, kept across restarts."""

    kept: dict[str, str] = field(default_factory=dict[str, str])

    async def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    async def keep(self, key: str, value: str) -> None:
        self.kept[key] = value


@dataclass
class Training:
    """All there is about dataset 1, run 1, ballot 1 and LoRA 1 of one guild."""

    ask: BeginTraining
    who: Who
    photos: list[GivenPhoto]
    read: bool = False
    dropped: set[int] = field(default_factory=set[int])
    crops: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    captions: dict[int, str] = field(default_factory=dict[int, str])
    trigger: str = "ohwx"
    preset: str = "balanced"
    access: str = "server"
    wants_vote: bool = True
    state: str = "review"
    epoch: int = 0
    epochs: int = 4
    closes_at: int = 0
    votes: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    counted: Mapping[int, frozenset[int]] | None = None
    winner: int | None = None

    @property
    def room(self) -> int:
        return self.ask.room_id or self.who.channel_id


class StudioDouble(Studio):
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
        self.breaks: Exception | None = None
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
        self.jobs[job_id] = replace(card, ready=True, pictures=pictures, note="")

    # -- the contract

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

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
                return self._crops(1)
            case Purpose.CAPTIONS:
                return self._captions(1)
            case Purpose.CONFIRM:
                return self._confirm()
            case Purpose.STATUS:
                return self._status()
            case Purpose.EPOCH:
                return EpochPost(1, int(ref), int(ref), training.epochs, picture("previews.png"), "likeness 71")
            case Purpose.BALLOT:
                return self._ballot()
            case Purpose.WINNER:
                return self._winner() if training.winner else None
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
        return self._crops(page)

    async def crop_editor(self, who: Who, dataset_id: int, number: int) -> CropEditor:
        training = self._mine("crop_editor", who, dataset_id)
        return CropEditor(1, number, picture("crop.png"), 2, " ".join(training.crops.get(number, [])))

    async def adjust_crop(self, who: Who, dataset_id: int, number: int, verb: str) -> CropEditor:
        training = self._mine("adjust_crop", who, dataset_id)
        training.crops.setdefault(number, []).append(verb)
        if verb == "drop":
            training.dropped.add(number)
        if verb == "keep":
            training.dropped.discard(number)
        return await self.crop_editor(who, dataset_id, number)

    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        self._mine("accept_crops", who, dataset_id)
        return self._captions(1)

    async def caption_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CaptionSheet:
        self._mine("caption_sheet", who, dataset_id)
        return self._captions(page)

    async def edit_captions(self, who: Who, dataset_id: int, captions: Mapping[int, str]) -> CaptionSheet:
        training = self._mine("edit_captions", who, dataset_id)
        training.captions |= captions
        return self._captions(1)

    async def change_word(self, who: Who, dataset_id: int, *, add: str = "", remove: str = "") -> CaptionSheet:
        training = self._mine("change_word", who, dataset_id)
        for number, caption in training.captions.items():
            parts = [part for part in caption.split(", ") if part != remove]
            training.captions[number] = ", ".join([*parts, add] if add else parts)
        return self._captions(1)

    async def accept_captions(self, who: Who, dataset_id: int) -> ConfirmCard:
        self._mine("accept_captions", who, dataset_id)
        return self._confirm()

    async def confirm_card(self, who: Who, dataset_id: int) -> ConfirmCard:
        self._mine("confirm_card", who, dataset_id)
        return self._confirm()

    async def choose(
        self,
        who: Who,
        dataset_id: int,
        *,
        preset: str | None = None,
        access: str | None = None,
        wants_vote: bool | None = None,
        trigger: str | None = None,
    ) -> ConfirmCard:
        training = self._mine("choose", who, dataset_id)
        if trigger == "house":
            raise Taken("house is an ordinary word. Take one that does not exist, such as h0us3.")
        training.preset = preset or training.preset
        training.access = access or training.access
        training.trigger = trigger or training.trigger
        training.wants_vote = training.wants_vote if wants_vote is None else wants_vote
        return self._confirm()

    async def start_training(self, who: Who, dataset_id: int) -> StatusCard:
        training = self._mine("start_training", who, dataset_id)
        if training.state == "review":
            training.state = "queued"
            self.outbox.put_row(who.guild_id, training.room, Purpose.STATUS, 1)
        return self._status()

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
        return self._status()

    async def retry(self, who: Who, job_id: str) -> Notice:
        self._called("retry", who)
        return Notice("It is in the queue again.")

    async def queue(self, who: Who) -> QueueList:
        self._called("queue", who)
        return QueueList(tuple(QueueLine(n, "painting", True, job, 99) for n, job in enumerate(self.jobs, 1)))

    async def cancellable(self, who: Who) -> tuple[tuple[str, str], ...]:
        return tuple((job, f"painting {card.prompt}") for job, card in self.jobs.items())

    async def open_ballots(self) -> tuple[tuple[int, int, int], ...]:
        training = self.training
        if training is None or training.state != "voting":
            return ()
        return ((training.who.guild_id, 1, training.closes_at),)

    async def vote(self, guild_id: int, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        training = self._training()
        if training.winner is not None:
            raise UserError("The vote is over.")
        (training.votes.add if on else training.votes.discard)((member_id, option))

    async def may_close(self, who: Who, ballot_id: int) -> None:
        self._mine("may_close", who, ballot_id)

    async def close_ballot(
        self, guild_id: int, ballot_id: int, counted: Mapping[int, frozenset[int]] | None, *, winner: int | None = None
    ) -> WinnerCard:
        training = self._training()
        if training.winner is None:
            training.counted = counted
            most = max(sorted(counted or {0: ()}), key=lambda option: len((counted or {0: ()})[option]))
            training.winner = winner or most + 1
            training.state = "published"
            self.outbox.put_row(guild_id, training.who.channel_id, Purpose.WINNER, 1)
        return self._winner()

    async def extend_ballot(self, who: Who, ballot_id: int, shown: int) -> BallotCard:
        training = self._mine("extend_ballot", who, ballot_id)
        if training.closes_at == shown:
            training.closes_at += 3600
        return self._ballot()

    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        self._called("imagine", who)
        if "unicorn" in ask.prompt:
            raise NotFound("No LoRA here is called unicorn. /loras shows what there is.")
        self.asked.append(ask)
        seeds = tuple((ask.seed or 100) + n for n in range(ask.count))
        return self._paint(who, ask.prompt, seeds, ask.lora or "kat-gen0")

    async def again(self, who: Who, job_id: str, *, same_seed: bool = False) -> PicturesCard:
        self._called("again", who)
        old = self.jobs[job_id]
        seeds = old.seeds if same_seed else tuple(seed + 1000 for seed in old.seeds)
        return self._paint(who, old.prompt, seeds, old.lora)

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

    def _crops(self, page: int) -> CropSheet:
        training = self._training()
        count = len(training.photos)
        pages = max(1, -(-count // 25))
        lines = tuple(
            PhotoLine(n, n not in training.dropped, "two faces" if n == 2 else "", asks=n == 2)
            for n in range(1, count + 1)
        )
        return CropSheet(
            1,
            training.ask.name,
            f"{count} photos in.",
            picture("crops.png", count),
            page,
            pages,
            lines[page * 25 - 25 : page * 25],
            count - len(training.dropped) >= 5,
        )

    def _captions(self, page: int) -> CaptionSheet:
        training = self._training()
        numbers = sorted(training.captions)
        lines = tuple(CaptionLine(n, training.captions[n]) for n in numbers)[page * PAGE - PAGE : page * PAGE]
        pages = max(1, -(-len(numbers) // PAGE))
        return CaptionSheet(
            1, training.ask.name, training.trigger, "woman", picture("captions.png", page), lines, page, pages
        )

    def _confirm(self) -> ConfirmCard:
        training = self._training()
        return ConfirmCard(
            1,
            training.ask.name,
            training.trigger,
            "woman",
            len(training.photos),
            (PresetChoice("quick", "Quick", "about 2 min"), PresetChoice("balanced", "Balanced", "about 5 min")),
            training.preset,
            training.access,
            training.wants_vote,
            "next in line",
            training.state != "review",
        )

    def _status(self) -> StatusCard:
        training = self._training()
        live = training.state in ("queued", "training")
        return StatusCard(
            1,
            training.ask.name,
            training.state,
            f"Epoch {training.epoch} of {training.epochs}." if training.epoch else "Waiting.",
            1 if training.state == "queued" else 0,
            training.epoch / training.epochs,
            training.epoch,
            training.epochs,
            tuple(0.2 / n for n in range(1, training.epoch + 1)),
            1_800_000_000 if live else None,
            live,
            training.state == "training",
        )

    def _ballot(self) -> BallotCard:
        training = self._training()
        return BallotCard(
            1,
            1,
            training.ask.name,
            picture("grid.png", training.closes_at),
            tuple(range(1, training.epochs + 1)),
            "I would take epoch 3: it is closest.",
            training.closes_at,
            training.winner is not None,
            f"Epoch {training.winner} wins." if training.winner else "",
        )

    def _winner(self) -> WinnerCard:
        training = self._training()
        return WinnerCard(
            1,
            "kat-gen0",
            training.trigger,
            training.who.member_id,
            picture("winner.png"),
            f"Epoch {training.winner} wins.",
            f"a portrait of {training.trigger} on the moon",
        )
