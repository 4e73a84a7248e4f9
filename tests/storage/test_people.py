"""Consent, grants, rules, audit, reports and erasures: whose word it takes, and what is left when a member is forgotten."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from storage import Scope, Store
from storage.errors import NoSuchRow, WrongState
from storage.people import Grant, Held, Rules
from storage.records import NewPhoto
from storage.states import Access, ConsentState, Depicts, GrantKind, JobKind, JobState, ReportState
from tests.storage.conftest import Clock
from tests.storage.story import CHANNEL, OWNER, PAINTER, SHOWN, Story, painting, story, subject

DAY = 24 * 3600


async def test_a_word_is_asked_given_and_taken_back_once(store: Store, scope: Scope) -> None:
    made = await subject(store, scope)
    with pytest.raises(NoSuchRow):
        await store.consents.of_subject(scope, made.id)
    consent = await store.consents.create(scope, made.id, depicts=Depicts.MEMBER, member_id=None, words="1")
    assert (consent.state, consent.given, consent.decided_at) == (ConsentState.OPEN, False, None)
    assert (await store.consents.ask(scope, made.id, SHOWN)).member_id == SHOWN
    assert (await store.consents.ask(scope, made.id, PAINTER)).member_id == PAINTER
    given = await store.consents.give(scope, made.id, "2")
    assert given.given and given.words == "2" and given.decided_at is not None
    assert await store.consents.give(scope, made.id, "3") == given
    with pytest.raises(WrongState):
        await store.consents.ask(scope, made.id, SHOWN)
    assert (await store.consents.revoke(scope, made.id)).state is ConsentState.REVOKED
    assert (await store.consents.revoke(scope, made.id)).state is ConsentState.REVOKED
    for late in (store.consents.give(scope, made.id, "2"), store.consents.ask(scope, made.id, SHOWN)):
        with pytest.raises(WrongState):
            await late
    anew = await store.consents.ask(scope, made.id, PAINTER)
    assert (anew.state, anew.decided_at) == (ConsentState.ASKED, None)


async def test_what_shows_nobody_needs_nobodys_word(store: Store, scope: Scope) -> None:
    made = await subject(store, scope)
    consent = await store.consents.create(scope, made.id, depicts=Depicts.NOBODY, member_id=None, words="1")
    assert consent.given and consent.member_id is None


@pytest.mark.parametrize(
    ("access", "grants", "may"),
    [
        (Access.ME, (), {OWNER, SHOWN}),
        (Access.SERVER, (), {OWNER, SHOWN, PAINTER, 77, 78}),
        (Access.ME, (Grant(GrantKind.MEMBER, PAINTER),), {OWNER, SHOWN, PAINTER}),
        (Access.ME, (Grant(GrantKind.ROLE, 5),), {OWNER, SHOWN, 77}),
        (Access.ME, (Grant(GrantKind.ROLE, 77),), {OWNER, SHOWN}),
    ],
)
async def test_who_may_use_a_lora(
    store: Store, scope: Scope, access: Access, grants: tuple[Grant, ...], may: set[int]
) -> None:
    planted = await story(store, scope)
    await store.loras.share(scope, planted.lora.id, access, grants)
    assert await store.loras.grants(scope, planted.lora.id) == grants
    roles = {77: (5, 6), PAINTER: (6,)}
    for member in (OWNER, SHOWN, PAINTER, 77, 78):
        listed = await store.loras.list(scope, for_member=member, roles=roles.get(member, ()))
        assert bool(listed) == (member in may), member
    await store.loras.withdraw(scope, planted.lora.id)
    for member in (None, OWNER, SHOWN, PAINTER, 77):
        assert await store.loras.list(scope, for_member=member, roles=(5, 6)) == ()
    assert (await store.loras.of_subject(scope, planted.subject.id))[0].withdrawn_at is not None
    assert await store.loras.grants(scope, planted.lora.id) == ()


async def test_rules_are_kept_whole_and_a_later_versions_key_is_passed_over(store: Store, scope: Scope) -> None:
    assert await store.guilds.rules(scope) == Rules()
    rules = Rules((1, 2), (3,), 4, 5, 6, 7, 8, 9)
    await store.guilds.decide(scope, rules, by=OWNER)
    assert await store.guilds.rules(scope) == rules
    async with store.write():
        await store.database.change("""UPDATE guilds SET rules = json_set(rules, '$.fashion', 'red')""")
    assert await store.guilds.all_everywhere() == ((scope, rules),)


async def test_a_line_of_the_audit_only_ever_loses_its_name(store: Store, scope: Scope) -> None:
    await store.audit.add(scope, "shared", OWNER, lora_id=3)
    (line,) = await store.audit.list(scope)
    assert (line.who_id, line.act, line.lora_id) == (OWNER, "shared", 3)
    for wrong in ("act = 'published'", "who_id = 8", "lora_id = 9", "at = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            async with store.write():
                await store.database.change(f"UPDATE audit SET {wrong}")
    await store.members.take_name_out(scope, OWNER)
    assert [(a.who_id, a.act) for a in await store.audit.list(scope)] == [(0, "shared")]


async def test_the_audit_of_one_subject_is_about_it_and_its_loras(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    await store.audit.add(scope, "asked", OWNER, subject_id=planted.subject.id)
    await store.audit.add(scope, "ruled", OWNER)
    lines = await store.audit.list(scope, subject_id=planted.subject.id)
    assert [line.act for line in lines] == ["asked", "published"]
    older = await store.audit.list(scope, before=lines[0].id)
    assert [line.act for line in older] == ["published"]


async def test_one_open_report_per_painting_and_one_decision(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    report = await store.reports.open_of(scope, planted.painting.id)
    assert report is not None and await store.reports.create(scope, planted.painting.id, 99) == report
    decided = await store.reports.decide(scope, report.id, ReportState.KEPT, by=9)
    assert (decided.state, decided.decided_by) == (ReportState.KEPT, 9)
    assert await store.reports.decide(scope, report.id, ReportState.KEPT, by=8) == decided
    with pytest.raises(WrongState):
        await store.reports.decide(scope, report.id, ReportState.REMOVED, by=9)
    assert (await store.reports.create(scope, planted.painting.id, 99)).id != report.id


async def test_messages_are_taken_down_once_and_nothing_more_is_posted(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    posts = [("winner", str(planted.lora.id)), ("status", str(planted.run.id)), ("pictures", planted.painting.id)]
    for _ in range(2):
        await store.erasures.take_down(scope, posts)
    due = await store.erasures.due_everywhere()
    assert {erasure.message_id for erasure in due} == {7003, 7001, 7002}
    assert await store.outbox.list(scope) == () and await store.outbox.pending_everywhere() == ()
    assert await store.outbox.by_message(scope, 7003) is None
    assert await store.cards.get(scope, purpose="status", ref=planted.run.id) is None
    for erasure in due:
        await store.erasures.done(scope, erasure.channel_id, erasure.message_id)
    assert await store.erasures.due_everywhere() == ()


async def test_a_painting_goes_with_any_of_its_loras(store: Store, scope: Scope) -> None:
    planted = await story(store, scope)
    made = await store.jobs.enqueue(
        scope, "both", kind=JobKind.PAINT, request_id="both", member_id=PAINTER, channel_id=CHANNEL,
        key_id=await store.keys.create(scope), spec="{}", lora_ids=[planted.lora.id],
    )  # fmt: skip
    other = await subject(store, scope, "other")
    assert await store.jobs.painted_with(scope, "both") == (planted.lora.id,)
    assert await store.loras.painted_with(scope, planted.lora.id) == ("both", planted.painting.id)
    await store.subjects.forget(scope, other.id)
    assert (await store.jobs.get(scope, made.job.id)).state is JobState.QUEUED
    async with store.write():  # as if it stood second in the painting
        await store.database.change("UPDATE jobs SET lora_id = NULL WHERE id = 'both'")
    await store.subjects.forget(scope, planted.subject.id)
    with pytest.raises(NoSuchRow):
        await store.jobs.get(scope, "both")
    assert not store.database.vault.knows(made.job.key_id)


async def test_a_forgotten_member_leaves_no_id(store: Store, scope: Scope) -> None:
    planted, other = await story(store, scope), await story(store, Scope(200))
    await store.ballots.close(scope, planted.ballot.id, 1)
    tally = await store.ballots.tally(scope, planted.ballot.id)
    assert await store.members.held(scope, PAINTER) == Held(0, 0, 0, 1, 0, 1, 0, 1)
    assert await store.members.held(scope, OWNER) == Held(1, 1, 1, 0, 0, 0, 1, wishes=1)
    assert await store.members.subjects(scope, SHOWN) == (planted.subject.id,)
    assert await store.members.paintings(scope, PAINTER) == (planted.painting.id,)
    await store.jobs.delete(scope, planted.painting.id)
    for member in (PAINTER, OWNER, SHOWN):
        await store.members.take_name_out(scope, member)
    assert await store.ballots.tally(scope, planted.ballot.id) == tally
    assert all(vote.member_id < 0 for vote in await store.ballots.votes(scope, planted.ballot.id))
    assert await store.members.held(scope, PAINTER) == Held(0, 0, 0, 0, 0, 0, 0)
    assert await store.wishes.of_run(scope, planted.run.id) == ()
    assert len(await store.wishes.of_run(Scope(200), other.run.id)) == 1
    assert (await store.members.held(Scope(200), PAINTER)).pictures == 1
    assert (await store.loras.get(Scope(200), other.lora.id)).default_prompt


async def test_a_vote_is_still_never_changed(store: Store, scope: Scope) -> None:
    await story(store, scope)
    for wrong in ("epoch = 2", "member_id = 5", "member_id = -1, epoch = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            async with store.write():
                await store.database.change(f"UPDATE votes SET {wrong}")


async def trained(store: Store, scope: Scope, clock: Clock) -> Story:
    planted = await story(store, scope)
    await store.epochs.record(scope, planted.run.id, 2, lora_sha256="2" * 64, previews=["3" * 64])
    async with store.write():
        await store.database.change("UPDATE jobs SET state = 'done', ended_at = ?", clock.now)
        await store.database.change("UPDATE runs SET state = 'published'")
        await store.database.change("UPDATE datasets SET state = 'frozen'")
    return planted


async def test_what_time_has_come_for_is_found_and_given_up(store: Store, scope: Scope, clock: Clock) -> None:
    planted = await trained(store, scope, clock)
    now, later = clock.now, clock.now + DAY
    assert await store.datasets.trained_before(scope, now) == ()
    assert [d.id for d in await store.datasets.trained_before(scope, later)] == [planted.dataset.id]
    assert await store.photos.delete(scope, planted.dataset.id) == (planted.photo.raw_sha256,)
    assert await store.datasets.trained_before(scope, later) == ()

    assert await store.runs.published_before(scope, now) == ()
    assert [r.id for r in await store.runs.published_before(scope, later)] == [planted.run.id]
    assert await store.epochs.delete_but(scope, planted.run.id, 1) == ("2" * 64, "3" * 64)
    assert await store.runs.published_before(scope, later) == ()
    assert [epoch.number for epoch in await store.epochs.list(scope, planted.run.id)] == [1]

    assert await store.jobs.painted_before(scope, now) == ()
    assert await store.jobs.painted_before(scope, later) == (), "somebody's favourite"
    await store.favourites.drop(scope, planted.picture.id, PAINTER)
    assert [job.id for job in await store.jobs.painted_before(scope, later)] == [planted.painting.id]
    await store.pictures.delete(scope, planted.painting.id)
    assert await store.jobs.painted_before(scope, later) == ()


async def test_photos_of_a_training_that_is_not_over_stay(store: Store, scope: Scope, clock: Clock) -> None:
    planted = await trained(store, scope, clock)
    await store.photos.add(scope, planted.dataset.id, [NewPhoto("x.jpg", "1" * 64)], request_id="again")
    async with store.write():
        await store.database.change("UPDATE runs SET state = 'voting'")
    assert await store.datasets.trained_before(scope, clock.now + DAY) == ()


async def test_how_much_a_member_asked_for_is_counted_from_a_time_on(store: Store, scope: Scope, clock: Clock) -> None:
    await painting(store, scope, "one", 7)
    clock.now += DAY
    await painting(store, scope, "two", 7)
    assert await store.jobs.asked_since(scope, 7, JobKind.PAINT, clock.now - DAY) == 2
    assert await store.jobs.asked_since(scope, 7, JobKind.PAINT, clock.now) == 1
    assert await store.jobs.asked_since(scope, 7, JobKind.TRAIN, 0) == 0


async def test_an_older_database_gets_a_consent_for_each_subject(tmp_path: Path) -> None:
    from contextlib import closing

    from storage.database import connect
    from storage.migration import FOLDER, migrate, statements

    path = tmp_path / "old.db"
    with closing(connect(path)) as old:
        for statement in statements((FOLDER / "0001_nouns.sql").read_text()):
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        for kind, trigger in (("person", "ohwx"), ("style", "zwxq")):
            old.execute(
                "INSERT INTO subjects (guild_id, owner_id, name, kind, class_word, trigger, consent_version, consented_at,"
                " access, channel_id, created_at) VALUES (1, 2, 'n', ?, 'w', ?, '1', 50, 'me', 3, 50)",
                (kind, trigger),
            )
    migrate(path, backup=lambda version: tmp_path / "copy.db")
    with closing(connect(path)) as new:
        found = [tuple(row) for row in new.execute("SELECT depicts, member_id, state FROM consents ORDER BY id")]
    assert found == [("agreed", 2, "given"), ("nobody", None, "given")]
