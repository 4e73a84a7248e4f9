"""The cards of one picture by itself, of a gallery, and of what admins decided for a channel."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import painting_texts as texts
from bot.chat.layout import Colour, Drawn, Option, Piece, button, clip, escape, gallery, row, select, words
from bot.chat.painting_texts import Button as OfPainting
from bot.chat.painting_texts import Pick
from bot.chat.picture_cards import changes
from bot.chat.teaching_texts import Button as Teach
from bot.chat.texts import Button
from bot.studio.painting_screens import MINE, SERVER, ChannelCard, GalleryCard, PictureCard


def one_picture(screen: PictureCard) -> Drawn:
    """By itself, to the one who asked, with what can be made of it."""
    id, job, number, back = screen.picture_id, screen.job_id, screen.number, screen.back
    facts = texts.alone_facts(screen.label, screen.lora, screen.seed, screen.member_id)
    edit = [button(OfPainting.EDIT, "pic.edit", job, number)] if screen.can_edit else []
    kept = (
        button(OfPainting.UNKEEP, "fav.drop", id, back)
        if screen.kept
        else button(OfPainting.KEEP, "fav.keep", id, back, style=ButtonStyle.primary)
    )
    share = (
        [
            button(OfPainting.UNSHARE, "fav.unshare", id, back)
            if screen.shared
            else button(OfPainting.SHARE, "fav.share", id, back)
        ]
        if screen.can_share
        else []
    )
    leave = [_back(back)] if back else []
    return Drawn(
        [
            gallery((screen.image,), spoiler=screen.spoiler),
            words(clip(escape(screen.prompt), 1500), facts, texts.shared() if screen.shared else ""),
            row(*changes(job, number), button(Button.AGAIN, "pic.again", job), *edit),
            row(kept, *share, *leave),
        ],
        Colour.QUIET,
        (screen.image,),
    )


def _back(back: str) -> ui.Button[Any]:
    whose, _, page = back.partition(".")
    return button(OfPainting.BACK, "gal.page", page or 1, f"{whose}.here")


def favourites(screen: GalleryCard) -> Drawn:
    mine, other = screen.whose == MINE, SERVER if screen.whose == MINE else MINE
    switch = button(OfPainting.SERVER if mine else OfPainting.MINE, "gal.page", 1, f"{other}.switch")
    title = words(texts.gallery_title(mine, screen.total), texts.gallery_private())
    if screen.sheet is None:
        return Drawn([title, words(texts.gallery_empty(mine)), row(switch)], Colour.QUIET)
    options = (
        Option(
            str(entry.picture_id),
            texts.line_label(entry.number, entry.prompt),
            texts.seed(entry.seed),
        )
        for entry in screen.lines
    )
    place = f"{screen.whose}.{screen.page}"
    pieces: list[Piece] = [title, gallery((screen.sheet,), spoiler=screen.spoiler)]
    pieces.append(select(Pick.OPEN, options, "gal.open", 0, place))
    pager = [
        button(Button.PREVIOUS, "gal.page", max(screen.page - 1, 1), f"{screen.whose}.back", disabled=screen.page <= 1),
        button(Button.NEXT, "gal.page", screen.page + 1, f"{screen.whose}.on", disabled=screen.page >= screen.pages),
    ]
    if screen.pages > 1:
        pieces.append(words(texts.page_of(screen.page, screen.pages)))
    teach = [button(Teach.TEACH, "teach.form", 0)] if mine else []
    pieces.append(row(*(pager if screen.pages > 1 else []), switch, *teach))
    return Drawn(pieces, Colour.QUIET, (screen.sheet,))


def channel(screen: ChannelCard) -> Drawn:
    id, rules = screen.channel_id, screen.rules
    return Drawn(
        [
            words(
                texts.channel_title(id),
                texts.channel_facts(screen),
                texts.channel_note(),
            ),
            row(
                button(OfPainting.DEFAULTS, "chan.fill", id, style=ButtonStyle.primary),
                button(
                    OfPainting.PAINTING_OFF if rules.painting else OfPainting.PAINTING_ON,
                    "chan.painting",
                    id,
                    "off" if rules.painting else "on",
                ),
                button(
                    OfPainting.SPOILER_OFF if rules.spoiler else OfPainting.SPOILER_ON,
                    "chan.spoiler",
                    id,
                    "off" if rules.spoiler else "on",
                ),
                button(OfPainting.LIFT, "chan.lift", id, disabled=screen.usual),
            ),
        ],
        Colour.QUIET,
    )
