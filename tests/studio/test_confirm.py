from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import Taken, UserError
from bot.studio.recipes import PresetChange
from bot.studio.settings import StudioSettings
from engine.protocol import SubjectKind, TrainJob
from tests.studio.house import FRIEND, OWNER, ROOM, SCOPE, House


@pytest.mark.parametrize(
    ("choice", "part"),
    [
        ({"preset": "glacial"}, "There is no preset glacial. Choose one of quick, balanced, thorough."),
        ({"access": "everybody"}, "only you, or everybody on this server"),
        ({"trigger": "birthday"}, "already knows"),
        ({"trigger": "person"}, "already knows"),
        ({"trigger": "two words"}, "one word"),
        ({"trigger": "x"}, "at least 3 letters"),
    ],
)
async def test_a_choice_that_there_is_not(house: House, choice: dict[str, str], part: str) -> None:
    async with house.life() as studio:
        dataset = await house.ready()
        before = await studio.confirm_card(house.who(), dataset)
        with pytest.raises(UserError, match=part):
            # What stands beside the wrong one is not taken either.
            await studio.choose(house.who(), dataset, wants_vote=False, **choice)  # type: ignore[arg-type]
        assert await studio.confirm_card(house.who(), dataset) == before


async def test_a_trigger_word_is_taken_once_per_server(house: House) -> None:
    async with house.life() as studio:
        await house.begin(draft="a")
        friends = await house.begin(draft="b", name="B", member=FRIEND)
        for word in ("ohwx", " OHWX"):
            with pytest.raises(Taken, match="`ohwx` is taken on this server"):
                await studio.choose(house.who(FRIEND), friends, trigger=word)
        assert (await studio.choose(house.who(FRIEND), friends, trigger="Zwxq")).trigger == "zwxq"
        assert (await studio.choose(house.who(FRIEND), friends, trigger="zwxq")).trigger == "zwxq"


async def test_the_word_of_a_published_lora_stays_taken(house: House) -> None:
    async with house.life() as studio:
        await house.published()
        await house.store.subjects.retire(SCOPE, 1)
        other = await house.ready(draft="b", name="B")
        assert (await studio.confirm_card(house.who(), other)).trigger != "ohwx"
        with pytest.raises(Taken):
            await studio.choose(house.who(), other, trigger="ohwx")


async def test_choices_stand_on_the_card_and_in_the_training(house: House) -> None:
    house.settings = replace(
        house.settings, recipe=StudioSettings().recipe, changes=(("quick", PresetChange(epochs=2, rank=4)),)
    )
    async with house.life() as studio:
        dataset = await house.ready()
        card = await studio.choose(
            house.who(), dataset, preset="quick", access="server", wants_vote=False, trigger="k4t"
        )
        assert (card.preset, card.access, card.wants_vote, card.trigger) == ("quick", "server", False, "k4t")
        assert [choice.title for choice in card.presets] == ["Quick", "Balanced", "Thorough"]
        await studio.start_training(house.who(OWNER), dataset)
        with pytest.raises(UserError, match="choices are made"):
            await studio.choose(house.who(), dataset, preset="thorough")
        await house.settled()
        (work,) = [job for job in house.engine.submitted if isinstance(job, TrainJob)]
        shipped = StudioSettings().recipe_of("quick", SubjectKind.PERSON, 6)
        assert (work.recipe.epochs, work.recipe.rank, work.recipe.exposures) == (2, 4, shipped.exposures)
        assert work.recipe.alpha / work.recipe.rank == shipped.alpha / shipped.rank
        assert (work.trigger, work.class_word, len(work.images), len(work.previews)) == ("k4t", "person", 6, 4)
        assert all(image.caption.startswith("a portrait of k4t person, smiling") for image in work.images)
        (row,) = await house.store.outbox.list(SCOPE, purpose="status")
        assert row.channel_id == ROOM
