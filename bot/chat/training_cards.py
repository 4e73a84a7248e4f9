"""The cards of a training: status, epoch, trouble. Those of its vote are in `ballot_cards`."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import news_cards, texts
from bot.chat.layout import Colour, Drawn, Piece, bar, button, escape, gallery, row, sparkline, words
from bot.chat.texts import Button
from bot.studio.screens import EpochPost, StatusCard, TroubleCard

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
    if screen.happened and screen.state not in OVER:
        lines.append(f"-# {escape(screen.happened)}")
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
    return Drawn([*pieces, *news_cards.controls(screen)], colour, silent=True)


def epoch(screen: EpochPost) -> Drawn:
    text = words(texts.epoch_title(screen.number, screen.epochs), f"-# {escape(screen.note)}" if screen.note else "")
    return Drawn([text, gallery((screen.previews,))], Colour.WORKING, (screen.previews,), silent=True)


def trouble(screen: TroubleCard) -> Drawn:
    pieces: list[Piece] = [words(texts.trouble(screen.member_id, escape(screen.sentence)))]
    controls: list[ui.Button[Any]] = []
    if screen.can_be_lighter:
        controls.append(button(Button.LIGHTER, "job.lighter", screen.job_id, style=ButtonStyle.primary))
    if screen.can_retry:
        style = ButtonStyle.secondary if controls else ButtonStyle.primary
        controls.append(button(Button.RETRY, "job.retry", screen.job_id, style=style))
    if controls:
        pieces.append(row(*controls))
    return Drawn(pieces, Colour.TROUBLE, mentions=(screen.member_id,))
