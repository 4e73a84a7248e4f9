"""The message to one member alone: a sentence, and the way to what it is about."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import news_texts as texts
from bot.chat.layout import Colour, Drawn, Piece, button, clip, escape, row, words
from bot.chat.news_texts import Button
from bot.language import label, speaking
from bot.studio.news_screens import Moment, NewsCard
from bot.studio.screens import StatusCard

MOST = 200
"""Characters of a subject's name."""
COLOURS = {
    Moment.ASKED: Colour.QUIET,
    Moment.VOTE: Colour.ASKING,
    Moment.READY: Colour.DONE,
    Moment.FAILED: Colour.TROUBLE,
    Moment.STOPPED: Colour.QUIET,
}


def news(screen: NewsCard) -> Drawn:
    """In the language of the one it is for, whatever their server speaks."""
    with speaking(screen.language):
        text = words(
            texts.what(screen.moment, escape(clip(screen.subject, MOST))),
            texts.how_to_end() if screen.moment is Moment.ASKED else "",
        )
        way: ui.Button[Any] = ui.Button(
            style=ButtonStyle.link, label=label(texts.TO[screen.moment]), url=address(screen)
        )
        return Drawn([text, row(way)], COLOURS[screen.moment])


def address(screen: NewsCard) -> str:
    """Of the message it is about, or of its channel (Discord's documentation, reference: message links)."""
    end = "" if screen.message_id is None else f"/{screen.message_id}"
    return f"https://discord.com/channels/{screen.guild_id}/{screen.channel_id}{end}"


def controls(screen: StatusCard) -> list[Piece]:
    """Under the card of a training, for whom it concerns."""
    shown: list[ui.Button[Any]] = []
    if screen.can_ask:
        shown.append(button(Button.ASK, "news.ask", screen.run_id))
    if screen.can_end:
        shown.append(button(Button.END, "news.end", screen.run_id))
    return [row(*shown)] if shown else []
