"""Subjects, datasets, photos, runs, epochs, LoRAs, pictures, speeds: what each promises beyond keeping its columns."""

from __future__ import annotations

import dataclasses
import inspect
import itertools

import pytest

from storage import Scope, Store, records, states
from storage.errors import NameTaken, NoSuchRow, WrongState
from storage.records import Box, Dataset, Face, NewPhoto, NewPicture, Photo
from storage.states import Access, DatasetState, PhotoState, RunState, SubjectState
from tests.storage.conftest import Clock
from tests.storage.story import OWNER, PAINTER, dataset, painting, run, story, subject

SHA = "ab" * 32


def test_records_are_frozen() -> None:
    found = [cls for _, cls in inspect.getmembers(records, dataclasses.is_dataclass)]
    assert len(found) > 15
    assert all(cls.__dataclass_params__.frozen for cls in found)


@pytest.mark.parametrize("table", [states.SUBJECT, states.DATASET, states.PHOTO, states.RUN, states.JOB, states.OUTBOX])
def test_the_tables_of_states_are_complete_and_obeyed(table: dict[str, set[str]]) -> None:
    kind = type(next(iter(table)))
    assert set(table) == set(kind)
    for old, new in itertools.product(kind, kind):
        if new is old or new in table[old]:
            states.allow("thing", table, old, new)
        else:
            with pytest.raises(WrongState, match=f"{old} cannot become {new}"):
                states.allow("thing", table, old, new)


# -- subjects


async def test_a_trigger_word_is_taken_whatever_its_letters(store: Store, scope: Scope) -> None:
    first = await subject(store, scope, "ohwx")
    with pytest.raises(NameTaken):
        await subject(store, scope, "OHWX")
    await subject(store, Scope(999), "ohwx")
    second = await subject(store, scope, "sks")
    with pytest.raises(NameTaken):
        await store.subjects.set_trigger(scope, second.id, "Ohwx")
    assert (await store.subjects.set_trigger(scope, second.id, "SKS")).trigger == "SKS"
    found = await store.subjects.by_trigger(scope, "OhWx")
    assert found == first


async def test_a_retired_subject_frees_its_word(store: Store, scope: Scope) -> None:
    first = await subject(store, scope)
    assert (await store.subjects.retire(scope, first.id)).state is SubjectState.RETIRED
    assert (await subject(store, scope)).id != first.id
    assert len(await store.subjects.list(scope)) == 1


async def test_subjects_of_one_owner(store: Store, scope: Scope, clock: Clock) -> None:
    made = await subject(store, scope)
    assert await store.subjects.list(scope, owner_id=OWNER) == (made,)
    assert await store.subjects.list(scope, owner_id=OWNER + 1) == ()
    assert made.consented_at == clock.now
    assert (await store.subjects.set_access(scope, made.id, Access.SERVER)).access is Access.SERVER


# -- datasets


async def test_generations_count_up_and_a_draft_is_one_dataset(store: Store, scope: Scope) -> None:
    its_subject = await subject(store, scope)
    first = await store.datasets.create(scope, its_subject.id, draft="a")
    assert await store.datasets.create(scope, its_subject.id, draft="a") == first
    second = await store.datasets.create(scope, its_subject.id, draft="b")
    assert (first.generation, second.generation) == (0, 1)
    assert first.key_id != second.key_id
    assert await store.datasets.of_subject(scope, its_subject.id) == (first, second)


async def test_a_frozen_dataset_stays_frozen(store: Store, scope: Scope) -> None:
    made = await dataset(store, scope)
    for state in (DatasetState.CROPPING, DatasetState.CAPTIONING, DatasetState.READY, DatasetState.FROZEN):
        assert (await store.datasets.move(scope, made.id, state)).state is state
    with pytest.raises(WrongState):
        await store.datasets.move(scope, made.id, DatasetState.CROPPING)


async def test_choices_are_kept(store: Store, scope: Scope) -> None:
    made = await dataset(store, scope)
    await store.datasets.set_preset(scope, made.id, "quick")
    await store.datasets.set_wants_vote(scope, made.id, False)
    now = await store.datasets.get(scope, made.id)
    assert (now.preset, now.wants_vote) == ("quick", False)


# -- photos


async def given(store: Store, scope: Scope, to: Dataset, count: int = 3, request_id: str = "one") -> tuple[Photo, ...]:
    return await store.photos.add(
        scope, to.id, [NewPhoto(f"IMG_{n}.jpg", SHA) for n in range(count)], request_id=request_id
    )


async def test_photos_are_numbered_on_and_a_request_counts_once(store: Store, scope: Scope) -> None:
    made = await dataset(store, scope)
    first = await given(store, scope, made)
    assert await given(store, scope, made) == first
    second = await given(store, scope, made, 2, "two")
    assert [photo.number for photo in (*first, *second)] == [1, 2, 3, 4, 5]
    assert [photo.given_name for photo in second] == ["IMG_0.jpg", "IMG_1.jpg"]
    assert "IMG_0" not in repr(first)


async def test_what_the_engine_saw_comes_back_whole(store: Store, scope: Scope) -> None:
    photo, _, copy = await given(store, scope, await dataset(store, scope))
    faces = [Face(Box(1, 2, 3, 4), 0.75, likely_subject=True), Face(Box(5, 6, 7, 8), 0.5)]
    kept = await store.photos.keep(
        scope, photo.id, clean_sha256=SHA, width=640, height=480, faces=faces, crop=Box(0, 0, 256, 256),
        flags=["group", "blurred"], sharpness=3.5, caption="smiling",
    )  # fmt: skip
    assert (kept.faces, kept.crop, kept.flags) == (tuple(faces), Box(0, 0, 256, 256), ("group", "blurred"))
    assert (kept.width, kept.height, kept.sharpness, kept.caption) == (640, 480, 3.5, "smiling")
    refused = await store.photos.refuse(scope, copy.id, "is a copy", duplicate_of=photo.id)
    assert (refused.state, refused.reason, refused.duplicate_of) == (PhotoState.REFUSED, "is a copy", photo.id)
    assert [p.id for p in await store.photos.list(scope, photo.dataset_id, PhotoState.KEPT)] == [photo.id]


async def test_a_second_reading_does_not_undo_a_persons_hand(store: Store, scope: Scope) -> None:
    photo, *_ = await given(store, scope, await dataset(store, scope))
    await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=9, height=9, caption="read", flags=["group"])
    await store.photos.set_captions(scope, photo.dataset_id, {1: "edited"})
    await store.photos.set_crop(scope, photo.id, Box(1, 1, 2, 2), flags=())
    await store.photos.drop(scope, photo.id)
    again = await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=9, height=9, caption="read again")
    assert (again.state, again.caption, again.crop, again.flags) == (PhotoState.DROPPED, "edited", Box(1, 1, 2, 2), ())
    assert (await store.photos.take_back(scope, photo.id)).state is PhotoState.KEPT


async def test_a_refused_photo_is_not_kept_later(store: Store, scope: Scope) -> None:
    photo, *_ = await given(store, scope, await dataset(store, scope))
    refused = await store.photos.refuse(scope, photo.id, "is 50 px wide")
    assert await store.photos.refuse(scope, photo.id, "something else") == refused
    with pytest.raises(WrongState):
        await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=9, height=9)


async def test_a_refusal_is_a_code_with_its_numbers_and_what_moves_is_read_again(store: Store, scope: Scope) -> None:
    photo, *_ = await given(store, scope, await dataset(store, scope))
    refused = await store.photos.refuse(
        scope, photo.id, "is 50 px wide", cause="too_narrow", facts={"side": 50}, glimpse_sha256=SHA
    )
    assert (refused.cause, refused.facts, refused.glimpse_sha256) == ("too_narrow", {"side": 50}, SHA)
    again = await store.photos.take_first_frame(scope, photo.id)
    assert (again.state, again.first_frame, again.cause, again.reason) == (PhotoState.GIVEN, True, "", "")
    kept = await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=9, height=9)
    assert kept.state is PhotoState.KEPT and kept.first_frame


async def test_a_caption_that_came_with_the_photo_stays(store: Store, scope: Scope) -> None:
    made = await dataset(store, scope)
    photos = await store.photos.add(
        scope, made.id, [NewPhoto("a.jpg", SHA, "my words"), NewPhoto("b.jpg", SHA)], request_id="zip"
    )
    kept = [
        await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=9, height=9, caption="read")
        for photo in photos
    ]
    assert [photo.caption for photo in kept] == ["my words", "read"]
    assert "my words" not in repr(kept)


async def test_crops_go_back_one_press_at_a_time(store: Store, scope: Scope) -> None:
    photo, *_ = await given(store, scope, await dataset(store, scope))
    assert await store.crop_steps.back(scope, photo.id) is None
    now = await store.photos.keep(scope, photo.id, clean_sha256=SHA, width=99, height=99, flags=["group"])
    seen = [now]
    for side in range(1, 40):
        await store.crop_steps.add(scope, now)
        now = await store.photos.set_crop(scope, photo.id, Box(0, 0, side, side), flags=())
        seen.append(now)
    await store.crop_steps.add(scope, now)
    await store.photos.drop(scope, photo.id)
    assert await store.crop_steps.count(scope, photo.id) == 30
    for before in reversed(seen[-30:]):
        step = await store.crop_steps.back(scope, photo.id)
        assert step is not None and (step.state, step.crop, step.flags) == (before.state, before.crop, before.flags)
        assert await store.photos.get(scope, photo.id) == before
    assert await store.crop_steps.back(scope, photo.id) is None


async def test_captions_change_all_or_none(store: Store, scope: Scope) -> None:
    made = await dataset(store, scope)
    await given(store, scope, made)
    await store.photos.set_captions(scope, made.id, {1: "one", 2: "two"})
    with pytest.raises(NoSuchRow):
        await store.photos.set_captions(scope, made.id, {1: "changed", 44: "nobody"})
    assert [photo.caption for photo in await store.photos.list(scope, made.id)] == ["one", "two", ""]
    assert (await store.photos.numbered(scope, made.id, 2)).caption == "two"


# -- runs, epochs, LoRAs, pictures


async def test_an_epoch_is_recorded_once(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    base = await store.epochs.record(scope, its_run.id, 0, lora_sha256=None, previews=[SHA])
    first = await store.epochs.record(
        scope, its_run.id, 1, lora_sha256=SHA, previews=[SHA, SHA], likeness=61.5, loss=0.2
    )
    again = await store.epochs.record(scope, its_run.id, 1, lora_sha256="cd" * 32, likeness=1.0)
    assert (base.is_new, first.is_new, again.is_new) == (True, True, False)
    assert again.epoch == first.epoch
    assert (first.epoch.previews, first.epoch.likeness, first.epoch.fidelity) == ((SHA, SHA), 61.5, None)
    assert [epoch.number for epoch in await store.epochs.list(scope, its_run.id)] == [0, 1]


async def test_a_run_moves_along_its_diagram(store: Store, scope: Scope) -> None:
    its_run = await run(store, scope)
    await store.runs.move(scope, its_run.id, RunState.TRAINING)
    await store.runs.suggest(scope, its_run.id, epoch=4, reason="It is most alike.", seconds=61.0)
    failed = await store.runs.move(scope, its_run.id, RunState.FAILED, reason="The disk is full.")
    assert (failed.reason, failed.suggested, failed.seconds) == ("The disk is full.", 4, 61.0)
    assert dict(failed.recipe) == {"rank": 16}
    with pytest.raises(WrongState):
        await store.runs.move(scope, its_run.id, RunState.PUBLISHED)
    assert await store.runs.of_dataset(scope, its_run.dataset_id) == (failed,)


async def test_a_winner_is_published_once_and_its_name_is_taken(store: Store, scope: Scope) -> None:
    first = (await story(store, scope)).lora
    its_dataset = await dataset(store, scope, "other")
    its_run = await run(store, scope, its_dataset)

    async def publish(run_id: int, name: str) -> tuple[int, bool]:
        made = await store.loras.publish(
            scope, run_id, epoch=1, name=name, trigger="t", base="miniature", sha256=SHA, key_id=its_dataset.key_id,
            access=Access.ME, owner_id=OWNER,
        )  # fmt: skip
        return made.lora.id, made.is_new

    with pytest.raises(NameTaken):
        await publish(its_run.id, "KAT3R1NA-gen0")
    assert await publish(first.run_id, "another") == (first.id, False)
    second, is_new = await publish(its_run.id, "another")
    assert is_new
    assert {lora.id for lora in await store.loras.list(scope)} == {first.id, second}
    assert {lora.id for lora in await store.loras.list(scope, for_member=PAINTER)} == {first.id}
    assert {lora.id for lora in await store.loras.list(scope, for_member=OWNER)} == {first.id, second}
    await store.loras.share(scope, second, Access.SERVER)
    assert {lora.id for lora in await store.loras.list(scope, for_member=PAINTER)} == {first.id, second}
    found = await store.loras.by_name(scope, "Kat3r1na-GEN0")
    assert found == first


async def test_pictures_of_a_job_are_added_once(store: Store, scope: Scope) -> None:
    job = await painting(store, scope, "job")
    painted = [NewPicture(2**63 - 1, SHA), NewPicture(8, SHA)]
    first = await store.pictures.add(scope, job, painted, prompt="a portrait", params={"steps": 25, "negative": ""})
    assert await store.pictures.add(scope, job, painted, prompt="a portrait", params={}) == first
    assert [(picture.number, picture.seed) for picture in first] == [(0, 2**63 - 1), (1, 8)]
    assert dict(first[0].params) == {"steps": 25, "negative": ""}
    assert await store.pictures.of_member(scope, PAINTER, limit=1) == (first[1],)
    assert "portrait" not in repr(first)


# -- speeds


async def test_speeds_follow_what_is_measured(store: Store, clock: Clock) -> None:
    which = {"base": "miniature", "kind": "train"}
    assert await store.speeds.get(**which) is None
    assert (await store.speeds.learn(**which, device="cpu", seconds=1.0)).seconds == 1.0
    second = await store.speeds.learn(**which, device="cpu", seconds=2.0)
    assert (second.seconds, second.samples) == (pytest.approx(1.3), 2)
    for _ in range(20):
        await store.speeds.learn(**which, device="cpu", seconds=2.0)
    clock.now += 1
    await store.speeds.learn(**which, device="cuda:0", seconds=0.1)
    cpu, latest = await store.speeds.get(**which, device="cpu"), await store.speeds.get(**which)
    assert cpu is not None
    assert latest is not None
    assert cpu.seconds == pytest.approx(2.0, abs=0.01)
    assert latest.device == "cuda:0"
