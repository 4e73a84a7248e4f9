"""The cards of the review: reading, captions, confirm. Crops stand in crop_cards.

`settled` draws a card that has been answered: the same words and pictures, nothing to press.
"""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import ballot_texts, coaching_cards, coaching_texts, texts
from bot.chat.layout import Colour, Drawn, Option, Piece, bar, button, clip, escape, gallery, line, row, select, words
from bot.chat.lexicon_texts import Button as All
from bot.chat.texts import Button, Pick
from bot.studio.screens import CaptionLine, CaptionSheet, ConfirmCard, Reading

CAPTION_ROOM = 3200
"""Characters for the captions of one page: the rest of the 4000 is for everything around them."""


def reading(screen: Reading) -> Drawn:
    """All photos are opened first and judged then: the bar goes that way twice."""
    judging = screen.looked >= screen.given > screen.done
    told, count = (coaching_texts.judging, screen.done) if judging else (texts.reading, max(screen.looked, screen.done))
    text = told(escape(screen.subject), count, screen.given)
    pieces = [words(text, bar(count / screen.given if screen.given else 0.0))]
    return Drawn([*pieces, *coaching_cards.so_far(screen)], Colour.WORKING, silent=True)


def caption_sheet(screen: CaptionSheet, *, settled: bool = False, five_from: int = 0) -> Drawn:
    """`five_from`: which line (from 0) "Edit five" starts with; it moves on after each use, so that all ten are reached.

    39 of the 40 components a message may have: beside the ten Edit buttons there is one row of five.
    """
    id = screen.dataset_id
    pieces: list[Piece] = [
        words(
            texts.captions_title(escape(screen.subject), screen.page, screen.pages),
            texts.captions_help(escape(screen.trigger), escape(screen.class_word)),
        ),
        gallery((screen.sheet,)),
    ]
    room = CAPTION_ROOM // max(len(screen.lines), 1)
    if settled:
        shown = "\n".join(caption_line(entry, room) for entry in screen.lines)
        return Drawn([*pieces, words(shown), words(texts.captions_agreed())], Colour.QUIET, (screen.sheet,))
    pieces += [
        ui.Section(
            caption_line(entry, room), accessory=button(Button.EDIT, "cap.edit", id, f"{screen.page}.{entry.number}")
        )
        for entry in screen.lines
    ]
    five = screen.lines[five_from : five_from + 5] or screen.lines[:5]
    controls = [button(Button.LOOKS_RIGHT, "cap.accept", id, style=ButtonStyle.success)]
    if five:
        label = texts.edit_some(five[0].number, five[-1].number)
        controls.append(button(label, "cap.five", id, f"{screen.page}.{five[0].number}.{five[-1].number}"))
    controls.append(button(All.ALL, "lex.open", id, screen.page))
    if screen.pages > 1:
        last = screen.page >= screen.pages
        controls.append(button(Button.FIRST if last else Button.NEXT, "cap.page", id, 1 if last else screen.page + 1))
    else:
        controls.append(button(Button.TRIGGER, "set.trigger", id, "cap"))
    controls.append(button(Button.BACK, "cap.back", id))
    return Drawn([*pieces, row(*controls)], Colour.ASKING, (screen.sheet,))


def caption_line(entry: CaptionLine, room: int) -> str:
    """How one caption stands on the sheet; bot/chat/captions.py reads it back for the form."""
    return clip(f"**{entry.number}** {escape(entry.caption)}", room)


def confirm_card(screen: ConfirmCard) -> Drawn:
    id = screen.dataset_id
    facts = words(
        texts.confirm_title(escape(screen.subject)),
        texts.confirm_facts(
            # Once it is in the queue its own card says where, and goes on saying so.
            escape(screen.trigger),
            escape(screen.class_word),
            screen.photos,
            "" if screen.started else screen.queue,
        ),
        ballot_texts.vote_fact(screen.wants_vote, screen.blind),
        escape(screen.change),
        f"-# {escape(screen.terms)}" if screen.terms else "",
        escape(screen.waits),
    )
    if screen.started:
        chosen = next((p for p in screen.presets if p.name == screen.preset), None)
        title = f"{chosen.title}, {chosen.minutes}" if chosen is not None else ""
        access = dict(texts.access()).get(screen.access, screen.access)
        return Drawn([facts, words(title, access), words(texts.started())], Colour.QUIET)
    presets = (Option(p.name, p.title, p.minutes, p.name == screen.preset) for p in screen.presets)
    access = (Option(value, label, chosen=value == screen.access) for value, label in texts.access())
    return Drawn(
        [
            facts,
            select(Pick.PRESET, presets, "set.preset", id),
            select(Pick.ACCESS, access, "set.access", id),
            row(
                _vote_button(screen),
                button(Button.TRIGGER, "set.trigger", id, "confirm"),
            ),
            line(),
            row(
                button(Button.START, "set.start", id, style=ButtonStyle.success),
                button(Button.BACK, "confirm.back", id),
                button(Button.CANCEL, "set.discard", id, style=ButtonStyle.danger),
            ),
        ],
        Colour.ASKING,
    )


def _vote_button(screen: ConfirmCard) -> ui.Button[Any]:
    """Says how it stands; pressed, it is the next of blind, open, off."""
    if not screen.wants_vote:
        return button(ballot_texts.Button.OFF, "set.vote", screen.dataset_id, "blind")
    if screen.blind:
        return button(ballot_texts.Button.BLIND, "set.vote", screen.dataset_id, "open")
    return button(ballot_texts.Button.OPEN, "set.vote", screen.dataset_id, "off")
