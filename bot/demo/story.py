"""The story: it is Ada's birthday on Saturday. She gave her friends twelve photos and a free hand.

Every step waits for what it needs to see and then acts as a member would. What is planted among the photos (a friend in
the frame, a sideways one with GPS, a copy, a broken file) is dealt with on the way, in the open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simcord.results import InteractionResult

from bot.demo.stage import Stage, StageError
from bot.demo.transcript import walk
from bot.studio import ballot_sheet
from bot.studio.tally import LETTERS

PLANNER = "Ben"
MEMBERS = ("Ada", PLANNER, "Chloe", "Dev", "Elif")
READ_S, TRAIN_S, PAINT_S = 120.0, 600.0, 90.0
"""Patience with the engine, in seconds: several times what two slow cores need."""

WHILE_TRAINING = "a portrait of a person in a forest"
WISHES = (
    ("Chloe", "a portrait of {trigger} person on the moon", 11),
    ("Dev", "a portrait of {trigger} person, laughing, wearing a party hat, on a yellow background", 23),
    ("Elif", "a portrait of {trigger} person, wearing a blue hoodie and sunglasses, at the beach", 42),
)
"""Who asks for what, with which seed."""


@dataclass
class Told:
    """What the outcome needs to know of how the story went."""

    trigger: str = ""
    grid: bytes = field(default=b"", repr=False)
    painted_while_training: bool = False


async def play(stage: Stage, photos: Sequence[tuple[str, bytes]], preset: str) -> Told:
    """Tell it from the first command to the last picture. StageError when something does not come."""
    told = Told()
    await hand_in(stage, photos)
    await fix_a_crop(stage)
    await edit_a_caption(stage)
    await start(stage, told, preset)
    await watch(stage, told)
    await vote(stage, told)
    await paint(stage, told)
    return told


async def hand_in(stage: Stage, photos: Sequence[tuple[str, bytes]]) -> None:
    """Two photos with the command, ten in the form."""
    first, rest = photos[:2], list(photos[2:])
    attached: dict[str, Any] = {f"photo{n}": file for n, file in enumerate(first, 1)}
    form = await stage.command(PLANNER, "train", name="Ada", **attached)
    told = f"filled in the form: Ada, someone who agreed, {len(rest)} more photos"
    await stage.fill(PLANNER, form, told, name="Ada", photos=rest[:10], more=rest[10:], kind="agreed", consent=True)
    await stage.until_pressable("crop.accept", "the contact sheet", READ_S)


async def fix_a_crop(stage: Stage) -> None:
    """The photo that a person should look at, else the first: another face if there is one, a little tighter."""
    _, menu = _found(stage, "crop.fix")
    doubtful = [o["value"] for o in menu["options"] if "please look" in o["label"]]
    kept = [o["value"] for o in menu["options"] if "left out" not in o["label"]]
    group = [o["value"] for o in menu["options"] if "in the picture" in (o.get("description") or "")]
    number = (doubtful or group or kept)[0]
    await stage.pick(PLANNER, "crop.fix", number)
    page = str(menu["custom_id"]).split(":")[3].split(".")[0]
    if doubtful and any(
        _verb_argument(p) == f"{number}.next_face.{page}" and not p.get("disabled") for p in _parts(stage)
    ):
        await stage.press(PLANNER, "crop.adjust", f"{number}.next_face.{page}")
        await stage.press(PLANNER, "crop.adjust", f"{number}.next_face.{page}")
    await stage.press(PLANNER, "crop.adjust", f"{number}.looser.{page}")
    await stage.press(PLANNER, "crop.adjust", f"{number}.tighter.{page}")
    await stage.press(PLANNER, "crop.back")
    await stage.press(PLANNER, "crop.accept")
    await stage.until_pressable("cap.accept", "the captions", READ_S)


async def edit_a_caption(stage: Stage) -> None:
    """One word more where the captioner was brief."""
    form = await stage.press(PLANNER, "cap.edit")
    if form.modal is None:
        raise StageError("the caption's form did not open")
    box = next(p for p in walk(_unlabelled(form.modal)) if str(p.get("custom_id", "")).startswith("caption."))
    before = str(box.get("value") or "")
    after = f"{before}, in soft light" if before else "in soft light"
    key = str(box["custom_id"]).replace(".", "__")
    await stage.fill(PLANNER, form, f"changed the caption to “{after}”", **{key: after})
    await stage.press(PLANNER, "cap.accept")
    await stage.until_pressable("set.start", "the confirm card", READ_S)


async def start(stage: Stage, told: Told, preset: str) -> None:
    await stage.pick(PLANNER, "set.preset", preset)
    await stage.pick(PLANNER, "set.access", "server")
    await stage.press(PLANNER, "set.start")
    await stage.until_pressable("run.cancel", "the status card", READ_S)


async def watch(stage: Stage, told: Told) -> None:
    """While it trains somebody wants a picture, and gets it before the training ends."""
    await stage.until(lambda: _training(stage), "the first steps", TRAIN_S)
    await stage.command("Elif", "imagine", prompt=WHILE_TRAINING, seed=5, count=1)
    await stage.until_pressable("pic.again", "a picture in between", PAINT_S)
    told.painted_while_training = stage.pressable("vote.close") is None
    await stage.until_pressable("vote.close", "the ballot", TRAIN_S)


async def vote(stage: Stage, told: Told) -> None:
    """Nobody sees which epoch a column is. Elif takes the first one, asks what Likeness says, and changes her mind; Ada,
    whose face it is, and one more agree with her, two prefer its neighbour. Ben ends it, and the letters get their names."""
    message, menu = _found(stage, "vote.win")
    columns = len(menu["options"])
    await stage.until(lambda: len(message.reactions) >= columns or None, "the reactions under the ballot", READ_S)
    emoji = [reaction.emoji for reaction in message.reactions]
    await stage.pick("Elif", "vote.column", "0")
    await stage.react("Elif", message, emoji[0])
    best = _advised(await stage.press("Elif", "vote.says"))
    if best:
        await stage.unreact("Elif", message, emoji[0])
        await stage.react("Elif", message, emoji[best])
    neighbour = best - 1 if best > 0 else min(1, columns - 1)
    for who, choice in (("Ada", best), ("Chloe", best), ("Dev", neighbour), (PLANNER, neighbour)):
        await stage.react(who, message, emoji[choice])
    await stage.press(PLANNER, "vote.close")
    await stage.until_pressable("lora.imagine", "the winner", READ_S)
    bands = [data for name, data in stage.bytes_of(message) if "columns" in name]
    told.grid = ballot_sheet.beneath(bands) if bands else b""


async def paint(stage: Stage, told: Told) -> None:
    """Each wish twice with the same seed: with what was learnt, and by the base alone."""
    told.trigger = _trigger(stage)
    for who, wish, seed in WISHES:
        prompt = wish.format(trigger=told.trigger)
        await _pictures(stage, who, prompt=prompt, seed=seed, count=2)
        await _pictures(stage, PLANNER, prompt=prompt, seed=seed, count=2, lora="base")
    await stage.command("Ada", "loras")


async def _pictures(stage: Stage, who: str, **options: Any) -> None:
    before = _answers(stage)
    await stage.command(who, "imagine", **options)
    await stage.until(lambda: _answers(stage) > before or None, "the pictures", PAINT_S)


def _answers(stage: Stage) -> int:
    return sum(any(_verb(p) == "pic.again" for p in walk(m.components)) for m in stage.messages())


def _training(stage: Stage) -> bool | None:
    words = (str(p.get("content", "")) for m in stage.messages() for p in walk(m.components))
    return any("epoch 1 of" in text.lower() for text in words) or None


def _advised(answer: InteractionResult) -> int:
    """The place of the column that Likeness would take."""
    said = answer.response.content if answer.response is not None else ""
    found = re.search(r"I would take ([A-J])\b", said)
    if found is None:
        raise StageError("Likeness did not say which column it would take")
    return LETTERS.index(found[1])


def _trigger(stage: Stage) -> str:
    """As the winner's announcement gives it."""
    message, _ = _found(stage, "lora.imagine")
    text = " ".join(str(p.get("content", "")) for p in walk(message.components))
    found = re.search(r"Bring it in with \*\*(\w+)\*\*", text)
    if found is None:
        raise StageError("the winner's announcement names no trigger word")
    return found[1]


def _found(stage: Stage, verb: str) -> tuple[Any, dict[str, Any]]:
    found = stage.pressable(verb)
    if found is None:
        raise StageError(f"there is nothing to press for {verb}")
    return found


def _parts(stage: Stage) -> list[dict[str, Any]]:
    return [p for m in stage.messages() for p in walk(m.components)]


def _verb(part: dict[str, Any]) -> str:
    return _pieces(part)[1]


def _verb_argument(part: dict[str, Any]) -> str:
    return _pieces(part)[3]


def _pieces(part: dict[str, Any]) -> list[str]:
    """Grammar, verb, id and argument of a custom id; "" where there is none."""
    return [*str(part.get("custom_id") or "").split(":"), "", "", "", ""]


def _unlabelled(modal: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = modal["components"]
    return [part.get("component") or part for part in parts]
