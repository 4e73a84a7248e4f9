"""What people do with a LoRA once it is there: say who may use it, rename it, give it a prompt, take it home, delete it.

The one it belongs to decides, and so does the one who is seen in it. Admins may delete, and nothing else: what a likeness
may be used for is not theirs to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.errors import NotAllowed, NotFound, Taken, UserError
from bot.language import say
from bot.studio import captions
from bot.studio.acts import Act
from bot.studio.desk import Desk
from bot.studio.exports import Exported, Exports
from bot.studio.forgetting import Forgetting
from bot.studio.library import Library
from bot.studio.people_screens import LedgerLine, LedgerList, LoraCard
from bot.studio.requests import Who
from bot.studio.screens import Notice
from bot.studio.sentences import told
from bot.studio.thumbnails import Thumbnails, thumbnail_of
from storage.people import AuditLine, Consent, Grant
from storage.records import Lora, Scope
from storage.states import Access, GrantKind

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
LONGEST_PROMPT = 1000
LINES = 20
"""Of the audit on one page."""
TARGETS = 25
"""Members or roles one LoRA may be granted to: what one menu of Discord holds."""


def ledger_of(title: str, lines: Sequence[AuditLine]) -> LedgerList:
    """A page of them; one more than fits says that there are older ones."""
    shown = [LedgerLine(line.at, line.who_id, line.act, _about(line)) for line in lines[:LINES]]
    return LedgerList(title, tuple(shown), lines[LINES - 1].id if len(lines) > LINES else None)


def _about(line: AuditLine) -> str:
    parts = (("LoRA", line.lora_id), ("subject", line.subject_id), ("job", line.job_id))
    return ", ".join(f"{noun} {id}" for noun, id in parts if id is not None)


class Keeping:
    def __init__(self, desk: Desk, library: Library, forgetting: Forgetting) -> None:
        self.desk = desk
        self.library = library
        self.forgetting = forgetting
        self.thumbnails = Thumbnails(desk, self)
        self.exports = Exports(desk)

    @told
    async def card(self, who: Who, lora_id: int) -> LoraCard:
        """For everybody who may use it, and for admins."""
        return await self._card(who, await self._seen(who, lora_id))

    @told
    async def named(self, who: Who, name: str) -> LoraCard:
        return await self._card(who, await self.library.named(who, name))

    @told
    async def share(self, who: Who, lora_id: int, access: str, targets: Sequence[int] = ()) -> LoraCard:
        """access: me, members, role, server; `targets`: ids of the members or roles. In place of what was."""
        scope, store = Scope(who.guild_id), self.desk.store
        kinds = {"members": GrantKind.MEMBER, "role": GrantKind.ROLE}
        if access not in (*Access, *kinds):
            raise UserError(say("Choose who may use it: only you, named members, a role, or everybody on this server."))
        if access in kinds and not 1 <= len(targets) <= TARGETS:
            raise UserError(say("Choose 1 to {most} of them.", most=TARGETS))
        grants = [Grant(kinds[access], target) for target in targets] if access in kinds else []
        async with store.write():
            lora = await self.governed(who, lora_id)
            lora = await store.loras.share(scope, lora_id, Access.ME if access in kinds else Access(access), grants)
            await store.audit.add(scope, Act.SHARED, who.member_id, lora_id=lora_id)
        self.library.changed(scope)
        return await self._card(who, lora)

    @told
    async def rename(self, who: Who, lora_id: int, name: str) -> LoraCard:
        scope, store = Scope(who.guild_id), self.desk.store
        wanted = name.strip().lower()
        if not NAME.fullmatch(wanted):
            raise UserError(
                say(
                    "A name has 2 to 40 of the letters a to z, digits, - and _, and begins with a letter or "
                    "digit. Send the form again with such a one."
                )
            )
        async with store.write():
            await self.governed(who, lora_id)
            other = await store.loras.by_name(scope, wanted)
            if other is not None and other.id != lora_id:
                raise Taken(say("There is a LoRA called {name} already. Choose another name.", name=wanted))
            lora = await store.loras.rename(scope, lora_id, wanted)
            await store.audit.add(scope, Act.RENAMED, who.member_id, lora_id=lora_id)
        self.library.changed(scope)
        return await self._card(who, lora)

    @told
    async def set_default_prompt(self, who: Who, lora_id: int, prompt: str) -> LoraCard:
        """What "Imagine with it" begins with; "" goes back to the one that was made up."""
        words = " ".join(prompt.split())
        if len(words) > LONGEST_PROMPT:
            raise UserError(
                say(
                    "A prompt to begin with has at most {most} characters. Shorten it and send the form again.",
                    most=LONGEST_PROMPT,
                )
            )
        await self.governed(who, lora_id)
        lora = await self.desk.store.loras.set_default_prompt(Scope(who.guild_id), lora_id, words)
        return await self._card(who, lora)

    @told
    async def delete(self, who: Who, lora_id: int) -> Notice:
        """The LoRA and the pictures made with it. Its photos stay, so that it can be trained again."""
        scope, store = Scope(who.guild_id), self.desk.store
        lora = await self._seen(who, lora_id)
        if not await self._governs(who, lora) and not who.is_admin:
            raise NotAllowed(say("Only the one it belongs to, the one who is seen in it, or an admin, may delete it."))
        for job_id in await store.loras.painted_with(scope, lora_id):
            await self.forgetting.painting(scope, job_id)
        async with store.write():
            await store.erasures.take_down(scope, self.forgetting.posts_of_lora(lora_id))
            await store.loras.delete(scope, lora_id)
            await store.audit.add(scope, Act.DELETED, who.member_id, lora_id=lora_id)
        await store.blobs.drop(scope, lora.key_id, lora.sha256)
        self.library.changed(scope)
        return Notice(
            say("{name} is deleted, and every picture made with it. Its photos are still here.", name=lora.name)
        )

    @told
    async def export(self, who: Who, lora_id: int, limit_bytes: int) -> Exported:
        """The weights and a page of facts, each file at most `limit_bytes`. For the owner and for whoever is seen in it."""
        return await self.exports.take(await self.governed(who, lora_id), who.member_id, limit_bytes)

    @told
    async def ledger(self, who: Who, lora_id: int) -> LedgerList:
        """What was done with it and by whom: for the one it belongs to, and for the one who is seen in it."""
        scope, store = Scope(who.guild_id), self.desk.store
        lora = await self.governed(who, lora_id)
        subject_id = await store.loras.subject_of(scope, lora_id)
        return ledger_of(lora.name, await store.audit.list(scope, subject_id=subject_id, limit=LINES + 1))

    # -- inside

    async def _seen(self, who: Who, lora_id: int) -> Lora:
        scope = Scope(who.guild_id)
        lora = await self.desk.store.loras.get(scope, lora_id)
        usable = {other.id for other in await self.library.usable(who)}
        if lora_id not in usable and not who.is_admin and not await self._governs(who, lora):
            raise NotFound(say("That LoRA is not here any more. /loras lists those there are."))
        return lora

    async def governed(self, who: Who, lora_id: int) -> Lora:
        """A LoRA that is this member's to decide about, and not withdrawn."""
        lora = await self._seen(who, lora_id)
        if not await self._governs(who, lora):
            raise NotAllowed(say("Only the one it belongs to, or the one who is seen in it, decides that."))
        if lora.withdrawn_at is not None:
            raise UserError(say("Whoever is seen in it took their word back: it can only be deleted."))
        return lora

    async def _governs(self, who: Who, lora: Lora) -> bool:
        return who.member_id in (lora.owner_id, (await self._consent(lora)).member_id)

    async def _consent(self, lora: Lora) -> Consent:
        scope = Scope(lora.guild_id)
        return await self.desk.store.consents.of_subject(scope, await self.desk.store.loras.subject_of(scope, lora.id))

    async def _card(self, who: Who, lora: Lora) -> LoraCard:
        scope, store = Scope(lora.guild_id), self.desk.store
        consent, grants = await self._consent(lora), await store.loras.grants(scope, lora.id)
        run = await store.runs.get(scope, lora.run_id)
        subject = await store.subjects.get(scope, consent.subject_id)
        dataset = await store.datasets.get(scope, run.dataset_id)
        usable = {other.id for other in await self.library.usable(who)}
        versions = [
            version.lora_name if version.lora_id in usable else f"gen{version.generation}"
            for version in await store.lineage.versions(scope, dataset.id)
        ]
        members = tuple(grant.target_id for grant in grants if grant.kind is GrantKind.MEMBER)
        roles = tuple(grant.target_id for grant in grants if grant.kind is GrantKind.ROLE)
        access = "members" if members else "role" if roles else str(lora.access)
        governs = await self._governs(who, lora)
        return LoraCard(
            lora_id=lora.id,
            subject_id=subject.id,
            name=lora.name,
            trigger=lora.trigger,
            owner_id=lora.owner_id,
            shows=consent.member_id if consent.depicts == "member" else None,
            access=access,
            members=members,
            roles=roles,
            prompt=lora.default_prompt or captions.prompt_to_try(subject.kind, run.trigger, run.class_word),
            epoch=lora.epoch,
            base=lora.base,
            made_at=lora.created_at,
            governs=governs and lora.withdrawn_at is None,
            deletes=governs or who.is_admin,
            thumbnail=await thumbnail_of(self.desk, lora),
            retrains=lora.owner_id == who.member_id,
            versions=tuple(versions),
            from_pictures=dataset.from_pictures,
        )
