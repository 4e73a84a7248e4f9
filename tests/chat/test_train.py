"""From /train to the crops."""

from __future__ import annotations

import re

import pytest

from tests.chat.conftest import PHOTO, World, words


async def test_the_form_is_the_first_answer_and_has_five_parts(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train", name="Katerina")
    assert shown.modal is not None
    assert len(shown.modal["components"]) == 5
    assert shown.modal["components"][0]["component"]["value"] == "Katerina"


async def test_photos_of_command_and_form_meet_in_one_dataset(world: World) -> None:
    receipt = await world.train(photos=12, attached=3)
    training = world.studio.training
    assert training is not None
    assert len(training.photos) == 15
    assert training.ask.kind == "person" and training.ask.name == "Katerina"
    assert receipt.response is not None and receipt.ephemeral
    assert "15 photos in" in receipt.response.content
    assert f"<#{world.room().id}>" in receipt.response.content
    assert training.ask.room_id == world.room().id
    assert training.who.channel_id == world.channel.id


async def test_reading_card_stands_in_a_private_thread_and_goes_when_done(world: World) -> None:
    await world.train()
    room = world.room()
    assert re.fullmatch(r"train-katerina-[0-9a-f]{6}", room.name)
    assert room._channel.type == 12
    assert "Looking at the photos" in words(world.last(room))
    world.studio.finish_reading()
    await world.pulse(11)
    assert [words(m).splitlines()[0] for m in room.history() if words(m)] == ["### Katerina: the crops"]


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_form_sent_again_finds_the_room_opened_for_it(world: World, remembered: bool) -> None:
    """The process died before it answered: after its commit, or even between opening the thread and the commit."""
    shown = await world.alice.slash(world.channel, "train", name="Katerina")
    filled = {"name": "Katerina", "kind": "me", "consent": True, "photos": [("a.jpg", PHOTO)]}
    await world.alice.submit_modal(shown, filled)
    room = world.room().id
    if not remembered:
        world.studio.training = None
    await world.restart()
    shown._interaction.modal_consumed = False  # type: ignore[attr-defined]  # unanswered, it stays on the screen
    again = await world.alice.submit_modal(shown, filled)
    assert again.response is not None and f"<#{room}>" in again.response.content
    assert [thread.id for thread in world.channel.threads] == [room]
    assert world.studio.training is not None and world.studio.training.room == room


async def test_without_consent_nothing_is_kept(world: World) -> None:
    result = await world.train(consent=False)
    assert result.response is not None and "Nothing was kept" in result.response.content
    assert world.studio.training is None and world.channel.threads == []


async def test_no_photos_at_all_is_said(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train", photo1=("a.jpg", PHOTO))
    world.bot.held.clear()
    result = await world.alice.submit_modal(shown, {"name": "K", "kind": "pet", "consent": True})
    assert result.response is not None and "no photos" in result.response.content


async def test_what_the_studio_refuses_leaves_no_room_behind(world: World) -> None:
    await world.alice.slash(world.channel, "train")
    world.studio.breaks = None
    shown = await world.alice.slash(world.channel, "train", **{f"photo{n}": (f"a{n}.jpg", PHOTO) for n in range(1, 11)})
    many = [(f"b{n}.jpg", PHOTO) for n in range(10)]
    from bot.errors import UserError

    world.studio.breaks = UserError("51 photos is more than the 50 one training takes. Leave one out.")
    result = await world.alice.submit_modal(
        shown, {"name": "K", "kind": "me", "consent": True, "photos": many, "more": many}
    )
    assert result.response is not None and "51 photos" in result.response.content
    assert world.channel.threads == []


async def test_the_form_is_answered_after_a_restart_and_says_what_was_lost(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train", photo1=("a.jpg", PHOTO), photo2=("b.jpg", PHOTO))
    await world.restart()
    result = await world.alice.submit_modal(
        shown,
        {"name": "K", "kind": "me", "consent": True, "photos": [(f"c{n}.jpg", PHOTO) for n in range(6)]},
    )
    assert result.response is not None
    assert "6 photos in" in result.response.content and "2 photos attached" in result.response.content


async def test_two_members_fill_the_form_at_once(world: World) -> None:
    first = await world.alice.slash(world.channel, "train")
    second = await world.bob.slash(world.channel, "train")
    assert first.modal is not None and second.modal is not None
    assert first.modal["custom_id"] != second.modal["custom_id"]
    filled = {"name": "K", "kind": "me", "consent": True, "photos": [(f"c{n}.jpg", PHOTO) for n in range(6)]}
    for member, shown in ((world.alice, first), (world.bob, second)):
        result = await member.submit_modal(shown, filled)
        assert result.response is not None and "6 photos in" in result.response.content


async def test_a_photo_too_big_or_gone_takes_nothing_else_down(world: World) -> None:
    shown = await world.alice.slash(world.channel, "train")
    files = [(f"c{n}.jpg", PHOTO) for n in range(6)]
    files += [("huge.jpg", b"x" * (25 * 1024 * 1024 + 1))]
    result = await world.alice.submit_modal(shown, {"name": "K", "kind": "me", "consent": True, "photos": files})
    assert result.response is not None
    assert "6 photos in" in result.response.content
    assert "huge.jpg is over 25 MB" in result.response.content


async def test_more_photos_from_the_sheet(world: World) -> None:
    sheet = await world.to_crops()
    shown = await world.alice.click(sheet, label="Add more photos")
    result = await world.alice.submit_modal(shown, {"photos": [("z.jpg", PHOTO)]})
    assert result.response is not None and "1 photo more in" in result.response.content
    world.studio.finish_reading()
    await world.pulse()
    sheets = world.find("the crops", world.room())
    assert len(sheets) == 1 and "9 photos in." in words(sheets[0]), "the older sheet went"


async def test_discard_leaves_nothing_to_press(world: World) -> None:
    sheet = await world.to_crops()
    await world.alice.click(sheet, label="Discard")
    message = world.last(world.room())
    assert "All photos are deleted" in words(message)
    assert world.studio.training is None


async def test_photos_whose_form_is_never_sent_do_not_stay_in_memory(world: World) -> None:
    await world.alice.slash(world.channel, "train", photo1=("a.jpg", PHOTO))
    assert world.bot.held._drafts
    await world.pulse(16 * 60)
    assert world.bot.held._drafts == {}
