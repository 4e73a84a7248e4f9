"""The cards of privacy, of a server's rules and of reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
from discord import ButtonStyle, ui

from bot.chat import keeping_texts as texts
from bot.chat import news_texts as texts_of_news
from bot.chat import painting_texts as texts_of_painting
from bot.chat.customid import custom_id
from bot.chat.keeping_texts import Button, Pick
from bot.chat.layout import Colour, Drawn, Option, Piece, button, escape, gallery, row, select, words
from bot.chat.people_texts import Button as OfPeople
from bot.language import LANGUAGES, label
from bot.studio.people_screens import HiddenCard, PrivacyCard, ReportCard, RulesCard, SubjectCard
from bot.studio.screens import PicturesCard

AS_DISCORD = "discord"
"""In the menu of languages: what the server's own settings say."""
MOST = 25
"""Roles or channels one menu can name."""
WRITTEN_IN = (discord.ChannelType.text, discord.ChannelType.news)
TALKED_IN = (
    *WRITTEN_IN,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
)
"""Wherever a command can be used: what is decided for a channel goes for its threads, a forum's posts among them. Media
channels are not here: Discord's specification of its requests knows no such type."""


def privacy(screen: PrivacyCard) -> Drawn:
    held, rules = screen.held, screen.rules
    pieces: list[Piece] = [
        words(
            texts.privacy_title(),
            texts.privacy_counts(
                held.subjects, held.photos, held.loras, held.pictures, held.shown_in, held.votes, held.audit_lines
            ),
            texts_of_painting.favourites_held(held.favourites),
            texts_of_news.held(held.wishes),
        ),
        words(
            texts.privacy_time(rules.keep_photos_days, rules.keep_epochs_days, rules.keep_pictures_days),
            f"-# {texts.privacy_plainly()}",
        ),
    ]
    if screen.subjects:
        options = (
            Option(str(entry.subject_id), texts.subject_label(entry.name, entry.subject_id))
            for entry in screen.subjects
        )
        pieces.append(select(Pick.SUBJECT, options, "subject.open", 0))
    pieces.append(row(button(Button.FORGET_ME, "me.forget", 0, style=ButtonStyle.danger)))
    return Drawn(pieces, Colour.QUIET)


def subject(screen: SubjectCard) -> Drawn:
    id = screen.subject_id
    text = words(
        texts.subject_title(escape(screen.name), screen.owner_id),
        texts.subject_word(screen.member_id),
        texts.what_goes(screen.goes) if screen.goes is not None else "",
    )
    buttons = [button(OfPeople.TAKE_BACK, "consent.revoke", id, screen.member_id or 0)] if screen.can_revoke else []
    buttons.append(button(OfPeople.FORGET, "subject.forget", id, style=ButtonStyle.danger))
    return Drawn([text, row(*buttons)], Colour.QUIET)


def rules(screen: RulesCard) -> Drawn:
    made = screen.rules
    numbers = (
        made.trainings_per_member,
        made.pictures_per_day,
        made.keep_photos_days,
        made.keep_epochs_days,
        made.keep_pictures_days,
    )
    facts = texts.rules_facts(made.training_roles, made.channels, made.report_channel, numbers)
    shown = "-".join("" if number is None else str(number) for number in numbers)
    roles: ui.RoleSelect[Any] = ui.RoleSelect(
        custom_id=custom_id("rules.roles", 0), placeholder=label(Pick.TRAINERS), min_values=0, max_values=MOST
    )
    return Drawn(
        [
            words(texts.rules_title(), facts),
            ui.ActionRow(roles),
            _channels("rules.channels", Pick.CHANNELS, MOST, TALKED_IN),
            _channels("rules.reports", Pick.REPORTS, 1, WRITTEN_IN),
            select(Pick.LANGUAGE, _languages(made.language), "rules.language", 0),
            row(button(Button.NUMBERS, "rules.numbers", 0, f"n{shown}"), button(Button.AUDIT, "rules.audit", 0)),
        ],
        Colour.QUIET,
    )


def report(screen: ReportCard) -> Drawn:
    """No picture: the channel may be anybody's. An admin looks at it alone."""
    id = screen.report_id
    facts = texts.report_facts(screen.reporter_id, screen.painter_id, screen.channel_id, screen.state)
    pieces: list[Piece] = [words(texts.report_title(), facts)]
    if screen.state == "open":
        pieces.append(
            row(
                button(Button.LOOK, "report.look", id),
                button(Button.PUT_BACK, "report.keep", id),
                button(Button.REMOVE, "report.remove", id, style=ButtonStyle.danger),
            )
        )
    return Drawn(pieces, Colour.TROUBLE if screen.state == "open" else Colour.QUIET)


def look(screen: PicturesCard) -> Drawn:
    shown = screen.pictures[:1]
    return Drawn([gallery(shown)] if shown else [words(texts.nothing_yet())], Colour.QUIET, shown)


def hidden(screen: HiddenCard) -> Drawn:
    return Drawn([words(texts.hidden())], Colour.QUIET, silent=True)


def _languages(chosen: str | None) -> Iterator[Option]:
    yield Option(AS_DISCORD, texts.as_discord(), chosen=chosen is None)
    for tag, name in LANGUAGES.items():
        yield Option(tag, name, chosen=tag == chosen)


def _channels(verb: str, placeholder: str, most: int, kinds: tuple[discord.ChannelType, ...]) -> Piece:
    menu: ui.ChannelSelect[Any] = ui.ChannelSelect(
        custom_id=custom_id(verb, 0),
        placeholder=label(placeholder),
        min_values=0,
        max_values=most,
        channel_types=list(kinds),
    )
    return ui.ActionRow(menu)
