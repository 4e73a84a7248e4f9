"""The cards of the review: reading, crops, one crop, captions, confirm.

`settled` draws a card that has been answered: the same words and pictures, nothing to press.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ButtonStyle, ui

from bot.chat import texts
from bot.chat.layout import Colour, Drawn, Option, Piece, bar, button, clip, escape, gallery, line, row, select, words
from bot.chat.texts import Button, Pick
from bot.studio.screens import CaptionLine, CaptionSheet, ConfirmCard, CropEditor, CropSheet, PhotoLine, Reading

NUDGES = ((Button.LEFT, "left"), (Button.RIGHT, "right"), (Button.UP, "up"), (Button.DOWN, "down"))
OPTIONS = 25
"""Of one select menu."""
CAPTION_ROOM = 3200
"""Characters for the captions of one page: the rest of the 4000 is for everything around them."""


def reading(screen: Reading) -> Drawn:
    done = screen.done / screen.given if screen.given else 0.0
    text = texts.reading(escape(screen.subject), screen.done, screen.given)
    return Drawn([words(text, bar(done))], Colour.WORKING, silent=True)


def crop_sheet(screen: CropSheet, *, settled: bool = False) -> Drawn:
    id = screen.dataset_id
    pieces: list[Piece] = [words(texts.crops_title(escape(screen.subject)), escape(screen.summary))]
    images = (screen.sheet,) if screen.sheet is not None else ()
    if images:
        pieces.append(gallery(images))
    notes = [f"{photo.number}: {photo.note}" for photo in screen.photos if photo.note]
    if notes:
        pieces.append(words(clip("\n".join(escape(note) for note in notes), 1800)))
    if settled:
        return Drawn([*pieces, words(texts.crops_agreed())], Colour.QUIET, images)
    pieces.append(words(f"-# {texts.crops_help()}"))
    # A menu holds 25: a page with more photos than that gets a second one.
    for start in range(0, min(len(screen.photos), 2 * OPTIONS), OPTIONS):
        pieces.append(_fix(screen.photos[start : start + OPTIONS], id, screen.page, start))
    if screen.pages > 1:
        pieces.append(_pager("crop.page", id, screen.page, screen.pages))
    pieces.append(
        row(
            button(Button.LOOKS_RIGHT, "crop.accept", id, style=ButtonStyle.success, disabled=not screen.can_go_on),
            button(Button.ADD_MORE, "photos.more", id),
            button(Button.DISCARD, "set.discard", id, style=ButtonStyle.danger),
        )
    )
    return Drawn(pieces, Colour.ASKING, images)


def _fix(photos: Sequence[PhotoLine], id: int, page: int, start: int) -> Piece:
    options = (
        Option(
            str(photo.number),
            texts.photo_option(photo.number, kept=photo.kept, asks=photo.asks),
            photo.note,
        )
        for photo in photos
    )
    return select(Pick.FIX, options, "crop.fix", id, f"{page}.{start}")


def crop_editor(screen: CropEditor, page: int = 1) -> Drawn:
    """`page`: of the sheet it was opened from, for the way back."""
    id, n = screen.dataset_id, screen.number

    def nudge(label: str, verb: str, *, disabled: bool = False, danger: bool = False) -> ui.Button[Any]:
        style = ButtonStyle.danger if danger else ButtonStyle.secondary
        return button(label, "crop.adjust", id, f"{n}.{verb}.{page}", style=style, disabled=disabled)

    return Drawn(
        [
            words(texts.editor_title(n), escape(screen.note)),
            gallery((screen.preview,)),
            row(nudge(Button.TIGHTER, "tighter"), nudge(Button.LOOSER, "looser"), nudge(Button.CENTRE, "centre")),
            row(*(nudge(label, verb) for label, verb in NUDGES)),
            row(
                nudge(Button.NEXT_FACE, "next_face", disabled=screen.faces < 2),
                nudge(Button.DROP, "drop", danger=True),
                nudge(Button.KEEP, "keep"),
                button(Button.BACK, "crop.back", id, page, style=ButtonStyle.primary),
            ),
        ],
        Colour.ASKING,
        (screen.preview,),
    )


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
    controls.append(button(Button.WORD, "cap.word", id, screen.page))
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
        texts.confirm_facts(escape(screen.trigger), escape(screen.class_word), screen.photos, screen.queue),
        texts.vote_fact(screen.wants_vote),
        escape(screen.change),
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
                button(
                    Button.VOTE_ON if screen.wants_vote else Button.VOTE_OFF,
                    "set.vote",
                    id,
                    0 if screen.wants_vote else 1,
                ),
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


def _pager(verb: str, id: int, page: int, pages: int) -> Piece:
    return row(
        button(Button.PREVIOUS, verb, id, max(page - 1, 1), disabled=page <= 1),
        # The argument is not read: custom ids of one message must differ even on the last page.
        button(Button.NEXT, verb, id, f"{min(page + 1, pages)}.next", disabled=page >= pages),
    )
