"""The slash commands: names, descriptions, options. What they do is one call of the studio each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.chat import errors, forms
from bot.chat.cards import draw
from bot.chat.rooms import check_may_post, check_may_train
from bot.chat.router import who_is
from bot.chat.uploads import begin_with
from bot.errors import UserError
from bot.studio.requests import Imagine
from bot.studio.screens import Screen

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot

PICTURES_AT_ONCE = 9
"""As many as the owner of the machine can allow; fewer where they or a channel's admins say so."""
SEED_LIMIT = 2**32 - 1
CHOICES = 25

Attached = discord.Attachment | None


def add_commands(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    """Once per bot, when it is made: starting again adds nothing."""
    add_train(bot, tree)
    add_imagine(bot, tree)
    add_lists(bot, tree)


def add_train(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="train", description="Teach me a face, a character or a style from 5 to 50 photos")
    @app_commands.guild_only()
    @app_commands.describe(
        name="What it will be called, for example Katerina",
        photo1="A photo or a ZIP of them; more can be added in the form that opens, ten at a time",
        **{f"photo{n}": "One more photo" for n in range(2, 11)},
        folder="For whoever runs this bot: a folder on its machine",
    )
    async def train(
        interaction: discord.Interaction[LikenessBot],
        name: app_commands.Range[str, 1, 50] | None = None,
        photo1: discord.Attachment | None = None,
        photo2: discord.Attachment | None = None,
        photo3: discord.Attachment | None = None,
        photo4: discord.Attachment | None = None,
        photo5: discord.Attachment | None = None,
        photo6: discord.Attachment | None = None,
        photo7: discord.Attachment | None = None,
        photo8: discord.Attachment | None = None,
        photo9: discord.Attachment | None = None,
        photo10: discord.Attachment | None = None,
        folder: app_commands.Range[str, 1, 40] | None = None,
    ) -> None:
        given = (photo1, photo2, photo3, photo4, photo5, photo6, photo7, photo8, photo9, photo10)
        uploads = [forms.Upload(a.filename, a.url, a.size) for a in given if a is not None]

        async def open_form() -> None:
            who = who_is(interaction)
            check_may_train(interaction)
            if folder is not None:
                bot.studio.shelves.check(who, folder)
            draft = str(interaction.id)
            count = len(uploads) + (folder is not None)
            await interaction.response.send_modal(forms.train(draft, name or "", count, attested=bot.studio.attested))
            if count:
                # Links die, so photos are fetched while the member fills in the form.
                bot.held.hold(draft, asyncio.create_task(begin_with(bot, who, uploads, folder)))

        await behind_the_door(interaction, open_form, private_reply=False)

    @train.autocomplete("folder")
    async def folders(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        async def find() -> list[app_commands.Choice[str]]:
            names = bot.studio.shelves.names(who_is(interaction), typed)
            return [app_commands.Choice(name=name, value=name) for name in names]

        return await choices_of(find)


def add_imagine(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="imagine", description="Paint a picture; a trigger word in the prompt brings in who was learnt")
    @app_commands.guild_only()
    @app_commands.describe(
        prompt="What is seen, for example: a portrait of ohwx on the moon",
        lora="By name; several with commas between, each with its strength: kat:0.8, ghibli:0.5",
        negative="What should not be seen",
        seed="The same seed and prompt give the same picture",
        count="How many pictures; in the prompt --n says the same",
        strength="How strongly a LoRA speaks that has no strength of its own, 0 to 2; 1 is as trained",
    )
    async def imagine(
        interaction: discord.Interaction[LikenessBot],
        prompt: app_commands.Range[str, 1, 1000],
        lora: app_commands.Range[str, 1, 200] | None = None,
        negative: app_commands.Range[str, 1, 500] | None = None,
        seed: app_commands.Range[int, 0, SEED_LIMIT] | None = None,
        count: app_commands.Range[int, 1, PICTURES_AT_ONCE] | None = None,
        strength: app_commands.Range[float, 0.0, 2.0] = 1.0,
    ) -> None:
        async def paint() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            who = who_is(interaction)
            check_may_post(interaction)
            ask = Imagine(
                prompt=prompt, lora=lora, negative=negative or "", seed=seed, count=count, strength=float(strength)
            )
            card = await bot.studio.imagine(who, ask)
            await bot.answers.begin(interaction, card.job_id, card.told)
            await bot.presenter.deliver()

        await behind_the_door(interaction, paint)

    @imagine.autocomplete("lora")
    async def names(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        return await lora_choices(bot, interaction, typed)


def add_lists(bot: LikenessBot, tree: app_commands.CommandTree[LikenessBot]) -> None:
    @tree.command(name="loras", description="What has been learnt here")
    @app_commands.guild_only()
    async def loras(interaction: discord.Interaction[LikenessBot]) -> None:
        await show_privately(interaction, lambda: bot.studio.loras(who_is(interaction)))

    @tree.command(name="queue", description="What is running, what is waiting, and for how long")
    @app_commands.guild_only()
    async def queue(interaction: discord.Interaction[LikenessBot]) -> None:
        await show_privately(interaction, lambda: bot.studio.queue(who_is(interaction)))

    @tree.command(name="cancel", description="Take back something of yours that is waiting or running")
    @app_commands.guild_only()
    @app_commands.describe(job="What to cancel; without it, the only thing of yours there is")
    async def cancel(
        interaction: discord.Interaction[LikenessBot], job: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        async def take_back() -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            notice = await bot.studio.cancel(who_is(interaction), job_id=job)
            await interaction.edit_original_response(content=notice.sentence)
            await bot.presenter.tick()

        await behind_the_door(interaction, take_back)

    @cancel.autocomplete("job")
    async def jobs(interaction: discord.Interaction[LikenessBot], typed: str) -> list[app_commands.Choice[str]]:
        async def find() -> list[app_commands.Choice[str]]:
            found = await bot.studio.cancellable(who_is(interaction))
            return [
                app_commands.Choice(name=what[:100], value=job_id)
                for job_id, what in found
                if typed.lower() in what.lower()
            ][:CHOICES]

        return await choices_of(find)


async def lora_choices(
    bot: LikenessBot, interaction: discord.Interaction[LikenessBot], typed: str
) -> list[app_commands.Choice[str]]:
    async def find() -> list[app_commands.Choice[str]]:
        found = await bot.studio.lora_names(who_is(interaction), typed)
        return [app_commands.Choice(name=name[:100], value=name[:100]) for name in found[:CHOICES]]

    return await choices_of(find)


async def show_privately(interaction: discord.Interaction[LikenessBot], ask: Callable[[], Awaitable[Screen]]) -> None:
    async def show() -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        drawn = draw(await ask())
        await interaction.edit_original_response(view=drawn.view(), attachments=drawn.files())

    await behind_the_door(interaction, show)


async def behind_the_door(
    interaction: discord.Interaction[LikenessBot], work: Callable[[], Awaitable[None]], *, private_reply: bool = True
) -> None:
    with interaction.client.underway.one():
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the error door
            await errors.tell(interaction, error, private_reply=private_reply)


async def choices_of(
    find: Callable[[], Awaitable[list[app_commands.Choice[str]]]],
) -> list[app_commands.Choice[str]]:
    """An autocompletion has no place for a sentence: it offers nothing instead."""
    try:
        return await find()
    except UserError:
        return []
