"""What a button or a form says about itself: `lk1:<verb>:<id>[:<arg>]`, at most 100 characters.

The custom id is all the state there is: a verb, the database id it is about and one argument. So whatever is on the
screen can be pressed after a restart. The number after `lk` is the grammar's version; ids of another version are
recognised, so that their pressing can be answered with a fresh panel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION = 1
LIMIT = 100
PREFIX = "lk"

_WHOLE = re.compile(
    r"lk(?P<version>\d{1,4}):(?P<verb>[a-z]+(?:\.[a-z_]+)*):(?P<id>[A-Za-z0-9_-]+)(?::(?P<arg>[A-Za-z0-9_.,=-]+))?"
)
_OURS = re.compile(r"lk(?P<version>\d{1,4}):")


class BadCustomId(ValueError):
    """Not a custom id of this grammar."""


class OldCustomId(BadCustomId):
    """One of ours, but of another version of the grammar or of a verb that is gone."""


@dataclass(frozen=True)
class Action:
    verb: str
    """Dotted lowercase words: "crop.fix"."""
    id: str
    """A database id, or a job's text id."""
    arg: str = ""

    @property
    def number(self) -> int:
        """`id` as a database id. Raises BadCustomId when it is not a number."""
        return _number(self.id)

    @property
    def arg_number(self) -> int:
        return _number(self.arg)


def encode(action: Action) -> str:
    """Raises BadCustomId when a part holds a character outside the grammar, or the whole is too long."""
    text = f"{PREFIX}{VERSION}:{action.verb}:{action.id}" + (f":{action.arg}" if action.arg else "")
    if len(text) > LIMIT or not _WHOLE.fullmatch(text):
        raise BadCustomId("a custom id holds a verb, an id and an argument of plain characters, 100 in all")
    return text


def custom_id(verb: str, id: int | str, arg: int | str = "") -> str:
    return encode(Action(verb, str(id), str(arg)))


def decode(text: str) -> Action:
    """Raises OldCustomId for another version, BadCustomId for anything that is not ours."""
    ours = _OURS.match(text)
    if ours is not None and int(ours["version"]) != VERSION:
        raise OldCustomId(f"version {int(ours['version'])}")
    whole = _WHOLE.fullmatch(text)
    if whole is None or len(text) > LIMIT:
        raise BadCustomId("not a custom id of this bot")
    return Action(whole["verb"], whole["id"], whole["arg"] or "")


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        raise BadCustomId("a number was expected")
    return int(text)
