"""The words of a private answer that tells how far a painting is."""

from __future__ import annotations

from bot.chat.layout import bar
from bot.language import say
from bot.studio.hearsay import retell
from bot.studio.schedule import about
from bot.studio.standing import Stage, Standing

WIDTH = 12
"""Of the bar: it stands in one line on a phone, beside the time."""


def how_it_stands(standing: Standing, told: str, link: str) -> str:
    """`told`: how the prompt was understood. `link`: where the picture stands, once it does."""
    line = _line(standing, link)
    return f"{line}\n-# {told}" if told and standing.stage in TOLD else line


TOLD = (Stage.WAITING, Stage.PAINTING, Stage.AWAY)


def _line(standing: Standing, link: str) -> str:
    match standing.stage:
        case Stage.WAITING:
            return _waiting(standing)
        case Stage.PAINTING:
            shown = bar(standing.done, WIDTH)
            if standing.seconds is None:
                return say("Painting: {bar}", bar=shown)
            return say("Painting: {bar}, {time} left", bar=shown, time=shortly(standing.seconds))
        case Stage.AWAY:
            return say("Painting waits: the engine is away. It goes on as soon as it is back, and is posted here.")
        case Stage.POSTING:
            return say("Painted. It is being posted.")
        case Stage.POSTED:
            return say("Painted: {link}", link=link)
        case Stage.FAILED:
            return say("Nothing could be painted. {why}", why=retell(standing.error))
        case Stage.CANCELLED:
            return say("Cancelled: nothing is painted.")
        case Stage.GONE:
            return say("There is no picture to show: it was deleted, or may not be posted here any more.")


def _waiting(standing: Standing) -> str:
    if standing.place <= 1:
        if standing.seconds is None:
            return say("Painting: next in line. It will be posted here.")
        return say("Painting: next in line, done in {time}. It will be posted here.", time=shortly(standing.seconds))
    if standing.seconds is None:
        return say("Painting: number {place} in line. It will be posted here.", place=standing.place)
    return say(
        "Painting: number {place} in line, done in {time}. It will be posted here.",
        place=standing.place,
        time=shortly(standing.seconds),
    )


def parting() -> str:
    """Discord lets an answer be changed for a quarter of an hour."""
    return say(
        "This answer can follow it no longer: the picture is posted here all the same. /queue shows where it stands."
    )


def shortly(seconds: float) -> str:
    """Steps of five seconds, so that an answer is not changed for nothing."""
    if seconds < 8:
        return say("a few seconds")
    if seconds < 58:
        return say("about {seconds} s", seconds=max(10, round(seconds / 5) * 5))
    return about(seconds)
