"""/export, and the button of the same meaning on a LoRA's card."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.chat import keeping_texts as texts
from bot.chat.commands import behind_the_door, lora_choices
from bot.chat.layout import escape
from bot.chat.router import Ack, Press, on, who_is
from bot.errors import UserError
from bot.studio.requests import Who

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot

BODY_LIMIT = 24 * 2**20
"""Of one request to Discord, with room for what stands around the file."""
TOO_LARGE = 413


def add_export(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="export", description="The file of a LoRA of yours, with a page of facts")
    @app_commands.guild_only()
    @app_commands.describe(lora="Which one, by name")
    async def export(interaction: discord.Interaction[LikenessBot], lora: app_commands.Range[str, 1, 100]) -> None:
        async def send() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            who = who_is(interaction)
            card = await bot.studio.keeping.named(who, lora)
            await send_file(bot, interaction, who, card.lora_id)

        await behind_the_door(interaction, send)

    @export.autocomplete("lora")
    async def names(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        return await lora_choices(bot, interaction, typed)


@on("lora.export", Ack.PRIVATE)
async def by_button(press: Press) -> None:
    await send_file(press.bot, press.interaction, press.who, press.action.number)


async def send_file(bot: LikenessBot, interaction: discord.Interaction, who: Who, lora_id: int) -> None:
    """As the private answer that is being waited for, and messages behind it: one file to each, since a request to Discord
    holds little more than one of the size it takes."""
    taken = await bot.studio.keeping.export(who, lora_id, min(interaction.filesize_limit, BODY_LIMIT))
    if taken.link:
        note = texts.export_link(taken.link, taken.hours)
    else:
        note = texts.export_split(len(taken.files) - 1) if taken.split else texts.taken_home()
    if taken.terms:
        note = f"{note}\n-# {escape(taken.terms)}"
    await interaction.edit_original_response(content=note)
    for name, data in taken.files:
        try:
            await interaction.followup.send(file=discord.File(io.BytesIO(data), name), ephemeral=True)
        except discord.HTTPException as error:
            if error.status != TOO_LARGE:
                raise
            raise UserError(texts.export_refused(name)) from error
