"""The whole life of a LoRA, with the process ended at every step of it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.studio.requests import BeginTraining
from bot.studio.screens import (
    BallotCard,
    CropSheet,
    EpochPost,
    PicturesCard,
    Purpose,
    StatusCard,
    WinnerCard,
)
from tests.studio.house import FRIEND, GUILD, OWNER, ROOM, SCOPE, House, given


def size(data: bytes) -> tuple[int, int]:
    assert len(data) < 8 * 1024 * 1024
    return Image.open(io.BytesIO(data)).size


@pytest.mark.parametrize("ending", ["never", "stop", "crash"])
async def test_photos_in_and_pictures_out(house: House, ending: str) -> None:
    """Each block is a step; between two of them the process may end, kindly or not."""

    async def step_begin() -> None:
        ask = BeginTraining("draft", "Kat3r1na", "person", True, given(8), room_id=ROOM)
        reading = await house.studio.begin(house.who(request="train"), ask)
        assert (reading.given, reading.subject) == (8, "Kat3r1na")

    async def step_crops() -> None:
        await house.settled()
        sheet = await house.studio.screen(GUILD, Purpose.CROPS, "1")
        assert isinstance(sheet, CropSheet) and sheet.sheet is not None
        assert sheet.can_go_on and len(sheet.photos) == 8 and sheet.summary == "8 photos in."
        assert size(sheet.sheet.data)[0] > 1000
        before = (await house.store.photos.numbered(SCOPE, 1, 3)).crop
        editor = await house.studio.adjust_crop(house.who(), 1, 3, "tighter")
        after = (await house.store.photos.numbered(SCOPE, 1, 3)).crop
        assert before is not None and after is not None and after.x1 - after.x0 < before.x1 - before.x0
        assert editor.number == 3 and size(editor.preview.data)
        await house.studio.adjust_crop(house.who(), 1, 8, "drop")
        captions = await house.studio.accept_crops(house.who(), 1)
        assert captions.trigger == "ohwx" and len(captions.lines) == 7

    async def step_captions() -> None:
        await house.studio.edit_captions(house.who(), 1, {2: "ohwx, laughing,  in a  park"})
        sheet = await house.studio.change_word(house.who(), 1, add="indoors", remove="wearing a red sweater")
        assert [line.caption for line in sheet.lines][:2] == [
            "smiling, on a blue background, indoors",
            "laughing, in a park, indoors",
        ]
        card = await house.studio.accept_captions(house.who(), 1)
        assert (card.photos, card.access, card.wants_vote, card.started) == (7, "me", True, False)
        assert card.queue == "next in line, starts at once"

    async def step_start() -> None:
        await house.studio.choose(house.who(), 1, access="server", trigger="K4tya")
        status = await house.studio.start_training(house.who(request="start"), 1)
        assert (status.run_id, status.epochs) == (1, 3)

    async def step_trained() -> None:
        await house.settled()
        status = await house.studio.screen(GUILD, Purpose.STATUS, "1")
        assert isinstance(status, StatusCard)
        assert (status.state, status.done, len(status.losses), status.can_cancel) == ("voting", 1.0, 3, False)
        posts = await house.posts("epoch")
        assert len(posts) == len(set(posts)) == 3
        post = await house.studio.screen(GUILD, Purpose.EPOCH, posts[1][1])
        assert isinstance(post, EpochPost) and post.number == 2 and size(post.previews.data)
        job = (await house.store.jobs.of_run(SCOPE, 1)) or pytest.fail("no job")
        assert '"a portrait of k4tya person, laughing, in a park, indoors"' in job.spec

    async def step_vote() -> None:
        card = await house.studio.screen(GUILD, Purpose.BALLOT, "1")
        assert isinstance(card, BallotCard) and [column.letter for column in card.columns] == ["A", "B", "C"]
        assert not card.suggestion and all(size(image.data) for image in card.sheets)
        await house.studio.vote(GUILD, 1, FRIEND, 0, on=True)
        votes = await house.counted(1, {1: frozenset({FRIEND}), 3: frozenset({OWNER, FRIEND})})
        winner = await house.studio.close_ballot(GUILD, 1, votes)
        assert isinstance(winner, WinnerCard) and (winner.name, winner.result) == (
            "kat3r1na-gen0",
            "Epoch 3 wins, 2 of 3 votes.",
        )

    async def step_winner() -> None:
        assert len(await house.posts("winner")) == 1
        card = await house.studio.screen(GUILD, Purpose.WINNER, "1")
        assert isinstance(card, WinnerCard) and card.owner_id == OWNER and size(card.picture.data)
        (line,) = (await house.studio.loras(house.who(FRIEND))).lines
        assert line.name == "kat3r1na-gen0" and line.thumbnail is not None and not line.mine
        assert await house.studio.lora_names(house.who(FRIEND), "kat") == ("kat3r1na-gen0",)

    async def step_paint() -> None:
        ask = house.imagine("a portrait of k4tya person on the moon --no hat --seed 7", count=2)
        card = await house.studio.imagine(house.who(FRIEND, "paint"), ask)
        assert (card.lora, card.seeds, card.prompt) == (
            "kat3r1na-gen0",
            (7, 8),
            "a portrait of k4tya person on the moon",
        )

    async def step_pictures() -> None:
        await house.settled()
        ((_, ref),) = await house.posts("pictures")
        card = await house.studio.screen(GUILD, Purpose.PICTURES, ref)
        assert isinstance(card, PicturesCard) and card.ready and len(card.pictures) == 3
        assert card.member_id == FRIEND and card.pictures[1].name.endswith("-1.png")

    steps = (
        step_begin,
        step_crops,
        step_captions,
        step_start,
        step_trained,
        step_vote,
        step_winner,
        step_paint,
        step_pictures,
    )
    if ending == "never":
        async with house.life():
            for step in steps:
                await step()
        return
    for step in steps:
        async with house.life():
            await step()
            if ending == "crash":
                await house.crash()
