"""The prompt book that comes with the program: short prompts for each kind of subject, with the words they are found by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bot.studio.wordindex import WordIndex
from storage.states import SubjectKind

WHO = "{who}"
SECTION = re.compile(r"\[(\w+)\] (.+)")
SECTIONS = {
    SubjectKind.PERSON: "person",
    SubjectKind.CHARACTER: "person",
    SubjectKind.PET: "pet",
    SubjectKind.OBJECT: "object",
    SubjectKind.STYLE: "style",
}


@dataclass(frozen=True)
class Entry:
    id: str
    """ "book12": its place in the book, so that a button can name it."""
    section: str
    text: str
    """With one {who} in it."""
    tags: str
    stand_in: str
    """What is painted where nothing was learnt: "a dog"."""

    def about(self, who: str = "") -> str:
        """The prompt about `who` ("ohwx person"), or about the stand-in."""
        return self.text.replace(WHO, who or self.stand_in)


@cache
def entries() -> tuple[Entry, ...]:
    section, stand_in, found = "", "", list[Entry]()
    for line in (files("bot.studio") / "promptbook.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head = SECTION.fullmatch(line)
        if head is not None:
            section, stand_in = head[1], head[2]
            continue
        text, _, tags = (part.strip() for part in line.partition("|"))
        found.append(Entry(f"book{len(found)}", section, text, tags, stand_in))
    return tuple(found)


@cache
def index() -> WordIndex:
    return WordIndex((e.id, f"{e.text.replace(WHO, ' ')} {e.tags} {e.section}") for e in entries())


def entry(id: str) -> Entry | None:
    number = id.removeprefix("book")
    known = entries()
    return known[int(number)] if number.isdecimal() and int(number) < len(known) else None
