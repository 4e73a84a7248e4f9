"""A server's own rules: who may train, where, how much, and how long things are kept. Made by its admins.

The owner of the machine has the last word: these rules can only be narrower than the settings.
"""

from __future__ import annotations

from dataclasses import replace

from bot.errors import NotAllowed, UserError
from bot.language import LANGUAGES, many, say
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.forgetting import OF_DATASET
from bot.studio.keeping import LINES, ledger_of
from bot.studio.people_screens import LedgerList, RulesCard
from bot.studio.requests import Who
from bot.studio.screens import Purpose
from bot.studio.sentences import told
from storage.people import Rules
from storage.records import Run, Scope
from storage.states import DatasetState, JobKind

DAY = 24 * 3600
MONTH = 30 * DAY
EVERY_S = 3600
"""How often it is looked whether something's time has come."""
NUMBERS = (
    "trainings_per_member",
    "pictures_per_day",
    "keep_photos_days",
    "keep_epochs_days",
    "keep_pictures_days",
)
LARGEST = 10_000
SHOWS_PHOTOS = (Purpose.CROPS, Purpose.CAPTIONS, Purpose.COACHING)


async def check_may_train(desk: Desk, who: Who) -> None:
    """Raises NotAllowed: not here, or not by this member."""
    rules = await desk.store.guilds.rules(Scope(who.guild_id))
    _check_place(rules, who)
    if rules.training_roles and not who.is_admin and not who.roles & set(rules.training_roles):
        roles = ", ".join(f"<@&{role}>" for role in rules.training_roles)
        raise NotAllowed(
            say(
                "On this server only members with one of these roles may train: {roles}. An admin can change that in /settings.",
                roles=roles,
            )
        )


async def check_training_quota(desk: Desk, who: Who) -> None:
    scope = Scope(who.guild_id)
    most = (await desk.store.guilds.rules(scope)).trainings_per_member
    if most is not None:
        begun = await desk.store.jobs.asked_since(scope, who.member_id, JobKind.TRAIN, desk.clock() - MONTH)
        if begun >= most:
            raise UserError(
                many(
                    "You have begun {count} training in the last 30 days, and this server allows {most}. Wait until it is "
                    "older than that, or ask an admin for more.",
                    "You have begun {count} trainings in the last 30 days, and this server allows {most}. Wait until the "
                    "first of them is older than that, or ask an admin for more.",
                    begun,
                    most=most,
                )
            )


async def check_may_paint(desk: Desk, who: Who) -> None:
    scope = Scope(who.guild_id)
    rules = await desk.store.guilds.rules(scope)
    _check_place(rules, who)
    most = rules.pictures_per_day
    if most is not None:
        asked = await desk.store.jobs.asked_since(scope, who.member_id, JobKind.PAINT, desk.clock() - DAY)
        if asked >= most:
            raise UserError(
                many(
                    "You have asked {count} time in the last 24 hours, and this server allows {most}. Try again tomorrow, "
                    "or ask an admin for more.",
                    "You have asked {count} times in the last 24 hours, and this server allows {most}. Try again tomorrow, "
                    "or ask an admin for more.",
                    asked,
                    most=most,
                )
            )


def _check_place(rules: Rules, who: Who) -> None:
    if rules.channels and not {who.channel_id, who.parent_id} & set(rules.channels):
        places = ", ".join(f"<#{channel}>" for channel in rules.channels)
        raise NotAllowed(say("Not in this channel: on this server I work in {places}.", places=places))


def in_force(desk: Desk, rules: Rules) -> Rules:
    """With the days that count: what the owner of the machine allows at most, or less where the server's admins say so."""
    most = desk.settings.retention
    return replace(
        rules,
        keep_photos_days=_shorter(rules.keep_photos_days, most.photos_days),
        keep_epochs_days=_shorter(rules.keep_epochs_days, most.epochs_days),
        keep_pictures_days=_shorter(rules.keep_pictures_days, most.pictures_days),
    )


def _shorter(*days: int | None) -> int | None:
    return min((number for number in days if number is not None), default=None)


class Rulebook:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._tidied_at = 0

    @told
    async def card(self, who: Who) -> RulesCard:
        self._check_admin(who)
        return RulesCard(await self.desk.store.guilds.rules(Scope(who.guild_id)))

    @told
    async def choose(
        self,
        who: Who,
        *,
        training_roles: tuple[int, ...] | None = None,
        channels: tuple[int, ...] | None = None,
        report_channel: tuple[int, ...] | None = None,
        language: str | None = None,
    ) -> RulesCard:
        """What is given replaces what was; an empty choice lifts the rule."""
        rules = (await self.card(who)).rules
        if training_roles is not None:
            rules = replace(rules, training_roles=training_roles)
        if channels is not None:
            rules = replace(rules, channels=channels)
        if report_channel is not None:
            rules = replace(rules, report_channel=report_channel[0] if report_channel else None)
        if language is not None:
            rules = replace(rules, language=language if language in LANGUAGES else None)
        return await self._decide(who, rules)

    @told
    async def number(self, who: Who, typed: dict[str, str]) -> RulesCard:
        """The quotas and days, as they were typed; "" lifts one. All of them or none."""
        rules = (await self.card(who)).rules
        found: dict[str, int | None] = {}
        for name in NUMBERS:
            text = typed.get(name, "").strip()
            if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST):
                raise UserError(
                    say(
                        "Nothing was changed: {typed} is not a whole number from 1 to {most}. Send the "
                        "form again with one, or leave the field empty.",
                        typed=text[:20],
                        most=LARGEST,
                    )
                )
            found[name] = int(text) if text else None
        return await self._decide(who, replace(rules, **found))

    @told
    async def audit(self, who: Who, before: int | None = None) -> LedgerList:
        self._check_admin(who)
        lines = await self.desk.store.audit.list(Scope(who.guild_id), limit=LINES + 1, before=before)
        return ledger_of("", lines)

    async def language(self, guild_id: int) -> str | None:
        """What a server's admins want it to read; None: they never said."""
        chosen = (await self.desk.store.guilds.rules(Scope(guild_id))).language
        return chosen if chosen in LANGUAGES else None

    async def tidy(self) -> None:
        """Delete what has been kept as long as its server wants. Looked at once an hour, whoever calls how often."""
        now = self.desk.clock()
        if now - self._tidied_at < EVERY_S:
            return
        self._tidied_at = now
        for scope, rules in await self.desk.store.guilds.all_everywhere():
            await self._tidy(scope, in_force(self.desk, rules), now)

    async def _tidy(self, scope: Scope, rules: Rules, now: int) -> None:
        store = self.desk.store
        if rules.keep_photos_days is not None:
            await self._tidy_photos(scope, now - rules.keep_photos_days * DAY)
        if rules.keep_epochs_days is not None:
            for run in await store.runs.published_before(scope, now - rules.keep_epochs_days * DAY):
                await self._tidy_epochs(scope, run)
        if rules.keep_pictures_days is not None:
            for job in await store.jobs.painted_before(scope, now - rules.keep_pictures_days * DAY):
                async with store.write():
                    kept = await store.favourites.kept_by_anybody(scope, job.id)
                    gone = await store.pictures.delete(scope, job.id, but=kept)
                    if not kept:
                        await store.keys.forget(scope, job.key_id)
                for sha in {picture.sha256 for picture in gone} if kept else ():
                    await store.blobs.drop(scope, job.key_id, sha)

    async def _tidy_epochs(self, scope: Scope, run: Run) -> None:
        """Those that lost, and the messages that show them: without their rows a later forgetting would not find these."""
        store = self.desk.store
        lora = await store.loras.of_run(scope, run.id)
        dataset = await store.datasets.get(scope, run.dataset_id)
        kept = lora.epoch if lora is not None else 0
        async with store.write():
            lost = [epoch for epoch in await store.epochs.list(scope, run.id) if epoch.number not in (0, kept)]
            await store.erasures.take_down(scope, [(Purpose.EPOCH, str(epoch.id)) for epoch in lost])
            gone = await store.epochs.delete_but(scope, run.id, kept)
        for sha in gone:
            await store.blobs.drop(scope, dataset.key_id, sha)

    async def _tidy_photos(self, scope: Scope, before: int) -> None:
        """The photos, and the messages that show them."""
        store = self.desk.store
        for dataset in await store.datasets.trained_before(scope, before):
            await store.erasures.take_down(scope, [(purpose, str(dataset.id)) for purpose in SHOWS_PHOTOS])
            for sha in await store.photos.delete(scope, dataset.id):
                await store.blobs.drop(scope, dataset.key_id, sha)
        for dataset in await store.datasets.left_since(scope, before):
            async with store.write():
                await store.erasures.take_down(scope, [(purpose, str(dataset.id)) for purpose in OF_DATASET])
                await store.datasets.move(scope, dataset.id, DatasetState.DISCARDED)
                if len(await store.datasets.of_subject(scope, dataset.subject_id)) == 1:
                    await store.subjects.retire(scope, dataset.subject_id)
                await store.keys.forget(scope, dataset.key_id)

    async def _decide(self, who: Who, rules: Rules) -> RulesCard:
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            await store.guilds.decide(scope, rules, by=who.member_id)
            await store.audit.add(scope, Act.RULED, who.member_id)
        return RulesCard(rules)

    def _check_admin(self, who: Who) -> None:
        if not who.is_admin:
            raise NotAllowed(say("Only those who may manage this server can see or change its rules."))
