"""The card of /inspire: numbered pictures of the server, prompts below, a button for each."""

from __future__ import annotations

import re

from discord import ButtonStyle

from bot.chat import inspiration_texts as texts
from bot.chat.customid import BadCustomId, custom_id
from bot.chat.inspiration_texts import Button
from bot.chat.layout import Colour, Drawn, Piece, button, clip, escape, gallery, line, row, unescape, words
from bot.studio.inspiration_screens import InspireCard

LONGEST = 300
"""Characters of one prompt on the card; the form holds all of it."""
PER_ROW = 5
LINE = re.compile(r"\*\*(\d+)\*\* (.*)")
TITLE = re.compile(r"### `/inspire ?([^`]*)`")


def inspire(screen: InspireCard) -> Drawn:
    head = [texts.title(screen.words), texts.about(escape(screen.lora)) if screen.lora else texts.about_nobody()]
    if not screen.found:
        head.append(texts.nothing_found())
    pieces: list[Piece] = [words(*head)]
    images = () if screen.sheet is None else (screen.sheet,)
    if images:
        pieces.append(gallery(images, spoiler=screen.spoiler))
    painted: list[str] = []
    book: list[str] = []
    for number, idea in enumerate(screen.ideas, 1):
        if idea.by is None:
            book.append(prompt_line(number, idea.prompt))
        else:
            painted += [prompt_line(number, idea.prompt), f"-# {texts.shown_by(idea.by)}"]
    if painted:
        pieces.append(words(*painted))
    if painted and book:
        pieces += [line(), words(f"-# {texts.from_the_book()}", *book)]
    elif book or not painted:
        pieces.append(words(*(book or [texts.alone()])))
    buttons = [
        button(str(number), "inspire.use", idea.source, _argument(number, screen), style=ButtonStyle.primary)
        for number, idea in enumerate(screen.ideas, 1)
    ]
    pieces += [row(*buttons[start : start + PER_ROW]) for start in range(0, len(buttons), PER_ROW)]
    controls = [button(Button.OTHERS, "inspire.page", screen.page + 1, screen.lora)] if screen.has_more else []
    if screen.page > 1:
        controls.append(button(Button.BACK, "inspire.page", 1, screen.lora))
    if controls:
        pieces.append(row(*controls))
    return Drawn(pieces, Colour.QUIET, images)


def prompt_line(number: int, prompt: str) -> str:
    return f"**{number}** {clip(escape(' '.join(prompt.split())), LONGEST)}"


def shown_prompt(texts_of_message: str, number: int) -> str | None:
    """The prompt of this number as the card shows it; None where it is not there whole."""
    for said in texts_of_message.splitlines():
        found = LINE.fullmatch(said)
        if found is not None and int(found[1]) == number:
            return None if found[2].endswith("…") else unescape(found[2])
    return None


def shown_words(texts_of_message: str) -> str:
    found = TITLE.search(texts_of_message)
    return found[1] if found is not None else ""


def _argument(number: int, screen: InspireCard) -> str:
    """ "<number>.<LoRA id>.<LoRA name>": the form finds the LoRA by its name, where a custom id can hold it."""
    argument = f"{number}.{screen.lora_id or 0}.{screen.lora}"
    try:
        custom_id("inspire.use", "0" * 16, argument)
        custom_id("lora.imagine.send", screen.lora_id or 0, screen.lora)
    except BadCustomId:
        return f"{number}.{screen.lora_id or 0}."
    return argument
