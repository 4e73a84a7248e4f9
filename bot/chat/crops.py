"""The crop sheet and the editor of one crop. Both stand in the same message."""

from __future__ import annotations

from bot.chat import review_cards
from bot.chat.customid import BadCustomId
from bot.chat.router import Press, on
from bot.studio.screens import Purpose

VERBS = frozenset({"tighter", "looser", "left", "right", "up", "down", "next_face", "centre", "drop", "keep"})


@on("crop.page")
async def page(press: Press) -> None:
    number = int(press.action.arg.split(".")[0])
    await press.show(await press.studio.crop_sheet(press.who, press.action.number, number))


@on("crop.fix")
async def fix(press: Press) -> None:
    editor = await press.studio.crop_editor(press.who, press.action.number, int(press.choice))
    await press.show(review_cards.crop_editor(editor, int(press.action.arg.split(".")[0])))


@on("crop.adjust")
async def adjust(press: Press) -> None:
    """The argument is "<photo>.<verb>.<page of the sheet>"."""
    number, verb, page = press.action.arg.split(".")
    if verb not in VERBS:
        raise BadCustomId("unknown adjustment")
    editor = await press.studio.adjust_crop(press.who, press.action.number, int(number), verb)
    await press.show(review_cards.crop_editor(editor, int(page)))


@on("crop.back")
async def back(press: Press) -> None:
    await press.show(await press.studio.crop_sheet(press.who, press.action.number, press.action.arg_number))


@on("crop.accept")
async def accept(press: Press) -> None:
    """The captions come as a message of their own; this one stays to be looked at, with nothing left to press.

    Unless one came back here from the captions: then they show in this message again.
    """
    dataset_id = press.action.number
    captions = await press.studio.accept_crops(press.who, dataset_id)
    if await press.show_below(Purpose.CAPTIONS, str(dataset_id)):
        sheet = await press.studio.crop_sheet(press.who, dataset_id)
        await press.show(review_cards.crop_sheet(sheet, settled=True))
    else:
        await press.show(captions)
