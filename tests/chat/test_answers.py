"""The private answer to /imagine follows the painting: its place, a bar, what became of it; and Cancel under it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import discord
import pytest
import simcord

from bot.chat import answer_texts
from bot.chat.answers import EDITS, EVERY_S, FAR_S, LAST_S, Answers
from bot.language import speaking
from bot.studio.standing import Stage, Standing
from engine.protocol import FailureKind
from engine.script import Script
from storage.records import Scope
from storage.states import JobState
from tests.chat.conftest import World
from tests.journeys.town import Town, words

HALF = Standing(Stage.PAINTING, done=0.5, seconds=12.0)


async def asked(world: World, prompt: str = "a cat") -> tuple[simcord.ResponseMessage, str]:
    result = await world.alice.slash(world.channel, "imagine", prompt=prompt, count=1)
    assert result.ephemeral and result.response is not None
    return result.response, list(world.studio.jobs)[-1]


def edits(world: World) -> int:
    return sum(r.method == "PATCH" and r.path.endswith("/@original") for r in world.env.http_requests)


async def test_place_then_bar_then_a_link(world: World) -> None:
    answer, job_id = await asked(world)
    assert answer.content == "Painting: number 2 in line. It will be posted here."
    world.studio.standing[job_id] = Standing(Stage.WAITING, 1, seconds=41.0)
    await world.pulse(6)
    assert answer.content == "Painting: next in line, done in about 40 s. It will be posted here."
    world.studio.standing[job_id] = HALF
    await world.pulse(4)
    assert answer.content == "Painting: ██████░░░░░░ 50%, about 10 s left"
    assert "lk1:pic.withdraw" in str([row.to_dict() for row in answer.message.components])
    world.studio.standing[job_id] = Standing(Stage.POSTED, done=1.0, message=(7, 8))
    await world.pulse(4)
    assert answer.content == f"Painted: https://discord.com/channels/{world.guild.id}/7/8"
    assert answer.message.components == []
    before = world.studio.standings.asked  # type: ignore[attr-defined]
    await world.pulse(20)
    assert world.studio.standings.asked == before, "nobody is asked about what is over"  # type: ignore[attr-defined]


async def test_one_answer_is_edited_every_three_seconds_and_only_where_there_is_news(world: World) -> None:
    _, job_id = await asked(world)
    first = edits(world)
    await world.pulse(60)
    assert edits(world) == first
    for second in range(30):
        world.studio.standing[job_id] = Standing(Stage.PAINTING, done=second / 30, seconds=30.0 - second)
        await world.pulse(1)
    assert edits(world) - first == 30 / EVERY_S


async def test_after_a_quarter_of_an_hour_the_answer_says_good_bye(world: World) -> None:
    answer, job_id = await asked(world)
    await world.pulse(LAST_S + 1)
    assert answer.content == answer_texts.parting() and answer.message.components == []
    world.studio.standing[job_id] = HALF
    done = edits(world)
    await world.pulse(30)
    assert edits(world) == done


async def test_after_a_restart_the_edits_end_and_cancel_still_works(world: World) -> None:
    answer, job_id = await asked(world)
    await world.restart()
    world.studio.standing[job_id] = HALF
    await world.pulse(30)
    assert answer.content.startswith("Painting: number 2")
    await world.alice.click(answer, label="Cancel")
    assert world.studio.cancelled == [job_id]
    assert answer.content == "Cancelled. What was finished is kept." and answer.message.components == []


async def test_cancel_says_so_in_that_answer_and_nothing_is_drawn_over_it(world: World) -> None:
    answer, job_id = await asked(world)
    await world.alice.click(answer, label="Cancel")
    world.studio.standing[job_id] = HALF
    await world.pulse(30)
    assert world.studio.cancelled == [job_id] and answer.content.startswith("Cancelled.")


async def test_it_is_told_in_the_members_language_and_why_it_failed(world: World) -> None:
    answer, job_id = await asked(world)
    sentence = "The engine ran out of memory. Try a smaller picture, fewer at once, or a lighter preset."
    failed = Standing(Stage.FAILED, error=sentence)
    world.studio.standing[job_id] = failed
    await world.pulse(4)
    assert answer.content == f"Nothing could be painted. {sentence}" and answer.message.components == []
    with speaking("de"):
        assert answer_texts.how_it_stands(failed, "", "").startswith("Es konnte nichts gemalt werden. Der Engine")
    for standing in (HALF, Standing(Stage.AWAY), Standing(Stage.POSTING), Standing(Stage.GONE)):
        for tongue in ("en", "de"):
            with speaking(tongue):
                assert 10 < len(answer_texts.how_it_stands(standing, "x" * 300, "")) < 2000


# -- many at once, with the edits counted


@dataclass
class Told:
    """An interaction, as far as an answer needs it."""

    guild_id: int = 1
    locale: str = "en-US"
    edits: list[float] = field(default_factory=list[float])
    said: list[str] = field(default_factory=list[str])
    fails: BaseException | None = None
    clock: Any = None

    async def edit_original_response(self, *, content: str, view: Any) -> None:
        self.edits.append(self.clock())
        if self.fails is not None:
            raise self.fails
        self.said.append(content)


class Line:
    """A queue worked off one after the other, `each` seconds a picture."""

    def __init__(self, members: int, each: int) -> None:
        self.now, self.each, self.crowded = 0.0, each, False
        self.told = [Told(clock=lambda: self.now) for _ in range(members)]
        self.answers = Answers(self.of, lambda: self.now, lambda: self.crowded)

    async def of(self, guilds: Any) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        for job_id in guilds:
            begins = int(job_id) * self.each
            ends = begins + self.each
            if self.now >= ends:
                found[job_id] = Standing(Stage.POSTED, message=(1, 2))
            elif self.now >= begins:
                found[job_id] = Standing(Stage.PAINTING, 0, (self.now - begins) / self.each, ends - self.now)
            else:
                place = int((begins - self.now - 1e-9) // self.each) + 1
                found[job_id] = Standing(Stage.WAITING, place, 0.0, ends - self.now)
        return found

    async def run(self) -> list[int]:
        """Edits in every second, after the first answers."""
        for n, told in enumerate(self.told):
            await self.answers.begin(told, str(n), "")  # type: ignore[arg-type]
        seconds: list[int] = []
        while self.answers._answers:
            self.now += 1
            before = sum(len(told.edits) for told in self.told)
            await self.answers.round()
            seconds.append(sum(len(told.edits) for told in self.told) - before)
        return seconds


async def test_one_picture_of_twenty_seconds_costs_seven_edits_more() -> None:
    seconds = await Line(1, 20).run()
    assert sum(seconds) == 7


@pytest.mark.parametrize(("members", "each"), [(50, 4), (200, 1)])
async def test_however_many_ask_the_edits_do_not_pile_up(members: int, each: int) -> None:
    line = Line(members, each)
    seconds = await line.run()
    assert max(seconds) <= EDITS
    assert all(told.said[-1].startswith("Painted") for told in line.told), "everybody is told the end"
    for told in line.told:
        assert all(after - before >= EVERY_S for before, after in zip(told.edits, told.edits[1:], strict=False))
    # Nobody is told of the end much later than it is there, in spite of all who wait.
    late = [told.edits[-1] - (n + 1) * each for n, told in enumerate(line.told)]
    assert max(late) <= 4
    most = 2 + members * each / FAR_S + 6
    assert sum(seconds) <= members * most, sum(seconds) / members


async def test_while_members_wait_for_a_first_answer_one_edit_a_second_is_the_most() -> None:
    line = Line(20, 3)
    line.crowded = True
    assert max(await line.run()) == 1
    assert all(told.said[-1].startswith("Painted") for told in line.told)


class Response:
    status, reason = 404, "Not Found"
    headers: ClassVar[dict[str, str]] = {}


async def test_what_discord_refuses_ends_it_and_what_breaks_off_is_tried_again() -> None:
    line = Line(2, 60)
    for n, told in enumerate(line.told):
        await line.answers.begin(told, str(n), "")  # type: ignore[arg-type]
    line.told[0].fails = discord.NotFound(Response(), {"code": 10008, "message": "Unknown Message"})  # type: ignore[arg-type]
    line.told[1].fails = OSError("the line is down")
    for second in range(1, 61):
        line.now = second
        await line.answers.round()
    assert len(line.told[0].edits) == 2, "dismissed: never again"
    assert len(line.told[1].edits) > 3
    line.told[1].fails = None
    line.now = 121
    await line.answers.round()
    assert line.told[1].said[-1].startswith("Painted")


# -- with the real studio


async def imagined(town: Town, prompt: str) -> simcord.ResponseMessage:
    result = await town.alice.slash(town.channel, "imagine", prompt=prompt, count=1)
    assert result.response is not None
    return result.response


async def test_in_the_studio_it_waits_is_painted_and_is_found_by_its_link(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.script = Script(hold={"paint": 1}, paint_steps=4)
    async with town.open():
        await town.app.store.speeds.learn(base="miniature", device="cpu", kind="paint", seconds=20.0)
        prompts = ("one", "two", "three")
        answers = [await imagined(town, prompts[0])]

        async def begun() -> bool:
            jobs = await town.app.store.jobs.live(Scope(town.guild.id))
            return any((job.progress or {}).get("step") == 1 for job in jobs)

        await town.until(begun)
        answers += [await imagined(town, prompt) for prompt in prompts[1:]]
        assert "next in line, done in about 55 s" in answers[2].content
        assert "No LoRA's trigger word is in the prompt" in answers[2].content
        await town.round(4)
        assert re.search(r"^Painting: ███░+ 25%, about 15 s left", answers[0].content), answers[0].content
        town.engine.release("paint")
        await town.engine_done()
        await town.round(4)
        for answer, prompt in zip(answers, prompts, strict=True):
            message = town.the(f"> {prompt}")
            assert answer.content == f"Painted: {message.jump_url}"


async def test_in_the_studio_cancel_withdraws_what_waits_and_what_is_painted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.script = Script(hold={"paint": 1})
    async with town.open():
        answers = [await imagined(town, "x") for _ in range(3)]
        for answer in answers:
            await town.alice.click(answer, label="Cancel")
            assert answer.content == "Cancelled: painting has stopped."
        await town.engine_done()
        await town.round(20)
        rows = await town.app.store.database.rows("SELECT DISTINCT state FROM jobs")
        assert [row["state"] for row in rows] == [JobState.CANCELLED]
        assert town.channel.last_message is None
        assert all(answer.content == "Cancelled: painting has stopped." for answer in answers)


async def test_in_the_studio_a_failure_is_told_there_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    town = Town(tmp_path)
    town.script = Script(fail={"paint": FailureKind.MEMORY})
    async with town.open():
        answer = await imagined(town, "x")
        await town.engine_done()
        await town.round(4)
        assert "ran out of memory" in answer.content and answer.message.components == []
        assert "ran out of memory" in words(town.channel.last_message), "and on its card, with the button"
    caplog.clear()
