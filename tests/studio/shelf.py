"""LoRAs as rows, without the training that would have made them."""

from __future__ import annotations

from engine.script import lora_file
from storage.people import Grant
from storage.records import Lora
from storage.states import Access, Depicts, RunState, SubjectKind
from tests.studio.house import CHANNEL, OWNER, ROOM, SCOPE, House


async def planted(
    house: House,
    name: str = "kat3r1na-gen0",
    *,
    trigger: str = "ohwx",
    access: str = "server",
    owner: int = OWNER,
    shows: int | None = None,
    grants: tuple[Grant, ...] = (),
    epochs: int = 3,
) -> Lora:
    """Published from its last epoch; all of its epochs are kept. `shows`: a member who allowed it."""
    store = house.store
    async with store.write():
        subject = await store.subjects.create(
            SCOPE,
            owner_id=owner,
            name=name.removesuffix("-gen0"),
            kind=SubjectKind.PERSON,
            class_word="person",
            trigger=trigger,
            consent_version="1",
            channel_id=CHANNEL,
        )
        dataset = await store.datasets.create(SCOPE, subject.id, draft=name, thread_id=ROOM)
    files = [lora_file(f"{name}{number}", 4) for number in range(1, epochs + 1)]
    stored = [await store.blobs.put(SCOPE, dataset.key_id, data) for data in files]
    async with store.write():
        depicts = Depicts.ME if shows is None else Depicts.MEMBER
        await store.consents.create(SCOPE, subject.id, depicts=depicts, member_id=shows or owner, words="1")
        await store.consents.give(SCOPE, subject.id, "1")
        run = await store.runs.create(
            SCOPE, dataset.id, recipe={"epochs": epochs}, base="miniature", trigger=trigger, class_word="person"
        )
        for number, sha256 in enumerate(stored, 1):
            await store.epochs.record(SCOPE, run.id, number, lora_sha256=sha256)
        for state in (RunState.PREPARING, RunState.TRAINING, RunState.VOTING, RunState.PUBLISHED):
            await store.runs.move(SCOPE, run.id, state)
        published = await store.loras.publish(
            SCOPE,
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
        await store.loras.share(SCOPE, published.lora.id, Access(access), grants)
    house.studio.library.changed(SCOPE)
    return published.lora
