"""What is stored about one member, told to that member, and the one place from which they take it back."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import NotAllowed, NotFound
from bot.language import say
from bot.studio.desk import Desk
from bot.studio.people_screens import PrivacyCard, SubjectCard
from bot.studio.requests import Who
from bot.studio.rulebook import in_force
from bot.studio.sentences import told
from storage.people import Consent
from storage.records import Scope, Subject

MOST = 25
"""Subjects one menu can name; the newest."""


class Privacy:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @told
    async def card(self, who: Who) -> PrivacyCard:
        scope, store = Scope(who.guild_id), self.desk.store
        subjects: list[SubjectCard] = []
        for subject_id in (await store.members.subjects(scope, who.member_id))[-MOST:]:
            subject = await store.subjects.get(scope, subject_id)
            subjects.append(_card(who, subject, await store.consents.of_subject(scope, subject_id)))
        held = await store.members.held(scope, who.member_id)
        return PrivacyCard(held, tuple(subjects), in_force(self.desk, await store.guilds.rules(scope)))

    @told
    async def subject(self, who: Who, subject_id: int) -> SubjectCard:
        scope, store = Scope(who.guild_id), self.desk.store
        subject = await store.subjects.get(scope, subject_id)
        consent = await store.consents.of_subject(scope, subject_id)
        if who.member_id not in (subject.owner_id, consent.member_id):
            raise NotAllowed(say("Only the one who brought the photos, or the one who is in them, sees that."))
        heirs = len(await store.lineage.descendants(scope, subject_id))
        return replace(_card(who, subject, consent), goes=await store.members.held_of_subject(scope, subject_id, heirs))

    @told
    async def lora_names(self, who: Who, typed: str) -> tuple[str, ...]:
        """Of LoRAs that this member brought or is shown in, the withdrawn too: for autocompletion."""
        scope, store, wanted = Scope(who.guild_id), self.desk.store, typed.strip().lower()
        found: list[str] = []
        for subject_id in reversed(await store.members.subjects(scope, who.member_id)):
            found += [lora.name for lora in await store.loras.of_subject(scope, subject_id)]
        return tuple(name for name in found if wanted in name.lower())[:MOST]

    @told
    async def of_lora(self, who: Who, name: str) -> SubjectCard:
        """What a LoRA shows, by the LoRA's name, for the same two; one that was withdrawn is found as well."""
        scope, store = Scope(who.guild_id), self.desk.store
        lora = await store.loras.by_name(scope, name.strip())
        if lora is None:
            raise NotFound(say("There is no LoRA called {name}. /privacy lists what is yours.", name=name.strip()[:60]))
        return await self.subject(who, await store.loras.subject_of(scope, lora.id))


def _card(who: Who, subject: Subject, consent: Consent) -> SubjectCard:
    """Whoever is shown in it but did not bring it is not told what it was called."""
    mine = subject.owner_id == who.member_id
    can_revoke = consent.member_id == who.member_id and consent.state in ("asked", "given")
    return SubjectCard(subject.id, subject.name if mine else "", subject.owner_id, consent.member_id, can_revoke)
