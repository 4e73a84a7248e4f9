"""Prompts to start from: found by words, about whoever is meant, and nothing that one may not see."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

from bot.errors import NotFound
from bot.studio import inspiration, promptbook
from bot.studio.inspiration_screens import InspireCard
from bot.studio.requests import Compare
from bot.studio.screens import Purpose
from bot.studio.wordindex import WordIndex
from storage.states import Access
from tests.studio.house import ADMIN, CHANNEL, FRIEND, OWNER, SCOPE, House
from tests.studio.test_people import trained

STRANGER, ELSEWHERE = 77, 999
HERE = frozenset({CHANNEL})


async def painted(house: House, prompt: str, member: int = OWNER, *, channel: int | None = CHANNEL) -> str:
    """Its job id; `channel`: where its message stands."""
    card = await house.studio.imagine(house.who(member), house.imagine(prompt))
    await house.settled()
    for row in await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES, ref=card.job_id):
        if channel is None:
            await house.store.outbox.dropped(SCOPE, row.id, "nowhere")
        else:
            await house.store.outbox.sent(SCOPE, row.id, row.id)
    return card.job_id


def pictures(card: InspireCard) -> list[str]:
    return [idea.prompt for idea in card.ideas if idea.by is not None]


async def look(house: House, words: str, member: int = STRANGER, **more: object) -> InspireCard:
    return await house.studio.inspiration.card(house.who(member), words, HERE, **more)  # type: ignore[arg-type]


def test_the_book_is_worth_having() -> None:
    entries = promptbook.entries()
    assert len(entries) >= 200 and len({entry.text for entry in entries}) == len(entries)
    assert {entry.section for entry in entries} == set(promptbook.SECTIONS.values())
    for entry in entries:
        assert entry.text.count("{who}") == 1 and "{" not in entry.about() and entry.tags and len(entry.text) < 90, (
            entry
        )
        assert re.fullmatch(r"[\w ,'.{}-]+", entry.text), entry
        assert promptbook.entry(entry.id) is entry
    assert promptbook.entry("book99999") is None and promptbook.entry("job1") is None
    hits = [promptbook.entry(id) for id in promptbook.index().find("birthday", 50)]
    assert len(hits) >= 3 and all(hit and "birthday" in f"{hit.text} {hit.tags}" for hit in hits)


def test_words_are_found_by_their_beginning_and_their_other_forms() -> None:
    index = WordIndex([("a", "a dog running on the beach"), ("b", "a cat in a café"), ("c", "dogs, dogs and a cat")])
    assert index.find("run", 9) == ("a",) and index.find("cafe", 9) == ("b",)
    assert set(index.find("dog", 9)) == {"a", "c"} and index.find("cat dog", 9)[0] == "c"
    assert index.find('"; DROP NEAR(* ^ ', 9) == () == index.find(" ", 9)
    assert index.find("a " * 99 + "cat", 1) != ()


async def test_pictures_of_this_server_come_first_and_the_book_fills_the_page(house: House) -> None:
    async with house.life():
        await house.published()
        await painted(house, "ohwx on the moon", FRIEND)
        await painted(house, "a dog by the sea", FRIEND)
        card = await look(house, "moon")
        assert len(pictures(card)) == 1 and "moon" in pictures(card)[0] and card.found
        assert card.sheet is not None and "1 to 1" in card.sheet.alt
        assert Image.open(io.BytesIO(card.sheet.data)).width < 450
        assert len(card.ideas) > 5 and not card.has_more and all("moon" in idea.prompt for idea in card.ideas[:4])
        pages = [await look(house, "sea", page=n) for n in (1, 2)]
        assert len(pages[0].ideas) == inspiration.IDEAS and pages[0].has_more and pages[1].ideas
        assert pictures(pages[0]) == ["a dog by the sea"] and not pictures(pages[1])
        first, second = [{idea.source for idea in page.ideas} for page in pages]
        assert not first & second
        anything = await look(house, "")
        assert len(pictures(anything)) == 2 and len(anything.ideas) == inspiration.IDEAS and anything.has_more
        nothing = await look(house, "xyzzy")
        assert not nothing.found and len(nothing.ideas) == inspiration.IDEAS and not pictures(nothing)


async def test_only_what_one_may_see(house: House) -> None:
    async with house.life():
        await painted(house, "a dog here", FRIEND)
        await painted(house, "a dog nowhere", FRIEND, channel=None)
        card = await look(house, "dog")
        assert pictures(card) == ["a dog here"]
        own = await look(house, "dog", FRIEND)
        assert sorted(pictures(own)) == ["a dog here", "a dog nowhere"]
        assert not card.spoiler
        await house.studio.channels.choose(house.who(ADMIN, admin=True), CHANNEL, spoiler=True)
        await painted(house, "a dog in the dark", FRIEND)
        assert (await look(house, "dark")).spoiler, "what is blurred in its channel is blurred here"
        blind = await house.studio.inspiration.card(house.who(STRANGER), "dog", frozenset({ELSEWHERE}))
        assert pictures(blind) == []
        hidden = next(idea.source for idea in own.ideas if idea.prompt == "a dog nowhere")
        with pytest.raises(NotFound):
            await house.studio.inspiration.prompt(house.who(STRANGER), hidden, None, HERE)
        assert await house.studio.inspiration.prompt(house.who(FRIEND), hidden, None, HERE) == "a dog nowhere"


@pytest.mark.parametrize("how", ["reported", "deleted", "forgotten", "withdrawn", "LoRA deleted"])
async def test_never_what_was_taken_away(house: House, how: str) -> None:
    async with house.life() as studio:
        await trained(house, wants_vote=False)
        trigger = (await house.store.loras.get(SCOPE, 1)).trigger
        job = await painted(house, f"{trigger} on the moon")
        assert len(pictures(await look(house, "moon"))) == 1
        if how == "reported":
            (row,) = await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES, ref=job)
            await studio.reports.report(house.who(STRANGER), row.message_id or 0)
        elif how == "deleted":
            await studio.delete_pictures(house.who(OWNER), job)
        elif how == "forgotten":
            await studio.forgetting.forget_subject(house.who(FRIEND), 1)
        elif how == "withdrawn":
            await studio.people.revoke(house.who(FRIEND), 1)
        else:
            await studio.keeping.delete(house.who(OWNER), 1)
        assert pictures(await look(house, "moon")) == pictures(await look(house, "moon", OWNER)) == []
        with pytest.raises(NotFound):
            await studio.inspiration.prompt(house.who(OWNER), job, None, HERE)


async def test_never_epochs_of_a_training_whose_word_was_taken_back(house: House) -> None:
    async with house.life() as studio:
        run = await trained(house, wants_vote=False)
        card = await studio.comparing.compare(house.who(), Compare("a unicycle", run_id=run))
        await house.settled()
        for row in await house.store.outbox.list(SCOPE, purpose=Purpose.PICTURES, ref=card.job_id):
            await house.store.outbox.sent(SCOPE, row.id, row.id)
        assert len(pictures(await look(house, "unicycle"))) == 1
        await studio.people.revoke(house.who(FRIEND), 1)
        assert pictures(await look(house, "unicycle", OWNER)) == []


async def test_the_trigger_word_of_the_one_who_is_meant_stands_in_its_place(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await house.published(draft="other", name="Ann")
        first, second = [await house.store.loras.get(SCOPE, n) for n in (1, 2)]
        await painted(house, f"a portrait of {first.trigger} person as an astronaut, film grain")
        (prompt,) = pictures(await look(house, "astronaut", lora="ann-gen0"))
        assert prompt == f"a portrait of {second.trigger} person as an astronaut, film grain"
        card = await look(house, "astronaut", lora="ann-gen0")
        book = [idea.prompt for idea in card.ideas if idea.by is None]
        assert book and all(f"{second.trigger} person" in text for text in book), "only of its kind"
        (plain,) = pictures(await look(house, "astronaut"))
        assert first.trigger in plain
        await studio.keeping.share(house.who(), 1, Access.ME)
        (plain,) = pictures(await look(house, "astronaut"))
        assert plain == "a portrait of a person as an astronaut, film grain", "whose LoRA is not open to them"
        await painted(house, "an empty street at night")
        (street,) = pictures(await look(house, "street", lora="ann-gen0"))[:1]
        assert street == f"{second.trigger} person, an empty street at night"
        with pytest.raises(NotFound):
            await look(house, "street", lora="kat3r1na-gen0")


async def test_no_prompt_reaches_the_disk_and_none_stays_in_memory(house: House) -> None:
    async with house.life() as studio:
        job = await painted(house, "zebracanary on a unicycle", FRIEND)
        assert len(pictures(await look(house, "zebracanary"))) == 1
        files = b"".join(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
        assert b"zebracanary" not in files
        assert list(studio.inspiration._indexed) == [SCOPE.guild_id]
        await studio.delete_pictures(house.who(FRIEND), job)
        house.clock.now += inspiration.LOOK_EVERY_S
        await studio.tidy()
        assert studio.inspiration._indexed == {}
        await look(house, "anything")
        house.clock.now += inspiration.IDLE_S
        await studio.tidy()
        assert studio.inspiration._indexed == {}
        assert ADMIN != FRIEND
