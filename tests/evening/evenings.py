"""What friends do with it in one evening, a story each. `step()` stands wherever the process may die; every story ends with
what was to be shown of it asserted, and leaves behind what `ending` reads.

Words of tests/logs/listening.py are planted in names, prompts and captions: none of them may reach a log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
import simcord

from bot.chat.ballot_cards import BALLOT_EMOJI
from storage.records import Scope
from storage.states import JobState
from tests.journeys.town import Town, words
from tests.studio.house import photo

Step = Callable[[], Awaitable[None]]
Evening = Callable[[Town, Step], Awaitable[None]]
PROMPT = "a portrait of {} by the sea, heliotrope light"


def said(result: simcord.InteractionResult) -> str:
    messages = [*([result.response] if result.response is not None else []), *result.followups]
    return "\n".join(words(message) for message in messages)


def pressable(message: Any) -> list[dict[str, Any]]:
    """Every control of a message, in order."""
    found: list[dict[str, Any]] = []

    def walk(parts: list[dict[str, Any]]) -> None:
        for part in parts:
            if part.get("custom_id"):
                found.append(part)
            walk(part.get("components") or [])
            walk([part["accessory"]] if part.get("accessory") else [])

    real = message.message if isinstance(message, simcord.ResponseMessage) else message
    walk([component.to_dict() for component in real.components])
    return found


def control(message: Any, verb: str, arg: str = "") -> str:
    """The custom id of the first control of this verb."""
    ids = [part["custom_id"] for part in pressable(message)]
    found = [id for id in ids if id.split(":")[1] == verb and (not arg or arg in id.split(":")[2:])]
    assert found, f"nothing to press for {verb} among {ids}"
    return found[0]


async def brings(town: Town, who: simcord.MemberActor, name: str, kind: str, first: int, photos: int) -> None:
    """The form of /train, up to twenty photos."""
    shown = await who.slash(town.channel, "train", name=name)
    files = [(f"IMG_winter2019_{n}.jpg", photo(n)) for n in range(first, first + photos)]
    filled = {"name": name, "kind": kind, "consent": True, "photos": files[:10]}
    if files[10:]:
        filled["more"] = files[10:]
    told = said(await who.submit_modal(shown, filled))
    assert f"{photos} photos in" in told, told
    await town.engine_done()


async def press(town: Town, who: simcord.MemberActor, label: str, on: str) -> simcord.InteractionResult:
    return await who.click(newest(town, on), label=label)


def newest(town: Town, text: str) -> discord.Message:
    found = town.find(text)
    assert found, f"{text!r} stands nowhere"
    return max(found, key=lambda m: m.id)


def again(town: Town, message: discord.Message) -> discord.Message:
    """As it stands by now."""
    return next(m for m in town.find("") if m.id == message.id)


async def agrees(town: Town, who: simcord.MemberActor, name: str, step: Step) -> None:
    """Crops, then captions: all as proposed, and one word for all of them."""
    await step()
    await press(town, who, "Looks right", f"{name}: the crops")
    await step()
    sheet = newest(town, f"{name}: the captions")
    await who.click(sheet, custom_id=control(sheet, "lex.open"))
    await step()
    form = await who.click(again(town, sheet), custom_id=control(again(town, sheet), "cap.word"))
    await who.submit_modal(form, {"add": "heliotrope ribbon", "remove": "wearing a red sweater"})
    await who.click(again(town, sheet), custom_id=control(again(town, sheet), "lex.back"))
    assert "heliotrope ribbon" in words(newest(town, f"{name}: the captions"))
    await step()
    await press(town, who, "Looks right", f"{name}: the captions")


async def trains(
    town: Town, who: simcord.MemberActor, name: str, step: Step, *, access: str = "server", voters: tuple[Any, ...] = ()
) -> str:
    """From the confirm card to the winner; returns the LoRA's name."""
    await step()
    card = newest(town, f"Ready to learn {name}")
    await who.select(card, [access], custom_id=control(card, "set.access"))
    await step()
    await press(town, who, "Start training", f"Ready to learn {name}")
    await step()
    await town.engine_done()
    await step()
    ballot = newest(town, f"Which {name} is best?")
    for voter in voters:
        await voter.react(ballot, BALLOT_EMOJI[1])
    await step()
    await press(town, who, "Close now", f"Which {name} is best?")
    await step()
    await town.round()
    loras = await town.app.store.loras.list(Scope(town.guild.id))
    return max(loras, key=lambda lora: lora.id).name


async def paints(
    town: Town, who: simcord.MemberActor, channel: Any, prompt: str, step: Step, count: int = 2
) -> discord.Message:
    told = said(await who.slash(channel, "imagine", prompt=prompt, count=count))
    assert told.startswith("Painting"), told
    await step()
    await town.engine_done()
    return newest(town, "heliotrope light")


# -- the evenings


async def birthday_present(town: Town, step: Step) -> None:
    """Alice has twelve photos of bob, who is not to know before tomorrow; carol helps to choose."""
    carol = town.add_member("carol")
    await brings(town, town.alice, "Bob's birthday", "agreed", 1, 12)
    room = town.room
    town.env.backend.add_thread_member(room.id, carol.id)
    await agrees(town, town.alice, "Bob's birthday", step)
    name = await trains(town, town.alice, "Bob's birthday", step, access="me", voters=(town.alice, carol))
    await step()
    card = await town.alice.select(
        (await town.alice.slash(town.channel, "loras")).response, ["1"], custom_id="lk1:lora.open:0"
    )
    chosen = await town.alice.select(card.response, ["members"], custom_id="lk1:lora.share:1")
    await town.alice.select(chosen.response, [carol], custom_id="lk1:lora.members:1")
    await step()
    trigger = (await town.app.store.loras.by_name(Scope(town.guild.id), name)).trigger  # type: ignore[union-attr]
    await paints(town, carol, room, PROMPT.format(trigger), step)

    # Nothing of it has come to bob: not in the channel, not in a list, not while typing, not in the queue.
    assert [words(m) for m in town.channel.history()] == [] and town.bob.id not in room._channel.thread_members
    assert "birthday" not in said(await town.bob.slash(town.channel, "loras"))
    assert await town.bob.autocomplete(town.channel, "imagine", "lora", "") == []
    assert "birthday" not in said(await town.bob.slash(town.channel, "queue"))
    refused = said(await town.bob.slash(town.channel, "imagine", prompt="a portrait", lora=name))
    assert "that you may use" in refused
    assert [c["value"] for c in await carol.autocomplete(town.channel, "imagine", "lora", "")] == [name]


async def two_faces(town: Town, step: Step) -> None:
    """Alice and bob each bring their own face, and stand in one picture."""
    await brings(town, town.alice, "Alice", "me", 1, 6)
    await step()
    await brings(town, town.bob, "Bob", "me", 20, 6)
    await agrees(town, town.alice, "Alice", step)
    await agrees(town, town.bob, "Bob", step)
    hers = await trains(town, town.alice, "Alice", step, voters=(town.bob,))
    his = await trains(town, town.bob, "Bob", step, voters=(town.alice,))
    await step()
    both = await paints(
        town, town.alice, town.channel, f"two people by the sea, heliotrope light <lora:{hers}:0.8> <lora:{his}>", step
    )
    assert hers in words(both) and his in words(both)
    assert both.channel.id == town.channel.id


async def a_pet(town: Town, step: Step) -> None:
    await brings(town, town.alice, "Rex", "pet", 1, 7)
    await step()
    sheet = newest(town, "Rex: the crops")
    await town.alice.select(sheet, ["3"], custom_id=control(sheet, "crop.fix"))
    await press(town, town.alice, "Tighter", "Photo 3")
    await step()
    await press(town, town.alice, "Back", "Photo 3")
    await agrees(town, town.alice, "Rex", step)
    name = await trains(town, town.alice, "Rex", step, voters=(town.alice, town.bob))
    assert name == "rex-gen0"
    await step()
    await paints(town, town.bob, town.channel, PROMPT.format("ohwx"), step)
    await press(town, town.bob, "Again", "heliotrope light")
    await step()
    await town.engine_done()
    assert len(town.find("heliotrope light")) == 2


async def a_style(town: Town, step: Step) -> None:
    """Twenty-four drawings: twenty in the form, four more afterwards."""
    await brings(town, town.bob, "Felt pen", "style", 1, 20)
    await step()
    form = await press(town, town.bob, "Add more photos", "Felt pen: the crops")
    files = [(f"IMG_winter2019_{n}.jpg", photo(n)) for n in range(21, 25)]
    await step()
    await town.bob.submit_modal(form, {"photos": files})
    await town.engine_done()
    assert "24 photos in." in words(newest(town, "Felt pen: the crops"))
    await agrees(town, town.bob, "Felt pen", step)
    name = await trains(town, town.bob, "Felt pen", step, voters=(town.alice,))
    await step()
    assert name in words(await paints(town, town.alice, town.channel, PROMPT.format("ohwx"), step, count=4))


async def a_character(town: Town, step: Step) -> None:
    """Painted by the base alone, kept as favourites, and taught from them."""
    for number in range(2):
        shown = await paints(
            town, town.alice, town.channel, f"a knight of cheese {number} by the sea, heliotrope light", step, count=4
        )
        for place in range(3):
            await town.alice.click(shown, custom_id=control(shown, "pic.keep", str(place)))
        await step()
    gallery = await town.alice.slash(town.channel, "gallery")
    form = await town.alice.click(gallery.response, custom_id=control(gallery.response, "teach.form"))
    chosen = [option["value"] for part in form.modal["components"] for option in part["component"].get("options") or []]
    assert len(chosen) == 6
    await step()
    told = said(await town.alice.submit_modal(form, {"name": "Cheese knight", "pictures": chosen}))
    assert "6" in told, told
    await town.engine_done()
    await agrees(town, town.alice, "Cheese knight", step)
    name = await trains(town, town.alice, "Cheese knight", step, voters=(town.alice,))
    await step()
    assert name in words(await paints(town, town.bob, town.channel, PROMPT.format("ohwx"), step))


async def a_retrain(town: Town, step: Step) -> None:
    """The same face with one photo left out and two more: the next generation, beside the first."""
    await brings(town, town.alice, "Kat", "me", 1, 7)
    await agrees(town, town.alice, "Kat", step)
    assert await trains(town, town.alice, "Kat", step) == "kat-gen0"
    await step()
    told = said(await town.alice.slash(town.channel, "retrain", lora="kat-gen0"))
    await town.engine_done()
    await town.round()
    await step()
    sheet = newest(town, "Kat: the crops")
    await town.alice.select(sheet, ["2"], custom_id=control(sheet, "crop.fix"))
    await press(town, town.alice, "Leave it out", "Photo 2")
    await step()
    await press(town, town.alice, "Back", "Photo 2")
    form = await press(town, town.alice, "Add more photos", "Kat: the crops")
    await town.alice.submit_modal(form, {"photos": [(f"IMG_winter2019_{n}.jpg", photo(n)) for n in (40, 41)]})
    await town.engine_done()
    await step()
    await press(town, town.alice, "Looks right", "Kat: the crops")
    await step()
    await press(town, town.alice, "Looks right", "Kat: the captions")
    assert await trains(town, town.alice, "Kat", step) == "kat-gen1", told
    assert {c["value"] for c in await town.alice.autocomplete(town.channel, "imagine", "lora", "")} == {
        "kat-gen0",
        "kat-gen1",
    }


async def a_forget(town: Town, step: Step) -> None:
    """Everything alice brought goes: rows, keys, messages, thread; what bob painted with it as well."""
    await brings(town, town.alice, "Kat", "me", 1, 6)
    await agrees(town, town.alice, "Kat", step)
    await trains(town, town.alice, "Kat", step, voters=(town.bob,))
    await paints(town, town.bob, town.channel, PROMPT.format("ohwx"), step)
    await step()
    card = await town.alice.slash(town.channel, "forget")
    ids = [part["custom_id"] for part in pressable(card.response)]
    everything = next(id for id in ids if "forget" in id.split(":")[1] or "me." in id)
    form = await town.alice.click(card.response, custom_id=everything)
    await step()
    told = said(await town.alice.submit_modal(form, {"word": "forget"}))
    assert "Forgotten" in told, told
    await step()
    for _ in range(4):
        await town.round()
    scope, store = Scope(town.guild.id), town.app.store
    assert await store.loras.list(scope) == () and await store.erasures.due_everywhere() == ()
    assert town.channel.history() == [] and all(thread.history() == [] for thread in town.channel.threads)
    live = [job for job in await store.jobs.live(scope) if job.state is not JobState.PARKED]
    assert live == []


EVENINGS: dict[str, Evening] = {
    "birthday present": birthday_present,
    "two faces": two_faces,
    "a pet": a_pet,
    "a style": a_style,
    "a character from favourites": a_character,
    "a retrain": a_retrain,
    "a forget": a_forget,
}
