"""LoRAs as rows, without the training that would have made them."""

from __future__ import annotations

from typing import Any

from engine.script import lora_file
from storage.people import Grant
from storage.records import Lora, Scope
from storage.states import Access, Depicts, RunState, SubjectKind
from storage.store import Store
from tests.studio.house import CHANNEL, OWNER, ROOM, SCOPE, House


async def planted(house: House, name: str = "kat3r1na-gen0", **more: Any) -> Lora:
    """In the house's guild, by its owner; see `planted_in`."""
    lora = await planted_in(house.store, SCOPE, name, **{"owner": OWNER, "channel_id": CHANNEL, **more})
    house.studio.library.changed(SCOPE)
    return lora


async def planted_in(
    store: Store,
    scope: Scope,
    name: str,
    *,
    owner: int,
    channel_id: int,
    trigger: str = "ohwx",
    access: str = "server",
    shows: int | None = None,
    grants: tuple[Grant, ...] = (),
    epochs: int = 3,
) -> Lora:
    """Published from its last epoch; all of its epochs are kept. `shows`: a member who allowed it."""
    async with store.write():
        subject = await store.subjects.create(
            scope,
            owner_id=owner,
            name=name.removesuffix("-gen0"),
            kind=SubjectKind.PERSON,
            class_word="person",
            trigger=trigger,
            consent_version="1",
            channel_id=channel_id,
        )
        dataset = await store.datasets.create(scope, subject.id, draft=name, thread_id=ROOM)
    files = [lora_file(f"{name}{number}", 4) for number in range(1, epochs + 1)]
    stored = [await store.blobs.put(scope, dataset.key_id, data) for data in files]
    async with store.write():
        depicts = Depicts.ME if shows is None else Depicts.MEMBER
        await store.consents.create(scope, subject.id, depicts=depicts, member_id=shows or owner, words="1")
        await store.consents.give(scope, subject.id, "1")
        run = await store.runs.create(
            scope, dataset.id, recipe={"epochs": epochs}, base="miniature", trigger=trigger, class_word="person"
        )
        for number, sha256 in enumerate(stored, 1):
            await store.epochs.record(scope, run.id, number, lora_sha256=sha256)
        for state in (RunState.PREPARING, RunState.TRAINING, RunState.VOTING, RunState.PUBLISHED):
            await store.runs.move(scope, run.id, state)
        published = await store.loras.publish(
            scope,
            run.id,
            epoch=epochs,
            name=name,
            trigger=trigger,
            base="miniature",
            sha256=stored[-1],
            key_id=dataset.key_id,
            access=Access(access),
            owner_id=owner,
        )
        await store.loras.share(scope, published.lora.id, Access(access), grants)
    return published.lora
