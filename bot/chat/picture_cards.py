"""The cards around painting: pictures, the library, the queue."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import keeping_texts as texts_of_keeping
from bot.chat import painting_texts as texts_of_painting
from bot.chat import texts
from bot.chat.keeping_texts import Button as Kept
from bot.chat.layout import (
    Colour,
    Drawn,
    Option,
    Piece,
    bar,
    button,
    clip,
    escape,
    file_name,
    gallery,
    row,
    select,
    words,
)
from bot.chat.painting_texts import Button as OfPainting
from bot.chat.painting_texts import Pick as OfPaintingPick
from bot.chat.texts import Button, Pick
from bot.studio.prompt import HEAVIEST
from bot.studio.screens import Image, LoraList, PicturesCard, QueueList

BUTTONS = 5
"""In one row; more pictures than that are chosen from menus."""
MOST = 25
"""Options of one menu."""


def pictures(screen: PicturesCard) -> Drawn:
    """One picture, or the grid alone: the single ones are a choice away, so that four pictures stay one look."""
    header = words(texts_of_painting.header(screen.member_id, clip(escape(screen.prompt), 1500)))
    if not screen.ready or not screen.pictures:
        return _waiting(screen, header)
    shown = screen.pictures[:1]
    pieces: list[Piece] = [
        header,
        gallery(shown, spoiler=screen.spoiler),
        words(
            texts_of_painting.facts(screen.lora, screen.strengths, screen.seeds),
            f"-# {escape(screen.note)}" if screen.note else "",
            f"-# {escape(screen.credit)}" if screen.credit else "",
            texts_of_painting.letters(len(screen.numbers) > 1 and not screen.labels),
        ),
    ]
    several = len(screen.numbers) > 1
    if several and not screen.labels:
        pieces += _of_each(screen)
    if several:
        pieces.append(select(Pick.ONE, _options(screen), "pic.one", screen.job_id))
    else:
        pieces.append(row(*changes(screen.job_id, screen.numbers[0] if screen.numbers else 0), _keeps(screen)))
    if screen.strengths:
        pieces.append(_strength(screen))
    pieces.append(row(*_tools(screen)))
    return Drawn(pieces, Colour.DONE, shown, mentions=(screen.member_id,))


def _waiting(screen: PicturesCard, header: Piece) -> Drawn:
    shown = [bar(screen.done)] if screen.done is not None else []
    pieces: list[Piece] = [header, words(*shown, f"-# {escape(screen.note)}")]
    if screen.done is not None:
        pieces.append(row(button(OfPainting.CANCEL, "pic.cancel", screen.job_id, style=ButtonStyle.danger)))
    return Drawn(pieces, Colour.WORKING, silent=True)


def _of_each(screen: PicturesCard) -> list[Piece]:
    """U, V and ♡ for every picture."""
    verbs = (("U", "pic.upscale"), ("V", "pic.vary"), ("♡ ", "pic.keep"))
    if len(screen.numbers) <= BUTTONS:
        return [
            row(*(button(f"{letter}{n + 1}", verb, screen.job_id, n) for n in screen.numbers)) for letter, verb in verbs
        ]
    picks = (OfPaintingPick.ENLARGE, OfPaintingPick.VARY, OfPaintingPick.KEEP)
    return [select(pick, _options(screen), verb, screen.job_id) for pick, (_, verb) in zip(picks, verbs, strict=True)]


def _options(screen: PicturesCard) -> list[Option]:
    named = screen.labels or tuple(texts_of_painting.picture(number + 1) for number in screen.numbers)
    found = zip(screen.numbers, named, screen.seeds, strict=False)
    return [Option(str(number + 1), name, texts_of_painting.seed(seed)) for number, name, seed in found][:MOST]


def _strength(screen: PicturesCard) -> Piece:
    """The slider: a step to either side of where it stands."""
    return row(
        button(OfPainting.WEAKER, "pic.weaker", screen.job_id, disabled=max(screen.strengths) <= 0),
        button(texts_of_painting.strength(screen.strengths), "pic.strength", screen.job_id, disabled=True),
        button(OfPainting.STRONGER, "pic.stronger", screen.job_id, disabled=min(screen.strengths) >= HEAVIEST),
    )


def _tools(screen: PicturesCard) -> list[ui.Button[Any]]:
    job = screen.job_id
    again = button(Button.AGAIN, "pic.again", job, style=ButtonStyle.primary)
    delete = button(Button.DELETE, "pic.delete", job, style=ButtonStyle.danger)
    if screen.labels:
        return [again, delete]
    number = screen.numbers[0] if screen.numbers else 0
    return [again, button(OfPainting.EDIT, "pic.edit", job, number), button(Button.SAME_SEED, "pic.same", job), delete]


def changes(job_id: str, number: int) -> tuple[ui.Button[Any], ...]:
    return button(Button.VARY, "pic.vary", job_id, number), button(Button.UPSCALE, "pic.upscale", job_id, number)


def _keeps(screen: PicturesCard) -> ui.Button[Any]:
    return button(OfPainting.KEEP, "pic.keep", screen.job_id, screen.numbers[0] if screen.numbers else 0)


def library(screen: LoraList) -> Drawn:
    switch = button(Kept.ALL if screen.own else Kept.MINE, "lora.page", 1, "all" if screen.own else "mine")
    if not screen.lines:
        return Drawn([words(texts.no_loras()), *([row(switch)] if screen.own else [])], Colour.QUIET)
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
    whose, last = "mine" if screen.own else "all", screen.page >= screen.pages
    pager = [
        button(Button.PREVIOUS, "lora.page", max(screen.page - 1, 1), f"{whose}.back", disabled=screen.page <= 1),
        button(Button.NEXT, "lora.page", screen.page + 1, f"{whose}.on", disabled=last),
    ]
    pieces.append(row(*(pager if screen.pages > 1 else []), switch))
    return Drawn(pieces, Colour.QUIET, tuple(images))


def queue(screen: QueueList) -> Drawn:
    if not screen.lines:
        return Drawn([words(texts.empty_queue())], Colour.QUIET)
    lines = (texts.queue_line(entry.place, escape(entry.what), entry.mine, entry.starts_at) for entry in screen.lines)
    return Drawn([words(texts.queue_title(), clip("\n".join(lines), 3500))], Colour.QUIET)
