"""The cards of a vote: the ballot, one column of it, the question to its owner, the winner."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ButtonStyle

from bot.chat import ballot_texts as texts
from bot.chat.ballot_texts import Button, Pick
from bot.chat.customid import BadCustomId, custom_id
from bot.chat.keeping_texts import Button as Kept
from bot.chat.layout import Colour, Drawn, Option, Piece, button, escape, gallery, row, select, words
from bot.chat.painting_texts import Button as Painting
from bot.chat.retraining_texts import Button as Again
from bot.chat.texts import Button as Common
from bot.studio.ballot_screens import BallotCard, BallotColumn, ColumnCard, TieCard, WinnerCard
from bot.studio.screens import Image

BALLOT_EMOJI = tuple(chr(0x1F1E6 + n) for n in range(10))
"""Regional indicators A to J: the i-th column's reaction."""
BASE = "base"
TO_A_ROW = 5


def emoji(letter: str) -> str:
    return BALLOT_EMOJI[ord(letter) - ord("A")]


def ballot(screen: BallotCard) -> Drawn:
    id = screen.ballot_id
    head = [texts.title(escape(screen.subject))]
    if screen.state == "open":
        head += [texts.how(), texts.closes(screen.closes_at)]
    elif screen.state == "tied":
        level = [column for column in screen.columns if column.level]
        head += [texts.level([column.letter for column in level], level[0].votes or 0)]
        head += [texts.owner_decides(screen.decides_at or 0)]
    else:
        head += [escape(screen.result), _decided(screen.decided_by)]
    pieces: list[Piece] = [words(*head), *_galleries(screen.sheets)]
    if screen.state != "open":
        pieces.append(words(_ranking(screen.columns)))
    if screen.suggestion:
        pieces.append(words(f"-# {escape(screen.suggestion)}"))
    if screen.closed:
        return Drawn(pieces, Colour.QUIET, screen.sheets)
    pieces += [
        select(Pick.COLUMN, [*_places(screen.columns), Option(BASE, texts.base())], "vote.column", id),
        select(Pick.WINNER, _places(screen.columns), "vote.win", id),
    ]
    controls = [button(Button.SAYS, "vote.says", id)] if screen.blind else []
    if screen.state == "open":
        controls += [
            # With the end it shows: pressed twice on what one sees, also across a restart, it is one hour more.
            button(Button.EXTEND, "vote.extend", id, screen.closes_at),
            button(Button.CLOSE, "vote.close", id, style=ButtonStyle.primary),
        ]
    pieces += [row(*controls)] if controls else []
    if screen.state == "open":
        pieces.append(words(texts.rules(screen.blind), texts.anew() if screen.anew else ""))
    return Drawn(pieces, Colour.ASKING, screen.sheets)


def column(screen: ColumnCard) -> Drawn:
    """For one member alone: they leaf through the columns in the same answer."""
    shown = screen.column
    head = texts.base() if shown is None else texts.named(shown)
    hint = texts.vote_for(emoji(shown.letter)) if shown is not None and screen.open else ""
    order: list[int | None] = [None, *range(screen.places)]
    at = order.index(screen.place)
    before, after = order[at - 1], order[(at + 1) % len(order)]
    pieces: list[Piece] = [
        words(f"**{head}**"),
        gallery((screen.picture,)),
        words(hint),
        row(
            button(Button.BEFORE, "vote.turn", screen.ballot_id, _argument(before)),
            # Told apart by more than the column: with two to leaf through both lead to the same.
            button(Button.AFTER, "vote.turn", screen.ballot_id, f"{_argument(after)}.after"),
        ),
    ]
    if not hint:
        del pieces[2]
    return Drawn(pieces, Colour.ASKING if screen.open else Colour.QUIET, (screen.picture,))


def tie(screen: TieCard) -> Drawn:
    title = texts.tie_title(escape(screen.subject))
    if screen.result:
        return Drawn([words(title, escape(screen.result), _decided(screen.decided_by))], Colour.QUIET)
    letters = [column.letter for _, column in screen.level]
    said = texts.level(letters, screen.level[0][1].votes or 0)
    buttons = [
        button(texts.take(column.letter), "vote.take", screen.ballot_id, place) for place, column in screen.level
    ]
    rows = [row(*buttons[first : first + TO_A_ROW]) for first in range(0, len(buttons), TO_A_ROW)]
    asks = texts.please_decide(screen.owner_id, screen.decides_at)
    pieces: list[Piece] = [words(title, said, asks), *_galleries(screen.sheets), *rows]
    return Drawn(pieces, Colour.ASKING, screen.sheets, mentions=(screen.owner_id,))


def winner(screen: WinnerCard) -> Drawn:
    id = screen.lora_id
    pieces: list[Piece] = [
        words(
            texts.winner_title(escape(screen.name)),
            texts.winner_call(screen.owner_id),
            escape(screen.result),
            _decided(screen.decided_by),
            f"-# {texts.voters(screen.voters)} {_ranking(screen.ranking)}" if screen.ranking else "",
        ),
        gallery((screen.picture,)),
    ]
    images = (screen.picture,)
    if screen.curve is not None:
        pieces.append(gallery((screen.curve,), first=1))
        images = (screen.picture, screen.curve)
    pieces += [
        words(texts.winner_use(escape(screen.trigger), screen.try_it), texts.winner_next()),
        row(
            button(Common.IMAGINE, "lora.imagine", id, _speakable(screen), style=ButtonStyle.primary),
            button(Painting.COMPARE, "lora.compare", id),
            button(Again.RETRAIN, "lora.retrain", id),
            button(Kept.EXPORT, "lora.export", id),
        ),
    ]
    return Drawn(pieces, Colour.DONE, images, mentions=(screen.owner_id,))


def _galleries(images: Sequence[Image]) -> list[Piece]:
    """One to a gallery: beside each other they would be cut to squares."""
    return [gallery((image,), first=number) for number, image in enumerate(images)]


def _places(columns: Sequence[BallotColumn]) -> list[Option]:
    """What is sent is the column's place, never its epoch."""
    return [Option(str(place), texts.named(column)) for place, column in enumerate(columns)]


def _ranking(columns: Sequence[BallotColumn]) -> str:
    order = sorted(columns, key=lambda column: (not column.wins, -(column.votes or 0), column.letter))
    return texts.ranking([(emoji(column.letter), column) for column in order])


def _decided(member_id: int | None) -> str:
    """Nobody is named who asked to be forgotten."""
    return texts.decided_by(member_id) if member_id else ""


def _argument(place: int | None) -> str:
    return BASE if place is None else str(place)


def _speakable(screen: WinnerCard) -> str:
    """The LoRA's name, so that the form finds it even when its trigger word is written away; "" if a custom id cannot."""
    try:
        custom_id("lora.imagine.send", screen.lora_id, screen.name)
    except BadCustomId:
        return ""
    return screen.name
