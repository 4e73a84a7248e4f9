"""The cards of the crops: the sheet of all photos, and one photo alone.

`settled` draws a sheet that has been answered: the same words and pictures, nothing to press.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ButtonStyle, ui

from bot.chat import crop_texts
from bot.chat.crop_texts import Button as Crop
from bot.chat.layout import Colour, Drawn, Option, Piece, button, clip, escape, gallery, row, select, words
from bot.chat.texts import Button, Pick
from bot.studio.screens import CropEditor, CropSheet, PhotoLine

NUDGES = ((Crop.LEFT, "left"), (Crop.RIGHT, "right"), (Crop.UP, "up"), (Crop.DOWN, "down"))
OPTIONS = 25
"""Of one select menu."""
SUMMARY_ROOM, NOTES_ROOM = 1800, 1600
"""Characters; the rest of the 4000 is for everything around them."""


def crop_sheet(screen: CropSheet, *, settled: bool = False) -> Drawn:
    id = screen.dataset_id
    summary = clip(escape(screen.summary), SUMMARY_ROOM)
    pieces: list[Piece] = [words(crop_texts.crops_title(escape(screen.subject)), summary)]
    images = (screen.sheet,) if screen.sheet is not None else ()
    if images:
        pieces.append(gallery(images))
    notes = [f"{photo.number}: {photo.note}" for photo in screen.photos if photo.note]
    if notes:
        pieces.append(words(clip("\n".join(escape(note) for note in notes), NOTES_ROOM)))
    if settled:
        return Drawn([*pieces, words(crop_texts.crops_agreed())], Colour.QUIET, images)
    pieces.append(words(crop_texts.asking(len(screen.asks)) if screen.asks else "", f"-# {crop_texts.crops_help()}"))
    # A menu holds 25: a page with more photos than that gets a second one.
    for start in range(0, min(len(screen.photos), 2 * OPTIONS), OPTIONS):
        pieces.append(_fix(screen.photos[start : start + OPTIONS], id, screen.page, start))
    doubts = [button(Crop.ASK, "crop.ask", id, screen.page)] if screen.asks else []
    if screen.animated:
        doubts.append(button(Crop.FRAMES, "photos.frames", id))
    if doubts:
        pieces.append(row(*doubts))
    if screen.pages > 1:
        pieces.append(_pager(id, screen.page, screen.pages))
    pieces.append(
        row(
            button(Button.LOOKS_RIGHT, "crop.accept", id, style=ButtonStyle.success, disabled=not screen.can_go_on),
            button(Button.ADD_MORE, "photos.more", id),
            button(Button.DISCARD, "set.discard", id, style=ButtonStyle.danger),
        )
    )
    return Drawn(pieces, Colour.ASKING, images)


def crop_editor(screen: CropEditor, page: int = 1) -> Drawn:
    """`page`: of the sheet it was opened from, for the way back."""
    id, n = screen.dataset_id, screen.number

    def act(label: str, verb: str, *, disabled: bool = False, danger: bool = False) -> ui.Button[Any]:
        style = ButtonStyle.danger if danger else ButtonStyle.secondary
        return button(label, "crop.adjust", id, f"{n}.{verb}.{page}", style=style, disabled=disabled)

    ways = [button(Button.BACK, "crop.back", id, page, style=ButtonStyle.primary)]
    if screen.next_ask:
        arg = f"{page}.{screen.next_ask}"
        ways.append(button(Crop.NEXT_ASK, "crop.ask", id, arg, style=ButtonStyle.primary))
    return Drawn(
        [
            words(
                crop_texts.editor_title(n),
                escape(screen.note),
                crop_texts.left_out_now() if screen.dropped else "",
                crop_texts.still_asking(screen.asks) if screen.asks else "",
            ),
            gallery((screen.preview,)),
            row(
                act(Crop.TIGHTER, "tighter"),
                act(Crop.LOOSER, "looser"),
                act(Crop.CENTRE, "centre"),
                act(Crop.ORIGINAL, "original"),
            ),
            row(*(act(label, verb) for label, verb in NUDGES)),
            row(
                act(Crop.NEXT_FACE, "next_face", disabled=screen.faces < 2),
                act(Crop.UNDO, "undo", disabled=not screen.steps),
                act(Crop.DROP, "drop", danger=True, disabled=screen.dropped),
                act(Crop.KEEP, "keep"),
            ),
            row(*ways),
        ],
        Colour.ASKING,
        (screen.preview,),
    )


def _fix(photos: Sequence[PhotoLine], id: int, page: int, start: int) -> Piece:
    options = (
        Option(str(photo.number), crop_texts.photo_option(photo.number, kept=photo.kept, asks=photo.asks), photo.note)
        for photo in photos
    )
    return select(Pick.FIX, options, "crop.fix", id, f"{page}.{start}")


def _pager(id: int, page: int, pages: int) -> Piece:
    return row(
        button(Button.PREVIOUS, "crop.page", id, max(page - 1, 1), disabled=page <= 1),
        # The argument is not read: custom ids of one message must differ even on the last page.
        button(Button.NEXT, "crop.page", id, f"{min(page + 1, pages)}.next", disabled=page >= pages),
    )
