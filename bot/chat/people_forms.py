"""The forms around consent and forgetting."""

from __future__ import annotations

import discord
from discord import ui

from bot.chat import people_texts as texts
from bot.chat.customid import custom_id
from bot.chat.forms import form, text_box
from bot.chat.people_texts import Field, Hint, Title


def consent(subject_id: int, opening: str) -> ui.Modal:
    return form(
        Title.CONSENT,
        custom_id("consent.allow.send", subject_id, opening),
        ui.TextDisplay(texts.consent_terms()),
        ui.Label(text=Field.ADULT, description=Hint.ADULT, component=ui.Checkbox(custom_id="adult")),
    )


def forget_subject(subject_id: int, opening: str) -> ui.Modal:
    return forget("subject.forget.send", subject_id, opening)


def forget(verb: str, id: int | str, opening: str) -> ui.Modal:
    """`verb`: whose form it is; what is typed comes back as "word"."""
    return form(
        Title.FORGET,
        custom_id(verb, id, opening),
        ui.Label(
            text=Field.WORD,
            description=Hint.WORD,
            component=text_box("word", style=discord.TextStyle.short, min_length=1, max_length=20),
        ),
    )
