"""One training by hand: all there is about dataset 1, run 1, ballot 1 and LoRA 1 of one guild, and the screens of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image as Pixels

from bot.studio.ballot_screens import BallotColumn
from bot.studio.requests import BeginTraining, GivenPhoto, Who
from bot.studio.screens import (
    BallotCard,
    CaptionLine,
    CaptionSheet,
    ConfirmCard,
    CropSheet,
    Image,
    PhotoLine,
    PresetChoice,
    StatusCard,
    TieCard,
    WinnerCard,
)
from bot.studio.tally import LETTERS

PAGE = 10


def picture(name: str = "picture.png", shade: int = 120) -> Image:
    out = io.BytesIO()
    Pixels.new("RGB", (8, 8), (shade % 256, 90, 60)).save(out, "PNG")
    return Image(name, out.getvalue(), alt=f"A test picture called {name}")


@dataclass
class Training:
    """All there is about dataset 1, run 1, ballot 1 and LoRA 1 of one guild."""

    ask: BeginTraining
    who: Who
    photos: list[GivenPhoto]
    read: bool = False
    dropped: set[int] = field(default_factory=set[int])
    frames: str = ""
    moving: int = 0
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
    blind: bool = True
    tied: tuple[int, ...] = ()
    """Places of columns that are level."""
    tied_at: int = 0
    decided_by: int | None = None
    anew: bool = False

    @property
    def room(self) -> int:
        return self.ask.room_id or self.who.channel_id

    # -- the screens

    def crop_sheet(self, page: int) -> CropSheet:
        count = len(self.photos)
        pages = max(1, -(-count // 25))
        lines = tuple(
            PhotoLine(n, n not in self.dropped, "two faces" if n == 2 else "", asks=n == 2) for n in range(1, count + 1)
        )
        return CropSheet(
            1,
            self.ask.name,
            f"{count} photos in.",
            picture("crops.png", count),
            page,
            pages,
            lines[page * 25 - 25 : page * 25],
            count - len(self.dropped) >= 5,
            asks=tuple(line.number for line in lines if line.asks),
            animated=self.moving,
        )

    def caption_sheet(self, page: int) -> CaptionSheet:
        numbers = sorted(self.captions)
        lines = tuple(CaptionLine(n, self.captions[n]) for n in numbers)[page * PAGE - PAGE : page * PAGE]
        pages = max(1, -(-len(numbers) // PAGE))
        return CaptionSheet(1, self.ask.name, self.trigger, "woman", picture("captions.png", page), lines, page, pages)

    def confirm_card(self) -> ConfirmCard:
        return ConfirmCard(
            1,
            self.ask.name,
            self.trigger,
            "woman",
            len(self.photos),
            (PresetChoice("quick", "Quick", "about 2 min"), PresetChoice("balanced", "Balanced", "about 5 min")),
            self.preset,
            self.access,
            self.wants_vote,
            "next in line",
            self.state != "review",
            blind=self.blind,
        )

    def status_card(self) -> StatusCard:
        live = self.state in ("queued", "training")
        return StatusCard(
            1,
            self.ask.name,
            self.state,
            f"Epoch {self.epoch} of {self.epochs}." if self.epoch else "Waiting.",
            1 if self.state == "queued" else 0,
            self.epoch / self.epochs,
            self.epoch,
            self.epochs,
            tuple(0.2 / n for n in range(1, self.epoch + 1)),
            1_800_000_000 if live else None,
            live,
            self.state == "training",
        )

    def order(self) -> tuple[int, ...]:
        """Epochs by their columns: not as they were trained."""
        return (2, 4, 1, 3, *range(5, self.epochs + 1))[: self.epochs]

    def columns(self) -> tuple[BallotColumn, ...]:
        return tuple(
            BallotColumn(
                LETTERS[place],
                epoch if self.winner or not self.blind else None,
                self.got(place) if self.winner or self.tied else None,
                epoch == self.winner,
                place in self.tied,
            )
            for place, epoch in enumerate(self.order())
        )

    def got(self, place: int) -> int:
        return len((self.counted or {}).get(place, ()))

    def ballot_card(self) -> BallotCard:
        return BallotCard(
            1,
            1,
            self.ask.name,
            (picture("columns-1.png", self.closes_at),),
            self.columns(),
            self.blind,
            "" if self.blind and self.winner is None else "I would take epoch 3: it is closest.",
            self.closes_at,
            "closed" if self.winner is not None else "tied" if self.tied else "open",
            self.closes_at if self.tied else None,
            f"Epoch {self.winner} wins." if self.winner else "",
            self.decided_by,
            self.anew,
        )

    def tie_card(self) -> TieCard:
        return TieCard(
            1,
            self.ask.name,
            self.who.member_id,
            tuple((place, column) for place, column in enumerate(self.columns()) if place in self.tied),
            (picture("level.png"),),
            self.closes_at,
            f"Epoch {self.winner} wins." if self.winner else "",
            self.decided_by,
        )

    def winner_card(self) -> WinnerCard:
        return WinnerCard(
            1,
            "kat-gen0",
            self.trigger,
            self.who.member_id,
            picture("winner.png"),
            f"Epoch {self.winner} wins.",
            f"a portrait of {self.trigger} on the moon",
            self.columns(),
            3,
            self.decided_by,
            picture("curve.png"),
        )
