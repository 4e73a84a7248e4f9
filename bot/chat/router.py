"""From an interaction to a handler: parse the custom id, acknowledge, then let one function do the work.

The acknowledgement comes before anything that waits, for every press and every form; a handler declares which kind it
wants and never makes it itself. A form is opened as the acknowledgement, so the function that builds it may not wait,
with a few exceptions that take a reading or three, however much there is (`SLOW_OPENERS`, named where they stand). Nothing
is kept in memory between two interactions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

import discord
from discord import ui

from bot.chat import errors, forms, texts
from bot.chat.cards import draw
from bot.chat.customid import Action, BadCustomId, OldCustomId, decode
from bot.chat.languages import language_of
from bot.chat.layout import Drawn, mark_of
from bot.errors import UserError
from bot.language import again, speaking, spoken
from bot.studio.requests import Who
from bot.studio.screens import Notice, Purpose, Screen

if TYPE_CHECKING:
    from bot.chat.bot import LikenessBot
    from bot.studio.studio import Studio


class Ack(Enum):
    UPDATE = auto()
    """The message that was pressed will change."""
    PRIVATE = auto()
    """An answer only the member sees."""


@dataclass(frozen=True)
class Press:
    """A button pressed, a choice made or a form sent: already acknowledged when a handler sees it."""

    bot: LikenessBot
    interaction: discord.Interaction
    action: Action
    who: Who
    ack: Ack
    choice: str = ""
    """What was chosen in a menu; of several the first."""
    choices: tuple[str, ...] = ()
    filled: forms.Filled = forms.NOTHING

    @property
    def studio(self) -> Studio:
        return self.bot.studio

    async def show(self, screen: Screen | Drawn) -> None:
        """In the message that was pressed, or as the private answer."""
        if isinstance(screen, Notice):
            await self.say(screen.sentence)
            return
        drawn = screen if isinstance(screen, Drawn) else draw(screen)
        # An edit keeps the mark of the outbox row: a crash before that row was marked sent still finds the message.
        mark = mark_of(self.interaction.message) if self.ack is Ack.UPDATE else None
        await self.interaction.edit_original_response(view=drawn.view(mark), attachments=drawn.files())

    async def say(self, sentence: str) -> None:
        """One sentence, to this member alone, in the language they speak."""
        with speaking(self.interaction.locale):
            sentence = again(sentence)
        if self.ack is Ack.PRIVATE:
            await self.interaction.edit_original_response(content=sentence)
        else:
            await self.interaction.followup.send(sentence, ephemeral=True)

    async def show_below(self, purpose: Purpose, ref: str) -> bool:
        """Have this screen stand below the message that was pressed. False: it stands in that very message."""
        message = self.interaction.message
        key = (self.who.guild_id, purpose, ref)
        return await self.bot.presenter.show_below(key, self.who.channel_id, message.id if message is not None else 0)

    async def show_live(self, purpose: Purpose, ref: str, screen: Screen) -> None:
        """As `show`, for a card the presenter looks after: it then knows what stands there."""
        drawn = draw(screen)
        await self.show(drawn)
        message = self.interaction.message
        if message is not None:
            await self.bot.presenter.shown(self.who.guild_id, purpose, ref, message.id, drawn.content_hash)


Handler = Callable[[Press], Awaitable[None]]
Opener = Callable[[Press], ui.Modal | None]
"""Must not wait. None: the form cannot be filled from what is on the screen, `SLOW_OPENERS` makes it."""
SlowOpener = Callable[[Press], Awaitable[ui.Modal]]

HANDLERS: dict[str, tuple[Ack, Handler]] = {}
OPENERS: dict[str, Opener] = {}
SLOW_OPENERS: dict[str, SlowOpener] = {}


def on(verb: str, ack: Ack = Ack.UPDATE) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[verb] = (ack, handler)
        return handler

    return register


def opens(verb: str, *, or_else: SlowOpener | None = None) -> Callable[[Opener], Opener]:
    """The function answers `verb` with a form."""

    def register(opener: Opener) -> Opener:
        OPENERS[verb] = opener
        if or_else is not None:
            SLOW_OPENERS[verb] = or_else
        return opener

    return register


def who_is(interaction: discord.Interaction) -> Who:
    """Raises UserError outside of a server."""
    if interaction.guild_id is None or interaction.channel_id is None:
        raise UserError(texts.not_here())
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else []
    return Who(
        guild_id=interaction.guild_id,
        member_id=interaction.user.id,
        channel_id=interaction.channel_id,
        request_id=str(interaction.id),
        is_admin=interaction.permissions.manage_guild,
        runs_the_bot=_runs_the_bot(interaction),
        parent_id=interaction.channel.parent_id if isinstance(interaction.channel, discord.Thread) else None,
        roles=frozenset(role.id for role in roles if role.id != interaction.guild_id),
    )


def _runs_the_bot(interaction: discord.Interaction) -> bool:
    """As Discord told at the login whose application this is."""
    application = interaction.client.application
    if application is None:
        return False
    team = application.team
    owners = {application.owner.id} if team is None else {member.id for member in team.members}
    return interaction.user.id in owners


async def answer(bot: LikenessBot, interaction: discord.Interaction) -> None:
    """Every press and every form comes through here. A private answer is in the member's language, what changes under
    everybody's eyes in the server's."""
    if interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
        with speaking(interaction.locale):
            await _answer(bot, interaction)


async def _answer(bot: LikenessBot, interaction: discord.Interaction) -> None:
    data = cast("dict[str, Any]", interaction.data or {})
    private = False
    try:
        try:
            action = decode(str(data.get("custom_id", "")))
        except OldCustomId:
            await _freshen(bot, interaction)
            return
        except BadCustomId:
            return
        press = Press(bot, interaction, action, who_is(interaction), Ack.UPDATE)
        if action.verb in OPENERS:
            await _open(press)
            return
        if action.verb not in HANDLERS:
            await _freshen(bot, interaction)
            return
        ack, handler = HANDLERS[action.verb]
        if interaction.type is discord.InteractionType.modal_submit:
            press = replace(press, filled=forms.read(data))
            if interaction.message is None:
                ack = Ack.PRIVATE
        elif data.get("values"):
            choices = tuple(str(value) for value in data["values"])
            press = replace(press, choice=choices[0], choices=choices)
        private = ack is Ack.PRIVATE
        if private:
            await interaction.response.defer(ephemeral=True, thinking=True)
        else:
            await interaction.response.defer()
        with speaking(await _language(press, ack)):
            await handler(replace(press, ack=ack))
    except Exception as error:  # noqa: BLE001 - the error door
        await errors.tell(interaction, error, private_reply=private)


async def _language(press: Press, ack: Ack) -> str:
    message = press.interaction.message
    if ack is Ack.PRIVATE or message is None or message.flags.ephemeral:
        return spoken()
    return await language_of(press.bot, press.bot.studio, press.who.guild_id)


async def _open(press: Press) -> None:
    form = OPENERS[press.action.verb](press)
    if form is None:
        form = await SLOW_OPENERS[press.action.verb](press)
    await press.interaction.response.send_modal(form)


async def _freshen(bot: LikenessBot, interaction: discord.Interaction) -> None:
    """A panel of another version: show what stands there today, or say where to find it."""
    who = who_is(interaction)
    if interaction.message is None:
        await interaction.response.send_message(texts.old_panel(), ephemeral=True)
        return
    await interaction.response.defer()
    place = await bot.post.at(who.guild_id, interaction.message.id)
    press = Press(bot, interaction, Action("panel.fresh", "0"), who, Ack.UPDATE)
    with speaking(await _language(press, Ack.UPDATE)):
        screen = await bot.studio.screen(who.guild_id, place.purpose, place.ref) if place is not None else None
        if screen is not None:
            await press.show(screen)
    await press.say(texts.old_panel() if screen is None else texts.fresh_panel())
