"""The forms around what is kept."""

from __future__ import annotations

import discord
from discord import ui

from bot.chat.customid import custom_id
from bot.chat.forms import form, text_box
from bot.chat.keeping_texts import Field, Hint, Title
from bot.chat.people_forms import forget
from bot.studio.rulebook import NUMBERS


def rename(lora_id: int, opening: str) -> ui.Modal:
    box = text_box("name", min_length=2, max_length=40)
    return form(
        Title.RENAME,
        custom_id("lora.rename.send", lora_id, opening),
        ui.Label(text=Field.NAME, description=Hint.NAME, component=box),
    )


def delete(lora_id: int, opening: str) -> ui.Modal:
    return forget("lora.delete.send", lora_id, opening)


def prompt(lora_id: int, opening: str) -> ui.Modal:
    box = text_box("prompt", style=discord.TextStyle.paragraph, required=False, max_length=1000)
    return form(
        Title.PROMPT,
        custom_id("lora.prompt.send", lora_id, opening),
        ui.Label(text=Field.PROMPT, description=Hint.PROMPT, component=box),
    )


def forget_me(opening: str) -> ui.Modal:
    return forget("me.forget.send", 0, opening)


def numbers(shown: tuple[str, ...], opening: str) -> ui.Modal:
    """Five parts, the most a form may have, in the order of the rulebook's NUMBERS."""
    labels = (
        (Field.TRAININGS, Hint.NUMBER),
        (Field.PICTURES, Hint.NUMBER),
        (Field.PHOTOS, Hint.DAYS),
        (Field.EPOCHS, Hint.DAYS),
        (Field.KEPT_PICTURES, Hint.DAYS),
    )
    return form(
        Title.NUMBERS,
        custom_id("rules.numbers.send", 0, opening),
        *(
            ui.Label(
                text=label,
                description=hint,
                component=text_box(name, default=value or None, required=False, max_length=5),
            )
            for name, value, (label, hint) in zip(NUMBERS, shown, labels, strict=False)
        ),
    )
