"""/compare and /gallery; /imagine stands with the first commands. One call of the studio each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.chat import painting_texts
from bot.chat.commands import CHOICES, SEED_LIMIT, behind_the_door, choices_of, lora_choices, show_privately
from bot.chat.rooms import check_may_post
from bot.chat.router import who_is
from bot.errors import UserError
from bot.studio.painting_screens import MINE, SERVER
from bot.studio.requests import Compare

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot


def add_gallery(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="gallery", description="The pictures you made favourites, and those members show to the server")
    @app_commands.guild_only()
    @app_commands.describe(whose="Your own, or the server's; your own where nothing is said")
    @app_commands.choices(
        whose=[
            app_commands.Choice(name="My favourites", value=MINE),
            app_commands.Choice(name="The server's favourites", value=SERVER),
        ]
    )
    async def gallery(
        interaction: discord.Interaction[LikenessBot], whose: app_commands.Choice[str] | None = None
    ) -> None:
        wanted = whose.value if whose is not None else MINE
        await show_privately(interaction, lambda: bot.studio.gallery.page(who_is(interaction), wanted))


def add_compare(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(
        name="compare", description="LoRAs, strengths or epochs beside each other: one prompt, one seed, one picture"
    )
    @app_commands.guild_only()
    @app_commands.describe(
        prompt="What is seen, for example: a portrait on the moon; options such as --ar 3:2 go behind it",
        loras="By name, with commas between; one alone is shown at several strengths",
        strengths="For example: 0.4, 0.7, 1",
        training="A training of yours, for its epochs",
        epochs="Which of them, for example: 1-4, 8; 0 is the base; all where nothing is said",
        seed="The same for every picture",
    )
    async def compare(
        interaction: discord.Interaction[LikenessBot],
        prompt: app_commands.Range[str, 1, 1000],
        loras: app_commands.Range[str, 1, 200] | None = None,
        strengths: app_commands.Range[str, 1, 60] | None = None,
        training: app_commands.Range[str, 1, 100] | None = None,
        epochs: app_commands.Range[str, 1, 60] | None = None,
        seed: app_commands.Range[int, 0, SEED_LIMIT] | None = None,
    ) -> None:
        async def paint() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            who = who_is(interaction)
            check_may_post(interaction)
            if training is not None and not training.isdecimal():
                raise UserError(painting_texts.choose_training())
            ask = Compare(
                prompt=prompt,
                loras=loras or "",
                strengths=strengths or "",
                run_id=None if training is None else int(training),
                epochs=epochs or "",
                seed=seed,
            )
            await bot.studio.comparing.compare(who, ask)
            await interaction.edit_original_response(content=painting_texts.comparing())
            await bot.presenter.deliver()

        await behind_the_door(interaction, paint)

    @compare.autocomplete("loras")
    async def names(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        return await lora_choices(bot, interaction, typed)

    @compare.autocomplete("training")
    async def trainings(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        async def find() -> list[app_commands.Choice[str]]:
            found = await bot.studio.comparing.trainings(who_is(interaction), typed)
            return [app_commands.Choice(name=name[:100], value=str(run_id)) for run_id, name in found[:CHOICES]]

        return await choices_of(find)
