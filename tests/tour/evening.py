"""The evening of the tour: what is done, and when the camera looks. The words to the pictures stand in docs/tour.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import discord

from bot.demo.stage import Stage, members_speaking
from bot.demo.transcript import walk
from tests.tour.walk import Camera, message_with, newest

HOST, FRIENDS = "Ben", ("Ada", "Chloe", "Dev")
PATIENCE_S = 900.0
"""With the engine, on a machine that others use too."""


async def evening(stage: Stage, camera: Camera, photos: Sequence[tuple[str, bytes]], preset: str) -> None:
    _make_admin(stage, HOST)
    await photos_in(stage, camera, photos)
    await crops(stage, camera)
    await captions(stage, camera)
    await training(stage, camera, preset)
    trigger = await ballot(stage, camera)
    await painting(stage, camera, trigger)
    await keeping(stage, camera)
    await german(stage, camera, photos, trigger)


async def photos_in(stage: Stage, camera: Camera, photos: Sequence[tuple[str, bytes]]) -> None:
    form = await stage.command(HOST, "train", name="Ada", photo1=photos[0], photo2=photos[1])
    await camera.take("01-form", HOST, form)
    told = "filled in the form"
    sent = await stage.fill(
        HOST, form, told, name="Ada", photos=list(photos[2:12]), more=[], kind="agreed", consent=True
    )
    await camera.take("02-receipt", HOST, sent)
    await stage.until_pressable("crop.accept", "the crops", PATIENCE_S)
    if _says(stage, "Ada: the photos"):
        # The scripted engine measures no photos, so nothing is said about them.
        await camera.take("03-photos", HOST, message_with(stage, "Ada: the photos"), phone=True)


async def crops(stage: Stage, camera: Camera) -> None:
    sheet = newest(stage, "crop.accept")
    await camera.take("04-crops", HOST, sheet, phone=True)
    menu = next(part for part in walk(sheet.components) if str(part.get("custom_id", "")).startswith("lk1:crop.fix"))
    asks = [o["value"] for o in menu["options"] if "please look" in o["label"]]
    several = [o["value"] for o in menu["options"] if "face" in (o.get("description") or "")]
    await stage.pick(HOST, "crop.fix", (asks or several or [menu["options"][0]["value"]])[0])
    await camera.take("05-crop", HOST, newest(stage, "crop.back"))
    await stage.press(HOST, "crop.back")
    await stage.press(HOST, "crop.accept")
    await stage.until_pressable("cap.accept", "the captions", PATIENCE_S)


async def captions(stage: Stage, camera: Camera) -> None:
    await camera.take("06-captions", HOST, newest(stage, "cap.accept"), phone=True)
    await stage.press(HOST, "lex.open")
    await camera.take("07-words", HOST, newest(stage, "lex.back"))
    await stage.press(HOST, "lex.back")
    await stage.press(HOST, "cap.accept")
    await stage.until_pressable("set.start", "the confirm card", PATIENCE_S)


async def training(stage: Stage, camera: Camera, preset: str) -> None:
    await stage.pick(HOST, "set.preset", preset)
    await stage.pick(HOST, "set.access", "server")
    await camera.take("08-confirm", HOST, newest(stage, "set.start"))
    await stage.press(HOST, "set.start")
    await stage.until(lambda: _says(stage, "**Epoch 2"), "the second epoch", PATIENCE_S)
    await camera.take("09-status", HOST, newest(stage, "run.cancel"))
    await camera.take("10-epoch", HOST, message_with(stage, "**Epoch 2"))
    await stage.until_pressable("vote.close", "the ballot", PATIENCE_S)


async def ballot(stage: Stage, camera: Camera) -> str:
    """The trigger word of the winner."""
    message = newest(stage, "vote.win")
    columns = sum(str(o["value"]).isdigit() for p in walk(message.components) for o in p.get("options", ())) // 2
    await stage.until(lambda: len(message.reactions) >= columns or None, "the reactions", PATIENCE_S)
    emoji = [reaction.emoji for reaction in message.reactions]
    await camera.take("11-ballot", "Chloe", message, phone=True)
    await camera.take("12-column", "Chloe", await stage.pick("Chloe", "vote.column", "0"))
    await stage.react("Chloe", message, emoji[-1])
    await camera.take("13-says", "Chloe", await stage.press("Chloe", "vote.says"))
    for who, choice in (("Ada", emoji[-1]), ("Dev", emoji[0]), (HOST, emoji[-1])):
        await stage.react(who, message, choice)
    await stage.press(HOST, "vote.close")
    await stage.until_pressable("lora.imagine", "the winner", PATIENCE_S)
    await stage.pass_time(15)
    await camera.take("14-result", "Chloe", message)
    won = newest(stage, "lora.imagine")
    await camera.take("15-winner", "Chloe", won, phone=True)
    text = " ".join(str(p.get("content", "")) for p in walk(won.components))
    return text.split("Bring it in with **")[1].split("**")[0]


async def painting(stage: Stage, camera: Camera, trigger: str) -> None:
    made = await _painted(stage, "Chloe", f"a portrait of {trigger} person on the moon", seed=11)
    await camera.take("16-pictures", "Chloe", made, phone=True)
    await camera.take("17-one", "Chloe", await stage.pick("Chloe", "pic.one", "2"))
    kept = await stage.press("Chloe", "pic.keep")
    before = _answers(stage)
    await stage.command("Chloe", "compare", prompt=f"a portrait of {trigger} person, laughing", loras="ada-gen0")
    await stage.until(lambda: _answers(stage) > before or None, "the comparison", PATIENCE_S)
    await camera.take("18-compare", "Chloe", newest(stage, "pic.again"), phone=True)
    assert kept.response is not None or kept.followups
    await camera.take("19-gallery", "Chloe", await stage.command("Chloe", "gallery"))
    await camera.take("20-inspire", "Chloe", await stage.command("Chloe", "inspire", words="moon"))


async def keeping(stage: Stage, camera: Camera) -> None:
    await camera.take("21-loras", HOST, await stage.command(HOST, "loras"))
    await stage.pick(HOST, "lora.open", "1")
    await camera.take("22-lora", HOST, newest(stage, "lora.rename"), phone=True)
    await camera.take("23-privacy", "Chloe", await stage.command("Chloe", "privacy"))
    await camera.take("24-settings", HOST, await stage.command(HOST, "settings"))
    await camera.take("25-help", "Dev", await stage.command("Dev", "help"))


async def german(stage: Stage, camera: Camera, photos: Sequence[tuple[str, bytes]], trigger: str) -> None:
    """The server is switched to German, and members come whose Discord speaks it."""
    with members_speaking("de"):
        await stage.pick(HOST, "rules.language", "de")
        form = await stage.command("Dev", "train", name="Lotte")
        await camera.take("30-formular", "Dev", form, wide=False, phone=True, locale="de")
        made = await _painted(stage, "Dev", f"a portrait of {trigger} person at the beach", seed=23, count=2)
        await camera.take("31-bilder", "Dev", made, wide=False, phone=True, locale="de")
        await stage.command(HOST, "loras")
        await stage.pick(HOST, "lora.open", "1")
        await camera.take("32-lora", HOST, newest(stage, "lora.rename"), wide=False, phone=True, locale="de")
        await camera.take("33-privacy", "Chloe", await stage.command("Chloe", "privacy"), locale="de")


async def _painted(stage: Stage, who: str, prompt: str, **options: Any) -> Any:
    before = _answers(stage)
    await stage.command(who, "imagine", prompt=prompt, **options)
    await stage.until(lambda: _answers(stage) > before or None, "the pictures", PATIENCE_S)
    return newest(stage, "pic.again")


def _answers(stage: Stage) -> int:
    return sum(
        any(str(part.get("custom_id", "")).startswith("lk1:pic.again") for part in walk(message.components))
        for message in stage.messages()
    )


def _says(stage: Stage, words: str) -> bool | None:
    parts = (str(p.get("content", "")) for m in stage.messages() for p in walk(m.components))
    return any(words in text for text in parts) or None


def _make_admin(stage: Stage, name: str) -> None:
    guild = stage.channel.guild
    role = guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    stage.env.backend.add_member_role(guild.id, stage.members[name].id, role.id)


def photos_of(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in sorted(folder.glob("*.jpg"))]
