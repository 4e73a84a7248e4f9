"""A guild never sees or touches another guild's rows: every public method, called by B with what belongs to A."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Awaitable, Callable

from storage import Scope, Store
from storage.errors import NoSuchRow, Stale, WrongState
from storage.people import ChannelRules, Held, HeldOfSubject, Rules
from storage.records import Box, NewPhoto, NewPicture
from storage.states import Access, DatasetState, Depicts, JobKind, ReportState, RunState, Stop
from tests.storage.story import CHANNEL, MESSAGE, OWNER, PAINTER, PHOTO, SHOWN, Story, story

Call = Callable[[Store, Scope, Story], Awaitable[object]]
SHA = "0" * 64


async def unlike(asked: Awaitable[object], nothing: object) -> bool:
    return await asked != nothing


CALLS: dict[str, Call] = {
    "keys.check": lambda s, b, a: s.keys.check(b, a.dataset.key_id),
    "keys.forget": lambda s, b, a: s.keys.forget(b, a.dataset.key_id),
    "blobs.put": lambda s, b, a: s.blobs.put(b, a.dataset.key_id, b"mine now"),
    "blobs.get": lambda s, b, a: s.blobs.get(b, a.dataset.key_id, a.photo.raw_sha256),
    "blobs.has": lambda s, b, a: s.blobs.has(b, a.dataset.key_id, a.photo.raw_sha256),
    "blobs.drop": lambda s, b, a: s.blobs.drop(b, a.dataset.key_id, a.photo.raw_sha256),
    "subjects.get": lambda s, b, a: s.subjects.get(b, a.subject.id),
    "subjects.by_trigger": lambda s, b, a: s.subjects.by_trigger(b, a.subject.trigger),
    "subjects.list": lambda s, b, a: s.subjects.list(b),
    "subjects.set_trigger": lambda s, b, a: s.subjects.set_trigger(b, a.subject.id, "stolen"),
    "subjects.set_access": lambda s, b, a: s.subjects.set_access(b, a.subject.id, Access.SERVER),
    "subjects.retire": lambda s, b, a: s.subjects.retire(b, a.subject.id),
    "subjects.forget": lambda s, b, a: s.subjects.forget(b, a.subject.id),
    "datasets.create": lambda s, b, a: s.datasets.create(b, a.subject.id, draft="b's"),
    "datasets.get": lambda s, b, a: s.datasets.get(b, a.dataset.id),
    "datasets.by_draft": lambda s, b, a: s.datasets.by_draft(b, a.dataset.draft),
    "datasets.of_subject": lambda s, b, a: s.datasets.of_subject(b, a.subject.id),
    "datasets.move": lambda s, b, a: s.datasets.move(b, a.dataset.id, DatasetState.CROPPING),
    "datasets.set_preset": lambda s, b, a: s.datasets.set_preset(b, a.dataset.id, "quick"),
    "datasets.set_wants_vote": lambda s, b, a: s.datasets.set_wants_vote(b, a.dataset.id, False),
    "datasets.set_blind": lambda s, b, a: s.datasets.set_blind(b, a.dataset.id, False),
    "photos.add": lambda s, b, a: s.photos.add(b, a.dataset.id, [NewPhoto("x.jpg", SHA)], request_id="b"),
    "photos.get": lambda s, b, a: s.photos.get(b, a.photo.id),
    "photos.numbered": lambda s, b, a: s.photos.numbered(b, a.dataset.id, 1),
    "photos.list": lambda s, b, a: s.photos.list(b, a.dataset.id),
    "photos.keep": lambda s, b, a: s.photos.keep(b, a.photo.id, clean_sha256=SHA, width=1, height=1),
    "photos.refuse": lambda s, b, a: s.photos.refuse(b, a.photo.id, "is ours"),
    "photos.take_first_frame": lambda s, b, a: s.photos.take_first_frame(b, a.photo.id),
    "crop_steps.add": lambda s, b, a: s.crop_steps.add(b, a.photo),
    "crop_steps.count": lambda s, b, a: unlike(s.crop_steps.count(b, a.photo.id), 0),
    "crop_steps.back": lambda s, b, a: s.crop_steps.back(b, a.photo.id),
    "photos.set_crop": lambda s, b, a: s.photos.set_crop(b, a.photo.id, Box(0, 0, 1, 1)),
    "photos.drop": lambda s, b, a: s.photos.drop(b, a.photo.id),
    "photos.take_back": lambda s, b, a: s.photos.take_back(b, a.photo.id),
    "photos.set_captions": lambda s, b, a: s.photos.set_captions(b, a.dataset.id, {1: "stolen"}),
    "measures.put": lambda s, b, a: s.measures.put(b, a.photo.id, "{}"),
    "measures.of_dataset": lambda s, b, a: s.measures.of_dataset(b, a.dataset.id),
    "measures.delete": lambda s, b, a: s.measures.delete(b, a.dataset.id),
    "answers.add": lambda s, b, a: s.answers.add(b, a.dataset.id, request_id="b", matter="copies", about=[a.photo.id]),
    "answers.get": lambda s, b, a: s.answers.get(b, a.answer.id),
    "answers.by_request": lambda s, b, a: s.answers.by_request(b, "answer"),
    "answers.list": lambda s, b, a: s.answers.list(b, a.dataset.id),
    "answers.undo": lambda s, b, a: s.answers.undo(b, a.answer.id),
    "revisions.add": lambda s, b, a: s.revisions.add(b, a.dataset.id, request_id="b", what="one", before={}, after={}),
    "revisions.done": lambda s, b, a: s.revisions.done(b, "revision"),
    "revisions.last": lambda s, b, a: s.revisions.last(b, a.dataset.id),
    "revisions.undo": lambda s, b, a: s.revisions.undo(b, a.revision.id),
    "photos.want_copy": lambda s, b, a: s.photos.want_copy(b, a.photo.id),
    "photos.delete": lambda s, b, a: s.photos.delete(b, a.dataset.id),
    "datasets.trained_before": lambda s, b, a: s.datasets.trained_before(b, 3_000_000_000),
    "datasets.left_since": lambda s, b, a: s.datasets.left_since(b, 3_000_000_000),
    "runs.published_before": lambda s, b, a: s.runs.published_before(b, 3_000_000_000),
    "epochs.delete_but": lambda s, b, a: s.epochs.delete_but(b, a.run.id, 9),
    "runs.create": lambda s, b, a: s.runs.create(b, a.dataset.id, recipe={}, base="m", trigger="t", class_word="c"),
    "runs.get": lambda s, b, a: s.runs.get(b, a.run.id),
    "runs.with_epochs": lambda s, b, a: s.runs.with_epochs(b, OWNER),
    "runs.of_dataset": lambda s, b, a: s.runs.of_dataset(b, a.dataset.id),
    "runs.move": lambda s, b, a: s.runs.move(b, a.run.id, RunState.FAILED),
    "runs.suggest": lambda s, b, a: s.runs.suggest(b, a.run.id, epoch=1, reason="", seconds=1.0),
    "epochs.record": lambda s, b, a: s.epochs.record(b, a.run.id, 2, lora_sha256=SHA),
    "epochs.get": lambda s, b, a: s.epochs.get(b, a.epoch.id),
    "epochs.numbered": lambda s, b, a: s.epochs.numbered(b, a.run.id, 1),
    "epochs.list": lambda s, b, a: s.epochs.list(b, a.run.id),
    "ballots.open": lambda s, b, a: s.ballots.open(b, a.run.id, channel_id=1, options=[1], closes_at=1),
    "ballots.get": lambda s, b, a: s.ballots.get(b, a.ballot.id),
    "ballots.of_run": lambda s, b, a: s.ballots.of_run(b, a.run.id),
    "ballots.by_message": lambda s, b, a: s.ballots.by_message(b, MESSAGE),
    "ballots.posted": lambda s, b, a: s.ballots.posted(b, a.ballot.id, channel_id=1, message_id=1),
    "ballots.extend": lambda s, b, a: s.ballots.extend(b, a.ballot.id, 2_100_000_000),
    "ballots.vote": lambda s, b, a: s.ballots.vote(b, a.ballot.id, OWNER, 1),
    "ballots.recount": lambda s, b, a: s.ballots.recount(b, a.ballot.id, {}),
    "ballots.votes": lambda s, b, a: s.ballots.votes(b, a.ballot.id),
    "ballots.tally": lambda s, b, a: s.ballots.tally(b, a.ballot.id),
    "ballots.discard": lambda s, b, a: s.ballots.discard(b, a.run.id),
    "ballots.ask": lambda s, b, a: s.ballots.ask(b, a.ballot.id, [1, 2], 2_100_000_000),
    "ballots.anew": lambda s, b, a: s.ballots.anew(b, a.ballot.id, 2_100_000_000),
    "ballots.close": lambda s, b, a: s.ballots.close(b, a.ballot.id, 1),
    "loras.publish": lambda s, b, a: s.loras.publish(
        b,
        a.run.id,
        epoch=1,
        name="b",
        trigger="b",
        base="m",
        sha256=SHA,
        key_id=a.dataset.key_id,
        access=Access.ME,
        owner_id=1,
    ),
    "loras.get": lambda s, b, a: s.loras.get(b, a.lora.id),
    "loras.of_run": lambda s, b, a: s.loras.of_run(b, a.run.id),
    "loras.by_name": lambda s, b, a: s.loras.by_name(b, a.lora.name),
    "loras.list": lambda s, b, a: s.loras.list(b),
    "loras.of_subject": lambda s, b, a: s.loras.of_subject(b, a.subject.id),
    "loras.subject_of": lambda s, b, a: s.loras.subject_of(b, a.lora.id),
    "loras.grants": lambda s, b, a: s.loras.grants(b, a.lora.id),
    "loras.share": lambda s, b, a: s.loras.share(b, a.lora.id, Access.ME),
    "loras.rename": lambda s, b, a: s.loras.rename(b, a.lora.id, "stolen"),
    "loras.set_default_prompt": lambda s, b, a: s.loras.set_default_prompt(b, a.lora.id, "stolen"),
    "loras.set_thumbnail": lambda s, b, a: s.loras.set_thumbnail(b, a.lora.id, SHA),
    "loras.show_as": lambda s, b, a: s.loras.show_as(b, a.lora.id, a.picture.id),
    "lineage.descend": lambda s, b, a: s.lineage.descend(b, a.dataset.id, a.dataset.id),
    "lineage.carry": lambda s, b, a: s.lineage.carry(b, a.dataset.id, [a.photo.id], request_id="b"),
    "lineage.make_of_pictures": lambda s, b, a: s.lineage.make_of_pictures(b, a.dataset.id, [], request_id="b"),
    "handouts.add": lambda s, b, a: s.handouts.add(b, a.lora.id, "b" * 32, 2_000_000_000),
    "lineage.ancestors": lambda s, b, a: s.lineage.ancestors(b, a.dataset.id),
    "lineage.descendants": lambda s, b, a: s.lineage.descendants(b, a.subject.id),
    "lineage.versions": lambda s, b, a: s.lineage.versions(b, a.dataset.id),
    "lineage.in_training": lambda s, b, a: s.lineage.in_training(b, a.subject.id),
    "lineage.clear_discarded": lambda s, b, a: s.lineage.clear_discarded(b, a.subject.id),
    "loras.withdraw": lambda s, b, a: s.loras.withdraw(b, a.lora.id),
    "loras.painted_with": lambda s, b, a: s.loras.painted_with(b, a.lora.id),
    "loras.rights": lambda s, b, a: unlike(s.loras.rights(b), ({}, {})),
    "loras.last_used": lambda s, b, a: s.loras.last_used(b),
    "loras.delete": lambda s, b, a: s.loras.delete(b, a.lora.id),
    "pictures.add": lambda s, b, a: s.pictures.add(b, a.painting, [NewPicture(1, SHA)], prompt="", params={}),
    "pictures.get": lambda s, b, a: s.pictures.get(b, a.picture.id),
    "pictures.several": lambda s, b, a: s.pictures.several(b, [a.picture.id]),
    "pictures.of_job": lambda s, b, a: s.pictures.of_job(b, a.painting.id),
    "pictures.of_member": lambda s, b, a: s.pictures.of_member(b, PAINTER),
    "prompts.marks": lambda s, b, a: unlike(s.prompts.marks(b), (0, 0)),
    "prompts.newest": lambda s, b, a: s.prompts.newest(b, 10),
    "prompts.standing": lambda s, b, a: s.prompts.standing(b, [a.painting.id]),
    "pictures.delete": lambda s, b, a: s.pictures.delete(b, a.painting.id),
    "jobs.enqueue": lambda s, b, a: s.jobs.enqueue(
        b,
        "b-job",
        kind=JobKind.PAINT,
        request_id="imagine",
        member_id=1,
        channel_id=1,
        key_id=a.painting.key_id,
        spec="{}",
    ),
    "jobs.retry": lambda s, b, a: s.jobs.retry(b, a.training.id),
    "jobs.ask_to_stop": lambda s, b, a: s.jobs.ask_to_stop(b, a.training.id, Stop.NOW),
    "jobs.cancel": lambda s, b, a: s.jobs.cancel(b, a.training.id),
    "jobs.refuse": lambda s, b, a: s.jobs.refuse(b, a.training.id, "no"),
    "jobs.get": lambda s, b, a: s.jobs.get(b, a.training.id),
    "jobs.by_request": lambda s, b, a: s.jobs.by_request(b, a.training.request_id),
    "jobs.live_training": lambda s, b, a: s.jobs.live_training(b, a.dataset.id),
    "jobs.of_dataset": lambda s, b, a: s.jobs.of_dataset(b, a.dataset.id),
    "jobs.of_run": lambda s, b, a: s.jobs.of_run(b, a.run.id),
    "jobs.live": lambda s, b, a: s.jobs.live(b),
    "jobs.asked_since": lambda s, b, a: s.jobs.asked_since(b, PAINTER, JobKind.PAINT, 0),
    "jobs.painted_with": lambda s, b, a: s.jobs.painted_with(b, a.painting.id),
    "jobs.painted_before": lambda s, b, a: s.jobs.painted_before(b, 3_000_000_000),
    "jobs.delete": lambda s, b, a: s.jobs.delete(b, a.painting.id),
    "jobs.fence": lambda s, b, a: s.jobs.fence(b, a.training.id, 1),
    "jobs.progress": lambda s, b, a: s.jobs.progress(b, a.training.id, 1, {}),
    "jobs.interrupted": lambda s, b, a: s.jobs.interrupted(b, a.training.id, 2, 1),
    "jobs.crashed": lambda s, b, a: s.jobs.crashed(b, a.training.id, 1, ""),
    "jobs.park": lambda s, b, a: s.jobs.park(b, a.training.id, 1),
    "jobs.finish": lambda s, b, a: s.jobs.finish(b, a.training.id, 1),
    "jobs.fail": lambda s, b, a: s.jobs.fail(b, a.training.id, 1, "no"),
    "jobs.bury": lambda s, b, a: s.jobs.bury(b, a.training.id, 1, "no"),
    "jobs.cancelled": lambda s, b, a: s.jobs.cancelled(b, a.training.id, 1),
    "outbox.add": lambda s, b, a: s.outbox.add(
        b, channel_id=CHANNEL, purpose="pictures", ref=a.painting.id, payload="{}", key_id=a.painting.key_id
    ),
    "outbox.get": lambda s, b, a: s.outbox.get(b, a.outgoing.id),
    "outbox.by_message": lambda s, b, a: s.outbox.by_message(b, MESSAGE + 3),
    "outbox.list": lambda s, b, a: s.outbox.list(b),
    "outbox.sent": lambda s, b, a: s.outbox.sent(b, a.outgoing.id, 1),
    "outbox.dropped": lambda s, b, a: s.outbox.dropped(b, a.outgoing.id, "gone"),
    "cards.edited": lambda s, b, a: s.cards.edited(b, purpose="status", ref=a.run.id, content_hash="b"),
    "cards.get": lambda s, b, a: s.cards.get(b, purpose="status", ref=a.run.id),
    "cards.by_message": lambda s, b, a: s.cards.by_message(b, MESSAGE + 1),
    "cards.gone": lambda s, b, a: s.cards.gone(b, purpose="status", ref=a.run.id),
    "consents.create": lambda s, b, a: s.consents.create(b, a.subject.id, depicts=Depicts.ME, member_id=1, words="1"),
    "consents.of_subject": lambda s, b, a: s.consents.of_subject(b, a.subject.id),
    "consents.of_member": lambda s, b, a: s.consents.of_member(b, SHOWN),
    "consents.ask": lambda s, b, a: s.consents.ask(b, a.subject.id, OWNER),
    "consents.give": lambda s, b, a: s.consents.give(b, a.subject.id, "2"),
    "consents.revoke": lambda s, b, a: s.consents.revoke(b, a.subject.id),
    "favourites.keep": lambda s, b, a: s.favourites.keep(b, a.picture.id, OWNER),
    "favourites.share": lambda s, b, a: s.favourites.share(b, a.picture.id, PAINTER, True),
    "favourites.drop": lambda s, b, a: s.favourites.drop(b, a.picture.id, PAINTER),
    "favourites.get": lambda s, b, a: s.favourites.get(b, a.picture.id, PAINTER),
    "favourites.kept_by_anybody": lambda s, b, a: s.favourites.kept_by_anybody(b, a.painting.id),
    "favourites.list": lambda s, b, a: s.favourites.list(b, member_id=PAINTER),
    "favourites.count": lambda s, b, a: s.favourites.count(b, member_id=PAINTER),
    "favourites.shown": lambda s, b, a: s.favourites.shown(b, a.picture, member_id=PAINTER),
    "wishes.add": lambda s, b, a: s.wishes.add(b, a.run.id, PAINTER, channel_id=CHANNEL, language="de"),
    "wishes.get": lambda s, b, a: s.wishes.get(b, a.wish.id),
    "wishes.of_run": lambda s, b, a: s.wishes.of_run(b, a.run.id),
    "wishes.of_member": lambda s, b, a: s.wishes.of_member(b, OWNER),
    "wishes.drop": lambda s, b, a: s.wishes.drop(b, a.wish.id),
    "channels.rules": lambda s, b, a: unlike(s.channels.rules(b, CHANNEL), ChannelRules()),
    "guilds.rules": lambda s, b, a: unlike(s.guilds.rules(b), Rules()),
    "members.held": lambda s, b, a: unlike(s.members.held(b, SHOWN), Held(0, 0, 0, 0, 0, 0, 0)),
    "members.held_of_subject": lambda s, b, a: unlike(
        s.members.held_of_subject(b, a.subject.id), HeldOfSubject(0, 0, 0, 0, 0)
    ),
    "members.subjects": lambda s, b, a: s.members.subjects(b, SHOWN),
    "members.paintings": lambda s, b, a: s.members.paintings(b, PAINTER),
    "members.take_name_out": lambda s, b, a: s.members.take_name_out(b, PAINTER),
    "audit.list": lambda s, b, a: s.audit.list(b, subject_id=a.subject.id),
    "reports.create": lambda s, b, a: s.reports.create(b, a.painting.id, OWNER),
    "reports.get": lambda s, b, a: s.reports.get(b, 1),
    "reports.of_job": lambda s, b, a: s.reports.of_job(b, a.painting.id),
    "reports.open_of": lambda s, b, a: s.reports.open_of(b, a.painting.id),
    "reports.decide": lambda s, b, a: s.reports.decide(b, 1, ReportState.KEPT, by=OWNER),
    "erasures.take_down": lambda s, b, a: s.erasures.take_down(b, [("status", str(a.run.id))]),
    "departures.back": lambda s, b, a: s.departures.back(b),
    "departures.subjects": lambda s, b, a: s.departures.subjects(b),
    "departures.paintings": lambda s, b, a: s.departures.paintings(b),
    "departures.stopped": lambda s, b, a: s.departures.stopped(b, 0),
    "erasures.done": lambda s, b, a: s.erasures.done(b, CHANNEL, MESSAGE + 2),
}
NAMES_NOTHING = {
    "keys.create", "subjects.create", "cards.posted", "guilds.decide", "channels.decide", "audit.add", "erasures.add",
    "departures.left",
}  # fmt: skip
"""They make a row of the caller's own guild out of nothing that could be another's."""
NO_GUILD = {"speeds.learn", "speeds.get"}


def public_methods(store: Store) -> dict[str, inspect.Signature]:
    return {
        f"{noun}.{name}": inspect.signature(method)
        for noun, methods in vars(store).items()
        if noun not in ("path", "database")
        for name, method in inspect.getmembers(methods, inspect.ismethod)
        if not name.startswith("_")
    }


async def test_every_public_method_is_tried_here(store: Store) -> None:
    methods = public_methods(store)
    everywhere = {name for name in methods if name.endswith("_everywhere")}
    assert set(methods) - everywhere == set(CALLS) | NAMES_NOTHING | NO_GUILD
    for name, signature in methods.items():
        first = next(iter(signature.parameters), "")
        assert (first == "scope") == (name not in everywhere | NO_GUILD), name


async def rows_of(store: Store, guild_id: int) -> dict[str, list[tuple[object, ...]]]:
    tables = await store.database.rows(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'speeds'"
    )
    return {
        table["name"]: [
            tuple(row)
            for row in await store.database.rows(f"SELECT * FROM {table['name']} WHERE guild_id = ?", guild_id)
        ]
        for table in tables
    }


class Undo(Exception):
    """Ends a transaction that was only tried."""


async def outcome(store: Store, scope: Scope, name: str, theirs: Story) -> str:
    """What the call gave away or did, in a word; rolled back afterwards."""
    before = await rows_of(store, theirs.subject.guild_id)
    found = "nothing"
    try:
        async with store.write():
            try:
                if await CALLS[name](store, scope, theirs):
                    found = "an answer"
            except (NoSuchRow, Stale):
                pass
            except sqlite3.IntegrityError as error:  # one run has one LoRA, in all guilds: refused, and nothing told
                assert "UNIQUE" in str(error)
            if await rows_of(store, theirs.subject.guild_id) != before:
                found = "a change"
            raise Undo
    except Undo:
        return found


async def test_another_guild_sees_and_changes_nothing(store: Store, scope: Scope) -> None:
    theirs = await story(store, scope)
    await store.jobs.claim_everywhere([JobKind.TRAIN])
    assert all((await rows_of(store, scope.guild_id)).values())
    other = Scope(scope.guild_id + 1)
    outcomes = {name: await outcome(store, other, name, theirs) for name in CALLS}
    assert {name: found for name, found in outcomes.items() if found != "nothing"} == {}
    assert await store.blobs.get(scope, theirs.dataset.key_id, theirs.photo.raw_sha256)


SILENT_AT_HOME = {
    "photos.want_copy",
    "departures.stopped",
    "keys.check",  # only refuses
    "photos.refuse",  # a kept photo stays; WrongState
    "photos.take_first_frame",  # it was not refused; WrongState
    "photos.take_back",  # it was not dropped: no change
    "blobs.drop",  # drops the file
    "jobs.retry",  # it is running
    "jobs.refuse",  # it is running
    "datasets.trained_before",  # it is not trained yet
    "datasets.left_since",  # its training waits
    "runs.published_before",  # there is no other epoch
    "lineage.make_of_pictures",  # it is marked already
    "lineage.descendants",  # none but itself
    "lineage.clear_discarded",  # none was thrown away
    "consents.ask",  # it was given
    "consents.create",  # there is one; UNIQUE
    "consents.give",
    "prompts.standing",  # it is reported
    "reports.create",
    "jobs.painted_before",  # it is not over
    "favourites.list",  # it was reported
    "favourites.count",
    "favourites.shown",
}


async def test_the_same_calls_do_something_at_home(store: Store, scope: Scope) -> None:
    """Else the test above could not fail."""
    mine = await story(store, scope)
    await store.jobs.claim_everywhere([JobKind.TRAIN])
    silent: set[str] = set()
    for name in CALLS:
        try:
            if await outcome(store, scope, name, mine) == "nothing":
                silent.add(name)
        except WrongState:
            silent.add(name)
        await store.blobs.put(scope, mine.dataset.key_id, PHOTO)
    assert silent <= SILENT_AT_HOME
