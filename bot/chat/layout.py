"""The pieces every card is made of: one container with text, pictures and rows of controls (Components V2).

A `Drawn` is a finished card without a connection: it can be hashed, measured and tested. Its views are stopped before
they are sent, so discord.py stores none of them; pressing is answered by custom id (bot/chat/router.py).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import discord
from discord import ui

from bot.chat.customid import custom_id
from bot.language import label as shown
from bot.studio.screens import Image

TEXT_LIMIT = 4000
"""Characters of text in one message, all pieces together."""
MARK = 1_000_000_000
"""A posted card's container has the component id MARK + outbox row id: found again in the channel after a crash."""

Piece = ui.Item[Any]


class Colour(IntEnum):
    """By state; never the only sign of it."""

    ASKING = 0x5865F2
    WORKING = 0xF0B232
    DONE = 0x23A55A
    TROUBLE = 0xDA373C
    QUIET = 0x80848E


@dataclass
class Drawn:
    pieces: list[Piece]
    colour: Colour
    images: tuple[Image, ...] = ()
    """In the order of their names "0-...", "1-...": see `file_name`."""
    mentions: tuple[int, ...] = ()
    """Members this card pings when it is posted, never when it is edited."""
    silent: bool = False
    _hash: str = field(default="", init=False)

    def __post_init__(self) -> None:
        words = json.dumps([piece.to_component_dict() for piece in self.pieces], sort_keys=True, default=str)
        digest = hashlib.sha256(words.encode())
        digest.update(str(int(self.colour)).encode())
        for image in self.images:
            digest.update(hashlib.sha256(image.data).digest())
        self._hash = digest.hexdigest()

    @property
    def content_hash(self) -> str:
        return self._hash

    def view(self, mark: int | None = None) -> ui.LayoutView:
        """Call once per Drawn: pieces belong to the view that holds them."""
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.Container(*self.pieces, accent_colour=int(self.colour), id=mark))
        view.stop()
        return view

    def files(self) -> list[discord.File]:
        return [
            discord.File(io.BytesIO(image.data), file_name(number, image), description=clip(image.alt, 1024))
            for number, image in enumerate(self.images)
        ]


def file_name(number: int, image: Image) -> str:
    """A name Discord leaves as it is: "0-crops.png"."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", image.name).strip("-.") or "picture.png"
    return f"{number}-{plain[-60:]}"


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escape(text: str) -> str:
    """People's words, so that they stay words."""
    return re.sub(r"([\\*_`~|<>#])", r"\\\1", text)


def unescape(text: str) -> str:
    return re.sub(r"\\([\\*_`~|<>#])", r"\1", text)


def mark_of(message: discord.Message | None) -> int | None:
    """The mark of the outbox row this message was posted for."""
    for component in message.components if message is not None else ():
        if isinstance(component, discord.Container) and (component.id or 0) > MARK:
            return component.id
    return None


def shown_texts(components: Sequence[Any]) -> Iterator[str]:
    """Every text of a message that was received, in order."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        yield from shown_texts(getattr(component, "children", ()))


def words(*lines: str) -> Piece:
    return ui.TextDisplay(clip("\n".join(line for line in lines if line), TEXT_LIMIT))


def gallery(images: Sequence[Image], first: int = 0, *, spoiler: bool = False) -> Piece:
    """`first`: where these stand in the card's `images`. `spoiler`: blurred until somebody presses them."""
    return ui.MediaGallery(
        *(
            discord.MediaGalleryItem(
                f"attachment://{file_name(first + n, image)}", description=clip(image.alt, 256), spoiler=spoiler
            )
            for n, image in enumerate(images)
        )
    )


def line() -> Piece:
    return ui.Separator()


def button(
    label: str,
    verb: str,
    id: int | str,
    arg: int | str = "",
    *,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    disabled: bool = False,
) -> ui.Button[Any]:
    return ui.Button(label=shown(label), custom_id=custom_id(verb, id, arg), style=style, disabled=disabled)


def row(*buttons: ui.Button[Any]) -> Piece:
    return ui.ActionRow(*buttons)


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    description: str = ""
    chosen: bool = False


def select(placeholder: str, options: Iterable[Option], verb: str, id: int | str, arg: int | str = "") -> Piece:
    """One choice of at most 25."""
    menu: ui.Select[Any] = ui.Select(
        custom_id=custom_id(verb, id, arg),
        placeholder=shown(placeholder),
        options=[
            discord.SelectOption(
                label=clip(shown(o.label), 100),
                value=o.value,
                description=clip(shown(o.description), 100) or None,
                default=o.chosen,
            )
            for o in options
        ],
    )
    return ui.ActionRow(menu)


def bar(done: float, width: int = 20) -> str:
    full = round(min(max(done, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full) + f" {min(max(done, 0.0), 1.0):.0%}"


def sparkline(values: Sequence[float]) -> str:
    """One block per value, the lowest value the lowest block."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = high - low or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round((v - low) / span * 7)] for v in values)
