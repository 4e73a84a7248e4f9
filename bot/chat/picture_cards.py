"""The cards around painting: pictures, the library, the queue."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import keeping_texts as texts_of_keeping
from bot.chat import texts
from bot.chat.layout import (
    Colour,
    Drawn,
    Option,
    Piece,
    button,
    clip,
    escape,
    file_name,
    gallery,
    row,
    select,
    words,
)
from bot.chat.texts import Button, Pick
from bot.language import say
from bot.studio.screens import Image, LoraList, PicturesCard, QueueList


def pictures(screen: PicturesCard) -> Drawn:
    """One picture, or the grid alone: the single ones are a choice away, so that four pictures stay one look."""
    header = words(texts.pictures_header(screen.member_id, clip(escape(screen.prompt), 1500)))
    if not screen.ready or not screen.pictures:
        return Drawn([header, words(f"-# {escape(screen.note)}")], Colour.WORKING, silent=True)
    shown = screen.pictures[:1]
    pieces: list[Piece] = [header, gallery(shown), words(texts.pictures_facts(screen.lora, screen.seeds))]
    if screen.note:
        pieces.append(words(f"-# {escape(screen.note)}"))
    alone = screen.pictures[1:26]
    if alone:
        options = (
            Option(str(n), say("Picture {number}", number=n), say("seed {seed}", seed=seed))
            for n, (_, seed) in enumerate(zip(alone, screen.seeds, strict=False), 1)
        )
        pieces.append(select(Pick.ONE, options, "pic.one", screen.job_id))
    pieces.append(
        row(
            button(Button.AGAIN, "pic.again", screen.job_id, style=ButtonStyle.primary),
            button(Button.SAME_SEED, "pic.same", screen.job_id),
            *(() if alone else _changes(screen.job_id, 0)),
            button(Button.DELETE, "pic.delete", screen.job_id, style=ButtonStyle.danger),
        )
    )
    return Drawn(pieces, Colour.DONE, shown, mentions=(screen.member_id,))


def one_picture(picture: Image, job_id: str, number: int) -> Drawn:
    """Picture `number` (from 0) of a painting by itself, with what can be made of it."""
    return Drawn([gallery((picture,)), row(*_changes(job_id, number))], Colour.QUIET, (picture,))


def _changes(job_id: str, number: int) -> tuple[ui.Button[Any], ...]:
    return button(Button.VARY, "pic.vary", job_id, number), button(Button.UPSCALE, "pic.upscale", job_id, number)


def library(screen: LoraList) -> Drawn:
    if not screen.lines:
        return Drawn([words(texts.no_loras())], Colour.QUIET)
    pieces: list[Piece] = [words(texts.loras_title())]
    images: list[Image] = []
    for entry in screen.lines:
        text = texts.lora_line(escape(entry.name), escape(entry.trigger), entry.mine, entry.access)
        if entry.thumbnail is None:
            pieces.append(words(text))
            continue
        url = f"attachment://{file_name(len(images), entry.thumbnail)}"
        thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(url, description=clip(entry.thumbnail.alt, 256))
        section: ui.Section[Any] = ui.Section(text, accessory=thumbnail)
        pieces.append(section)
        images.append(entry.thumbnail)
    names = (Option(str(entry.lora_id), entry.name) for entry in screen.lines)
    pieces.append(select(texts_of_keeping.Pick.OPEN, names, "lora.open", 0))
    if screen.pages > 1:
        pieces.append(words(texts.page_of(screen.page, screen.pages)))
        pieces.append(
            row(
                button(Button.PREVIOUS, "lora.page", max(screen.page - 1, 1), "back", disabled=screen.page <= 1),
                button(Button.NEXT, "lora.page", screen.page + 1, "on", disabled=screen.page >= screen.pages),
            )
        )
    return Drawn(pieces, Colour.QUIET, tuple(images))


def queue(screen: QueueList) -> Drawn:
    if not screen.lines:
        return Drawn([words(texts.empty_queue())], Colour.QUIET)
    lines = (texts.queue_line(entry.place, escape(entry.what), entry.mine, entry.starts_at) for entry in screen.lines)
    return Drawn([words(texts.queue_title(), clip("\n".join(lines), 3500))], Colour.QUIET)
