"""The crop sheet and the editor of one crop. Both stand in the same message, drawn by whoever pressed last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.chat import crop_cards
from bot.chat.customid import BadCustomId
from bot.chat.layout import Drawn
from bot.chat.router import Press, on
from bot.studio.screens import Purpose, Screen

VERBS = frozenset(
    {"tighter", "looser", "left", "right", "up", "down", "next_face", "centre", "original", "drop", "keep", "undo"}
)


@on("crop.page")
async def page(press: Press) -> None:
    number = int(press.action.arg.split(".")[0])
    await _draw(press, lambda: press.studio.crop_sheet(press.who, press.action.number, number))


@on("crop.fix")
async def fix(press: Press) -> None:
    await _edit(press, int(press.choice), int(press.action.arg.split(".")[0]))


@on("crop.ask")
async def ask(press: Press) -> None:
    """The argument is "<page of the sheet>", or "<page>.<photo>" where the next one is known."""
    page, _, number = press.action.arg.partition(".")
    if number:
        await _edit(press, int(number), int(page))
        return
    sheet = await press.studio.crop_sheet(press.who, press.action.number, int(page))
    if sheet.asks:
        await _edit(press, sheet.asks[0], int(page))
    else:
        await press.show(sheet)


@on("crop.adjust")
async def adjust(press: Press) -> None:
    """The argument is "<photo>.<verb>.<page of the sheet>"."""
    number, verb, page = press.action.arg.split(".")
    if verb not in VERBS:
        raise BadCustomId("unknown adjustment")
    await press.studio.framing.press(press.who, press.action.number, int(number), verb)
    await _edit(press, int(number), int(page))


@on("crop.back")
async def back(press: Press) -> None:
    await _draw(press, lambda: press.studio.crop_sheet(press.who, press.action.number, press.action.arg_number))


@on("crop.accept")
async def accept(press: Press) -> None:
    """The captions come as a message of their own; this one stays to be looked at, with nothing left to press.

    Unless one came back here from the captions: then they show in this message again.
    """
    dataset_id = press.action.number
    captions = await press.studio.accept_crops(press.who, dataset_id)
    if await press.show_below(Purpose.CAPTIONS, str(dataset_id)):

        async def agreed() -> Drawn:
            return crop_cards.crop_sheet(await press.studio.crop_sheet(press.who, dataset_id), settled=True)

        await _draw(press, agreed)
    else:
        await press.show(captions)


async def _edit(press: Press, number: int, page: int) -> None:
    async def drawn() -> Drawn:
        editor = await press.studio.crop_editor(press.who, press.action.number, number)
        return crop_cards.crop_editor(editor, page)

    await _draw(press, drawn)


async def _draw(press: Press, make: Callable[[], Awaitable[Screen | Drawn]]) -> None:
    """Made only when it is this press's turn, so that it shows how things stand by then."""
    message = press.interaction.message
    async with press.bot.turns.take(message.id if message is not None else press.interaction.id) as mine:
        if mine:
            await press.show(await make())
