"""Which LoRAs are offered: rights, order, more than 25, several in one field; and from memory."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.errors import NotFound
from bot.studio.requests import Who
from storage.people import Grant
from storage.records import Scope
from storage.states import GrantKind
from tests.studio.house import FRIEND, GUILD, OWNER, SCOPE, House
from tests.studio.shelf import planted

ROLE, THIRD, SHOWN = 4000, 3, 5


async def test_autocompletion_offers_what_the_database_allows(house: House) -> None:
    async with house.life() as studio:
        await planted(house, "open-gen0", trigger="a1")
        await planted(house, "mine-gen0", trigger="a2", access="me")
        await planted(house, "member-gen0", trigger="a3", access="me", grants=(Grant(GrantKind.MEMBER, FRIEND),))
        await planted(house, "role-gen0", trigger="a4", access="me", grants=(Grant(GrantKind.ROLE, ROLE),))
        await planted(house, "shown-gen0", trigger="a5", access="me", shows=SHOWN)
        gone = await planted(house, "gone-gen0", trigger="a6")
        await house.store.loras.withdraw(SCOPE, gone.id)
        studio.library.changed(SCOPE)
        people = [house.who(id) for id in (OWNER, FRIEND, THIRD, SHOWN)]
        people.append(replace(house.who(THIRD), roles=frozenset({ROLE})))
        for who in people:
            allowed = {lora.name for lora in await studio.library.usable(who)}
            assert set(await studio.lora_names(who, "")) == allowed and "gone-gen0" not in allowed
        assert set(await studio.lora_names(people[3], "")) == {"open-gen0", "shown-gen0"}
        assert await studio.lora_names(Who(4711, OWNER, 5, "x", is_admin=True), "") == ()


async def test_own_ones_first_then_those_used_last(house: House) -> None:
    async with house.life() as studio:
        for number in range(4):
            await planted(house, f"theirs{number}-gen0", trigger=f"t{number}x", owner=FRIEND)
        for number in range(2):
            await planted(house, f"mine{number}-gen0", trigger=f"m{number}x")
        assert (await studio.lora_names(house.who(), ""))[:2] == ("mine1-gen0", "mine0-gen0")
        for number in (1, 2):
            house.clock.now += 10
            await studio.imagine(house.who(), house.imagine("at sea", lora=f"theirs{number}-gen0", count=1))
        house.clock.now += 10
        await studio.imagine(house.who(FRIEND), house.imagine("at sea", lora="theirs0-gen0", count=1))
        await studio.imagine(house.who(), house.imagine("at sea", lora="mine0-gen0", count=1))
        await house.settled()
        order = ("mine0-gen0", "mine1-gen0", "theirs2-gen0", "theirs1-gen0", "theirs0-gen0", "theirs3-gen0")
        assert await studio.lora_names(house.who(), "") == order
    async with house.life() as studio:
        assert await studio.lora_names(house.who(), "") == order, "after a start as before it"


async def test_more_than_25_are_found_by_typing(house: House) -> None:
    async with house.life() as studio:
        for number in range(30):
            await planted(house, f"face{number:02}-gen0", trigger=f"f{number}x", epochs=1)
        everything = await studio.lora_names(house.who(FRIEND), "")
        assert len(everything) == 25 and "face00-gen0" not in everything
        assert await studio.lora_names(house.who(FRIEND), "FACE00") == ("face00-gen0",)
        assert (await studio.lora_names(house.who(FRIEND), "f7x"))[0] == "face07-gen0"
        assert "face11-gen0" in await studio.lora_names(house.who(FRIEND), "fcae11")
        assert await studio.lora_names(house.who(FRIEND), "zebra") == ()


async def test_several_are_completed_behind_commas(house: House) -> None:
    async with house.life() as studio:
        await planted(house, "kat-gen0", trigger="k4t")
        await planted(house, "ghibli-gen0", trigger="gh1bli")
        who = house.who()
        assert await studio.lora_names(who, "kat-gen0, gh") == ("kat-gen0, ghibli-gen0",)
        assert await studio.lora_names(who, "kat-gen0:0.8, ") == ("kat-gen0:0.8, ghibli-gen0",)
        assert await studio.lora_names(who, "kat-gen0, ghib:0.5") == ("kat-gen0, ghibli-gen0:0.5",)
        card = await studio.imagine(
            who, house.imagine("at sea", lora="kat-gen0:0.8, ghibli-gen0", strength=0.5, count=1)
        )
        assert card.strengths == (0.8, 0.5) and card.lora == "kat-gen0, ghibli-gen0"
        assert "k4t person" in card.prompt and "gh1bli person" in card.prompt
        both = house.imagine("k4t at sea <lora:ghibli-gen0:0.3>", count=1)
        assert sorted((await studio.imagine(house.who(), both)).strengths) == [0.3, 1.0], (
            "one by its tag, one by its word"
        )
        await house.settled()


async def test_the_version_that_was_named_is_the_one_used(house: House) -> None:
    async with house.life() as studio:
        older = await planted(house, "kat-gen0", trigger="k4t")
        await house.store.subjects.retire(SCOPE, await house.store.loras.subject_of(SCOPE, older.id))
        await planted(house, "kat-gen1", trigger="k4t")
        named = await studio.imagine(house.who(), house.imagine("k4t at sea", lora="kat-gen0", count=1))
        worded = await studio.imagine(house.who(), house.imagine("k4t at sea", count=1))
        assert (named.lora, worded.lora) == ("kat-gen0", "kat-gen1")
        await house.settled()
        with pytest.raises(NotFound):
            await studio.imagine(house.who(), house.imagine("at sea", lora="kat-gen0, nobody"))


async def test_names_come_from_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house.life() as studio:
        for number in range(3):
            await planted(house, f"face{number}-gen0", trigger=f"f{number}x", epochs=1)
    async with house.life() as studio:  # a start reads them before anybody types

        async def no_database(*_: object) -> None:
            raise AssertionError("an autocompletion asked the database")

        monkeypatch.setattr(house.store.database, "rows", no_database)
        assert len(await studio.lora_names(house.who(), "face")) == 3
        monkeypatch.undo()


async def test_what_was_taken_back_while_the_names_were_read_is_not_offered(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house, "kat-gen0", trigger="k4t")
        read = studio.library._read

        async def overtaken(scope: Scope) -> object:
            shelf = await read(scope)
            if (await house.store.loras.get(SCOPE, lora.id)).withdrawn_at is None:
                await house.store.loras.withdraw(SCOPE, lora.id)
                studio.library.changed(SCOPE)
            return shelf

        studio.library._read = overtaken  # type: ignore[method-assign,assignment]
        assert await studio.lora_names(house.who(), "") == ()


async def test_a_thousand_loras_are_searched_within_a_blink(house: House) -> None:
    async with house.life() as studio:
        lora = await planted(house, "face-gen0", epochs=1)
        shelf = await studio.library._shelf(SCOPE)
        shelf.loras = tuple(replace(lora, id=n, name=f"face{n}-gen0", trigger=f"f{n}x") for n in range(1000))
        shelf.used = {(member, n): n for member in range(20) for n in range(1000)}
        began = time.perf_counter()
        assert len(await studio.lora_names(Who(GUILD, FRIEND, 5, "x"), "face")) == 25
        assert time.perf_counter() - began < 1.0, "Discord waits three seconds, and this is one of many that it asks"
