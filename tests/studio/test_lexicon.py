"""All captions at once: what recurs, find and replace, undo of the last change, and the layout other trainers read."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from bot.errors import NotAllowed, NotFound, UserError
from bot.studio import captions, lexicon
from bot.studio.dataset_screens import WordCount
from engine.captioning import Captioner, CaptionerRef
from engine.facts import PhotoFacts
from engine.script import Script
from storage.states import SubjectKind
from tests.studio.house import FRIEND, SCOPE, House

PERSON, PET, STYLE = SubjectKind.PERSON, SubjectKind.PET, SubjectKind.STYLE


async def said(house: House) -> list[str]:
    return [photo.caption for photo in await house.store.photos.list(SCOPE, 1)]


async def test_what_recurs_and_what_belongs_to_the_subject(house: House) -> None:
    async with house.life() as studio:
        await house.begin(5)
        await studio.edit_captions(
            house.who(), 1, {1: "smiling, with brown hair", 2: "", 3: "in a red hat", 4: "smiling"}
        )
        card = await studio.lexicon.words(house.who(), 1)
        assert card.captions == 5 and card.empty == (2,)
        assert card.words[0] == WordCount("smiling", 3)
        assert WordCount("red", 2) in card.words, "in two different parts"
        assert WordCount("sweater", 1) not in card.words, "said by its part already"
        assert card.own == (WordCount("hair", 1),)
        assert (card.before, card.undo_what) == ("a portrait of " + card.trigger + " person", "edit")


async def test_every_change_can_be_undone_in_turn(house: House) -> None:
    async with house.life() as studio:
        await house.begin(5)
        book, start = studio.lexicon, await said(house)
        await book.remove(house.who(), 1, "smiling")
        await book.replace(house.who(), 1, "Red Sweater", "blue coat")
        assert set(await said(house)) == {"wearing a blue coat, on a blue background"}
        await studio.change_word(house.who(), 1, add="indoors")
        await studio.edit_captions(house.who(), 1, {3: "alone"})
        whats: list[str] = []
    async with house.life() as studio:
        book = studio.lexicon
        card = await book.words(house.who(), 1)
        while card.undo is not None:
            whats.append(card.undo_what)
            asked = card.undo
            card = await book.undo(house.who(), 1, asked)
            assert await book.undo(house.who(), 1, asked) == card, "pressed twice, undone once"
        assert whats == ["edit", "add", "replace", "remove"] and await said(house) == start


async def test_what_changes_nothing_is_said_and_leaves_nothing_to_undo(house: House) -> None:
    async with house.life() as studio:
        await house.begin(5)
        with pytest.raises(NotFound, match="No caption has those words"):
            await studio.lexicon.replace(house.who(), 1, "giraffe", "horse")
        with pytest.raises(UserError, match="nothing to look for"):
            await studio.lexicon.replace(house.who(), 1, " , ", "horse")
        card = await studio.lexicon.remove(house.who(), 1, "giraffe")
        assert card.undo is None
        who = house.who()
        for _ in range(2):
            await studio.change_word(who, 1, add="indoors")
        assert (await said(house))[0].count("indoors") == 1
        assert len(await house.store.database.rows("SELECT id FROM revisions")) == 1
        for act in (studio.lexicon.words(house.who(FRIEND), 1), studio.lexicon.export(house.who(FRIEND), 1)):
            with pytest.raises(NotAllowed):
                await act


async def test_what_is_taken_away_can_be_brought_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house.life() as studio:
        await house.begin(5)
        await studio.edit_captions(house.who(), 1, {1: "laughing, in a park"})
        await studio.adjust_crop(house.who(), 1, 2, "drop")
        (archive,) = await studio.lexicon.export(house.who(), 1)
        with zipfile.ZipFile(io.BytesIO(archive.data)) as files:
            assert sorted(files.namelist()) == sorted(
                f"photo-{n:02d}.{end}" for n in (1, 3, 4, 5) for end in ("jpg", "txt")
            )
            texts = {name: files.read(name).decode() for name in files.namelist() if name.endswith(".txt")}
            crop = (await house.store.photos.numbered(SCOPE, 1, 1)).crop
            assert crop is not None
            with Image.open(io.BytesIO(files.read("photo-01.jpg"))) as picture:
                assert picture.size == (crop.x1 - crop.x0, crop.y1 - crop.y0) and not picture.getexif()
        trigger = (await studio.lexicon.words(house.who(), 1)).trigger
        assert texts["photo-01.txt"] == f"a portrait of {trigger} person, laughing, in a park\n"
        before = await said(house)
        await studio.change_word(house.who(), 1, remove="smiling", add="indoors")
        brought = await studio.lexicon.bring(
            house.who(), 1, {**texts, "holiday.txt": "x", "IMG_2.txt": f"{trigger}, asleep"}
        )
        assert (brought.matched, brought.unknown) == (5, ("holiday.txt",))
        assert await said(house) == [before[0], "asleep", *before[2:]]
        assert brought.card.undo_what == "bring"
        with pytest.raises(UserError, match="photo-01"):
            await studio.lexicon.bring(house.who(), 1, {"a.txt": "x"})
        monkeypatch.setattr(lexicon, "PART_BYTES", 10_000)
        parts = await studio.lexicon.export(house.who(), 1)
        assert len(parts) > 1 and parts[0].name == f"{trigger}-1-of-{len(parts)}.zip"


async def test_a_captioner_that_is_not_there_is_told(house: House) -> None:
    facts = PhotoFacts(captioner=Captioner.TEMPLATE)
    house.script = Script(measured=dict.fromkeys(range(5), facts))

    for wanted, missing in (
        (CaptionerRef(kind=Captioner.FLORENCE2), "florence-community/Florence-2-base"),
        (CaptionerRef(kind=Captioner.BLIP, source="me/mine"), "me/mine"),
        (CaptionerRef(), ""),
        (CaptionerRef(kind=Captioner.TEMPLATE), ""),
    ):
        house.settings = replace(house.settings, captioner=wanted)
        async with house.life() as studio:
            if not await house.store.photos.list(SCOPE, 1):
                await house.begin(5)
                (job,) = [job for job in house.engine.submitted if job.kind == "prepare"]
                assert job.captioner == wanted
            assert (await studio.lexicon.words(house.who(), 1)).missing == missing


@pytest.mark.parametrize(
    ("find", "put", "caption"),
    [
        ("red", "blue", "wearing a blue hat, hatred, on a blue wall"),
        ("a RED hat", "glasses", "wearing glasses, hatred, on a red wall"),
        ("wearing a red hat", "", "hatred, on a red wall"),
        (r"\w+", "x", "wearing a red hat, hatred, on a red wall"),
        ("hat", r"\1", r"wearing a red \1, hatred, on a red wall"),
        ("", "x", "wearing a red hat, hatred, on a red wall"),
    ],
)
def test_find_and_replace_goes_by_whole_words(find: str, put: str, caption: str) -> None:
    assert captions.replaced("wearing a red hat, hatred, on a red wall", find, put) == caption


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_a_trained_caption_is_read_back_as_it_was(kind: SubjectKind) -> None:
    for caption in ("", "smiling, on a wall"):
        assert captions.untrained(kind, "ohwx", "thing", captions.as_trained(kind, "ohwx", "thing", caption)) == caption
    assert captions.untrained(kind, "ohwx", "thing", "ohwx thing, smiling") == "smiling"
    assert captions.untrained(kind, "ohwx", "thing", "ohwx\n smiling") == "smiling"
    assert captions.untrained(kind, "oh", "", "ohwx smiling") == "ohwx smiling", "another word"


def test_own_words_by_kind() -> None:
    told = ["with brown hair, blue eyes", "fluffy fur, brown hair", ""]
    assert captions.own_words(PERSON, told) == [("hair", 2), ("eyes", 1)]
    assert captions.own_words(PET, told) == [("eyes", 1), ("fluffy", 1), ("fur", 1)]
    assert captions.own_words(STYLE, told) == []
