"""What a server's admins decided for one channel: whether it is painted there, how by default, and how many at once."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio import prompt
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.library import Library
from bot.studio.painting_screens import ChannelCard
from bot.studio.requests import Who
from bot.studio.sentences import told
from storage.errors import NoSuchRow
from storage.people import ChannelRules
from storage.records import Scope

USUAL_COUNT = 4
FIELDS = ("lora", "size", "count", "steps", "most")


async def rules_here(desk: Desk, who: Who) -> ChannelRules:
    """Raises NotAllowed where nothing is to be painted."""
    rules = await desk.store.channels.rules(Scope(who.guild_id), who.channel_id, who.parent_id)
    if not rules.painting:
        raise NotAllowed(
            say("Nothing is painted in this channel: its admins decided so. Ask in another one, or ask an admin.")
        )
    return rules


def most_here(desk: Desk, rules: ChannelRules) -> int:
    """Pictures of one request."""
    return min(desk.settings.pictures, rules.most or desk.settings.pictures)


def count_here(desk: Desk, rules: ChannelRules, asked: int | None) -> int:
    """How many are painted. UserError names the limit, and whose it is, when more were asked for."""
    most = most_here(desk, rules)
    if asked is None:
        return min(rules.count or USUAL_COUNT, most)
    check_limit(rules, asked)
    if asked > most:
        raise UserError(
            say(
                "I paint at most {most} pictures at once, and you asked for {count}. Ask for fewer.",
                most=most,
                count=asked,
            )
        )
    return max(asked, 1)


def check_limit(rules: ChannelRules, asked: int) -> None:
    """Raises UserError where the channel's admins allow fewer."""
    if rules.most is not None and asked > rules.most:
        raise UserError(
            say(
                "This channel takes at most {most} pictures at once, and you asked for {count}. Ask for "
                "fewer, or in another channel.",
                most=rules.most,
                count=asked,
            )
        )


class Channels:
    """The admins' side of it."""

    def __init__(self, desk: Desk, library: Library) -> None:
        self.desk = desk
        self.library = library

    @told
    async def card(self, who: Who, channel_id: int) -> ChannelCard:
        self._check_admin(who)
        return await self._card(who, channel_id, await self._rules(who, channel_id))

    @told
    async def choose(
        self, who: Who, channel_id: int, *, painting: bool | None = None, spoiler: bool | None = None
    ) -> ChannelCard:
        rules = (await self.card(who, channel_id)).rules
        if painting is not None:
            rules = replace(rules, painting=painting)
        if spoiler is not None:
            rules = replace(rules, spoiler=spoiler)
        return await self._decide(who, channel_id, rules)

    @told
    async def fill_in(self, who: Who, channel_id: int, typed: dict[str, str]) -> ChannelCard:
        """Defaults and the limit, as they were typed; "" lifts one. All of them or none."""
        rules = (await self.card(who, channel_id)).rules
        given = {name: typed.get(name, "").strip() for name in FIELDS}
        lora = await self.library.named(who, given["lora"]) if given["lora"] else None
        if given["size"]:
            prompt.read_size(given["size"])
        most = self._number(given["most"], self.desk.settings.pictures)
        count = self._number(given["count"], most or self.desk.settings.pictures)
        rules = replace(
            rules,
            lora_id=None if lora is None else lora.id,
            size=given["size"] or None,
            count=count,
            steps=self._number(given["steps"], prompt.MOST_STEPS),
            most=most,
        )
        return await self._decide(who, channel_id, rules)

    @told
    async def lift(self, who: Who, channel_id: int) -> ChannelCard:
        """As everywhere again."""
        await self.card(who, channel_id)
        return await self._decide(who, channel_id, ChannelRules())

    # -- inside

    async def _rules(self, who: Who, channel_id: int) -> ChannelRules:
        return await self.desk.store.channels.rules(Scope(who.guild_id), channel_id)

    async def _decide(self, who: Who, channel_id: int, rules: ChannelRules) -> ChannelCard:
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            await store.channels.decide(scope, channel_id, rules, by=who.member_id)
            await store.audit.add(scope, Act.RULED, who.member_id)
        return await self._card(who, channel_id, rules)

    async def _card(self, who: Who, channel_id: int, rules: ChannelRules) -> ChannelCard:
        name = None
        if rules.lora_id is not None:
            try:
                name = (await self.desk.store.loras.get(Scope(who.guild_id), rules.lora_id)).name
            except NoSuchRow:
                name = None
        return ChannelCard(channel_id, rules, name, self.desk.settings.pictures)

    def _number(self, text: str, most: int) -> int | None:
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise UserError(
                say(
                    "Nothing was changed: {typed} is not a whole number from 1 to {most}. Send the form again "
                    "with one, or leave the field empty.",
                    typed=text[:20],
                    most=most,
                )
            )
        return int(text)

    def _check_admin(self, who: Who) -> None:
        if not who.is_admin:
            raise NotAllowed(say("Only those who may manage this server can see or change its rules."))
