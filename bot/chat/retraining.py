"""/retrain, and the button of the same meaning on a LoRA's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.chat import retraining_texts as texts
from bot.chat.commands import CHOICES, behind_the_door, choices_of
from bot.chat.rooms import Room, check_may_train, open_room
from bot.chat.router import Ack, Press, on, who_is
from bot.errors import UserError
from bot.studio.requests import Who
from bot.studio.retraining import Source

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot


def add_retrain(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(
        name="retrain", description="Train a LoRA of yours again: the same photos, with some added or left out"
    )
    @app_commands.guild_only()
    @app_commands.describe(lora="Which one of yours, by name")
    async def retrain(interaction: discord.Interaction[LikenessBot], lora: app_commands.Range[str, 1, 100]) -> None:
        async def begin() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            who = who_is(interaction)
            check_may_train(interaction)
            source = await bot.studio.retraining.named(who, lora)
            sentence = await open_version(bot, interaction, who, source)
            await interaction.edit_original_response(content=sentence)
            await bot.presenter.deliver()

        await behind_the_door(interaction, begin)

    @retrain.autocomplete("lora")
    async def names(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        async def find() -> list[app_commands.Choice[str]]:
            found = await bot.studio.retraining.names(who_is(interaction), typed)
            return [app_commands.Choice(name=name[:100], value=name[:100]) for name in found[:CHOICES]]

        return await choices_of(find)


@on("lora.retrain", Ack.PRIVATE)
async def again(press: Press) -> None:
    check_may_train(press.interaction)
    source = await press.studio.retraining.of_lora(press.who, press.action.number)
    await press.say(await open_version(press.bot, press.interaction, press.who, source))
    await press.bot.presenter.deliver()


async def open_version(bot: LikenessBot, interaction: discord.Interaction, who: Who, source: Source) -> str:
    """Opens it in a room of its own, or finds the one that is open; what to tell the member."""
    plan = await bot.studio.retraining.plan(who, source)
    if plan.opened is not None:
        return texts.opened(plan.opened)
    draft = f"again-{source.dataset_id}-{who.request_id}"
    room = await open_room(interaction, plan.subject, draft)
    try:
        opened = await bot.studio.retraining.open(who, source, draft=draft, room_id=room.channel_id)
    except UserError:
        await room.close(bot)
        raise
    if opened.room_id != room.channel_id:  # somebody was quicker: it is open elsewhere
        await room.close(bot)
        room = Room(opened.room_id)
    return "\n".join([texts.opened(opened), *room.notes()])
