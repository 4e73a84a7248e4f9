"""A character made from generated pictures, and whose word it takes where the pictures show a real person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio.requests import Who
from bot.studio.teaching import Begun
from storage.database import Database, Value
from storage.states import ConsentState, Depicts, Origin, PhotoState
from tests.studio.house import CHANNEL, FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given
from tests.studio.test_people import trained

HALL = 888


async def kept(house: House, prompt: str, count: int = 8, member: int = OWNER) -> tuple[int, ...]:
    """Pictures this member had painted and keeps: their ids."""
    house.settings = replace(house.settings, pictures=4)
    found: list[int] = []
    while len(found) < count:
        job = (await house.studio.imagine(house.who(member), house.imagine(prompt, count=4))).job_id
        await house.settled()
        for picture in await house.store.pictures.of_job(SCOPE, job):
            await house.store.favourites.keep(SCOPE, picture.id, member)
            found.append(picture.id)
    return tuple(found)


async def taught(house: House, pictures: tuple[int, ...], member: int = OWNER, draft: str = "teach") -> Begun:
    begun = await house.studio.teaching.begin(house.who(member), draft, "Sir Moon", pictures, HALL)
    await house.settled()
    return begun


async def test_the_form_takes_as_many_readings_however_many_favourites(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(read: Any) -> Any:
        async def counted(self: Database, sql: str, *values: Value) -> Any:
            asked.append(sql)
            return await read(self, sql, *values)

        return counted

    for name in ("row", "rows"):
        monkeypatch.setattr(Database, name, counting(getattr(Database, name)))
    async with house.life() as studio:
        counts: list[int] = []
        for more in (8, 16):
            await kept(house, f"a knight on the moon, {more}", more)
            asked.clear()
            assert len(await studio.teaching.choices(house.who())) == (8 if more == 8 else 24)
            counts.append(len(asked))
        assert counts[0] == counts[1] <= 3, asked


async def test_favourites_become_the_photos_of_a_character(house: House) -> None:
    async with house.life() as studio:
        pictures = await kept(house, "a knight on the moon")
        choices = await studio.teaching.choices(house.who())
        assert {choice.picture_id for choice in choices} == set(pictures)
        assert sorted(choice.number for choice in choices) == list(range(1, 9))
        begun = await taught(house, pictures[:6])
        subject = await house.store.subjects.get(SCOPE, 1)
        consent = await house.store.consents.of_subject(SCOPE, 1)
        assert (subject.kind, consent.depicts, consent.given, begun.asked) == ("character", "nobody", True, None)
        dataset = await house.store.datasets.get(SCOPE, begun.reading.dataset_id)
        assert dataset.from_pictures and dataset.thread_id == HALL
        photos = await house.store.photos.list(SCOPE, dataset.id)
        assert len(photos) == 6 and {photo.origin for photo in photos} == {Origin.PAINTED}
        again = await taught(house, pictures[:6])
        assert again.reading.dataset_id == dataset.id and len(await house.store.photos.list(SCOPE, dataset.id)) == 6

        await studio.accept_crops(house.who(), dataset.id)
        await studio.accept_captions(house.who(), dataset.id)
        await studio.choose(house.who(), dataset.id, wants_vote=False)
        await studio.start_training(house.who(), dataset.id)
        await house.settled()
        card = await studio.keeping.named(house.who(), "sir-moon-gen0")
        assert card.from_pictures
        source = await studio.retraining.of_lora(house.who(), card.lora_id)
        opened = await studio.retraining.open(house.who(), source, draft="again", room_id=HALL)
        version = await house.store.datasets.get(SCOPE, opened.dataset_id)
        assert version.from_pictures, "what it was made from goes on with the next version"


async def test_too_few_too_many_and_those_of_others(house: House) -> None:
    async with house.life() as studio:
        with pytest.raises(UserError, match="keep 0 pictures"):
            await studio.teaching.choices(house.who())
        pictures = await kept(house, "a knight")
        with pytest.raises(UserError, match="Choose 5 to 50"):
            await taught(house, pictures[:4])
        for picture in pictures:
            await house.store.favourites.keep(SCOPE, picture, FRIEND)
        with pytest.raises(NotAllowed, match="had painted yourself"):
            await taught(house, pictures, FRIEND)
        await house.store.favourites.drop(SCOPE, pictures[0], OWNER)
        with pytest.raises(NotAllowed, match="favourites of yours"):
            await taught(house, pictures)
        assert await house.store.subjects.list(SCOPE) == ()


async def test_pictures_of_a_person_need_that_persons_word(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)  # a friend's face
        trigger = (await house.store.loras.get(SCOPE, 1)).trigger
        pictures = await kept(house, f"{trigger} as a knight")
        begun = await taught(house, pictures)
        assert begun.asked == FRIEND
        subject, consent = await house.store.subjects.get(SCOPE, 2), await house.store.consents.of_subject(SCOPE, 2)
        assert (subject.kind, consent.depicts, consent.state) == ("person", Depicts.MEMBER, ConsentState.ASKED)
        assert consent.member_id == FRIEND
        for other in (OWNER, 55):
            with pytest.raises(NotAllowed, match="in their place"):
                await studio.people.ask(house.who(), 2, other)
        dataset = begun.reading.dataset_id
        await studio.accept_crops(house.who(), dataset)
        await studio.accept_captions(house.who(), dataset)
        with pytest.raises(NotAllowed, match="has not answered"):
            await studio.start_training(house.who(), dataset)
        await studio.people.allow(house.who(FRIEND), 2, adult=True)
        await studio.start_training(house.who(), dataset)
        await house.settled()

        await studio.people.revoke(house.who(FRIEND), 1)
        assert (await house.store.consents.of_subject(SCOPE, 2)).state is ConsentState.REVOKED
        assert await house.store.loras.list(SCOPE) == ()
        with pytest.raises(UserError, match="keep 0"):
            await studio.teaching.choices(house.who())


async def test_ones_own_face_needs_no_other_word(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        await studio.keeping.share(house.who(), 1, "server")
        trigger = (await house.store.loras.get(SCOPE, 1)).trigger
        begun = await taught(house, await kept(house, f"{trigger} as a knight", member=FRIEND), FRIEND)
        consent = await house.store.consents.of_subject(SCOPE, 2)
        assert begun.asked is None and consent.given and (consent.depicts, consent.member_id) == (Depicts.ME, FRIEND)


async def test_two_peoples_pictures_do_not_go_together(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        name = await house.published()
        first, second = [(await house.store.loras.get(SCOPE, n)).trigger for n in (1, 2)]
        assert name == "kat3r1na-gen0"
        pictures = (*await kept(house, f"{first} as a knight", 4), *await kept(house, f"{second} as a knight", 4))
        with pytest.raises(UserError, match="2 different people"):
            await studio.teaching.check(house.who(), pictures)


async def test_whoever_was_answered_for_is_answered_for_by_the_same_one_only(house: House) -> None:
    house.settings = replace(house.settings, attested=True)
    async with house.life() as studio:
        from tests.studio.test_people import hand_in

        dataset = await hand_in(house, "agreed")
        await studio.choose(house.who(), dataset, access="server", wants_vote=False)
        await studio.start_training(house.who(), dataset)
        await house.settled()
        trigger = (await house.store.loras.get(SCOPE, 1)).trigger
        stranger = await kept(house, f"{trigger} as a knight", member=55)
        with pytest.raises(NotAllowed, match="only somebody else here can answer"):
            await studio.teaching.check(Who(GUILD, 55, CHANNEL, "x"), stranger)
        mine = await kept(house, f"{trigger} as a queen")
        await taught(house, mine)
        consent = await house.store.consents.of_subject(SCOPE, 2)
        assert consent.given and consent.depicts is Depicts.AGREED


async def test_forgetting_a_lora_reaches_what_was_taught_from_its_pictures(house: House) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        trigger = (await house.store.loras.get(SCOPE, 1)).trigger
        await taught(house, await kept(house, f"{trigger} as a knight", member=FRIEND), FRIEND)
        await studio.forgetting.forget_me(house.who(FRIEND))
        assert house.store.database.vault.key_ids() == set()
        with pytest.raises(NotFound):
            await studio.privacy.subject(house.who(FRIEND), 2)
        assert ROOM != HALL and await house.store.photos.list(SCOPE, 2, PhotoState.KEPT) == () and given(1)
