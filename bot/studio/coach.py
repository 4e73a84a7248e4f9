"""Coaching: what is said about a set of photos, and the presses that act on it. Nothing is left out without one.

facts of the engine ─▶ coaching.advise ─▶ card ─▶ press ─▶ photos left out or taken back, the answer remembered ─▶ Undo
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from bot.errors import UserError
from bot.language import say
from bot.studio import coaching, glance
from bot.studio.coaching import Act, Deed, Finding, Grade, Looked, Matter
from bot.studio.dataset_screens import CoachingCard
from bot.studio.desk import Desk
from bot.studio.framing import check_open
from bot.studio.intake import Intake
from bot.studio.requests import Who
from bot.studio.screens import Reading
from bot.studio.sentences import told
from engine.facts import PhotoFacts
from engine.photos import SubjectKind
from engine.verdicts import Cause
from storage.answers import Answer
from storage.records import Scope
from storage.states import PhotoState

LIKENESS_AT = {Grade.EXCELLENT: 0.5, Grade.GOOD: 0.5, Grade.FAIR: 0.75, Grade.POOR: 1.0}
"""By which share of a training a likeness may be expected. On the miniature, with nine good photos, likeness rises until half
of the exposures and only creeps from there (engine/recipes/presets.py); what is thinner takes longer."""


class Coach:
    def __init__(self, desk: Desk, intake: Intake) -> None:
        self.desk = desk
        self.intake = intake

    async def card(self, scope: Scope, dataset_id: int) -> CoachingCard | None:
        """None where nothing was measured: there is nothing to say then."""
        dataset, subject = await self.desk.subject_of(scope, dataset_id)
        kind = SubjectKind(subject.kind)
        photos = await self.looked(scope, dataset_id)
        if not any(photo.facts for photo in photos):
            return None
        answers = await self.desk.store.answers.list(scope, dataset_id)
        settled = _settled(answers)
        kept = sum(photo.kept for photo in photos)
        epochs = self.desk.settings.recipe_of(dataset.preset, kind, max(1, kept)).epochs
        reached = coaching.grade(photos, kind, settled)
        last = answers[-1] if answers else None
        return CoachingCard(
            dataset_id=dataset_id,
            subject=subject.name,
            kind=subject.kind,
            grade=reached,
            kept=kept,
            epoch=max(1, ceil(epochs * LIKENESS_AT[reached])),
            epochs=epochs,
            findings=tuple(coaching.advise(photos, kind, settled)),
            undo=None if last is None else last.id,
            undo_matter=None if last is None else Matter(last.matter),
            stage=dataset.state.value,
        )

    async def reading(self, scope: Scope, dataset_id: int) -> Reading | None:
        """What can be said while photos are read; None when none is."""
        return await glance.card(self.desk, scope, dataset_id, await self.looked(scope, dataset_id))

    @told
    async def act(self, who: Who, dataset_id: int, matter: str, key: str) -> CoachingCard | None:
        """Do what the button says. Where it is done already, or the set has changed so that there is nothing to do, nothing."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            dataset, subject = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            if await store.answers.by_request(scope, who.request_id) is None:
                photos = await self.looked(scope, dataset_id)
                settled = _settled(await store.answers.list(scope, dataset_id))
                found = {one.matter.value: one for one in coaching.advise(photos, SubjectKind(subject.kind), settled)}
                finding = found.get(matter)
                act = next((one for one in finding.acts if one.key == key), None) if finding else None
                if finding is not None and act is not None:
                    await self._do(who, dataset_id, photos, finding, act)
        return await self.card(scope, dataset_id)

    @told
    async def undo(self, who: Who, dataset_id: int, answer_id: int) -> CoachingCard | None:
        """What that press left out comes back, what it brought back goes out again. A second time changes nothing."""
        scope, store = Scope(who.guild_id), self.desk.store
        async with store.write():
            dataset, _ = await self.desk.owned(who, dataset_id)
            check_open(dataset)
            answer = await store.answers.get(scope, answer_id)
            if answer.dataset_id != dataset_id:
                raise UserError(say("That belongs to another set of photos. Press Undo on the card of that one."))
            if await store.answers.undo(scope, answer_id):
                for photo in await store.photos.list(scope, dataset_id):
                    if photo.id in answer.dropped and photo.state is PhotoState.DROPPED:
                        await store.photos.take_back(scope, photo.id)
                    elif photo.id in answer.taken and photo.state is PhotoState.KEPT:
                        await store.photos.drop(scope, photo.id)
        return await self.card(scope, dataset_id)

    async def _do(self, who: Who, dataset_id: int, photos: Sequence[Looked], finding: Finding, act: Act) -> None:
        """Inside a transaction."""
        scope, store = Scope(who.guild_id), self.desk.store
        ids = {photo.number: photo.id for photo in photos}
        acted = [ids[number] for number in act.photos]
        originals = [photo.copy_of for photo in photos if photo.number in act.photos and photo.copy_of is not None]
        about = [ids[number] for number in dict.fromkeys((*finding.photos, *originals))]
        if act.deed is Deed.MORE:
            return
        if act.deed is Deed.DROP:
            for photo_id in acted:
                await store.photos.drop(scope, photo_id)
        if act.deed is Deed.TAKE:
            await self.intake.take_copies(who, dataset_id, acted)
        await store.answers.add(
            scope,
            dataset_id,
            request_id=who.request_id,
            matter=finding.matter,
            about=about,
            dropped=acted if act.deed is Deed.DROP else (),
            taken=acted if act.deed is Deed.TAKE else (),
        )

    async def looked(self, scope: Scope, dataset_id: int) -> list[Looked]:
        """The photos of a set as advice sees them: what is not read yet says nothing."""
        measured = await self.desk.store.measures.of_dataset(scope, dataset_id)
        photos = await self.desk.store.photos.list(scope, dataset_id)
        numbers = {photo.id: photo.number for photo in photos}
        return [
            Looked(
                id=photo.id,
                number=photo.number,
                kept=photo.state is PhotoState.KEPT,
                copy_of=numbers.get(photo.duplicate_of or 0)
                if photo.state is PhotoState.REFUSED and photo.cause == Cause.COPY
                else None,
                flags=photo.flags,
                facts=PhotoFacts.model_validate_json(measured[photo.id]) if photo.id in measured else None,
            )
            for photo in photos
        ]


def _settled(answers: Sequence[Answer]) -> dict[Matter, frozenset[int]]:
    """About which photos nothing is said any more: those somebody wants as they are."""
    found: dict[Matter, frozenset[int]] = {}
    for answer in answers:
        if answer.dropped:
            continue
        matter = Matter(answer.matter)
        found[matter] = found.get(matter, frozenset()) | set(answer.about)
        if answer.taken:  # a copy that was wanted back is not called a copy again
            found[Matter.TWINS] = found.get(Matter.TWINS, frozenset()) | set(answer.about)
    return found
