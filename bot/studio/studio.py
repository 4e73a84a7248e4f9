"""The studio: what the product does, with no word of Discord.

One object, made once. Every method that changes something commits before it returns, is safe to call twice with the same
`Who.request_id`, checks who may do it (NotAllowed) and answers with the screen to show now. What must reach people later
is an outbox row (purpose, ref, channel), posted by the chat from `screen()`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.studio.requests import BeginTraining, GivenPhoto, Imagine, Who
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


class Studio:
    async def start(self) -> None:
        """Take up what was accepted before a stop or a crash: resubmit live jobs, watch ballots, follow the engine."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Park what runs."""
        raise NotImplementedError

    # -- the outbox and live cards, for the chat's presenter
    async def screen(self, guild_id: int, purpose: Purpose, ref: str) -> Screen | None:
        """The screen as it is now; None when there is nothing to show any more."""
        raise NotImplementedError

    # -- 1 intake
    async def begin(self, who: Who, ask: BeginTraining) -> Reading:
        """Accept the photos (again with the same `draft`: add to them) and have the engine read them."""
        raise NotImplementedError

    async def add_photos(self, who: Who, dataset_id: int, photos: tuple[GivenPhoto, ...]) -> Reading:
        raise NotImplementedError

    async def discard(self, who: Who, dataset_id: int) -> Notice:
        raise NotImplementedError

    # -- 2 crops
    async def crop_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CropSheet:
        raise NotImplementedError

    async def crop_editor(self, who: Who, dataset_id: int, number: int) -> CropEditor:
        raise NotImplementedError

    async def adjust_crop(self, who: Who, dataset_id: int, number: int, verb: str) -> CropEditor:
        """verb: tighter, looser, left, right, up, down, next_face, centre, drop, keep."""
        raise NotImplementedError

    async def accept_crops(self, who: Who, dataset_id: int) -> CaptionSheet:
        raise NotImplementedError

    # -- 3 captions
    async def caption_sheet(self, who: Who, dataset_id: int, page: int = 1) -> CaptionSheet:
        raise NotImplementedError

    async def edit_captions(self, who: Who, dataset_id: int, captions: Mapping[int, str]) -> CaptionSheet:
        """By photo number; without the trigger word, which is always put first."""
        raise NotImplementedError

    async def change_word(self, who: Who, dataset_id: int, *, add: str = "", remove: str = "") -> CaptionSheet:
        """One word or phrase added to, or removed from, every caption."""
        raise NotImplementedError

    async def accept_captions(self, who: Who, dataset_id: int) -> ConfirmCard:
        raise NotImplementedError

    # -- 4 confirm
    async def confirm_card(self, who: Who, dataset_id: int) -> ConfirmCard:
        raise NotImplementedError

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
        """Trigger: refused with Taken/UserError when it is an ordinary English word or already used in this guild."""
        raise NotImplementedError

    async def start_training(self, who: Who, dataset_id: int) -> StatusCard:
        raise NotImplementedError

    # -- 5 queue and training
    async def cancel(self, who: Who, job_id: str | None = None, run_id: int | None = None) -> Notice:
        """One's own job (admins: any). Finished epochs are kept and offered."""
        raise NotImplementedError

    async def stop_after_epoch(self, who: Who, run_id: int) -> StatusCard:
        raise NotImplementedError

    async def retry(self, who: Who, job_id: str) -> Notice:
        """A job that failed, sent again by a person."""
        raise NotImplementedError

    async def queue(self, who: Who) -> QueueList:
        raise NotImplementedError

    async def cancellable(self, who: Who) -> tuple[tuple[str, str], ...]:
        """(job id, what it is) for autocompletion: own jobs, all for admins."""
        raise NotImplementedError

    # -- 6, 7 ballot and winner
    async def open_ballots(self) -> tuple[tuple[int, int, int], ...]:
        """(guild id, ballot id, closes_at) of every open ballot."""
        raise NotImplementedError

    async def vote(self, guild_id: int, ballot_id: int, member_id: int, option: int, on: bool) -> None:
        """A reaction set or taken back. `option` is the column's index from 0. A hint only: closing recounts."""
        raise NotImplementedError

    async def may_close(self, who: Who, ballot_id: int) -> None:
        """Raises NotAllowed for anyone but the owner and admins."""
        raise NotImplementedError

    async def close_ballot(
        self, guild_id: int, ballot_id: int, counted: Mapping[int, frozenset[int]] | None, *, winner: int | None = None
    ) -> WinnerCard:
        """End it with the reactions read from Discord now (option index -> member ids; None: the votes on record).

        `winner` (an epoch number) is the owner's own choice. Most votes win; a tie goes to the engine's suggestion if it
        is among them, else to the earlier epoch; no votes: the suggestion. Calling it again returns the same winner.
        """
        raise NotImplementedError

    async def extend_ballot(self, who: Who, ballot_id: int) -> BallotCard:
        raise NotImplementedError

    # -- 8 paint
    async def imagine(self, who: Who, ask: Imagine) -> PicturesCard:
        """Finds the LoRA by its trigger word, reads `--seed --no --steps --w` and `<lora:name:0.8>` in the prompt, queues."""
        raise NotImplementedError

    async def again(self, who: Who, job_id: str, *, same_seed: bool = False) -> PicturesCard:
        raise NotImplementedError

    async def delete_pictures(self, who: Who, job_id: str) -> Notice:
        raise NotImplementedError

    async def loras(self, who: Who, page: int = 1) -> LoraList:
        raise NotImplementedError

    async def lora_names(self, who: Who, typed: str) -> tuple[str, ...]:
        """For autocompletion, from memory: own first, at most 25."""
        raise NotImplementedError
