"""Pictures somebody objects to: hidden from the channel at once, then kept or deleted by an admin."""

from __future__ import annotations

from bot.errors import NotAllowed, NotFound, UserError
from bot.language import say
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.forgetting import Forgetting
from bot.studio.paint import Paint
from bot.studio.people_screens import ReportCard
from bot.studio.requests import Who
from bot.studio.screens import Notice, PicturesCard, Purpose
from bot.studio.sentences import told
from storage.people import Report
from storage.records import Scope
from storage.states import JobKind, ReportState


class Reports:
    def __init__(self, desk: Desk, paint: Paint, forgetting: Forgetting) -> None:
        self.desk = desk
        self.paint = paint
        self.forgetting = forgetting

    @told
    async def report(self, who: Who, message_id: int) -> ReportCard:
        """The pictures in this message, by anybody who can see it. Reported again, it is the same report."""
        scope, store = Scope(who.guild_id), self.desk.store
        posted = await store.outbox.by_message(scope, message_id)
        if posted is None or posted.purpose != Purpose.PICTURES:
            raise NotFound(
                say(
                    "That is not a message of mine with pictures in it, so there is nothing to report. Choose one "
                    "that has some."
                )
            )
        async with store.write():
            job = await store.jobs.get(scope, posted.ref)
            if job.kind is not JobKind.PAINT or not job.spec:
                raise NotFound(say("Those pictures are deleted already: there is nothing left to report."))
            known = await store.reports.open_of(scope, job.id)
            report = known or await store.reports.create(scope, job.id, who.member_id)
            if known is None:
                await store.audit.add(scope, Act.REPORTED, who.member_id, job_id=job.id)
                rules = await store.guilds.rules(scope)
                channel = rules.report_channel or posted.channel_id
                await store.outbox.add(scope, channel_id=channel, purpose=Purpose.REPORT, ref=report.id, once=True)
        return await self.card(scope, report.id)

    async def card(self, scope: Scope, report_id: int) -> ReportCard:
        report = await self.desk.store.reports.get(scope, report_id)
        job = await self.desk.store.jobs.get(scope, report.job_id)
        return ReportCard(report.id, job.id, report.reporter_id, job.member_id, job.channel_id, report.state)

    @told
    async def look(self, who: Who, report_id: int) -> PicturesCard:
        scope = Scope(who.guild_id)
        report = await self._open(who, report_id)
        return await self.paint.card(scope, await self.desk.store.jobs.get(scope, report.job_id))

    @told
    async def put_back(self, who: Who, report_id: int) -> ReportCard:
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            report = await self._open(who, report_id)
            await store.reports.decide(scope, report_id, ReportState.KEPT, by=who.member_id)
            await store.audit.add(scope, Act.KEPT, who.member_id, job_id=report.job_id)
        return await self.card(scope, report_id)

    @told
    async def remove(self, who: Who, report_id: int) -> Notice:
        """The pictures, their prompt, their message and the report."""
        scope = Scope(who.guild_id)
        report = await self._open(who, report_id)
        await self.forgetting.painting(scope, report.job_id)
        await self.desk.store.audit.add(scope, Act.REMOVED, who.member_id, job_id=report.job_id)
        return Notice(say("Deleted: the pictures, their prompt and the message."))

    async def _open(self, who: Who, report_id: int) -> Report:
        if not who.is_admin:
            raise NotAllowed(say("Only those who may manage this server decide about a report."))
        report = await self.desk.store.reports.get(Scope(who.guild_id), report_id)
        if report.state is not ReportState.OPEN:
            raise UserError(say("This report was decided already: there is nothing left to do."))
        return report
