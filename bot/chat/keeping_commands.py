"""The slash commands around what is kept, and the menu of a message; one call of the studio each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.chat import keeping_texts as texts
from bot.chat.commands import CHOICES, behind_the_door, choices_of, show_privately
from bot.chat.exports import add_export
from bot.chat.inspiration import add_inspire
from bot.chat.retraining import add_retrain
from bot.chat.router import who_is
from bot.chat.rules_cards import TALKED_IN
from bot.errors import UserError
from bot.studio.screens import Purpose

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot

MESSAGE_LINK = re.compile(r"https://(?:\w+\.)?discord(?:app)?\.com/channels/\d+/\d+/(\d+)/?")


class Place(app_commands.Transformer["LikenessBot"]):
    """A channel that can have rules of its own; only its id matters, so it need not be one the bot can see."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return list(TALKED_IN)

    async def transform(self, interaction: discord.Interaction[LikenessBot], value: Any, /) -> int:
        return int(value.id)


def add_keeping_commands(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    add_own(bot, tree)
    add_retrain(bot, tree)
    add_inspire(bot, tree)
    add_export(bot, tree)
    add_reports(bot, tree)
    add_for_admins(bot, tree)


def add_own(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="privacy", description="What is stored about you here, and how to take it back")
    @app_commands.guild_only()
    async def privacy(interaction: discord.Interaction[LikenessBot]) -> None:
        await show_privately(interaction, lambda: bot.studio.privacy.card(who_is(interaction)))

    @tree.command(name="forget", description="Delete one thing you brought, or everything about you")
    @app_commands.guild_only()
    @app_commands.describe(lora="What is learnt in it, by the LoRA's name; without it you choose, or forget everything")
    async def forget(
        interaction: discord.Interaction[LikenessBot], lora: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        if lora is None:
            await show_privately(interaction, lambda: bot.studio.privacy.card(who_is(interaction)))
        else:
            await show_privately(interaction, lambda: bot.studio.privacy.of_lora(who_is(interaction), lora))

    @forget.autocomplete("lora")
    async def forgettable(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        async def find() -> list[app_commands.Choice[str]]:
            found = await bot.studio.privacy.lora_names(who_is(interaction), typed)
            return [app_commands.Choice(name=name[:100], value=name[:100]) for name in found[:CHOICES]]

        return await choices_of(find)

    @tree.command(name="help", description="What I can do here")
    @app_commands.guild_only()
    async def help(interaction: discord.Interaction[LikenessBot]) -> None:
        await interaction.response.send_message(texts.what_i_do(), ephemeral=True)

    @tree.command(
        name="stop-after-epoch", description="Let your training finish the epoch it is in, and vote on what there is"
    )
    @app_commands.guild_only()
    async def stop(interaction: discord.Interaction[LikenessBot]) -> None:
        await show_privately(interaction, lambda: bot.studio.stop_mine_after_epoch(who_is(interaction)))


def add_reports(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    async def report(interaction: discord.Interaction[LikenessBot], message_id: int) -> None:
        async def hide() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            who = who_is(interaction)
            card = await bot.studio.reports.report(who, message_id)
            await interaction.edit_original_response(content=texts.reported())
            await bot.presenter.refresh_posted(who.guild_id, Purpose.PICTURES, card.job_id)
            await bot.presenter.deliver()

        await behind_the_door(interaction, hide)

    @tree.command(name="report", description="Hide a picture that should not be here, and have an admin look at it")
    @app_commands.guild_only()
    @app_commands.describe(message="The link of the message with the picture: Copy Message Link in its menu")
    async def by_link(interaction: discord.Interaction[LikenessBot], message: app_commands.Range[str, 1, 200]) -> None:
        found = MESSAGE_LINK.fullmatch(message.strip())
        if found is None:

            async def refuse() -> None:
                raise UserError(texts.no_message())

            await behind_the_door(interaction, refuse)
            return
        await report(interaction, int(found[1]))

    @app_commands.guild_only()
    async def by_menu(interaction: discord.Interaction[LikenessBot], message: discord.Message) -> None:
        await report(interaction, message.id)

    tree.add_command(app_commands.ContextMenu(name="Report this picture", callback=by_menu))


def add_for_admins(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(
        name="settings", description="For admins: who may train, where, how much, and how long things are kept"
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        channel="Of this channel and its threads: whether and how it is painted there; else of the whole server"
    )
    async def settings(
        interaction: discord.Interaction[LikenessBot],
        channel: app_commands.Transform[int, Place] | None = None,
    ) -> None:
        if channel is None:
            await show_privately(interaction, lambda: bot.studio.rulebook.card(who_is(interaction)))
        else:
            await show_privately(interaction, lambda: bot.studio.channels.card(who_is(interaction), channel))
