"""The cards of what is kept: one LoRA with all that can be done to it, and the audit."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.chat import keeping_texts as texts
from bot.chat import retraining_texts
from bot.chat.customid import BadCustomId, custom_id
from bot.chat.keeping_texts import Button, Pick
from bot.chat.layout import Colour, Drawn, Option, Piece, button, clip, escape, file_name, gallery, row, select, words
from bot.chat.painting_texts import Button as OfPainting
from bot.chat.retraining_texts import Button as Again
from bot.language import label
from bot.studio.people_screens import LedgerList, LoraCard
from bot.studio.thumbnails import ThumbnailCard

TARGETS = 25
"""Members or roles one menu can name."""


def lora(screen: LoraCard) -> Drawn:
    id = screen.lora_id
    text = "\n".join(
        [
            texts.lora_title(escape(screen.name)),
            texts.lora_facts(escape(screen.trigger), screen.epoch, escape(screen.base), screen.made_at),
            texts.lora_belongs(screen.owner_id, screen.shows),
            texts.lora_access(screen.access, screen.members, screen.roles),
            *retraining_texts.lineage(tuple(escape(name) for name in screen.versions), screen.from_pictures),
            texts.lora_prompt(clip(screen.prompt.replace("`", ""), 1000)),
        ]
    )
    images = () if screen.thumbnail is None else (screen.thumbnail,)
    pieces: list[Piece] = [words(text)]
    if screen.thumbnail is not None:
        thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(
            f"attachment://{file_name(0, screen.thumbnail)}", description=clip(screen.thumbnail.alt, 256)
        )
        section: ui.Section[Any] = ui.Section(text, accessory=thumbnail)
        pieces = [section]
    if screen.governs:
        options = (Option(value, label, chosen=value == screen.access) for value, label in texts.access())
        pieces.append(select(Pick.ACCESS, options, "lora.share", id))
        if screen.access == "members":
            pieces.append(_members(id))
        if screen.access == "role":
            pieces.append(_roles(id))
    buttons = [button(Button.IMAGINE, "lora.imagine", id, _speakable(screen), style=ButtonStyle.primary)]
    if screen.governs:
        buttons += [
            button(Button.RENAME, "lora.rename", id),
            button(Button.PROMPT, "lora.prompt", id),
            button(Button.LEDGER, "lora.ledger", id),
            button(Button.THUMBNAIL, "lora.thumbnail", id),
        ]
    pieces.append(row(*buttons))
    more = [button(OfPainting.COMPARE, "lora.compare", id)]
    more += [button(Again.RETRAIN, "lora.retrain", id)] if screen.retrains else []
    if screen.governs:
        more.append(button(Button.EXPORT, "lora.export", id))
    if screen.deletes:
        more.append(button(Button.DELETE, "lora.delete", id, style=ButtonStyle.danger))
    pieces.append(row(*more))
    return Drawn(pieces, Colour.QUIET, images)


def thumbnails(screen: ThumbnailCard) -> Drawn:
    options = (Option(o.value, texts.thumbnail_option(o.number, o.is_preview)) for o in screen.options)
    return Drawn(
        [
            words(texts.thumbnail_title(escape(screen.name)), texts.thumbnail_help()),
            gallery((screen.sheet,)),
            select(Pick.THUMBNAIL, options, "lora.thumbnail.set", screen.lora_id),
        ],
        Colour.ASKING,
        (screen.sheet,),
    )


def share_with(lora_id: int, access: str) -> Drawn:
    """Named members, or roles: who they are is asked before anything changes."""
    menu = _members(lora_id) if access == "members" else _roles(lora_id)
    return Drawn([words(texts.who_exactly()), menu], Colour.ASKING)


def ledger(screen: LedgerList) -> Drawn:
    title = texts.ledger_title(escape(screen.title))
    if not screen.lines:
        return Drawn([words(title, texts.nothing_yet())], Colour.QUIET)
    lines = [texts.ledger_line(entry.at, entry.who_id, entry.act, entry.ref) for entry in screen.lines]
    pieces: list[Piece] = [words(title, clip("\n".join(lines), 3800))]
    if screen.before is not None and not screen.title:
        pieces.append(row(button(Button.OLDER, "rules.audit", 0, screen.before)))
    return Drawn(pieces, Colour.QUIET)


def _members(lora_id: int) -> Piece:
    menu: ui.UserSelect[Any] = ui.UserSelect(
        custom_id=custom_id("lora.members", lora_id),
        placeholder=label(Pick.MEMBERS),
        max_values=TARGETS,
    )
    return ui.ActionRow(menu)


def _roles(lora_id: int) -> Piece:
    menu: ui.RoleSelect[Any] = ui.RoleSelect(
        custom_id=custom_id("lora.roles", lora_id),
        placeholder=label(Pick.ROLES),
        max_values=TARGETS,
    )
    return ui.ActionRow(menu)


def _speakable(screen: LoraCard) -> str:
    """The LoRA's name where a custom id can hold it: the form then finds it without its trigger word."""
    try:
        custom_id("lora.imagine.send", screen.lora_id, screen.name)
    except BadCustomId:
        return ""
    return screen.name
