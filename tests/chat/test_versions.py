"""What comes after the first LoRA, in an imitated Discord with the real studio: a new version of it, ideas for prompts, and a
character made from favourites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.records import Scope
from tests.chat.test_keeping import NAME, learnt, opened
from tests.journeys.documented import deny
from tests.journeys.town import Town, words


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path).open() as opened:
        yield opened


async def test_a_lora_is_trained_again_with_one_photo_less(town: Town) -> None:
    await learnt(town)
    refused = await town.bob.slash(town.channel, "retrain", lora=NAME)
    assert refused.response is not None and "photos are theirs" in words(refused.response)
    found = await town.alice.autocomplete(town.channel, "retrain", "lora", "kat")
    assert [choice["value"] for choice in found] == [NAME]
    card = await opened(town, town.alice)
    assert card.response is not None and "Versions:" not in words(card.response)

    deny(town.channel, "add_reactions")
    for refused in (
        await town.alice.slash(town.channel, "retrain", lora=NAME),
        await town.alice.click(card.response, label="Train it again"),
    ):
        assert refused.response is not None and "Add Reactions" in words(refused.response)
    assert len(town.channel.threads) == 1
    deny(town.channel, "create_private_threads")
    again = await town.alice.click(card.response, label="Train it again")
    assert again.response is not None and "gen1 is open with the 8 photos" in words(again.response)
    assert "for a private one, Create Private Threads is missing" in words(again.response)
    deny(town.channel)
    assert len(town.channel.threads) == 2
    await town.kill_and_start()
    twice = await town.alice.slash(town.channel, "retrain", lora=NAME)
    assert twice.response is not None and "is open already" in words(twice.response)
    assert len(town.channel.threads) == 2

    sheet = [m for m in town.room.history() if "the crops" in words(m)][-1]
    editor = await town.alice.select(sheet, ["3"], custom_id=_menu(sheet, "crop.fix"))
    await town.alice.click(editor.response or sheet, label="Leave it out")
    await town.alice.click(sheet, label="Back")
    await town.alice.click(sheet, label="Looks right")
    captions = [m for m in town.room.history() if "the captions" in words(m)][-1]
    await town.alice.click(captions, label="Looks right")
    confirm = [m for m in town.room.history() if "Ready to learn" in words(m)][-1]
    assert "Against gen0: 7 photos as before, 1 left out (3)." in words(confirm)
    await town.alice.click(confirm, label="Start training")
    await town.engine_done()
    await town.alice.click(town.find("is best?")[-1], label="Close now")
    listed = await town.alice.slash(town.channel, "loras")
    assert listed.response is not None and "kat3r1na-gen1" in words(listed.response)
    second = await town.alice.select(listed.response, ["2"], custom_id="lk1:lora.open:0")
    assert second.response is not None and f"Versions: {NAME} → **kat3r1na-gen1**" in words(second.response)
    sheet = await town.alice.click(second.response, label="Another thumbnail")
    assert sheet.response is not None and len(sheet.response.attachments) == 1
    chosen = await town.alice.select(sheet.response, ["p1"], custom_id="lk1:lora.thumbnail.set:2")
    assert chosen.response is not None and "kat3r1na-gen1" in words(chosen.response)
    taken = await town.alice.click(second.response, label="Take the file")
    assert [m.attachments[0].filename for m in taken.followups] == ["kat3r1na-gen1.safetensors", "kat3r1na-gen1.md"]
    theirs = await town.bob.slash(town.channel, "loras")
    assert theirs.response is not None and "kat3r1na-gen1" in words(theirs.response)
    none = await town.bob.click(theirs.response, label="Only mine")
    assert none.response is not None and "kat3r1na-gen1" not in words(none.response)
    back = await town.bob.click(none.response, label="All of them")
    assert back.response is not None and "kat3r1na-gen1" in words(back.response)


async def test_ideas_of_this_server_and_of_the_book_are_one_press_from_the_form(town: Town) -> None:
    await town.alice.slash(town.channel, "imagine", prompt="a lighthouse made of glass", count=1)
    await town.engine_done()
    shown = await town.bob.slash(town.channel, "inspire", words="lighthouse")
    assert shown.response is not None and len(shown.response.attachments) == 1
    said = words(shown.response)
    assert "### `/inspire lighthouse`" in said
    assert f"**1** a lighthouse made of glass\n-# by <@{town.alice.id}>\n-# From the book of ideas:\n**2** " in said
    assert "**2** a lighthouse by the sea, in a storybook style" in said and said.count("by <@") == 1
    await town.kill_and_start()
    form = await town.bob.click(shown.response, label="2")
    assert "a lighthouse by the sea, in a storybook style" in str(form.modal)
    painted = await town.bob.submit_modal(form, {"prompt": "a lighthouse by the sea at night"})
    assert painted.response is not None and "ainting" in words(painted.response)
    await town.engine_done()
    book = await town.bob.slash(town.channel, "inspire", words="owl")
    assert book.response is not None and "**1** " in words(book.response)
    assert "by <@" not in words(book.response) and "From the book" not in words(book.response), "all of it is"
    anything = await town.bob.slash(town.channel, "inspire")
    assert anything.response is not None
    others = await town.bob.click(anything.response, label="Others")
    assert others.response is not None and words(others.response) != said
    back = await town.bob.click(others.response, label="Back to the first")
    assert back.response is not None and "**1** a lighthouse by the sea at night" in words(back.response)
    form = await town.bob.click(back.response, label="1")
    assert "a lighthouse by the sea at night" in str(form.modal)


async def test_a_long_prompt_is_looked_up_for_the_form(town: Town) -> None:
    prompt = "a very long street, " + ", ".join(f"house number {n}" for n in range(40))
    await town.alice.slash(town.channel, "imagine", prompt=prompt, count=1)
    await town.engine_done()
    shown = await town.bob.slash(town.channel, "inspire", words="street house")
    assert shown.response is not None and "house number 39" not in words(shown.response)
    form = await town.bob.click(shown.response, label="1")
    assert "house number 39" in str(form.modal)


async def test_a_character_from_favourites(town: Town) -> None:
    few = await town.alice.slash(town.channel, "gallery")
    assert few.response is not None
    scope = Scope(town.guild.id)
    for _ in range(2):
        await town.alice.slash(town.channel, "imagine", prompt="a knight on the moon", count=4)
        await town.engine_done()
    for job in await town.app.store.members.paintings(scope, town.alice.id):
        for picture in await town.app.store.pictures.of_job(scope, job):
            await town.app.store.favourites.keep(scope, picture.id, town.alice.id)
    gallery = await town.alice.slash(town.channel, "gallery")
    assert gallery.response is not None
    deny(town.channel, "read_message_history")
    refused = await town.alice.click(gallery.response, label="Teach from these")
    assert refused.modal is None and refused.response is not None and "Read Message History" in words(refused.response)
    deny(town.channel, "create_private_threads")
    form = await town.alice.click(gallery.response, label="Teach from these")
    assert "Favourite 8" in str(form.modal) and "a knight on the moon" in str(form.modal)
    begun = await town.alice.submit_modal(form, {"name": "Sir Moon", "pictures": [str(n) for n in range(1, 7)]})
    assert begun.response is not None and "The pictures are in" in words(begun.response)
    assert "for a private one, Create Private Threads is missing" in words(begun.response)
    await town.engine_done()
    assert "Sir Moon" in words(town.the("the crops"))
    dataset = await town.app.store.datasets.get(scope, 1)
    assert dataset.from_pictures and dataset.thread_id == town.room.id


@pytest.mark.parametrize("road", ["forget", "privacy"])
async def test_what_goes_is_said_before_and_after(town: Town, road: str) -> None:
    await town.train()
    await town.engine_done()
    if road == "forget":
        unknown = await town.alice.slash(town.channel, "forget", lora="nobody")
        assert unknown.response is not None and "no LoRA called nobody" in words(unknown.response)
    told = await town.alice.slash(town.channel, "privacy")
    one = await town.alice.select(told.response or town.the(""), ["1"], custom_id="lk1:subject.open:0")
    assert one.response is not None
    assert "8 photos with their crops and captions, 1 version, 0 LoRAs, 0 pictures" in words(one.response)
    form = await town.alice.click(one.response, label="Forget everything")
    gone = await town.alice.submit_modal(form, {"word": "forget"})
    assert gone.response is not None and words(gone.response).startswith("Forgotten: 8 photos with their crops")


def _menu(message: object, verb: str) -> str:
    """The custom id of the menu of this verb on a message."""

    def of(components: object) -> str | None:
        for component in components or ():  # type: ignore[attr-defined]
            custom_id = getattr(component, "custom_id", None)
            if custom_id and f":{verb}:" in custom_id:
                return str(custom_id)
            found = of(getattr(component, "children", ()))
            if found:
                return found
        return None

    found = of(message.components)  # type: ignore[attr-defined]
    assert found is not None
    return found
