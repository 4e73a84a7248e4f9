"""Who is in the picture: whose word it takes, asking for it, and what follows when it is given, refused or taken back.

    me       ──► given, by the box of the form just sent
    agreed   ──► given, attested by the one who brought the photos (where the owner of the machine allows it)
    nobody   ──► given: there is no one to ask
    member   ──► open ──ask──► asked ──Allow──► given ──► revoked
                                 └──No──► the photos are deleted

Nothing trains without it: looked at when a training is asked for, and again when it is sent to the engine.
"""

from __future__ import annotations

from bot.errors import NotAllowed, UserError
from bot.language import say
from bot.studio.acts import Act
from bot.studio.desk import Desk, room_of
from bot.studio.forgetting import Forgetting
from bot.studio.people_screens import ConsentCard, PersonCard
from bot.studio.requests import Who
from bot.studio.screens import Notice, Purpose
from bot.studio.sentences import told
from storage.people import Consent
from storage.records import Scope, Subject
from storage.states import ConsentState, DatasetState, Depicts, SubjectKind

WORDS = "1"
"""Version of the words a member allows it under; stored with the consent."""


TAKEN_BACK = "The one in the photos took their word back, so nothing is trained with them."
"""As the row of a training keeps it; bot/studio/hearsay.py knows it."""


def why_not(state: ConsentState) -> str:
    """Why nothing is trained while a consent is in this state."""
    match state:
        case ConsentState.OPEN:
            return say(
                "It was not said yet whose face this is. Choose the member on the card in this room; they are then asked."
            )
        case ConsentState.ASKED:
            return say(
                "The one in the photos was asked and has not answered yet. Nothing is trained before they allow it."
            )
        case _:
            return say("The one in the photos took their word back, so nothing is trained with them.")


class People:
    def __init__(self, desk: Desk, forgetting: Forgetting) -> None:
        self.desk = desk
        self.forgetting = forgetting

    # -- beginning

    def depicts(self, kind: SubjectKind, said: str) -> Depicts:
        """What is written down. Raises UserError for what the owner of this machine does not allow."""
        if kind is not SubjectKind.PERSON:
            return Depicts.NOBODY
        if said not in (Depicts.ME, Depicts.MEMBER, Depicts.AGREED):
            raise UserError(say("Nothing was kept. Say whose face it is: yours, or another member's."))
        if said == Depicts.AGREED and not self.desk.settings.attested:
            raise NotAllowed(
                say(
                    "Nothing was kept. On this bot a person has to agree themselves: choose a member of this server, who is "
                    "then asked."
                )
            )
        return Depicts(said)

    async def begin(self, scope: Scope, who: Who, subject: Subject, depicts: Depicts, room_id: int) -> None:
        """Inside the transaction that makes the subject."""
        store = self.desk.store
        own = who.member_id if depicts in (Depicts.ME, Depicts.AGREED) else None
        await store.consents.create(scope, subject.id, depicts=depicts, member_id=own, words=WORDS)
        if depicts is Depicts.MEMBER:
            await store.outbox.add(scope, channel_id=room_id, purpose=Purpose.PERSON, ref=subject.id)
        elif depicts is not Depicts.NOBODY:
            act = Act.ALLOWED if depicts is Depicts.ME else Act.ATTESTED
            await store.audit.add(scope, act, who.member_id, subject_id=subject.id)

    # -- the word

    async def check(self, scope: Scope, subject_id: int) -> None:
        """Raises NotAllowed unless it was given and still is."""
        consent = await self.desk.store.consents.of_subject(scope, subject_id)
        if not consent.given:
            raise NotAllowed(why_not(consent.state))

    async def waits(self, scope: Scope, subject_id: int) -> str:
        """Why nothing may be trained yet; "" when it may."""
        consent = await self.desk.store.consents.of_subject(scope, subject_id)
        return "" if consent.given else why_not(consent.state)

    @told
    async def ask(self, who: Who, subject_id: int, member_id: int) -> PersonCard:
        """Ask that member, in the channel where the training was begun. The same again asks once."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            subject = await store.subjects.get(scope, subject_id)
            if who.member_id != subject.owner_id:
                raise NotAllowed(say("Only the one who brought these photos says whose face it is."))
            consent = await store.consents.of_subject(scope, subject_id)
            if consent.state is ConsentState.REVOKED:
                raise UserError(why_not(ConsentState.REVOKED))
            if consent.given:
                return await self.person_card(scope, subject_id)
            bound = await self.bound(scope, subject_id)
            if bound is not None and member_id not in bound:
                raise NotAllowed(
                    say("Whose face this is, is known here: nobody can answer in their place. Choose that member.")
                )
            if member_id == who.member_id:
                # Their own face after all: the box of the form they sent says so.
                await store.consents.ask(scope, subject_id, member_id)
                await store.consents.give(scope, subject_id, WORDS)
                await store.audit.add(scope, Act.ALLOWED, member_id, subject_id=subject_id)
            elif consent.member_id != member_id:
                await store.consents.ask(scope, subject_id, member_id)
                await store.audit.add(scope, Act.ASKED, who.member_id, subject_id=subject_id)
                await store.outbox.add(scope, channel_id=subject.channel_id, purpose=Purpose.CONSENT, ref=subject_id)
        return await self.person_card(scope, subject_id)

    async def bound(self, scope: Scope, subject_id: int) -> frozenset[int] | None:
        """Whose word alone will do: of whoever gave it for an earlier version, or of whoever is seen in the pictures this
        was taught from. None: that is for the one who brought the photos to say."""
        store = self.desk.store
        consent = await store.consents.of_subject(scope, subject_id)
        datasets = await store.datasets.of_subject(scope, subject_id)
        if consent.member_id is not None and any(dataset.state is DatasetState.FROZEN for dataset in datasets):
            return frozenset({consent.member_id})
        seen: set[int] = set()
        for dataset in datasets:
            for other in await store.lineage.ancestors(scope, dataset.id):
                member_id = (await store.consents.of_subject(scope, other)).member_id
                seen |= set() if member_id is None else {member_id}
        return frozenset(seen) or None

    @told
    async def allow(self, who: Who, subject_id: int, *, adult: bool) -> ConsentCard:
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            consent = await self._own(who, subject_id)
            if consent.state is ConsentState.REVOKED:
                raise UserError(
                    say("You took your word back, and what was made was withdrawn. New photos can be asked for anew.")
                )
            if not adult:
                raise UserError(
                    say("Nothing was allowed. Tick the box if you are 18 or older and agree, else press No.")
                )
            if not consent.given:
                await store.consents.give(scope, subject_id, WORDS)
                await store.audit.add(scope, Act.ALLOWED, who.member_id, subject_id=subject_id)
                await self._tell_owner(scope, subject_id)
            subject = await store.subjects.get(scope, subject_id)
        return ConsentCard(subject_id, subject.owner_id, who.member_id, ConsentState.GIVEN)

    @told
    async def refuse(self, who: Who, subject_id: int) -> ConsentCard:
        """No: the photos are deleted at once, and all that was read from them."""
        scope = Scope(who.guild_id)
        consent = await self._own(who, subject_id)
        subject = await self.desk.store.subjects.get(scope, subject_id)
        if consent.state is ConsentState.GIVEN:
            raise UserError(say("You have allowed it already. Take it back stops it and withdraws what was made."))
        if consent.state is ConsentState.ASKED:
            await self.forgetting.subject(scope, subject_id, who.member_id, Act.REFUSED)
        return ConsentCard(subject_id, subject.owner_id, who.member_id, "refused")

    @told
    async def revoke(self, who: Who, subject_id: int) -> Notice:
        """Stops a training, withdraws what was published. Nothing can be made with it from now on."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            await self._own(who, subject_id)
            stopped: tuple[str, ...] = ()
            for id in (subject_id, *await store.lineage.descendants(scope, subject_id)):
                if (await store.consents.of_subject(scope, id)).member_id == who.member_id:
                    await store.consents.revoke(scope, id)
                stopped += await self.forgetting.halt(scope, id, TAKEN_BACK, who.member_id)
            await store.audit.add(scope, Act.REVOKED, who.member_id, subject_id=subject_id)
        await self.forgetting.stop(stopped)
        return Notice(
            say(
                "Taken back. What was running has stopped, and nobody can use what was learnt any more. "
                "Photos and pictures are still stored: press Forget everything to delete those too."
            )
        )

    # -- screens

    async def person_card(self, scope: Scope, subject_id: int) -> PersonCard:
        subject = await self.desk.store.subjects.get(scope, subject_id)
        consent = await self.desk.store.consents.of_subject(scope, subject_id)
        return PersonCard(subject_id, subject.name, subject.owner_id, consent.member_id, consent.state)

    async def consent_card(self, scope: Scope, subject_id: int) -> ConsentCard | None:
        """None once there is nobody to ask."""
        subject = await self.desk.store.subjects.get(scope, subject_id)
        consent = await self.desk.store.consents.of_subject(scope, subject_id)
        if consent.member_id is None:
            return None
        return ConsentCard(subject_id, subject.owner_id, consent.member_id, consent.state)

    # -- inside

    async def _own(self, who: Who, subject_id: int) -> Consent:
        consent = await self.desk.store.consents.of_subject(Scope(who.guild_id), subject_id)
        if consent.member_id != who.member_id:
            raise NotAllowed(say("Only the one who is in the photos can answer this."))
        return consent

    async def _tell_owner(self, scope: Scope, subject_id: int) -> None:
        subject = await self.desk.store.subjects.get(scope, subject_id)
        datasets = await self.desk.store.datasets.of_subject(scope, subject_id)
        room = room_of(datasets[-1], subject) if datasets else subject.channel_id
        await self.desk.store.outbox.add(scope, channel_id=room, purpose=Purpose.PERSON, ref=subject_id)
        if datasets and datasets[-1].state is DatasetState.READY:
            # The card that said it waits stands anew, below the answer.
            await self.desk.store.outbox.add(scope, channel_id=room, purpose=Purpose.CONFIRM, ref=datasets[-1].id)
