"""The forms around painting."""

from __future__ import annotations

import discord
from discord import ui

from bot.chat.customid import custom_id
from bot.chat.forms import form, text_box
from bot.chat.layout import clip
from bot.chat.painting_texts import Field, Hint, Title
from bot.studio.channels import FIELDS
from bot.studio.mixing import LONGEST_PROMPT
from bot.studio.painting_screens import ChannelCard, EditForm

NEGATIVE_LIMIT = 500
LONGEST_COMPARED = 1000
LONGEST_SEED = 10


def edit(shown: EditForm, opening: str) -> ui.Modal:
    """The prompt of a painting, to be changed and painted again."""
    return form(
        Title.EDIT,
        custom_id("pic.edit.send", shown.job_id, opening),
        ui.Label(
            text=Field.PROMPT,
            description=Hint.PROMPT,
            component=text_box(
                "prompt",
                style=discord.TextStyle.paragraph,
                default=clip(shown.text, LONGEST_PROMPT) or None,
                max_length=LONGEST_PROMPT,
            ),
        ),
        ui.Label(
            text=Field.NEGATIVE,
            component=text_box(
                "negative",
                default=clip(shown.negative, NEGATIVE_LIMIT) or None,
                required=False,
                max_length=NEGATIVE_LIMIT,
            ),
        ),
        ui.Label(
            text=Field.SEED,
            description=Hint.SEED,
            component=text_box("seed", default=str(shown.seed), required=False, max_length=LONGEST_SEED),
        ),
    )


def compare(lora_id: int, opening: str) -> ui.Modal:
    """One LoRA at several strengths, or beside others."""
    return form(
        Title.COMPARE,
        custom_id("lora.compare.send", lora_id, opening),
        ui.Label(
            text=Field.PROMPT,
            component=text_box("prompt", style=discord.TextStyle.paragraph, max_length=LONGEST_COMPARED),
        ),
        ui.Label(
            text=Field.STRENGTHS,
            description=Hint.STRENGTHS,
            component=text_box("strengths", required=False, max_length=60),
        ),
        ui.Label(
            text=Field.BESIDE, description=Hint.BESIDE, component=text_box("beside", required=False, max_length=200)
        ),
    )


def channel(shown: ChannelCard, opening: str) -> ui.Modal:
    """Five parts, the most a form may have, in the order of FIELDS."""
    rules = shown.rules
    values = (shown.lora, rules.size, rules.count, rules.steps, rules.most)
    labels = (
        (Field.LORA, Hint.LORA, 100),
        (Field.SIZE, Hint.SIZE, 11),
        (Field.COUNT, Hint.NUMBER, 3),
        (Field.STEPS, Hint.NUMBER, 3),
        (Field.MOST, Hint.NUMBER, 3),
    )
    return form(
        Title.CHANNEL,
        custom_id("chan.fill.send", shown.channel_id, opening),
        *(
            ui.Label(
                text=label,
                description=hint,
                component=text_box(
                    name, default=None if value is None else str(value), required=False, max_length=longest
                ),
            )
            for name, value, (label, hint, longest) in zip(FIELDS, values, labels, strict=True)
        ),
    )
