"""The cards from the queue to the winner: status, epoch, ballot, winner, trouble."""

from __future__ import annotations

from discord import ButtonStyle

from bot.chat import texts
from bot.chat.customid import BadCustomId, custom_id
from bot.chat.layout import Colour, Drawn, Option, Piece, bar, button, escape, gallery, row, select, sparkline, words
from bot.chat.texts import Button, Pick
from bot.language import say
from bot.studio.screens import BallotCard, EpochPost, StatusCard, TroubleCard, WinnerCard

KEYCAPS = (
    *(f"{digit}\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}" for digit in "123456789"),
    "\N{KEYCAP TEN}",
)
LETTERS = tuple(chr(0x1F1E6 + n) for n in range(10))
BALLOT_EMOJI = (*KEYCAPS, *LETTERS)
"""The i-th column's. Twenty is what Discord allows under one message."""

OVER = frozenset({"published", "cancelled", "failed"})
"""States of a run after which its card does not change any more."""


def status(screen: StatusCard) -> Drawn:
    colour = {
        "published": Colour.DONE,
        "failed": Colour.TROUBLE,
        "cancelled": Colour.QUIET,
        "paused": Colour.QUIET,
        "voting": Colour.ASKING,
    }.get(screen.state, Colour.WORKING)
    lines = [texts.status_title(escape(screen.subject)), escape(screen.headline)]
    if screen.place:
        lines.append(texts.place_in_line(screen.place))
    if screen.state == "training" or 0 < screen.done < 1:
        lines.append(bar(screen.done))
    if screen.losses:
        lines.append(texts.losses(sparkline(screen.losses), screen.losses[-1]))
    if screen.ends_at is not None and screen.state not in OVER:
        lines.append(texts.ends(screen.ends_at))
    pieces: list[Piece] = [words(*lines)]
    controls = [button(Button.STOP, "run.stop", screen.run_id)] if screen.can_stop else []
    if screen.can_cancel:
        controls.append(button(Button.CANCEL, "run.cancel", screen.run_id, style=ButtonStyle.danger))
    if controls:
        pieces.append(row(*controls))
    return Drawn(pieces, colour, silent=True)


def epoch(screen: EpochPost) -> Drawn:
    text = words(texts.epoch_title(screen.number, screen.epochs), f"-# {escape(screen.note)}" if screen.note else "")
    return Drawn([text, gallery((screen.previews,))], Colour.WORKING, (screen.previews,), silent=True)


def ballot(screen: BallotCard) -> Drawn:
    pictures = (screen.grid,) if screen.curve is None else (screen.grid, screen.curve)
    columns = " · ".join(
        f"{emoji} {say('epoch {number}', number=number)}"
        for emoji, number in zip(BALLOT_EMOJI, screen.options, strict=False)
    )
    pieces: list[Piece] = [
        words(texts.ballot_title(escape(screen.subject)), columns),
        gallery(pictures),
        words(f"-# {escape(screen.suggestion)}" if screen.suggestion else "", escape(screen.result)),
    ]
    if not screen.suggestion and not screen.result:
        pieces.pop()
    if screen.closed:
        return Drawn(pieces, Colour.QUIET, pictures)
    epochs = (Option(str(number), say("Epoch {number}", number=number)) for number in screen.options)
    pieces += [
        words(texts.ballot_help(), texts.ballot_closes(screen.closes_at)),
        select(Pick.WINNER, epochs, "vote.win", screen.ballot_id),
        row(
            # With the end it shows: pressed twice on what one sees, also across a restart, it is one hour more.
            button(Button.EXTEND, "vote.extend", screen.ballot_id, screen.closes_at),
            button(Button.CLOSE, "vote.close", screen.ballot_id, style=ButtonStyle.primary),
        ),
    ]
    return Drawn(pieces, Colour.ASKING, pictures)


def winner(screen: WinnerCard) -> Drawn:
    pieces: list[Piece] = [
        words(texts.winner_title(escape(screen.name)), texts.winner_call(screen.owner_id), escape(screen.result)),
        gallery((screen.picture,)),
        words(texts.winner_use(escape(screen.trigger), screen.try_it)),
        row(button(Button.IMAGINE, "lora.imagine", screen.lora_id, _speakable(screen), style=ButtonStyle.primary)),
    ]
    return Drawn(pieces, Colour.DONE, (screen.picture,), mentions=(screen.owner_id,))


def _speakable(screen: WinnerCard) -> str:
    """The LoRA's name, so that the form finds it even when its trigger word is written away; "" if a custom id cannot."""
    try:
        custom_id("lora.imagine.send", screen.lora_id, screen.name)
    except BadCustomId:
        return ""
    return screen.name


def trouble(screen: TroubleCard) -> Drawn:
    pieces: list[Piece] = [words(texts.trouble(screen.member_id, escape(screen.sentence)))]
    if screen.can_retry:
        pieces.append(row(button(Button.RETRY, "job.retry", screen.job_id, style=ButtonStyle.primary)))
    return Drawn(pieces, Colour.TROUBLE, mentions=(screen.member_id,))
