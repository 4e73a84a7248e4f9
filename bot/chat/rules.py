"""What can be pressed about privacy, rules and reports."""

from __future__ import annotations

from discord import ui

from bot.chat import keeping_forms, rules_cards
from bot.chat import people_texts as words
from bot.chat.router import Ack, Press, on, opens
from bot.studio.forgetting import check_word
from bot.studio.rulebook import NUMBERS
from bot.studio.screens import Purpose

# -- privacy


@on("subject.open")
async def open_subject(press: Press) -> None:
    await press.show(await press.studio.privacy.subject(press.who, int(press.choice)))


@opens("me.forget")
def forget_me(press: Press) -> ui.Modal:
    return keeping_forms.forget_me(press.who.request_id)


@on("me.forget.send", Ack.PRIVATE)
async def me_forgotten(press: Press) -> None:
    check_word(press.filled.text("word"), *words.forget_words())
    notice = await press.studio.forgetting.forget_me(press.who)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()


# -- rules


def _chosen(press: Press) -> tuple[int, ...]:
    return tuple(int(id) for id in press.choices)


@on("rules.roles")
async def roles(press: Press) -> None:
    await press.show(await press.studio.rulebook.choose(press.who, training_roles=_chosen(press)))


@on("rules.channels")
async def channels(press: Press) -> None:
    await press.show(await press.studio.rulebook.choose(press.who, channels=_chosen(press)))


@on("rules.reports")
async def report_channel(press: Press) -> None:
    await press.show(await press.studio.rulebook.choose(press.who, report_channel=_chosen(press)))


@on("rules.language")
async def language(press: Press) -> None:
    await press.show(await press.studio.rulebook.choose(press.who, language=press.choice))


@opens("rules.numbers")
def numbers(press: Press) -> ui.Modal:
    """Filled with what the card shows: its custom id says it."""
    shown = press.action.arg.removeprefix("n").split("-")
    return keeping_forms.numbers(tuple(shown), press.who.request_id)


@on("rules.numbers.send")
async def numbered(press: Press) -> None:
    typed = {name: press.filled.text(name) for name in NUMBERS}
    await press.show(await press.studio.rulebook.number(press.who, typed))


@on("rules.audit", Ack.PRIVATE)
async def audit(press: Press) -> None:
    before = press.action.arg_number if press.action.arg else None
    await press.show(await press.studio.rulebook.audit(press.who, before))


# -- reports


@on("report.look", Ack.PRIVATE)
async def look(press: Press) -> None:
    card = await press.studio.reports.look(press.who, press.action.number)
    await press.show(rules_cards.look(card))


@on("report.keep")
async def keep(press: Press) -> None:
    card = await press.studio.reports.put_back(press.who, press.action.number)
    await press.show(card)
    await press.bot.presenter.refresh_posted(press.who.guild_id, Purpose.PICTURES, card.job_id)


@on("report.remove", Ack.PRIVATE)
async def remove(press: Press) -> None:
    notice = await press.studio.reports.remove(press.who, press.action.number)
    await press.say(notice.sentence)
    await press.bot.presenter.deliver()
