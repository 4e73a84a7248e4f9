"""The card for all captions at once: what to name, what recurs, and the presses that change every caption."""

from __future__ import annotations

from discord import ButtonStyle

from bot.chat import lexicon_texts as texts
from bot.chat.layout import Colour, Drawn, Option, Piece, button, clip, escape, row, select, words
from bot.chat.texts import Button
from bot.studio.dataset_screens import WordsCard

LISTED = 12
"""Words in the text; the menu below has them all."""
LONGEST_VALUE = 100
"""Characters of a menu's value."""


def lexicon(screen: WordsCard) -> Drawn:
    id, page = screen.dataset_id, screen.page
    pieces: list[Piece] = [
        words(
            texts.title(escape(screen.subject)),
            texts.advice(screen.kind, f"**{escape(screen.trigger)}**"),
            texts.trained_as(escape(screen.before)),
        )
    ]
    hints = [texts.missing(escape(screen.missing))] if screen.missing else []
    hints += [escape(texts.own(screen))] if screen.own else []
    hints += [texts.empty(screen.empty)] if screen.empty else []
    if hints:
        pieces.append(words(clip("\n".join(hints), 1000)))
    if screen.words:
        listed = [f"{escape(one.word)} · {one.count}" for one in screen.words[:LISTED]]
        pieces.append(words(clip("\n".join([texts.frequent(screen.captions), *listed]), 1400)))
        fitting = [one for one in screen.words if len(one.word) <= LONGEST_VALUE]
        options = (Option(one.word, one.word, texts.in_captions(one.count, screen.captions)) for one in fitting)
        if fitting:
            pieces.append(select(texts.Pick.REMOVE, options, "lex.remove", id, page))
    else:
        pieces.append(words(texts.nothing_said()))
    first = [button(Button.WORD, "cap.word", id, page), button(texts.Button.REPLACE, "lex.replace", id, page)]
    if screen.undo is not None:
        first.append(button(texts.undo_label(screen.undo_what), "lex.undo", id, f"{page}.{screen.undo}"))
    pieces.append(row(*first))
    pieces.append(
        row(
            button(texts.Button.EXPORT, "lex.export", id),
            button(texts.Button.BRING, "lex.bring", id, page),
            button(Button.TRIGGER, "set.trigger", id, "lex"),
            button(Button.BACK, "lex.back", id, page, style=ButtonStyle.primary),
        )
    )
    return Drawn(pieces, Colour.ASKING)
