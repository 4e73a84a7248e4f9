"""What can be pressed in a gallery, under one picture, and on a channel's rules."""

from __future__ import annotations

from discord import ui

from bot.chat import painting_forms, painting_texts, texts
from bot.chat.rooms import check_may_post
from bot.chat.router import Ack, Press, on, opens
from bot.errors import UserError
from bot.studio.channels import FIELDS
from bot.studio.requests import Compare

# -- the gallery


@on("gal.page")
async def page(press: Press) -> None:
    whose, _, _ = press.action.arg.partition(".")
    await press.show(await press.studio.gallery.page(press.who, whose, press.action.number))


@on("gal.open")
async def open_one(press: Press) -> None:
    await press.show(await press.studio.gallery.open(press.who, int(press.choice), press.action.arg))


@on("fav.keep")
async def keep(press: Press) -> None:
    await press.show(await press.studio.gallery.keep(press.who, press.action.number, press.action.arg))


@on("fav.drop")
async def drop(press: Press) -> None:
    await press.show(await press.studio.gallery.drop(press.who, press.action.number, press.action.arg))


@on("fav.share")
async def share(press: Press) -> None:
    await press.show(await press.studio.gallery.share(press.who, press.action.number, True, press.action.arg))


@on("fav.unshare")
async def unshare(press: Press) -> None:
    await press.show(await press.studio.gallery.share(press.who, press.action.number, False, press.action.arg))


# -- comparing


@opens("lora.compare")
def compare(press: Press) -> ui.Modal:
    return painting_forms.compare(press.action.number, press.who.request_id)


@on("lora.compare.send", Ack.PRIVATE)
async def compared(press: Press) -> None:
    prompt = press.filled.text("prompt")
    if not prompt:
        raise UserError(texts.no_prompt())
    check_may_post(press.interaction)
    (lora,) = await press.studio.library.known(press.who, [press.action.number])
    beside = press.filled.text("beside")
    ask = Compare(
        prompt=prompt,
        loras=", ".join(name for name in (lora.name, beside) if name),
        strengths=press.filled.text("strengths"),
    )
    await press.studio.comparing.compare(press.who, ask)
    await press.say(painting_texts.comparing())
    await press.bot.presenter.deliver()


# -- a channel's rules


async def _filled_in(press: Press) -> ui.Modal:
    """The names and numbers that stand there, read before the form is opened: a custom id cannot hold them."""
    shown = await press.studio.channels.card(press.who, press.action.number)
    return painting_forms.channel(shown, press.who.request_id)


@opens("chan.fill", or_else=_filled_in)
def fill(press: Press) -> None:
    return None


@on("chan.fill.send")
async def filled(press: Press) -> None:
    typed = {name: press.filled.text(name) for name in FIELDS}
    await press.show(await press.studio.channels.fill_in(press.who, press.action.number, typed))


@on("chan.painting")
async def painting(press: Press) -> None:
    on_or_off = press.action.arg == "on"
    await press.show(await press.studio.channels.choose(press.who, press.action.number, painting=on_or_off))


@on("chan.spoiler")
async def spoiler(press: Press) -> None:
    on_or_off = press.action.arg == "on"
    await press.show(await press.studio.channels.choose(press.who, press.action.number, spoiler=on_or_off))


@on("chan.lift")
async def lift(press: Press) -> None:
    await press.show(await press.studio.channels.lift(press.who, press.action.number))
