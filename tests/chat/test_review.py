"""Crops, captions, confirm: everything pressed before and after a restart."""

from __future__ import annotations

import pytest

from bot.chat import crop_cards, router
from bot.studio.screens import CropEditor
from tests.chat.conftest import World, words
from tests.chat.training import picture


@pytest.mark.parametrize("restarted", [False, True])
async def test_fix_a_crop_in_place(world: World, restarted: bool) -> None:
    sheet = await world.to_crops()
    if restarted:
        await world.restart()
    await world.alice.select(sheet, ["3"], custom_id="lk1:crop.fix:1:1.0")
    editor = world.last(world.room())
    assert editor.id == sheet.id and "Photo 3" in words(editor)
    labels = (
        "Tighter",
        "Looser",
        "Left",
        "Right",
        "Up",
        "Down",
        "Next face",
        "Centre on face",
        "Original framing",
        "Undo",
    )
    for label in (*labels, "Leave it out"):
        await world.alice.click(world.last(world.room()), label=label)
    training = world.studio.training
    assert training is not None
    assert " ".join(training.crops[3]) == "tighter looser left right up down next_face centre original undo drop"
    assert training.dropped == {3} and "left out of the training" in words(world.last(world.room()))
    await world.alice.click(world.last(world.room()), label="Keep it")
    assert training.dropped == set()
    await world.alice.click(world.last(world.room()), label="Back")
    assert "the crops" in words(world.last(world.room()))
    assert world.last(world.room()).id == sheet.id


async def test_the_doubtful_ones_are_asked_about_one_after_the_other(world: World) -> None:
    sheet = await world.to_crops()
    assert "**1** photo needs a look" in words(sheet)
    await world.alice.click(sheet, label="Check the doubtful ones")
    editor = world.last(world.room())
    assert editor.id == sheet.id and "Photo 2" in words(editor)
    drawn = crop_cards.crop_editor(CropEditor(1, 2, picture(), 2, "several faces", next_ask=6, asks=3), page=4)
    assert "3 more to check" in str(drawn.pieces[0].to_component_dict())
    assert "lk1:crop.ask:1:4.6" in str([piece.to_component_dict() for piece in drawn.pieces])


async def test_first_frames_are_asked_for(world: World) -> None:
    await world.to_crops()
    training = world.studio.training
    assert training is not None
    training.moving = 2
    world.studio.finish_reading()
    await world.pulse()
    result = await world.alice.click(world.last(world.room()), label="Take the first frames")
    assert result.response is not None and "first frames of 2 animated pictures" in result.response.content
    assert training.frames == "asked for"


async def test_fifty_photos_have_pages_of_menus(world: World) -> None:
    sheet = await world.to_crops(photos=20)
    training = world.studio.training
    assert training is not None
    training.photos += training.photos[:10]
    world.studio.finish_reading()
    await world.pulse()
    sheet = world.last(world.room())
    await world.alice.click(sheet, label="Next")
    page = world.last(world.room())
    await world.alice.select(page, ["26"], custom_id="lk1:crop.fix:1:2.0")
    assert "Photo 26" in words(world.last(world.room()))
    await world.alice.click(world.last(world.room()), label="Back")
    await world.alice.click(world.last(world.room()), label="Previous")
    assert "crop.fix:1:1.0" in str(world.last(world.room()).components)


async def test_too_few_photos_cannot_go_on(world: World) -> None:
    sheet = await world.to_crops(photos=4)
    with pytest.raises(Exception, match="disabled"):
        await world.alice.click(sheet, label="Looks right")


@pytest.mark.parametrize("restarted", [False, True])
async def test_agreed_crops_stay_and_captions_follow(world: World, restarted: bool) -> None:
    sheet = await world.to_crops()
    if restarted:
        await world.restart()
    await world.alice.click(sheet, label="Looks right")
    first, second = [m for m in world.room().history() if "Katerina" in words(m)][-2:]
    assert first.id == sheet.id and "The crops are agreed" in words(first)
    assert "the captions" in words(second)
    assert not [c for c in str(first.components).split() if "custom_id" in c and "crop." in c]


async def test_agreeing_twice_leaves_one_caption_sheet(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The bot died after the captions were posted: the button is still there and is pressed again."""
    sheet = await world.to_crops()
    world.env.inject_error("PATCH", "/webhooks/*", status=500, times=1)
    await world.alice.click(sheet, label="Looks right")
    caplog.clear()
    assert len(world.find("the captions", world.room())) == 1
    await world.restart()
    await world.alice.click(sheet, label="Looks right")
    assert len(world.find("the captions", world.room())) == 1
    assert "The crops are agreed" in words(world.find("the crops", world.room())[0])


@pytest.mark.parametrize("restarted", [False, True])
async def test_edit_one_caption(world: World, restarted: bool) -> None:
    sheet = await world.to_captions()
    if restarted:
        await world.restart()
    shown = await world.alice.click(sheet, custom_id="lk1:cap.edit:1:1.2")
    assert shown.modal is not None
    assert shown.modal["components"][0]["component"]["value"] == "smiling, on a blue background"
    if restarted:
        await world.restart()
    await world.alice.submit_modal(shown, {"caption.2": "laughing, in a *red* hat"})
    assert world.studio.training is not None
    assert world.studio.training.captions[2] == "laughing, in a *red* hat"
    # What was escaped for the screen comes back as it was written.
    again = await world.alice.click(world.last(world.room()), custom_id="lk1:cap.edit:1:1.2")
    assert again.modal is not None
    assert again.modal["components"][0]["component"]["value"] == "laughing, in a *red* hat"


async def test_edit_five_moves_on_to_the_next_five(world: World) -> None:
    sheet = await world.to_captions(photos=10)
    shown = await world.alice.click(sheet, label="Edit 1 to 5")
    assert shown.modal is not None and len(shown.modal["components"]) == 5
    await world.alice.submit_modal(shown, {f"caption.{n}": f"text {n}" for n in range(1, 6)})
    shown = await world.alice.click(world.last(world.room()), label="Edit 6 to 10")
    assert shown.modal is not None
    assert [c["component"]["custom_id"] for c in shown.modal["components"]] == [f"caption.{n}" for n in range(6, 11)]
    assert world.studio.training is not None
    assert world.studio.training.captions[5] == "text 5"


async def test_a_caption_too_long_for_the_sheet_is_whole_in_the_form(world: World) -> None:
    world.studio.caption_text = "a very long caption, " * 30
    sheet = await world.to_captions(photos=10)
    world.studio.acknowledged = lambda request_id: True  # the one opener that asks first
    shown = await world.alice.click(sheet, custom_id="lk1:cap.edit:1:1.4")
    assert shown.modal is not None
    assert shown.modal["components"][0]["component"]["value"] == world.studio.caption_text


async def test_pages_of_captions(world: World) -> None:
    sheet = await world.to_captions(photos=20)
    await world.alice.click(sheet, label="Next")
    second = world.last(world.room())
    assert "(2 of 2)" in words(second)
    shown = await world.alice.click(second, custom_id="lk1:cap.edit:1:2.13")
    await world.alice.submit_modal(shown, {"caption.13": "new"})
    assert "(2 of 2)" in words(world.last(world.room())), "the page one was on"
    await world.alice.click(world.last(world.room()), label="First page")
    assert "(1 of 2)" in words(world.last(world.room()))


async def test_a_word_everywhere(world: World) -> None:
    sheet = await world.to_captions()
    await world.alice.click(sheet, label="All captions at once")
    shown = await world.alice.click(world.last(world.room()), label="A word everywhere")
    await world.alice.submit_modal(shown, {"add": "watercolour", "remove": "smiling"})
    assert world.studio.training is not None
    assert set(world.studio.training.captions.values()) == {"on a blue background, watercolour"}
    shown = await world.alice.click(world.last(world.room()), label="A word everywhere")
    result = await world.alice.submit_modal(shown, {})
    assert "nothing was changed" in words(result.followups[0])


@pytest.mark.parametrize("where", ["captions", "confirm"])
async def test_change_the_trigger_word(world: World, where: str) -> None:
    card = await (world.to_captions() if where == "captions" else world.to_confirm())
    shown = await world.alice.click(card, label="Change trigger word")
    refused = await world.alice.submit_modal(shown, {"trigger": "house"})
    assert "ordinary word" in words(refused.followups[0])
    shown = await world.alice.click(world.last(world.room()), label="Change trigger word")
    await world.alice.submit_modal(shown, {"trigger": "kat3r1na"})
    assert "kat3r1na" in words(world.last(world.room()))
    assert ("the captions" if where == "captions" else "Ready to learn") in words(world.last(world.room()))


async def test_back_from_captions_and_from_confirm(world: World) -> None:
    confirm = await world.to_confirm()
    await world.alice.click(confirm, label="Back")
    assert "the captions" in words(world.last(world.room()))
    await world.alice.click(world.last(world.room()), label="Back")
    assert "the crops" in words(world.last(world.room()))


async def test_back_and_forth_stays_in_the_message_one_came_back_from(world: World) -> None:
    captions = await world.to_captions()
    await world.alice.click(captions, label="Back")
    assert "the crops" in words(world.last(world.room()))
    await world.alice.click(world.last(world.room()), label="Looks right")
    assert world.last(world.room()).id == captions.id and "the captions" in words(world.last(world.room()))
    confirm = world.last(world.room())
    await world.alice.click(confirm, label="Looks right")
    confirm = world.last(world.room())
    await world.alice.click(confirm, label="Back")
    await world.alice.click(world.last(world.room()), label="Looks right")
    assert world.last(world.room()).id == confirm.id and "Ready to learn" in words(world.last(world.room()))
    assert len(world.find("the captions", world.room())) == 1


async def test_looks_right_pressed_again_after_the_process_died_shows_the_captions_once(world: World) -> None:
    """It died after the captions were posted and before the crops were drawn as agreed: their button still stands."""
    sheet = await world.to_crops()
    show, router.Press.show = router.Press.show, _nothing_shown  # type: ignore[method-assign, assignment]
    try:
        await world.alice.click(sheet, label="Looks right")
    finally:
        router.Press.show = show  # type: ignore[method-assign]
    captions = world.find("the captions", world.room())
    await world.restart()
    await world.alice.click(sheet, label="Looks right")
    assert [m.id for m in world.find("the captions", world.room())] == [m.id for m in captions]
    assert "The crops are agreed" in words(world.find("the crops", world.room())[0])


async def _nothing_shown(press: router.Press, screen: object) -> None: ...


@pytest.mark.parametrize("restarted", [False, True])
async def test_choices_and_start(world: World, restarted: bool) -> None:
    confirm = await world.to_confirm()
    if restarted:
        await world.restart()
    await world.alice.select(confirm, ["quick"], custom_id="lk1:set.preset:1")
    await world.alice.select(world.last(world.room()), ["me"], custom_id="lk1:set.access:1")
    training = world.studio.training
    assert training is not None
    await world.alice.click(world.last(world.room()), label="Vote: blind")
    assert (training.wants_vote, training.blind) == (True, False)
    await world.alice.click(world.last(world.room()), label="Vote: open")
    assert (training.preset, training.access, training.wants_vote) == ("quick", "me", False)
    await world.alice.click(world.last(world.room()), label="Vote: off")
    assert (training.wants_vote, training.blind) == (True, True)
    await world.alice.click(world.last(world.room()), label="Start training")
    started, status = world.room().history()[-2:]
    assert "Started." in words(started) and "Waiting." in words(status)


async def test_start_twice_is_one_status_card(world: World) -> None:
    confirm = await world.to_confirm()
    stale = confirm
    await world.alice.click(confirm, label="Start training")
    # The same press again, as from a client that has not seen the edit yet.
    world.env.backend.messages[stale.channel.id][stale.id].components = [
        {
            "type": 1,
            "id": 1,
            "components": [{"type": 2, "style": 3, "label": "Go", "custom_id": "lk1:set.start:1", "id": 2}],
        }
    ]
    await world.alice.click(stale, label="Go")
    assert len(world.find("Next in line", world.room())) == 1


async def test_a_stranger_may_look_but_not_press(world: World) -> None:
    sheet = await world.to_crops()
    room = world.room()
    await world.alice.send(room, world.bob.mention)
    world.env.backend.add_thread_member(room.id, world.bob.id)
    result = await world.bob.click(sheet, label="Looks right")
    assert "Only who started this" in words(result.followups[0]) and result.followups[0].ephemeral
    assert len(world.find("the captions", room)) == 0
