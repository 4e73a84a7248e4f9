"""The outbox marks each message once; cards remember where the live one sits."""

from __future__ import annotations

import asyncio

import pytest

from storage import Scope, Store
from storage.errors import WrongState
from storage.states import OutboxState
from tests.storage.conftest import Clock


async def test_marked_after_sending_and_only_once(store: Store, scope: Scope, clock: Clock) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="winner", ref=4)
    assert row.nonce == str(row.id)
    assert [pending.id for pending in await store.outbox.pending_everywhere()] == [row.id]
    marked = await store.outbox.sent(scope, row.id, 777)
    clock.now += 5
    assert await store.outbox.sent(scope, row.id, 888) == marked
    assert (marked.state, marked.message_id) == (OutboxState.SENT, 777)
    assert await store.outbox.pending_everywhere() == ()


async def test_two_presenters_at_once_mark_one_message(store: Store, scope: Scope) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="winner", ref=4)
    marked = await asyncio.gather(*(store.outbox.sent(scope, row.id, message_id) for message_id in range(50, 60)))
    assert len({each.message_id for each in marked}) == 1


async def test_once_is_once_for_ever(store: Store, scope: Scope) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="epoch", ref=4, once=True)
    await store.outbox.sent(scope, row.id, 777)
    again = await store.outbox.add(scope, channel_id=9, purpose="epoch", ref=4, once=True)
    assert (again.id, again.state) == (row.id, OutboxState.SENT)
    other = await store.outbox.add(scope, channel_id=9, purpose="epoch", ref=5, once=True)
    assert other.id != row.id


async def test_pending_rows_of_one_card_are_one(store: Store, scope: Scope) -> None:
    first = await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)
    assert (await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)).id == first.id
    assert (await store.outbox.add(scope, channel_id=10, purpose="crops", ref=4)).id != first.id
    await store.outbox.sent(scope, first.id, 1)
    assert (await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)).id != first.id


async def test_dropped_is_final(store: Store, scope: Scope) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)
    dropped = await store.outbox.dropped(scope, row.id, "the channel is gone")
    assert await store.outbox.dropped(scope, row.id, "again") == dropped
    with pytest.raises(WrongState):
        await store.outbox.sent(scope, row.id, 5)
    assert await store.outbox.list(scope, purpose="crops", ref=4) == (dropped,)


async def test_a_sent_row_is_not_dropped(store: Store, scope: Scope) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)
    await store.outbox.sent(scope, row.id, 5)
    with pytest.raises(WrongState):
        await store.outbox.dropped(scope, row.id, "too late")


async def test_a_nonce_never_comes_twice(store: Store, scope: Scope) -> None:
    row = await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)
    async with store.write():
        await store.database.change("DELETE FROM outbox")
    assert (await store.outbox.add(scope, channel_id=9, purpose="crops", ref=4)).id > row.id


async def test_a_payload_is_sealed_and_needs_a_key(store: Store, scope: Scope) -> None:
    key_id = await store.keys.create(scope)
    row = await store.outbox.add(scope, channel_id=9, purpose="note", ref=1, payload="dear Katerina", key_id=key_id)
    assert row.payload == "dear Katerina"
    with pytest.raises(ValueError, match="key"):
        await store.outbox.add(scope, channel_id=9, purpose="note", ref=2, payload="x")
    await store.keys.forget(scope, key_id)
    dark = await store.outbox.get(scope, row.id)
    assert (dark.state, dark.payload) == (OutboxState.DROPPED, "")


async def test_a_card_moves_and_is_edited(store: Store, scope: Scope, clock: Clock) -> None:
    where = {"purpose": "status", "ref": 3}
    assert await store.cards.get(scope, **where) is None
    first = await store.cards.posted(scope, **where, channel_id=9, message_id=70, content_hash="a")
    clock.now += 10
    await store.cards.edited(scope, **where, content_hash="b")
    card = await store.cards.get(scope, **where)
    assert card is not None
    assert (card.content_hash, card.posted_at, card.edited_at) == ("b", first.posted_at, clock.now)
    await store.cards.posted(scope, **where, channel_id=9, message_id=71, content_hash="c")
    assert await store.cards.by_message(scope, 70) is None
    moved = await store.cards.by_message(scope, 71)
    assert moved is not None
    assert moved.ref == "3"
    await store.cards.gone(scope, **where)
    assert await store.cards.get(scope, **where) is None
