"""/inspire, and what can be pressed on its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands, ui

from bot.chat import forms
from bot.chat.commands import behind_the_door, lora_choices
from bot.chat.inspiration_cards import inspire, shown_prompt, shown_words
from bot.chat.layout import shown_texts
from bot.chat.router import Press, on, opens, who_is

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot


def add_inspire(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="inspire", description="Prompts to start from: pictures of this server, and a book of ideas")
    @app_commands.guild_only()
    @app_commands.describe(
        words="What to look for, for example: moon, winter, funny; without it anything",
        lora="Whom the prompts should be about, by name",
    )
    async def command(
        interaction: discord.Interaction[LikenessBot],
        words: app_commands.Range[str, 1, 80] | None = None,
        lora: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        async def show() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            sees = readable(interaction)
            drawn = inspire(await bot.studio.inspiration.card(who_is(interaction), words or "", sees, lora=lora or ""))
            await interaction.edit_original_response(view=drawn.view(), attachments=drawn.files())

        await behind_the_door(interaction, show)

    @command.autocomplete("lora")
    async def names(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        return await lora_choices(bot, interaction, typed)


@on("inspire.page")
async def page(press: Press) -> None:
    card = await press.studio.inspiration.card(
        press.who,
        shown_words(_said(press)),
        readable(press.interaction),
        lora=press.action.arg,
        page=press.action.number,
    )
    await press.show(inspire(card))


async def _look_up(press: Press) -> ui.Modal:
    """A prompt that is longer than the card shows."""
    _, lora_id, name = _argument(press)
    prompt = await press.studio.inspiration.prompt(
        press.who, press.action.id, lora_id or None, readable(press.interaction)
    )
    return forms.imagine(lora_id, name, prompt)


@opens("inspire.use", or_else=_look_up)
def use(press: Press) -> ui.Modal | None:
    """Filled with the prompt as it stands on the card: the trigger word is in its place."""
    number, lora_id, name = _argument(press)
    prompt = shown_prompt(_said(press), number)
    return None if prompt is None else forms.imagine(lora_id, name, prompt)


def _argument(press: Press) -> tuple[int, int, str]:
    number, lora_id, name = press.action.arg.split(".", 2)
    return int(number), int(lora_id), name


def _said(press: Press) -> str:
    message = press.interaction.message
    return "\n".join(shown_texts(message.components if message is not None else ()))


def readable(interaction: discord.Interaction) -> frozenset[int]:
    """Channels whose messages this member can read, and the public threads in them. Age-restricted ones only in such a one.

    From what the bot knows of its server, without asking Discord. Private threads count only while one is in them.
    """
    guild, member, here = interaction.guild, interaction.user, interaction.channel
    if guild is None or not isinstance(member, discord.Member):
        return frozenset()
    seen: set[int] = set()
    for channel in guild.channels:
        may = channel.permissions_for(member)
        if may.view_channel and may.read_message_history and (not _restricted(channel) or _restricted(here)):
            seen.add(channel.id)
    for thread in guild.threads:
        if thread.parent_id in seen and (not thread.is_private() or (here is not None and thread.id == here.id)):
            seen.add(thread.id)
    return frozenset(seen)


def _restricted(channel: object) -> bool:
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw()) if callable(is_nsfw) else False
