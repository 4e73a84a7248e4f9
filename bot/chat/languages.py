"""Who reads which language, and the commands' own words in every one of them."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.language import ENGLISH, speaking, translated
from bot.language import language_of as tag_of
from bot.studio.studio import Studio


async def language_of(client: discord.Client, studio: Studio, guild_id: int) -> str:
    """What a server reads: as its admins chose in /settings, else as Discord knows it."""
    chosen = await studio.language(guild_id)
    if chosen is not None:
        return chosen
    guild = client.get_guild(guild_id)
    return tag_of(guild.preferred_locale) if guild is not None else ENGLISH


KEPT = {
    app_commands.TranslationContextLocation.command_name,
    app_commands.TranslationContextLocation.group_name,
    app_commands.TranslationContextLocation.parameter_name,
}


class CommandWords(app_commands.Translator):
    """Descriptions, choices and menus from the same catalogue as everything else. The names of commands and of what is
    typed after them stay as they are, so that "use /train" is true in every language."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        typed = context.location in KEPT and not isinstance(context.data, app_commands.ContextMenu)
        if typed or tag_of(locale) == ENGLISH:
            return None
        with speaking(locale):
            # A description is no literal of say(): it is collected from the tree (tests/chat/test_languages.py).
            return translated(string.message)
