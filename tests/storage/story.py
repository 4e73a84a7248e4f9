"""One guild's whole story as rows: what the tests of isolation, forgetting and backups plant and look for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage import Scope, Store
from storage.answers import Answer
from storage.ballots import Ballot
from storage.people import ChannelRules, Grant, Rules
from storage.records import (
    Box,
    Dataset,
    Epoch,
    Face,
    Job,
    Lora,
    NewPhoto,
    NewPicture,
    Outgoing,
    Photo,
    Picture,
    Run,
    Subject,
)
from storage.revisions import Revision
from storage.states import Access, Depicts, GrantKind, JobKind, SubjectKind
from storage.wishes import Wish

PHOTO = b"CANARY-photo-bytes " * 50
LORA = b"CANARY-lora-bytes " * 50
PICTURE = b"CANARY-picture-bytes " * 50
SECRETS = (
    "CANARY-IMG_0815.jpg",
    "CANARY wearing a red sweater",
    "CANARY prompt of ohwx on the moon",
    "CANARY negative words",
    "CANARY payload",
)
NAME, CAPTION, PROMPT, NEGATIVE, PAYLOAD = SECRETS
OWNER, PAINTER, SHOWN, CHANNEL, MESSAGE = 11, 12, 13, 900, 7_000


@dataclass(frozen=True)
class Story:
    subject: Subject
    dataset: Dataset
    photo: Photo
    run: Run
    training: Job
    epoch: Epoch
    ballot: Ballot
    lora: Lora
    painting: Job
    picture: Picture
    outgoing: Outgoing
    answer: Answer
    revision: Revision
    wish: Wish


async def subject(store: Store, scope: Scope, trigger: str = "ohwx") -> Subject:
    return await store.subjects.create(
        scope,
        owner_id=OWNER,
        name="Katerina",
        kind=SubjectKind.PERSON,
        class_word="woman",
        trigger=trigger,
        consent_version="1",
        channel_id=CHANNEL,
    )


async def dataset(store: Store, scope: Scope, trigger: str = "ohwx") -> Dataset:
    return await store.datasets.create(scope, (await subject(store, scope, trigger)).id, draft=f"draft-{trigger}")


async def run(store: Store, scope: Scope, of: Dataset | None = None) -> Run:
    of = of or await dataset(store, scope)
    return await store.runs.create(
        scope, of.id, recipe={"rank": 16}, base="miniature", trigger="ohwx", class_word="woman"
    )


async def painting(store: Store, scope: Scope, job_id: str, member_id: int = PAINTER, *, spec: str = "{}") -> Job:
    made = await store.jobs.enqueue(
        scope,
        job_id,
        kind=JobKind.PAINT,
        request_id=f"request-{job_id}",
        member_id=member_id,
        channel_id=CHANNEL,
        key_id=await store.keys.create(scope),
        spec=spec,
    )
    assert made.is_new
    return made.job


async def training(
    store: Store, scope: Scope, job_id: str, of: Run, *, request_id: str = "", member_id: int = OWNER
) -> Job:
    key_id = (await store.datasets.get(scope, of.dataset_id)).key_id
    made = await store.jobs.enqueue(
        scope,
        job_id,
        kind=JobKind.TRAIN,
        request_id=request_id or f"request-{job_id}",
        member_id=member_id,
        channel_id=CHANNEL,
        key_id=key_id,
        spec="{}",
        dataset_id=of.dataset_id,
        run_id=of.id,
    )
    return made.job


async def story(store: Store, scope: Scope) -> Story:
    """Everything from the first upload to a painted picture; the training and the painting still live."""
    await store.departures.left(scope)
    its_dataset = await dataset(store, scope)
    key = its_dataset.key_id
    photo_sha = await store.blobs.put(scope, key, PHOTO)
    lora_sha = await store.blobs.put(scope, key, LORA)
    (photo,) = await store.photos.add(scope, its_dataset.id, [NewPhoto(NAME, photo_sha)], request_id="upload")
    photo = await store.photos.keep(
        scope,
        photo.id,
        clean_sha256=photo_sha,
        width=640,
        height=480,
        faces=[Face(Box(10, 20, 110, 130), 0.9, likely_subject=True)],
        crop=Box(0, 0, 256, 256),
        flags=["group"],
        sharpness=12.5,
        caption=CAPTION,
    )
    await store.crop_steps.add(scope, photo)
    await store.measures.put(scope, photo.id, '{"face": 110}')
    answer = await store.answers.add(
        scope, its_dataset.id, request_id="answer", matter="copies", about=[photo.id], dropped=[photo.id]
    )
    await store.revisions.add(
        scope, its_dataset.id, request_id="revision", what="one", before={1: ""}, after={1: CAPTION}
    )
    revision = await store.revisions.last(scope, its_dataset.id)
    assert revision is not None
    its_run = await run(store, scope, its_dataset)
    train = await training(store, scope, f"train-{scope.guild_id}", its_run)
    epoch = (await store.epochs.record(scope, its_run.id, 1, lora_sha256=lora_sha, loss=0.1, likeness=70.0)).epoch
    ballot = await store.ballots.open(scope, its_run.id, channel_id=CHANNEL, options=[1, 2], closes_at=2_000_000_000)
    ballot = await store.ballots.posted(scope, ballot.id, channel_id=CHANNEL, message_id=MESSAGE)
    await store.ballots.vote(scope, ballot.id, PAINTER, 1)
    lora = (
        await store.loras.publish(
            scope,
            its_run.id,
            epoch=1,
            name="kat3r1na-gen0",
            trigger="ohwx",
            base="miniature",
            sha256=lora_sha,
            key_id=key,
            access=Access.SERVER,
            owner_id=OWNER,
        )
    ).lora
    made = await store.jobs.enqueue(
        scope,
        f"paint-{scope.guild_id}",
        kind=JobKind.PAINT,
        request_id="imagine",
        member_id=PAINTER,
        channel_id=CHANNEL,
        key_id=await store.keys.create(scope),
        spec=PROMPT,
        lora_ids=[lora.id],
    )
    picture_sha = await store.blobs.put(scope, made.job.key_id, PICTURE)
    (picture,) = await store.pictures.add(
        scope, made.job, [NewPicture(7, picture_sha)], prompt=PROMPT, params={"negative": NEGATIVE, "steps": 25}
    )
    outgoing = await store.outbox.add(
        scope, channel_id=CHANNEL, purpose="pictures", ref=made.job.id, payload=PAYLOAD, key_id=made.job.key_id
    )
    await store.cards.posted(
        scope, purpose="status", ref=its_run.id, channel_id=CHANNEL, message_id=MESSAGE + 1, content_hash="abc"
    )
    await store.consents.create(scope, its_dataset.subject_id, depicts=Depicts.MEMBER, member_id=SHOWN, words="1")
    await store.loras.share(scope, lora.id, Access.SERVER, [Grant(GrantKind.MEMBER, PAINTER)])
    lora = await store.loras.set_default_prompt(scope, lora.id, PROMPT)
    await store.handouts.add(scope, lora.id, f"{scope.guild_id:032}", 2_000_000_000)
    await store.lineage.make_of_pictures(scope, its_dataset.id, [its_dataset.subject_id], request_id="none of them")
    await store.guilds.decide(scope, Rules(training_roles=(5,)), by=OWNER)
    await store.channels.decide(scope, CHANNEL, ChannelRules(lora_id=lora.id, most=2), by=OWNER)
    await store.favourites.keep(scope, picture.id, PAINTER)
    await store.audit.add(scope, "published", OWNER, lora_id=lora.id)
    await store.reports.create(scope, made.job.id, SHOWN)
    announced = await store.outbox.add(scope, channel_id=CHANNEL, purpose="winner", ref=lora.id, once=True)
    await store.outbox.sent(scope, announced.id, MESSAGE + 3)
    await store.erasures.add(scope, CHANNEL, MESSAGE + 2)
    return Story(
        await store.subjects.get(scope, its_dataset.subject_id),
        its_dataset,
        photo,
        its_run,
        train,
        epoch,
        ballot,
        lora,
        made.job,
        picture,
        outgoing,
        answer,
        revision,
        await store.wishes.add(scope, its_run.id, OWNER, channel_id=CHANNEL + 1, language="de"),
    )


def files_under(*folders: Path) -> bytes:
    """All bytes of all files below, one after the other."""
    found: list[bytes] = []
    for folder in folders:
        found += [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\0".join(found)
