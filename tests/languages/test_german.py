"""A whole evening in German: on a German server, by members whose Discord speaks German, nobody reads an English sentence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from simcord.results import InteractionResult

from bot.chat.ballot_cards import BALLOT_EMOJI
from bot.demo.stage import members_speaking
from storage.records import Scope
from tests.journeys.town import Town, words
from tests.languages.collect import catalogue, everything
from tests.studio.house import photo

SHOWN = frozenset({"content", "label", "placeholder", "description", "title", "text"})
LEAST_WORDS = 3
"""Shorter pieces of a sentence stand in many others."""


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with members_speaking("de"):
        async with Town(tmp_path, locale="de").open() as opened:
            yield opened


def strings(part: Any) -> Iterator[str]:
    """Everything that is read in a component, a message or a form, alt text included."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in SHOWN and isinstance(value, str):
                yield value
            yield from strings(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from strings(value)


class Reader:
    """Keeps what was seen and knows which of it is an English sentence of ours."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        german = "\n".join(
            form
            for message in catalogue("de")
            for form in (message.string if isinstance(message.string, tuple) else (message.string,))
        )
        self.english = {
            piece.strip()
            for source in everything().values()
            for sentence in (source.one, source.more)
            for piece in re.split(r"\{[^{}]*\}|\n", sentence)
            if len(piece.split()) >= LEAST_WORDS and piece.strip() not in german
        }

    def all_of(self, town: Town) -> None:
        for channel in town.env.backend.messages.values():
            for message in channel.values():
                self.seen += [message.content, *strings(message.components), *strings(message.attachments)]

    def answer(self, result: InteractionResult) -> InteractionResult:
        """A private answer, or a form."""
        for message in (result.response, *result.followups):
            if message is not None:
                self.seen += [words(message), *strings([part.to_dict() for part in message.message.components])]
        if result.modal is not None:
            self.seen += list(strings(result.modal))
        return result

    def found(self) -> list[str]:
        return sorted({f"{piece!r} in {text!r}" for text in set(self.seen) for piece in self.english if piece in text})


async def test_an_evening_in_german(town: Town) -> None:
    reader = Reader()
    answers = reader.answer
    form = answers(await town.alice.slash(town.channel, "train", name="Kat3r1na"))
    refused = answers(
        await town.alice.submit_modal(
            form, {"name": "Kat3r1na", "kind": "me", "consent": False, "photos": [("a.jpg", photo(1))]}
        )
    )
    assert refused.response is not None and "Setz den Haken" in refused.response.content
    receipt = answers(await town.train())
    assert receipt.response is not None and receipt.response.content.startswith("8 Fotos sind da.")
    await town.engine_done()
    reader.all_of(town)

    menu = next(p for row in town.the("die Ausschnitte").components[0].children for p in getattr(row, "children", ()))
    await town.alice.select(town.the("die Ausschnitte"), ["3"], custom_id=menu.custom_id)
    reader.all_of(town)
    await town.press("Enger", "Foto 3")
    reader.all_of(town)
    answers(await town.alice.click(town.the("Foto 3"), custom_id=custom_id(town, "Foto 3", "Zurück")))
    await town.press("Passt so", "die Ausschnitte")
    reader.all_of(town)
    await town.press("Passt so", "die Beschreibungen")
    reader.all_of(town)
    form = answers(await town.press("Triggerwort ändern", "Bereit, Kat3r1na zu lernen"))
    told = answers(await town.alice.submit_modal(form, {"trigger": "house"}))
    assert "Erfinde eines" in told_by(told)
    await town.alice.select(town.the("Bereit, Kat3r1na"), ["server"], custom_id="lk1:set.access:1")
    await town.press("Training starten", "Bereit, Kat3r1na")
    await town.engine_done()
    reader.all_of(town)

    posts = town.find("**Epoche")
    assert [words(m).splitlines()[0] for m in posts] == [f"**Epoche {n} von 3**" for n in (1, 2, 3)]
    ballot = town.the("ist die beste?")
    options = (await town.app.store.ballots.get(Scope(town.guild.id), 1)).options
    await town.bob.react(ballot, BALLOT_EMOJI[options.index(3)])
    refusal = answers(await town.press("Jetzt beenden", "ist die beste?", town.bob))
    assert "wer die Fotos gebracht hat, oder ein Admin" in told_by(refusal)
    await town.press("Jetzt beenden", "ist die beste?")
    reader.all_of(town)
    assert "Epoche 3 gewinnt, 1 von 1 Stimme." in words(town.the("ist da"))

    answers(await town.bob.slash(town.channel, "imagine", prompt="a portrait of nobody by the sea", count=2))
    await town.engine_done()
    reader.all_of(town)
    for command in ("loras", "queue", "privacy", "help", "gallery"):
        answers(await town.alice.slash(town.channel, command))
    nothing = answers(await town.bob.slash(town.channel, "cancel"))
    assert nothing.response is not None and "nichts abzubrechen" in nothing.response.content
    assert reader.found() == []
    with members_speaking("fr"):
        refusal = await town.press("Löschen", "by the sea", town.alice)
    assert "Only the one who asked for these pictures" in told_by(refusal), (
        "on a German card, to one who reads no German"
    )
    assert len(set(reader.seen)) > 80, "and there was something to read"


async def test_each_reads_their_own_language_and_the_server_its(town: Town) -> None:
    """The server is German: so is what all see. What one sees is theirs; where there are no words in it, English."""
    with members_speaking("fr"):
        receipt = await town.train()
    assert receipt.response is not None and receipt.response.content.startswith("8 photos in.")
    await town.engine_done()
    with members_speaking("fr"):
        await town.press("Passt so", "die Ausschnitte")
    assert town.find("Die Ausschnitte stehen.") and town.find("die Beschreibungen")
    with members_speaking("en-US"):
        listed = await town.bob.slash(town.channel, "loras")
    assert listed.response is not None and "Nothing has been learnt here yet" in words(listed.response)


async def test_an_admin_chooses_the_language_of_the_server(town: Town) -> None:
    admin = town.guild.add_member(town.env.create_user("admin"), roles=(town.people, admins(town)))
    card = await admin.slash(town.channel, "settings")
    assert card.response is not None and "Regeln dieses Servers" in words(card.response)
    await admin.select(card.response, ["en"], custom_id="lk1:rules.language:0")
    await town.train()
    await town.engine_done()
    assert town.find("Kat3r1na: the crops") and not town.find("die Ausschnitte")
    again = await admin.slash(town.channel, "settings")
    assert again.response is not None
    await admin.select(again.response, ["discord"], custom_id="lk1:rules.language:0")
    await town.press("Looks right", "the crops")
    assert town.find("die Beschreibungen"), "the next card is in the server's own language again"


def told_by(result: InteractionResult) -> str:
    return "\n".join(words(message) for message in (result.response, *result.followups) if message is not None)


def admins(town: Town) -> Any:
    import discord

    return town.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))


def custom_id(town: Town, on: str, label: str) -> str:
    """Of the last button of this label: two may have the same one in German."""
    found = [
        part.custom_id
        for row in town.the(on).components[0].children
        for part in getattr(row, "children", ())
        if getattr(part, "label", None) == label
    ]
    return found[-1]
